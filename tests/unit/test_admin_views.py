"""The admin site's views on real services: who may what, and what a form cannot do (Z2-Z6, Z10)."""

from __future__ import annotations

from typing import Any

import pytest

from backoffice.domain.permissions import Permission, Permissions
from tests.support.admin_views import HOLDS, Desk, version_in
from tests.support.website import SHELL

P = Permissions


READ = {
    "users": P.USERS_READ,
    "roles": P.ROLES_READ,
    "files": P.FILES_ALL_READ,
    "trash": P.FILES_ALL_READ,
    "uploads": P.FILES_ALL_READ,
    "audit": P.AUDIT_READ,
}
WAYS: list[tuple[str, str, Permission | None, int]] = [
    # view, what is asked for, what that takes besides reading (None: nobody may), answer to who may
    *((view, "", READ[view], 200) for view in READ),
    *((view, "details/?id={id}", READ[view], 200) for view in READ),
    *((view, "export/csv/", READ[view], 200) for view in ("users", "roles", "files", "trash", "uploads")),
    *(("audit", f"export/{form}/", P.AUDIT_EXPORT, 200) for form in ("csv", "jsonl")),
    ("users", "new/", P.USERS_WRITE, 200),
    ("users", "edit/?id={id}", P.USERS_WRITE, 200),
    ("users", "POST new/", P.USERS_WRITE, 200),
    ("users", "POST edit/?id={id}", P.USERS_WRITE, 200),
    ("users", "POST delete/", P.USERS_WRITE, 200),
    *(("users", f"POST action/ {name}", P.USERS_WRITE, 200) for name in ("disable", "invite", "delete")),
    ("users", "POST action/ enable", P.USERS_WRITE, 302),
    ("roles", "new/", P.ROLES_WRITE, 200),
    ("roles", "edit/?id={id}", P.ROLES_WRITE, 200),
    ("roles", "POST new/", P.ROLES_WRITE, 200),
    ("roles", "POST edit/?id={id}", P.ROLES_WRITE, 200),
    ("roles", "POST delete/", P.ROLES_WRITE, 200),
    ("roles", "POST action/ delete", P.ROLES_WRITE, 200),
    ("files", "edit/?id={id}", P.FILES_ALL_WRITE, 200),
    ("files", "POST edit/?id={id}", P.FILES_ALL_WRITE, 200),
    ("files", "POST action/ delete", P.FILES_ALL_DELETE, 302),
    ("files", "POST delete/", P.FILES_ALL_DELETE, 404),
    ("files", "new/", None, 403),
    ("trash", "POST delete/", P.FILES_ALL_DELETE, 200),
    ("trash", "POST action/ delete", P.FILES_ALL_DELETE, 200),
    ("trash", "POST action/ restore", P.FILES_ALL_DELETE, 302),
    ("trash", "edit/?id={id}", None, 403),
    ("uploads", "POST delete/", P.FILES_ALL_WRITE, 200),
    ("uploads", "POST action/ delete", P.FILES_ALL_WRITE, 200),
    ("uploads", "edit/?id={id}", None, 403),
    # Z10: the log cannot be written, by nobody.
    *(
        ("audit", way, None, 403)
        for way in ("new/", "edit/?id={id}", "POST new/", "POST edit/?id={id}", "POST delete/")
    ),
    ("audit", "POST action/ delete", None, 403),
]


def _ask(whole: Desk, role: str, view: str, way: str, ids: dict[str, str], confirmed: bool) -> Any:
    browser = whole.browsers[role]
    _, _, rest = way.rpartition("POST ")
    path, _, action = rest.partition(" ")
    address = f"/admin/{view}/{path.format(id=ids[view])}"
    if "POST" not in way:
        return browser.get(address)
    data = {"id": ids[view], "rowid": ids[view], "action": action, **({"confirmed": "1"} if confirmed else {})}
    return browser.post(address, {} if path.startswith(("new", "edit")) else data)


@pytest.mark.parametrize("role", HOLDS)
def test_each_role_gets_what_it_holds_and_no_more(whole: Desk, role: str) -> None:  # Z2, Z6
    ids = {
        "users": whole.user("", "user").id,
        "roles": whole.role(P.FILES_READ),
        "files": whole.file().id,
        "trash": whole.trashed().id,
        "uploads": whole.upload().id,
        "audit": whole.site.services.audit.log.page((), "", 1).items[0].id,
    }
    whole.as_(role)  # a page with its token once: to look at one before each question is a third of the time
    open_ = [(view, way, answer) for view, way, needed, answer in WAYS if {needed, READ[view]} <= HOLDS[role]]
    closed = [(view, way) for view, way, *_ in WAYS if (view, way) not in {one[:2] for one in open_}]
    before = whole.records()
    for view, way in closed:
        assert _ask(whole, role, view, way, ids, confirmed=True).status_code == 403, (role, view, way)
    assert whole.records() == before
    for view, way, answer in open_:
        given = _ask(whole, role, view, way, ids, confirmed=False)
        # Whoever manages users must hold what they hold; this one holds `user`.
        changes = way.startswith("edit") or ("POST" in way and way != "POST new/")
        lacks = view == "users" and changes and not HOLDS["user"] <= HOLDS[role]
        assert given.status_code in ({answer, 403} if lacks else {answer}), (role, view, way)


