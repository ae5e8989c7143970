"""What is asked of the admin site, in browsers without scripts."""

from __future__ import annotations

import re
from typing import Any

from tests.recorded.session import NO_ID, OCTETS, PASSWORD, Recorded

VIEWS = ("users", "roles", "files", "trash", "uploads", "audit")
"""Of jobs, which take a worker, see `_jobs`."""
_VERSION = re.compile(r'name="version"[^>]*value="(\d+)"')


def _fill(site: Recorded) -> None:
    """Two of everything."""
    site.person("ann")
    site.person("olga", "operator")
    site.person("vera", "auditor")
    for name in ("librarian", "keeper"):
        role = {"name": name, "description": f"A {name}", "permissions": ["files:read", "files.all:read"]}
        site.call("root", "POST", "/admin/roles", json=role)
    invited = {"username": "ivan", "email": "ivan@example.org", "quota_bytes": 5_000_000}
    site.learn("ivan", site.call("root", "POST", "/admin/users", json=invited))
    for name in ("report.txt", "notes.md", "trashed.txt", "also trashed.txt"):
        path = f"/files/{name.replace(' ', '%20')}?tag=red"
        site.learn(name, site.call("ann", "PUT", path, body=name.encode()))
        if "trashed" in name:
            site.call("ann", "DELETE", f"/files/{site.ids[name]}")
    for name in ("half", "third"):
        query = f"?chunk_index=0&total_chunks=2&total_size=10&name={name}"
        site.learn(name, site.call("ann", "POST", f"/upload_chunk{query}", headers=OCTETS, body=b"x"), "file_id")
    site.ids["an entry"] = _newest_entry(site)
    site.exchanges.clear()  # the areas of the API have these


def _newest_entry(site: Recorded) -> str:
    found = site.page("root", "/admin/audit/")
    ids = re.findall(r"/admin/audit/details/\?id=([\d-]+)", found.text)
    assert ids, found.text
    return str(ids[0])


ONE = {
    "users": "ivan",
    "roles": "",
    "files": "report.txt",
    "trash": "trashed.txt",
    "uploads": "half",
    "audit": "an entry",
}


def _id(site: Recorded, view: str) -> str:
    return "librarian" if view == "roles" else site.ids[ONE[view]]


def admin_lists(site: Recorded) -> None:
    _fill(site)
    for who, path in (("root", "/admin/"), ("vera", "/admin/"), ("vera", "/admin/system/")):
        site.page(who, path)
    for view in VIEWS:
        site.page("root", f"/admin/{view}/")
        site.page("root", f"/admin/{view}/details/?id={_id(site, view)}")
        site.page("root", f"/admin/{view}/details/?id={NO_ID}")
        site.page("root", f"/admin/{view}/details/")
        site.page("root", f"/admin/{view}/export/csv/")
        site.page("root", f"/admin/{view}/export/xlsx/")
    for path in (
        "users/?search=iv&sort=0&desc=1",
        "users/?flt0_status_is=invited",
        "users/?flt1_role_is=operator",
        "users/?page=1",
        "users/export/csv/?search=iv",
        "roles/?search=admin",
        "files/?flt0_owner_is=ann&sort=0",
        "files/?flt2_tag_is=red&sort=2",
        "files/?flt0_owner_is=nobody%20here",
        "files/?flt3_size_at_least=x",
        "files/export/csv/?search=report",
        "uploads/?search=half",
        "audit/?flt1_action_is=file.trash",
        "audit/?flt0_actor_is=ann",
        f"audit/?flt2_object_is=file:{site.ids['report.txt']}",
        "audit/?flt2_object_is=x",
        "audit/?page_size=20",
        "audit/?flt0_outcome_is=denied",
        "audit/?flt0_action_is=file.*&search=report",
        "audit/export/csv/?flt1_action_is=file.trash",
        "audit/export/jsonl/?flt1_action_is=file.trash",
        "files/export/jsonl/?search=report",
        "files/?flt0_created_since=2001-01-01&tz=Asia/Tokyo",
        "files/?flt0_created_since=2001-01-01&tz=nowhere",
    ):
        site.page("root", f"/admin/{path}")
    _finding(site)
    _own_lists(site)


def _finding(site: Recorded) -> None:
    for path in ("find/?q=report", "find/items?q=report", "find/items?q=disable+ann", "find/people?q=an"):
        site.page("root", f"/admin/{path}")
    for view in VIEWS:
        site.page("root", f"/admin/{view}/ask/?action=delete&rowid={_id(site, view)}")
    for view in ("jobs", "sessions", "tokens", "links", "shares", "blocked"):
        site.page("root", f"/admin/{view}/ask/?action=delete&rowid={NO_ID}")
    for path in ("find/?q=report", "find/items?q=report", "find/people?q=an"):
        site.page("ann", f"/admin/{path}")
    for one in (site.ids["report.txt"], "nonsense"):
        site.page("root", f"/admin/files/download/?rowid={one}")


