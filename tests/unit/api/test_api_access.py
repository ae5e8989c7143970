"""Who may do what and why, and changes of users and roles, over HTTP."""

from __future__ import annotations

from backoffice.domain.paging import Query
from tests.support.api_site import SHELL, Person, Site, problem


def tokens_of(site: Site, person: Person) -> list[str]:
    query = Query(filters=(("user", person.id),))
    return [one.id for one in site.services.tokens.store.page(query).items]


def test_what_a_user_may_do_and_why(site: Site, root: Person) -> None:
    desk = site.person("desk", "operator")
    answer = root.get(f"/admin/users/{desk.id}/access")
    assert answer.status_code == 200
    said = {(one["act"], one["on"]): one for one in answer.json["acts"]}
    assert said["file.rename", "others"] == {
        "act": "file.rename",
        "on": "others",
        "allowed": True,
        "because": "role operator grants files.all:write",
        "permission": "files.all:write",
        "roles": ["operator"],
        "rank": "any",
        "proof": "any",
    }
    assert not said["role.create", "site"]["allowed"]
    assert said["user.password", "others"]["rank"] == "more"
    effective = {one["name"]: one for one in answer.json["effective"]}
    assert effective["quota"]["source"] == "site"
    assert effective["quota"]["setting"] == "BACKOFFICE_QUOTA_BYTES"


def test_of_a_token_within_its_scopes(site: Site, root: Person) -> None:
    desk = site.person("desk", "operator")
    [token] = tokens_of(site, desk)
    narrow = site.narrowed(desk, "files:read")
    [second] = set(tokens_of(site, desk)) - {token}
    answer = root.get(f"/admin/users/{desk.id}/access?token={second}")
    assert {one["act"] for one in answer.json["acts"] if one["allowed"] and one["permission"]} == {
        "file.read",
        "file.download",
        "file.list",
        "delivery.read",
        "folder.read",
        "upload.read",
        "share.open",
    }
    assert narrow.get("/files").status_code == 200
    problem(root.get(f"/admin/users/{root.id}/access?token={token}"), 404, "not_found")


def test_who_can_reach_a_file(site: Site, root: Person) -> None:
    ann, desk = site.person("ann"), site.person("desk", "operator")
    file = ann.upload()
    ways = {one["through"]: one for one in root.get(f"/admin/files/{file}/access").json["ways"]}
    assert [one["username"] for one in ways[None]["people"]] == ["ann"]
    assert [one["id"] for one in ways["operator"]["people"]] == [desk.id]
    assert ways["operator"]["holders"] == 1
    assert "auditor" in ways
    assert root.get(f"/admin/files/{file}/access").json["shares"] == []
    share = ann.call("POST", "/shares", json={"file": file, "user": "desk"}).json
    [shared] = root.get(f"/admin/files/{file}/access").json["shares"]
    assert (shared["id"], shared["kind"], shared["grantee_name"]) == (share["id"], "file", "desk")
    folder = ann.call("POST", "/folders", json={"name": "team"}).json["id"]
    assert ann.call("PATCH", f"/files/{file}", json={"folder": folder}).status_code == 200
    ann.call("POST", "/shares", json={"folder": folder, "role": "user"})
    shares = root.get(f"/admin/files/{file}/access").json["shares"]
    assert [(one["kind"], one["grantee_name"]) for one in shares] == [("file", "desk"), ("folder", "user")]
    only = root.get(f"/admin/files/{file}/access?role=operator").json["ways"]
    assert [one["through"] for one in only] == ["operator"]
    problem(ann.get(f"/admin/files/{file}/access"), 403, "not_allowed")
    problem(root.get("/admin/files/nothing/access"), 404, "not_found")
    problem(root.get(f"/admin/files/{file}/access?role=operator&cursor=zzz"), 400, "invalid")


def test_who_may_act_on_a_user(site: Site, root: Person) -> None:
    ann, desk = site.person("ann"), site.person("desk", "operator")
    ways = {one["through"]: one for one in root.get(f"/admin/users/{ann.id}/access/who").json["ways"]}
    assert set(ways) == {"admin", "operator"}
    acts = {one["id"]: one["acts"] for one in ways["operator"]["people"]}
    assert "user.disable" in acts[desk.id]


