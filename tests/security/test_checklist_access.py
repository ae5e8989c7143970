"""Things of somebody else, and what is left of somebody who has gone."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from redis import Redis
from werkzeug.routing import Rule

from backoffice.domain.permissions import Permissions
from backoffice.web.route_access import SAFE_METHODS
from tests.support.api_site import SHELL, Person, Site, make_site, nothing_changed, problem

READER = ("files:read", "files.all:read")


@pytest.fixture
def site(fake: Redis) -> Site:
    return make_site(fake)


def rules_about_one(site: Site) -> Iterator[Rule]:
    """Routes that name one file, upload or user in their path. What stands behind the secret of a share link is for who
    has that, whoever they are."""
    for rule in site.app.url_map.iter_rules():
        if rule.arguments & {"file_id", "user_id"} and "token" not in rule.arguments:
            yield rule


def addresses(site: Site, rule: Rule, ids: list[str]) -> Iterator[tuple[str, str]]:
    bound = site.app.url_map.bind("localhost")
    for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
        for one in ids:
            yield method, bound.build(rule.endpoint, dict.fromkeys(rule.arguments, one), method=method)


@pytest.mark.parametrize("role", ["user", "auditor", "reader"])
def test_Z2_CVE_2025_64523_nobody_changes_what_is_not_theirs(site: Site, fake: Redis, role: str) -> None:
    site.services.roles.create(SHELL, name="reader", permissions=READER)
    ann, eve = site.person("ann"), site.person("eve", role)
    trashed = ann.upload("b")
    ann.call("DELETE", f"/files/{trashed}")
    ids = [ann.upload("a"), trashed, ann.start(b"x", 2), ann.id]
    reads_all = role != "user"
    tried = 0
    with nothing_changed(ann, fake):
        for rule in rules_about_one(site):
            for method, path in addresses(site, rule, ids):
                answer = eve.call(method, path, data={"new_name": "evil"})
                tried += 1
                if method in SAFE_METHODS and reads_all:
                    assert answer.status_code in {200, 403, 404}, (method, path)
                else:
                    # 303: a page's form, which says on the list that there is nothing.
                    assert answer.status_code in {303, 400, 403, 404, 415}, (method, path, answer.status_code)
                    assert answer.status_code in {303, 403, 404} or rule.endpoint.startswith("api."), path
        problem(eve.chunk(b"y", file_id=ids[2], chunk_index=1, total_chunks=2), *_refusal(role))
        problem(eve.complete(ids[2], 1), *_refusal(role))
    assert tried > 20


def _refusal(role: str) -> tuple[int, str]:
    return (404, "not_found") if role == "user" else (403, "not_allowed")


def test_Z2_nobody_sends_bytes_of_somebody_elses_upload_whatever_they_hold(site: Site, fake: Redis) -> None:
    ann, root = site.person("ann"), site.person("rosa", "admin")
    upload = ann.start(b"x", 2)
    with nothing_changed(ann, fake):
        problem(root.chunk(b"y", file_id=upload, chunk_index=1, total_chunks=2), 404, "not_found")
        problem(root.complete(upload, 1), 404, "not_found")


def test_Z2_lists_hold_ones_own_alone(site: Site) -> None:
    ann, eve = site.person("ann"), site.person("eve")
    ann.upload("a")
    ann.start(b"x", 2)
    assert eve.get("/files").json["items"] == []
    assert eve.get("/uploads").json["items"] == []
    for owner in ("*", "ann", ann.id):
        problem(eve.get(f"/files?owner={owner}"), 403, "not_allowed")
        problem(eve.get(f"/files?owner={owner}&state=trashed"), 403, "not_allowed")


def test_Z3_fields_that_are_the_servers_are_refused(site: Site, fake: Redis) -> None:
    root, ann = site.person("rosa", "admin"), site.person("ann")
    upload = ann.start(b"x")
    with nothing_changed(ann, fake):
        for field, value in (
            ("owner", root.id),
            ("state", "ready"),
            ("version", 9),
            ("id", "a" * 22),
            ("created_at", 1),
        ):
            problem(ann.complete(upload, 1, **{field: value}), 400, "invalid")
    for field, value in (("epoch", 9), ("status", "active"), ("id", "a" * 22), ("version", 9), ("invite", "x")):
        body = {"username": "new", field: value}
        problem(root.call("POST", "/admin/users", json=body), 400, "invalid")


def test_CVE_2021_32726_nothing_of_a_deleted_user_works_for_the_next(site: Site) -> None:
    ann = site.person("ann")
    site.services.users.delete(SHELL, ann.id)
    problem(ann.get("/files"), 401, "not_signed_in")
    root = site.person("rosa", "admin")
    problem(root.call("POST", "/admin/users", json={"username": "ANN"}), 409, "name_taken")


def test_CVE_2025_22137_no_scope_reaches_beyond_its_verb(site: Site) -> None:
    """Each right of `user` by itself: what it is for, and nothing of what the others are for."""
    ann = site.person("ann")
    file, upload = ann.upload("a"), ann.start(b"x", 2)
    deeds = {
        Permissions.FILES_READ: ("GET", f"/files/{file}", None),
        Permissions.FILES_WRITE: ("POST", f"/files/{file}/rename", {"new_name": "b"}),
        Permissions.FILES_DELETE: ("DELETE", f"/files/{file}", None),
    }
    for scope in sorted({Permissions.FILES_READ, Permissions.FILES_WRITE, Permissions.FILES_DELETE}):
        narrow: Person = site.narrowed(ann, scope)
        for right, (method, path, body) in deeds.items():
            answer = narrow.call(method, path, json=body) if body else narrow.call(method, path)
            assert (answer.status_code < 300) is (right == scope), (scope, method, path)
        if scope != Permissions.FILES_WRITE:
            problem(narrow.call("DELETE", f"/uploads/{upload}"), 403, "not_allowed")
        if scope == Permissions.FILES_DELETE:
            ann.call("POST", f"/files/{file}/restore")
    narrow = site.narrowed(ann, "files:write", "files:read")
    assert narrow.put("b?on_conflict=replace").json["id"] == file, "what it held is kept"
    [earlier] = narrow.get(f"/files/{file}/versions").json["items"]
    problem(narrow.call("DELETE", f"/files/{file}/versions/{earlier['id']}"), 403, "not_allowed")


def test_F4_no_name_is_part_of_a_key(site: Site, fake: Redis) -> None:
    ann = site.person("ann")
    file = ann.upload("needle.txt")
    ann.call("POST", f"/files/{file}/rename", json={"new_name": "needle needle.txt"})
    ann.start(b"x", 2, name="needle")
    site.services.users.create(SHELL, username="needle", email="needle@example.org")
    ann.get("/files?q=needle")
    assert not [key for key in fake.keys("*") if b"needle" in key.lower()]