def _own_lists(site: Recorded) -> None:
    """Views, columns and density, without a script."""
    view = {"section": "files", "name": "Large", "query": "flt0_size_at_least=1+GB"}
    site.learn("a view", site.call("root", "POST", "/admin/views", json=view))
    for who in ("ann", "root"):
        site.submit(who, "/admin/own/files/views", {"name": "Reds", "query": "flt0_tag_is=red"})
        site.submit(who, "/admin/own/files/look", {"column": ["size", "tags"], "compact": "1", "query": ""})
    site.page("root", "/admin/files/?flt0_tag_is=red")
    site.submit("root", "/admin/own/files/look", {"reset": "1"})
    for who in ("ann", "root"):
        site.submit(who, f"/admin/own/views/{site.ids['a view']}/delete", {})


def admin_deeds(site: Recorded) -> None:
    _fill(site)
    _forms(site)
    _new(site)
    _matrix(site)
    for view in ("files", "trash", "uploads", "users", "roles"):
        for fields in ({"id": _id(site, view)}, {"id": _id(site, view), "confirmed": "1"}, {"id": NO_ID}):
            site.submit("root", f"/admin/{view}/delete/", fields)
        site.page("root", f"/admin/{view}/")
    trashed = {"rowid": site.ids["also trashed.txt"], "action": "restore"}
    site.submit("root", "/admin/trash/action/", trashed)
    site.page("root", "/admin/trash/")
    for action in ("disable", "enable", "invite"):
        for confirmed in ({}, {"confirmed": "1"}):
            fields: dict[str, Any] = {"rowid": site.ids["ann"], "action": action, **confirmed}
            site.submit("root", "/admin/users/action/", fields)
    site.page("root", "/admin/users/")
    for view, key in (("files", "notes.md"), ("uploads", "third")):
        for confirmed in ({}, {"confirmed": "1"}):
            fields = {"rowid": [site.ids[key]], "action": "delete", **confirmed}
            site.submit("root", f"/admin/{view}/action/", fields)
    for fields in (
        {"action": "delete"},
        {"action": "fly", "rowid": NO_ID},
        {"action": "disable", "rowid": NO_ID, "confirmed": "1"},
    ):
        site.submit("root", "/admin/users/action/", fields)
    # The last administrator stays, and a role that somebody has.
    site.submit("root", "/admin/users/delete/", {"id": site.ids["root"], "confirmed": "1"})
    site.page("root", "/admin/users/")
    _jobs(site)


def _jobs(site: Recorded) -> None:
    """All that a filter finds, foreseen and started; and somebody leaves."""
    chosen = {"action": "tag", "all": "1", "query": "search=also"}
    site.submit("root", "/admin/files/action/", chosen)
    site.submit("root", "/admin/files/action/", {**chosen, "start": "1"})
    site.submit("root", "/admin/files/action/", {**chosen, "start": "1", "add": "blue"})
    [job] = site.services.jobs.store.open(5)
    site.ids["job"] = site.normal.learn("job", job.id)
    site.exchanges[-1]["headers"]["Location"] = site.normal.text(f"/admin/jobs/details/?id={job.id}")
    for path in ("", f"details/?id={job.id}", "details/?id=" + NO_ID):
        site.page("root", f"/admin/jobs/{path}")
    # What there is not.
    for way in ("new/", f"edit/?id={job.id}", "export/csv/", "ajax/lookup/?name=x&query=y"):
        site.page("root", f"/admin/jobs/{way}")
    for way in ("new/", f"edit/?id={job.id}", "delete/", "action/", "ajax/update/"):
        site.submit("root", f"/admin/jobs/{way}", {"id": job.id, "rowid": job.id, "action": "delete"})
    site.submit("root", "/admin/jobs/stop/", {"id": job.id})
    for fields in ({"job": job.id}, {"job": NO_ID}, {"entry": "0-1"}, {"request": "nothing"}, {}):
        site.submit("root", "/admin/undo/", fields)
    for kind in ("fsck.repair", "nothing", "doctor"):
        site.submit("root", "/admin/system/check/", {"kind": kind})
    [check] = [one for one in site.services.jobs.store.open(5) if one.kind == "doctor"]
    site.normal.learn("check", check.id)
    site.exchanges[-1]["headers"]["Location"] = site.normal.text(site.exchanges[-1]["headers"]["Location"])
    site.page("root", f"/admin/users/leave/?id={site.ids['ann']}")
    for fields in ({"files": "transfer"}, {"files": "keep"}):
        site.submit("root", "/admin/users/leave/", {"id": site.ids["ann"], **fields})