def test_the_menu_and_the_first_page_show_what_one_may(whole: Desk) -> None:
    text = whole.as_("librarian").get("/admin/").text
    assert "/admin/files/" in text
    assert "/admin/users/" not in text
    assert "/admin/audit/" not in text
    assert "Workers alive" not in text
    assert whole.as_("user").get("/admin/").status_code == 403
    refused = whole.as_("auditor").get("/admin/users/new/")
    assert refused.status_code == 403
    assert "<code>users:write</code>). Roles that have it: <bdi>admin</bdi>, <bdi>operator</bdi>" in refused.text
    assert "New user" not in whole.as_("auditor").get("/admin/users/").text
    assert 'name="rowid"' not in whole.as_("auditor").get("/admin/users/").text


# --- Z3


def test_a_user_form_changes_its_fields_only(whole: Desk) -> None:
    admin, user = whole.as_("admin"), whole.user(email="old@example.org")
    page = admin.get(f"/admin/users/edit/?id={user.id}")
    sent = {"username": user.username, "email": "new@example.org", "roles": "user", "quota_bytes": "2 GiB"}
    forged = {
        "status": "active",
        "epoch": "9",
        "password": "violet-harbour-93",
        "id": "x",
        "created_at": "1",
        "invite": "y",
    }
    answer = admin.post(f"/admin/users/edit/?id={user.id}", {"version": version_in(page), **sent, **forged})
    assert answer.status_code == 302
    stored = whole.reread(user)
    assert (stored.email, stored.quota_bytes) == ("new@example.org", 2 * 1024**3)
    for name in ("id", "status", "epoch", "password", "created_at", "invite"):
        assert getattr(stored, name) == getattr(user, name), name
    assert 'value="2 GiB"' in admin.get(f"/admin/users/edit/?id={user.id}").text


def test_a_new_user_is_what_the_form_says(whole: Desk) -> None:
    admin = whole.as_("admin")
    forged = {"id": "1" * 22, "status": "disabled", "epoch": "7", "created_at": "1", "last_login_at": "1"}
    answer = admin.post(
        "/admin/users/new/", {"username": "forged", "password": "violet-harbour-93-x", "roles": "user", **forged}
    )
    assert answer.status_code == 302
    stored = whole.site.services.users.find(SHELL, "forged")
    assert (stored.status, stored.epoch, stored.last_login_at) == ("active", 1, 0)
    assert stored.id != "1" * 22


def test_renaming_a_file_changes_nothing_else(whole: Desk) -> None:
    admin, file = whole.as_("admin"), whole.file()
    version = version_in(admin.get(f"/admin/files/edit/?id={file.id}"))
    forged = {
        "owner_id": whole.id_of("admin"),
        "id": "x",
        "size": "1",
        "sha256": "0" * 64,
        "state": "gone",
        "mime_type": "text/html",
    }
    assert (
        admin.post(f"/admin/files/edit/?id={file.id}", {"name": "b.txt", "version": version, **forged}).status_code
        == 302
    )
    stored = whole.site.services.files.get(SHELL, file.id)
    assert stored.name == "b.txt"
    for name in ("owner", "size", "sha256", "state", "mime_type"):
        assert getattr(stored, name) == getattr(file, name), name


def test_a_role_keeps_its_name(whole: Desk) -> None:
    admin, name = whole.as_("admin"), whole.role()
    version = version_in(admin.get(f"/admin/roles/edit/?id={name}"))
    sent = {"name": "other", "built_in": "1", "description": "d", "permissions": "files:read", "version": version}
    assert admin.post(f"/admin/roles/edit/?id={name}", sent).status_code == 302
    assert whole.site.services.roles.get(SHELL, name).description == "d"
    assert admin.get("/admin/roles/details/?id=other").status_code == 404


# --- Z4


def test_nobody_grants_a_role_above_their_own(whole: Desk) -> None:
    operator, me = whole.as_("operator"), whole.id_of("operator")
    before = whole.records()
    answer = operator.post(
        "/admin/users/new/", {"username": "puppet", "password": "violet-harbour-93", "roles": "admin"}
    )
    assert answer.status_code == 403
    version = version_in(operator.get(f"/admin/users/edit/?id={me}"))
    sent = {"username": "the-operator", "roles": ["operator", "admin"], "version": version}
    assert operator.post(f"/admin/users/edit/?id={me}", sent).status_code == 403
    assert whole.records() == before
    assert whole.actions(me)[0] == "access.deny"


