"""Requests for files and what came by them, through the API."""

from __future__ import annotations

from typing import Any

import pytest

from backoffice.domain.access import ANONYMOUS
from tests.support.api_site import Person, Site, problem
from tests.support.uploads import reader

BODY = b"what a guest delivers"
NEW: dict[str, Any] = {"name": "Reports", "max_files": 5}


@pytest.fixture
def ann(site: Site) -> Person:
    return site.person("ann")


def requested(ann: Person, **fields: Any) -> dict[str, Any]:
    answer = ann.call("POST", "/requests", json={**NEW, **fields})
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.get_json()
    return found


def deliver(site: Site, request: dict[str, Any], name: str = "a.txt", body: bytes = BODY) -> str:
    token, guests = str(request["url"]).rsplit("/", 1)[1], site.services.guests
    sending = guests.sending(ANONYMOUS, token, guests.enter(ANONYMOUS, token, "", "", None, "Bob")[1])
    spec = sending.spec(name)
    with sending.open_stream(spec, len(body)) as new:
        new.read_from(reader(body))
        return sending.finish_stream(new, spec).id


def test_from_the_request_to_the_file(site: Site, ann: Person) -> None:
    made = requested(ann, types=[".TXT", "image/*"], message="Only <b>text</b>, please")
    assert (made["kind"], made["max_files"], made["review"], made["delivered"]) == ("request", 5, True, 0)
    assert made["types"] == [".txt", "image/*"]
    waiting, refused = deliver(site, made), deliver(site, made, "b.txt")
    answer = ann.get(f"/requests/{made['id']}")
    assert (answer.get_json()["delivered"], answer.get_json()["delivered_bytes"]) == (2, 2 * len(BODY))
    assert "url" not in answer.get_json(), "the address is told once"

    listed = ann.get(f"/links/{made['id']}/deliveries").get_json()["items"]
    assert {one["id"]: one["state"] for one in listed} == {waiting: "waiting", refused: "waiting"}
    got = ann.get(f"/deliveries/{waiting}")
    assert (got.data, got.headers["Content-Disposition"].split(";")[0]) == (BODY, "attachment")
    assert ann.get(f"/deliveries/{waiting}/preview").data == BODY
    problem(ann.get(f"/files/{waiting}"), 404, "not_found")

    accepted = ann.call("POST", f"/deliveries/{waiting}/accept")
    assert (accepted.status_code, accepted.get_json()["state"]) == (200, "ready")
    assert ann.get(f"/files/{waiting}").data == BODY
    assert ann.call("DELETE", f"/deliveries/{refused}").status_code == 204
    for method, path in (("POST", "/accept"), ("DELETE", ""), ("GET", ""), ("GET", "/preview")):
        problem(ann.call(method, f"/deliveries/{waiting}{path}"), 409, "conflict")
        problem(ann.call(method, f"/deliveries/{refused}{path}"), 404, "not_found")


def test_all_that_waits_is_accepted(site: Site, ann: Person) -> None:
    made = requested(ann)
    ids = {deliver(site, made) for _ in range(3)}
    answer = ann.call("POST", f"/links/{made['id']}/deliveries/accept")
    assert answer.get_json() == {"accepted": 3, "waiting": 0}
    names = {ann.get(f"/files/{one}/metadata").get_json()["name"] for one in ids}
    assert len(names) == 3, "each has a name of its own"
    assert ann.get(f"/links/{made['id']}/deliveries?waiting=true").get_json()["items"] == []


def test_a_request_is_changed_ended_and_revoked(site: Site, ann: Person) -> None:
    made = requested(ann)
    path = f"/requests/{made['id']}"
    changed = ann.call("PATCH", path, json={"max_files": 7, "message": "more"})
    assert (changed.get_json()["max_files"], changed.get_json()["message"]) == (7, "more")
    stale = ann.call("PATCH", path, {"If-Match": made_etag(ann, path, older=True)}, json={"max_files": 8})
    problem(stale, 412, "version_mismatch")
    assert ann.call("POST", f"{path}/end").get_json()["state"] != "open"
    assert ann.call("PATCH", path, json={"days": 3}).get_json()["state"] == "open"
    deliver(site, made)
    assert ann.call("DELETE", f"/links/{made['id']}").status_code == 204
    problem(ann.get(path), 404, "not_found")
    assert len(ann.get(f"/links/{made['id']}/deliveries").get_json()["items"]) == 1, "what came is there"