def test_a_preview_says_who_loses_what_and_changes_nothing(site: Site, root: Person) -> None:
    site.services.roles.create(SHELL, name="helpers", permissions=["users:read", "roles:read"])
    site.person("ann", "helpers")
    before = root.get("/admin/roles/helpers").json
    answer = root.call("POST", "/admin/roles/helpers/preview", json={"permissions": ["roles:read"]})
    assert answer.json["holders"] == 1
    [effect] = answer.json["effects"]
    assert effect["users"] == ["ann"]
    assert {"act": "user.read", "on": "site"} in effect["lost"]
    assert effect["gained"] == []
    assert root.get("/admin/roles/helpers").json == before
    assert root.call("POST", "/admin/roles/helpers/preview", json={}).json["effects"]
    problem(root.call("POST", "/admin/roles/helpers/preview", json={"permissions": ["x"]}), 400, "invalid")
    problem(root.call("POST", "/admin/roles/nothing/preview", json={}), 404, "not_found")
    reader = site.person("reader", "auditor")
    problem(reader.call("POST", "/admin/roles/helpers/preview", json={}), 403, "not_allowed")


def test_a_role_is_changed_and_removed_by_version(site: Site, root: Person) -> None:
    site.services.roles.create(SHELL, name="helpers", permissions=["files:read"])
    keeper = site.narrowed(root, "roles:read", "roles:write", "files:read", "files:write")
    answer = keeper.get("/admin/roles/helpers")
    seen = {"If-Match": answer.headers["ETag"]}
    changed = keeper.call("PATCH", "/admin/roles/helpers", headers=seen, json={"description": "new"})
    assert (changed.status_code, changed.json["description"], changed.json["permissions"]) == (
        200,
        "new",
        ["files:read"],
    )
    for method, more in (("PATCH", {"json": {"description": "late"}}), ("DELETE", {})):
        problem(keeper.call(method, "/admin/roles/helpers", headers=seen, **more), 412, "version_mismatch")
    assert (
        keeper.call("DELETE", "/admin/roles/helpers", headers={"If-Match": changed.headers["ETag"]}).status_code == 204
    )
    problem(keeper.get("/admin/roles/helpers"), 404, "not_found")
    problem(keeper.call("PATCH", "/admin/roles/operator", json={"description": "x"}), 409, "conflict")
    problem(keeper.call("PATCH", "/admin/roles/nothing", json={}), 404, "not_found")


def test_a_role_does_not_get_what_the_one_who_changes_it_lacks(site: Site, root: Person) -> None:
    site.services.roles.create(SHELL, name="helpers", permissions=["files:read"])
    keeper = site.narrowed(root, "roles:read", "roles:write", "files:read")
    answer = keeper.call("PATCH", "/admin/roles/helpers", json={"permissions": ["users:write"]})
    problem(answer, 403, "not_allowed")


def test_a_user_is_changed_by_version(site: Site, root: Person) -> None:
    ann = site.person("ann")
    answer = root.get(f"/admin/users/{ann.id}")
    seen = {"If-Match": answer.headers["ETag"]}
    changed = root.call("PATCH", f"/admin/users/{ann.id}", headers=seen, json={"quota_bytes": 7})
    assert (changed.status_code, changed.json["quota_bytes"], changed.json["roles"]) == (200, 7, ["user"])
    problem(
        root.call("PATCH", f"/admin/users/{ann.id}", headers=seen, json={"quota_bytes": 8}), 412, "version_mismatch"
    )
    assert root.call("PATCH", f"/admin/users/{ann.id}", json={"quota_bytes": None}).json["quota_bytes"] is None


def test_what_guards_an_account_no_token_changes(site: Site, root: Person) -> None:
    ann = site.person("ann")
    for body in ({"roles": ["admin"]}, {"username": "eve"}, {"email": "eve@example.org"}):
        problem(root.call("PATCH", f"/admin/users/{ann.id}", json=body), 403, "not_allowed")
    problem(root.call("DELETE", f"/admin/users/{ann.id}"), 403, "not_allowed")
    for body in ({"id": "x"}, {"password": "violet-harbour-93"}, {"status": "active"}, {"epoch": 1}):
        problem(root.call("PATCH", f"/admin/users/{ann.id}", json=body), 400, "invalid")