def test_nobody_makes_a_role_above_their_own(whole: Desk) -> None:
    keeper, small, large = whole.as_("keeper"), whole.role(), whole.role(P.USERS_WRITE)
    before = whole.records()
    sent = {"name": "mine", "permissions": ["files:read", "users:write"]}
    assert keeper.post("/admin/roles/new/", sent).status_code == 403
    version = version_in(keeper.get(f"/admin/roles/edit/?id={small}"))
    sent = {"permissions": ["files:read", "audit:read"], "version": version}
    assert keeper.post(f"/admin/roles/edit/?id={small}", sent).status_code == 403
    assert keeper.post("/admin/roles/delete/", {"id": large, "confirmed": "1"}).status_code == 403
    assert (
        keeper.post("/admin/roles/action/", {"rowid": large, "action": "delete", "confirmed": "1"}).status_code == 403
    )
    assert whole.records() == before


@pytest.mark.parametrize("action", ["disable", "invite", "delete"])
def test_nobody_touches_whoever_holds_more(whole: Desk, action: str) -> None:  # Z6
    operator, admin_id = whole.as_("operator"), whole.id_of("admin")
    before = whole.records()
    sent = {"rowid": [whole.id_of("operator"), admin_id][1:], "action": action, "confirmed": "1"}
    assert operator.post("/admin/users/action/", sent).status_code == 403
    assert operator.post("/admin/users/delete/", {"id": admin_id, "confirmed": "1"}).status_code == 403
    assert whole.records() == before
    page = operator.get(f"/admin/users/details/?id={admin_id}").text
    assert "/admin/users/edit/" not in page
    assert 'value="invite"' not in page


def test_who_may_not_see_roles_leaves_them_alone(whole: Desk) -> None:
    registrar = whole.as_("registrar")
    plain = whole.user("", "registrar")
    page = registrar.get(f"/admin/users/edit/?id={plain.id}")
    assert 'name="roles"' not in page.text
    sent = {"username": plain.username, "email": "", "roles": "admin", "version": version_in(page)}
    sent["quota_bytes"] = "5 MB"
    assert registrar.post(f"/admin/users/edit/?id={plain.id}", sent).status_code == 302
    assert (whole.reread(plain).roles, whole.reread(plain).quota_bytes) == (("registrar",), 5_000_000)
    assert registrar.get("/admin/users/?flt1_role_is=admin").status_code == 200


# --- Z5


def test_the_last_admin_stays(whole: Desk) -> None:
    admin, me = whole.as_("admin"), whole.id_of("admin")
    before = whole.records()
    for action in ("disable", "delete"):
        answer = admin.post("/admin/users/action/", {"rowid": me, "action": action, "confirmed": "1"})
        assert answer.status_code == 302, action
    assert admin.post("/admin/users/delete/", {"id": me, "confirmed": "1"}).status_code == 302
    version = version_in(admin.get(f"/admin/users/edit/?id={me}"))
    answer = admin.post(f"/admin/users/edit/?id={me}", {"username": "the-admin", "roles": "user", "version": version})
    assert answer.status_code == 200
    assert "last" in answer.text
    assert whole.records() == before


@pytest.mark.parametrize("name", ["admin", "operator", "auditor", "user"])
def test_built_in_roles_cannot_be_touched(whole: Desk, name: str) -> None:
    admin = whole.as_("admin")
    before = whole.records()
    text = admin.get(f"/admin/roles/details/?id={name}").text
    assert "/admin/roles/edit/" not in text
    assert 'id="delete-one"' not in text
    sent = {"description": "x", "permissions": "files:read", "version": "1"}
    answer = admin.post(f"/admin/roles/edit/?id={name}", sent)
    assert "A built-in role stays as it is." in answer.text
    admin.post("/admin/roles/delete/", {"id": name, "confirmed": "1"})
    admin.post("/admin/roles/action/", {"rowid": name, "action": "delete", "confirmed": "1"})
    answer = admin.post("/admin/roles/new/", {"name": name, "permissions": "files:read"})
    assert answer.status_code == 200
    assert whole.records() == before


# --- Z10


def test_reading_the_log_is_in_the_log(whole: Desk) -> None:
    witness, me = whole.as_("witness"), whole.id_of("witness")
    whole.store.delete(*whole.store.keys("{bo}:seen:*"))
    whole.site.services.audit._read.clear()  # as after a minute
    before = whole.actions(me).count("audit.read")
    page = witness.get("/admin/audit/")
    assert page.status_code == 200
    assert whole.actions(me).count("audit.read") == before + 1
    for trace in ("/admin/audit/new/", "/admin/audit/edit/", "/admin/audit/delete/", "/admin/audit/action/"):
        assert trace not in page.text


def test_what_is_refused_keeps_the_navigation(whole: Desk) -> None:
    """Whoever is signed in stays in the site; whoever is not is told nothing of it."""
    user = whole.user("other")
    for role, address, status in (
        ("auditor", f"/admin/users/edit/?id={user.id}", 403),
        ("admin", "/admin/files/details/?id=0123456789012345678901", 404),
        ("admin", "/no/such/page", 404),
    ):
        answer = whole.as_(role).get(address, headers={"Accept": "text/html"})
        assert answer.status_code == status
        assert 'aria-label="Main"' in answer.text, address
        assert f'<p class="error-status">{status}</p>' in answer.text
    stranger = whole.site.browser().get("/no/such/page", headers={"Accept": "text/html"})
    assert (stranger.status_code, 'aria-label="Main"' in stranger.text) == (404, False)