def made_etag(ann: Person, path: str, *, older: bool) -> str:
    tag, number = ann.get(path).headers["ETag"].strip('"').rsplit(".", 1)
    return f'"{tag}.{int(number) - older}"'


@pytest.mark.parametrize(
    "fields",
    [
        {"name": ""},
        {"name": "x" * 300},
        {"max_files": -1},
        {"max_files": 10**9},
        {"max_bytes": -1},
        {"max_file_size": -1},
        {"types": ["e x e"]},
        {"types": [".pdf"] * 500},
        {"types": ["*/*<script>"]},
        {"message": "x" * 10_000},
        {"days": 0},
        {"days": 10**6},
        {"folder": "nowhere"},
        {"folder": "0" * 22},
        {"max_downloads": 3},
        {"review": "perhaps"},
        {"password": "x"},
    ],
)
def test_what_does_not_do_makes_no_request(ann: Person, fields: dict[str, Any]) -> None:
    answer = ann.call("POST", "/requests", json={**NEW, **fields})
    assert answer.status_code in {400, 404, 422}, answer.text
    assert ann.get("/links").get_json()["items"] == []


def test_links_of_other_kinds_are_no_requests(site: Site, ann: Person) -> None:
    file = ann.upload("a.txt")
    link = ann.call("POST", "/links", json={"file": file}).get_json()["id"]
    for method, path in (("GET", ""), ("PATCH", ""), ("POST", "/end")):
        problem(ann.call(method, f"/requests/{link}{path}", json={"days": 3}), 404, "not_found")


def test_others_and_narrow_tokens_do_nothing(site: Site, ann: Person) -> None:
    made, bob = requested(ann), site.person("bob")
    waiting = deliver(site, made)
    doors = [
        ("GET", f"/requests/{made['id']}"),
        ("PATCH", f"/requests/{made['id']}"),
        ("POST", f"/requests/{made['id']}/end"),
        ("GET", f"/links/{made['id']}/deliveries"),
        ("POST", f"/links/{made['id']}/deliveries/accept"),
        ("GET", f"/deliveries/{waiting}"),
        ("GET", f"/deliveries/{waiting}/preview"),
        ("POST", f"/deliveries/{waiting}/accept"),
        ("DELETE", f"/deliveries/{waiting}"),
    ]
    for method, path in doors:
        problem(bob.call(method, path, json={"days": 3} if method == "PATCH" else None), 404, "not_found")
    narrow = site.narrowed(ann, "files:read", "files:share")
    problem(narrow.call("POST", "/requests", json=NEW), 403, "not_allowed")
    for method, path in (doors[4], doors[7], doors[8]):
        problem(narrow.call(method, path), 403, "not_allowed")
    assert len(ann.get(f"/links/{made['id']}/deliveries?waiting=true").get_json()["items"]) == 1


@pytest.mark.parametrize("days", [366, 99_999, 10**15])
def test_too_many_days_are_refused_with_the_most_that_there_are(ann: Person, days: int) -> None:
    file_id = ann.upload("a.txt")
    for path, body in (("/requests", NEW), ("/links", {"file": file_id})):
        answer = ann.call("POST", path, json={**body, "days": days})
        problem(answer, 400, "invalid")
        assert (answer.get_json()["field"], answer.get_json()["limit"]) == ("days", 365), path
        assert "at most" in answer.get_json()["detail"] or "365 days" in answer.get_json()["detail"]


def test_a_program_has_no_list_of_requests_of_its_own(ann: Person) -> None:
    answer = ann.get("/requests")
    problem(answer, 405, "method_not_allowed")
    assert answer.headers["Allow"] == "POST"