def _matrix(site: Recorded) -> None:
    """Roles changed in their matrix: asked about, saved, and what somebody else was faster with."""
    ticked = {"version-readers": "1", "seen-readers": "files:read", "rights-readers": ["files:read", "users:read"]}
    for fields in (
        {**ticked, "show": "readers"},
        {**ticked, "save": "1"},
        {**ticked, "confirmed": "1"},
        {**ticked, "rights-readers": ["files:write"], "confirmed": "1"},
        {"version-readers": "2", "seen-readers": "files:read", "rights-readers": [], "save": "1"},
        {},
    ):
        site.submit("root", "/admin/roles/matrix/", fields)
    site.submit("olga", "/admin/roles/matrix/", ticked)
    site.page("root", "/admin/roles/")
    site.page("root", "/admin/roles/?sort=0")


def _forms(site: Recorded) -> None:
    """Changing a record: what is right, what is wrong, and what somebody else was faster with."""
    for view, right, wrong in (
        (
            "users",
            {"username": "ivan", "email": "new@example.org", "roles": "user", "quota_bytes": "2 GiB"},
            "username",
        ),
        ("roles", {"description": "new", "permissions": ["files:read"]}, "permissions"),
        ("files", {"name": "a new name.txt"}, "name"),
    ):
        path = f"/admin/{view}/edit/?id={_id(site, view)}"
        found = _VERSION.search(site.page("root", path).text)
        assert found
        version = {"version": found[1]}
        site.submit("root", path, {**right, **version, wrong: "\t"})
        site.submit("root", path, {**right, **version})
        site.submit("root", path, {**right, **version})
        site.submit("root", path, right)
        site.page("root", f"/admin/{view}/edit/?id={NO_ID}")


def _new(site: Recorded) -> None:
    site.page("root", "/admin/users/new/")
    site.submit("root", "/admin/users/new/", {"username": "ann", "roles": "user"})
    site.submit("root", "/admin/users/new/", {"username": "", "email": "no", "quota_bytes": "much"})
    site.submit("root", "/admin/users/new/", {"username": "eve", "roles": "user"})
    site.submit("root", "/admin/users/new/", {"username": "eva", "roles": "user", "password": "short"})
    site.submit("root", "/admin/users/new/", {"username": "eva", "roles": "user", "password": PASSWORD})
    site.page("root", "/admin/roles/new/")
    site.submit("root", "/admin/roles/new/", {"name": "No Name"})
    site.submit("root", "/admin/roles/new/", {"name": "readers", "permissions": "files:read"})


def admin_refusals(site: Recorded) -> None:
    """Who may not, and what there is not: of every page and deed."""
    _fill(site)
    reading = ("", "details/?id={id}", "new/", "edit/?id={id}", "export/csv/", "ajax/lookup/?name=x&query=y")
    changing = ("new/", "edit/?id={id}", "delete/", "action/", "ajax/update/")
    site.page("ann", "/admin/")
    for view in VIEWS:
        key = _id(site, view)
        for way in reading:
            for who in ("nobody", "ann", "olga", "vera", "root"):
                if who != "root" or way.startswith(("new", "edit", "ajax")):
                    site.page(who, f"/admin/{view}/{way.format(id=key)}")
        for way in changing:
            fields = {"id": key, "rowid": key, "action": "delete"}
            for who in ("nobody", "ann", "vera"):
                site.submit(who, f"/admin/{view}/{way.format(id=key)}", fields)
            site.submit("root", f"/admin/{view}/{way.format(id=key)}", fields, forged=True)
        site.submit("root", f"/admin/{view}/ajax/update/", {"list_form_pk": key})
    for view in ("sessions", "tokens", "links", "shares", "blocked"):
        for way in reading:
            for who in ("nobody", "ann", "vera"):
                site.page(who, f"/admin/{view}/{way.format(id=NO_ID)}")
        for way in changing:
            for who in ("ann", "olga"):
                fields = {"id": NO_ID, "rowid": NO_ID, "action": "delete"}
                site.submit(who, f"/admin/{view}/{way.format(id=NO_ID)}", fields)
    # Nobody touches whoever holds more, or gives what they do not hold.
    site.submit("olga", "/admin/users/delete/", {"id": site.ids["root"], "confirmed": "1"})
    site.submit("olga", "/admin/users/new/", {"username": "eve", "roles": "admin", "password": PASSWORD})
