"""Users, roles and everybody's files over HTTP (Z2, Z3, Z4, F9)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from werkzeug.test import TestResponse

from backoffice.domain.ids import new_id
from tests.support.api_site import Person, Site, make_site, problem


def create_user(person: Person, **fields: Any) -> TestResponse:
    return person.call("POST", "/admin/users", json=fields)


def test_a_user_without_password_gets_a_link_once(site: Site, root: Person) -> None:
    answer = create_user(root, username="ann", email="ann@example.org", roles=["user"], quota_bytes=1000)
    assert answer.status_code == 201
    made = answer.json
    assert (made["status"], made["roles"], made["quota_bytes"]) == ("invited", ["user"], 1000)
    assert made["setup_url"].startswith("http://localhost/setup/")
    assert site.anybody("GET", made["setup_url"].removeprefix("http://localhost")).status_code == 200
    again = root.get(answer.headers["Location"])
    assert again.json == {name: value for name, value in made.items() if name != "setup_url"}


def test_the_link_has_the_public_address(site: Site) -> None:
    root = make_site(site.store, public_url="https://files.example.org").somebody("admin")
    answer = create_user(root, username="ann")
    assert answer.json["setup_url"].startswith("https://files.example.org/setup/")


def test_a_user_with_password(root: Person) -> None:
    answer = create_user(root, username="ann", password="violet-harbour-93")
    assert (answer.status_code, answer.json["status"], answer.json["setup_url"]) == (201, "active", None)
    assert "violet" not in answer.text


def test_lists_of_users(root: Person) -> None:
    for name in ("ann", "bob", "cora"):
        create_user(root, username=name)
    assert [user["username"] for user in root.get("/admin/users").json["items"]] == ["ann", "bob", "cora", "rosa"]
    assert [user["username"] for user in root.get("/admin/users?q=bo").json["items"]] == ["bob"]
    assert [user["username"] for user in root.get("/admin/users?status=active").json["items"]] == ["rosa"]
    first = root.get("/admin/users?limit=3")
    second = root.get(first.headers["Link"][1:].partition(">")[0])
    assert [user["username"] for user in second.json["items"]] == ["rosa"]


@pytest.mark.parametrize("text", ["text/html,*/*;q=0.8", "application/json"])
def test_an_address_typed_without_its_last_slash(root: Person, text: str) -> None:
    for path in ("/admin/users", "/admin/roles"):
        answer = root.get(path, headers={"Accept": text})
        assert answer.status_code == (303 if "html" in text else 200)
        assert "html" not in text or answer.headers["Location"] == f"{path}/"


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({}, 400, "invalid"),
        ({"username": ""}, 400, "invalid"),
        ({"username": 7}, 400, "invalid"),
        ({"username": "a/b"}, 400, "invalid"),
        ({"username": "x" * 65}, 400, "invalid"),
        ({"username": "x" * 5000}, 400, "invalid"),
        ({"username": "ann", "email": "no"}, 400, "invalid"),
        ({"username": "ann", "password": "short"}, 400, "weak_password"),
        ({"username": "ann", "password": "password"}, 400, "weak_password"),
        ({"username": "ann", "roles": ["nobody"]}, 400, "invalid"),
        ({"username": "ann", "roles": "admin"}, 400, "invalid"),
        ({"username": "ann", "quota_bytes": -1}, 400, "invalid"),
        ({"username": "ann", "quota_bytes": 2**63}, 400, "invalid"),
        ({"username": "ann", "quota_bytes": "5"}, 400, "invalid"),
        ({"username": "rosa"}, 409, "name_taken"),
        ({"username": "ROSA"}, 409, "name_taken"),
    ],
)
def test_users_that_are_refused(root: Person, body: dict[str, Any], status: int, code: str) -> None:
    problem(create_user(root, **body), status, code)
    assert len(root.get("/admin/users").json["items"]) == 1


@pytest.mark.parametrize("field", ["id", "epoch", "status", "version", "invite", "created_at", "is_admin", "scopes"])
def test_z3_no_other_field_of_a_user_can_be_set(root: Person, field: str) -> None:
    said = problem(create_user(root, username="ann", **{field: 1}), 400, "invalid")
    assert said["errors"] == [{"field": field, "message": "is not a field of this request"}]


def test_z4_nobody_gives_what_they_do_not_hold(site: Site, root: Person) -> None:
    operator = site.person("op", "operator")
    problem(create_user(operator, username="ann", roles=["admin"]), 403, "not_allowed")
    problem(create_user(operator, username="ann", roles=["auditor"]), 403, "not_allowed")
    assert create_user(operator, username="ann", roles=["user"]).status_code == 201
    problem(
        operator.call("POST", "/admin/roles", json={"name": "x", "permissions": ["users:read"]}), 403, "not_allowed"
    )


def test_roles(root: Person) -> None:
    body = {"name": "archivist", "description": "Reads", "permissions": ["files:read", "files.all:read"]}
    answer = root.call("POST", "/admin/roles", json=body)
    assert answer.status_code == 201
    assert answer.json["permissions"] == ["files.all:read", "files:read"]
    listed = {role["name"]: role for role in root.get("/admin/roles").json["items"]}
    assert listed["archivist"] == answer.json
    assert listed["admin"]["built_in"]
    problem(root.call("POST", "/admin/roles", json=body), 409, "name_taken")


@pytest.mark.parametrize(
    "body",
    [
        {"name": "x"},
        {"name": "X Y", "permissions": []},
        {"name": "", "permissions": []},
        {"name": "x", "permissions": ["files:fly"]},
        {"name": "x", "permissions": [1]},
        {"name": "x", "permissions": "files:read"},
        {"name": "x", "permissions": [], "built_in": True},
    ],
)
def test_roles_that_are_refused(root: Person, body: dict[str, Any]) -> None:
    problem(root.call("POST", "/admin/roles", json=body), 400, "invalid")
    assert len(root.get("/admin/roles").json["items"]) == 4


def test_delete_anybodys_file(site: Site, root: Person) -> None:
    ann = site.person("ann")
    file_id = ann.upload("a.txt")
    assert root.call("DELETE", f"/admin/files/{file_id}").status_code == 204
    assert [file["id"] for file in ann.get("/files?state=trashed").json["items"]] == [file_id]
    assert root.call("DELETE", f"/admin/files/{file_id}?purge=1").status_code == 204
    assert ann.get("/files?state=trashed").json["items"] == []
    problem(root.call("DELETE", f"/admin/files/{file_id}"), 404, "not_found")


# -- Z2: roles x endpoints x ids that are not one's own

ENDPOINTS: list[tuple[str, str, dict[str, Any]]] = [
    ("GET", "/files/{file}", {}),
    ("HEAD", "/files/{file}", {}),
    ("GET", "/files/{file}/metadata", {}),
    ("POST", "/files/{file}/rename", {"json": {"new_name": "mine.txt"}}),
    ("DELETE", "/files/{file}", {}),
    ("DELETE", "/files/{file}?purge=1", {}),
    ("POST", "/files/{trashed}/restore", {}),
    ("DELETE", "/files/{trashed}?purge=1", {}),
    ("GET", "/uploads/{upload}", {}),
    ("DELETE", "/uploads/{upload}", {}),
    (
        "POST",
        "/upload_chunk?file_id={upload}&chunk_index=1&total_chunks=2",
        {"data": b"x", "content_type": "application/octet-stream"},
    ),
    ("POST", "/upload_complete", {"json": {"file_id": "{upload}", "name": "mine", "total_size": 1}}),
    ("POST", "/upload_complete", {"json": {"file_id": "{file}", "name": "mine", "total_size": 5}}),
]
READING = {0, 1, 2, 8}


@pytest.mark.parametrize("case", range(len(ENDPOINTS)))
@pytest.mark.parametrize("role", ["user", "auditor"])
def test_z2_f9_what_is_not_yours_is_not_there(site: Site, role: str, case: int) -> None:
    """The same answer, word for word, for a stranger's id, an id nobody has, and one that cannot be."""
    owner, other = site.person("ann"), site.person("other", role)
    trashed = owner.upload("b.txt")
    owner.call("DELETE", f"/files/{trashed}")
    ids = {"file": owner.upload("a.txt"), "trashed": trashed, "upload": owner.start(b"x", 2)}
    method, path, more = ENDPOINTS[case]

    def ask(found: dict[str, str]) -> tuple[int, str]:
        sent = {
            name: {k: _fill(v, found) for k, v in body.items()} if name == "json" else body
            for name, body in more.items()
        }
        answer = other.call(method, _fill(path, found), **sent)
        return answer.status_code, answer.text.replace(answer.headers["X-Request-ID"], "")

    foreign = ask(ids)
    if role == "auditor" and case in READING:
        assert foreign[0] == 200
    elif role == "auditor":
        assert foreign[0] == 403
    else:
        assert foreign[0] == 404
        assert foreign == ask(dict.fromkeys(ids, new_id())) == ask(dict.fromkeys(ids, "no-id"))
    assert owner.get(f"/files/{ids['file']}/metadata").json["name"] == "a.txt"
    assert owner.get(f"/uploads/{ids['upload']}").json["received"] == 1
    assert len(owner.get("/files?state=trashed").json["items"]) == 1


def _fill(text: Any, ids: dict[str, str]) -> Any:
    return text.format_map(ids) if isinstance(text, str) else text


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/admin/users"),
        ("POST", "/admin/users"),
        ("GET", "/admin/users/x"),
        ("GET", "/admin/roles"),
        ("POST", "/admin/roles"),
        ("DELETE", "/admin/files/x"),
    ],
)
def test_z2_administration_is_for_administrators(site: Site, method: str, path: str) -> None:
    problem(site.person("ann").call(method, path, json={}), 403, "not_allowed")
    problem(site.anybody(method, path, json={}), 401, "not_signed_in")


def test_a_token_reaches_no_further_than_its_scopes(site: Site) -> None:
    ann = site.person("ann")
    file_id = ann.upload()
    narrow = site.narrowed(ann, "files:read")
    assert narrow.get(f"/files/{file_id}").status_code == 200
    problem(narrow.put("b.txt"), 403, "not_allowed")
    problem(narrow.call("DELETE", f"/files/{file_id}"), 403, "not_allowed")


def test_when_accounts_end_by_themselves_is_set_and_asked_for(root: Person) -> None:
    role = {"name": "guests", "permissions": ["files:read"], "inactive_days": 30}
    assert root.call("POST", "/admin/roles", json=role).json["inactive_days"] == 30
    assert root.call("PATCH", "/admin/roles/guests", json={"inactive_days": 20}).json["inactive_days"] == 20
    problem(root.call("PATCH", "/admin/roles/guests", json={"inactive_days": -1}), 400, "invalid")
    ann = create_user(root, username="ann", roles=["user", "guests"]).json
    create_user(root, username="bob", inactive_days=90)
    at = f"/admin/users/{ann['id']}"
    soon = (datetime.now(UTC) + timedelta(days=10)).strftime("%Y-%m-%dT00:00:00Z")
    problem(root.call("PATCH", at, json={"expires_at": "soon"}), 400, "invalid")
    problem(root.call("PATCH", at, json={"expires_at": soon}), 403, "not_allowed")  # a token moves no end

    def listed(query: str) -> list[str]:
        return [one["username"] for one in root.get(f"/admin/users?{query}").json["items"]]

    assert listed("inactive_within=21") == ["ann"]
    assert listed("inactive_within=90") == ["ann", "bob"]
    assert set(listed("never_signed_in=1")) == {"ann", "bob", "rosa"}
    assert listed("never_signed_in=1&status=active") == ["rosa"]
    problem(root.get("/admin/users?inactive_within=0"), 400, "invalid")
