"""Files of several uploads over the tus door (`Upload-Concat`)."""

from __future__ import annotations

from itertools import pairwise
from urllib.parse import urlsplit

import pytest
from werkzeug.test import TestResponse

from tests.support.api_site import Person, Site, problem
from tests.support.tus import OCTETS, TUS, Tus, id_of, metadata

DATA = bytes(range(256)) * 1000
"""Four chunks."""
CONCAT = "Upload-Concat"


@pytest.fixture
def tus(ann: Person) -> Tus:
    return Tus.of(ann)


def part(tus: Tus, size: int | None, sent: bytes = b"") -> str:
    """The path of a part that has these bytes."""
    path = tus.begin(size, "part", **{CONCAT: "partial"})
    if sent:
        assert tus.patch(path, 0, sent).status_code == 204
    return path


def final(tus: Tus, *parts: str, **headers: str) -> TestResponse:
    said = {CONCAT: f"final;{' '.join(parts)}", "Upload-Metadata": metadata(filename="whole.bin"), **headers}
    return tus.post(None, said)


def path_of(answer: TestResponse) -> str:
    assert answer.status_code == 201, answer.text
    return urlsplit(answer.headers["Location"]).path


@pytest.mark.parametrize("cuts", [[], [100_000], [65_536, 131_072], [1, 2, 255_999], [0, 10, 256_000]])
def test_a_file_of_its_parts(ann: Person, tus: Tus, cuts: list[int]) -> None:
    ends = [0, *cuts, len(DATA)]
    parts = [part(tus, stop - start, DATA[start:stop]) for start, stop in pairwise(ends)]
    assert ann.get("/files").json["items"] == [], "a part is no file"
    path = path_of(final(tus, *parts))
    file_id = id_of(path)
    assert ann.get(f"/files/{file_id}").data == DATA
    assert ann.get(f"/files/{file_id}", headers={"Range": "bytes=99990-131080"}).data == DATA[99_990:131_081]
    [listed] = ann.get("/files").json["items"]
    assert (listed["name"], listed["size"]) == ("whole.bin", len(DATA))
    assert tus.offset(path) == len(DATA)
    assert {tus.head(one).status_code for one in parts} == {404}
    limits = ann.get("/limits").json
    assert (limits["used"], limits["reserved"]) == (len(DATA), 0)
    assert ann.get("/uploads").json["items"] == []


def test_parts_that_are_still_on_their_way(ann: Person, tus: Tus) -> None:
    first, second = part(tus, 100_000, DATA[:70_000]), part(tus, None, DATA[100_000:150_000])
    path = path_of(final(tus, first, f"http://elsewhere.example{second}"))
    head = tus.head(path)
    assert head.headers[CONCAT] == f"final;/tus/{id_of(first)} /tus/{id_of(second)}"
    assert "Upload-Offset" not in head.headers
    assert "Upload-Length" not in head.headers
    assert "Upload-Defer-Length" not in head.headers
    assert tus.head(first).headers[CONCAT] == "partial"
    length = {"Upload-Length": str(len(DATA) - 100_000)}
    assert tus.patch(second, 50_000, DATA[150_000:], headers=length).status_code == 204
    assert tus.head(path).headers["Upload-Length"] == str(len(DATA))
    assert tus.patch(second, len(DATA) - 100_000, b"").status_code == 204, "it has all its bytes"
    assert tus.patch(second, len(DATA) - 100_000, b"x").status_code == 413
    assert Tus.nobody(ann).patch(first, 70_000, DATA[70_000:100_000]).status_code == 204
    assert ann.get(f"/files/{id_of(path)}").data == DATA


def test_a_final_request_whose_answer_was_lost_is_answered_again(site: Site, ann: Person, tus: Tus) -> None:
    parts = [part(tus, 100_000, DATA[:100_000]), part(tus, len(DATA) - 100_000, DATA[100_000:])]
    path = path_of(final(tus, *parts))
    file_id = id_of(path)
    for headers in ({}, {"Upload-Metadata": metadata(filename="other.bin")}):
        again = final(tus, *parts, **headers)
        assert id_of(path_of(again)) == file_id
        assert again.headers["Upload-Offset"] == str(len(DATA))
    assert len(ann.get("/files").json["items"]) == 1
    problem(final(tus, *reversed(parts)), 404, "not_found")
    problem(final(tus, parts[0]), 404, "not_found")
    bob = Tus.of(site.person("bob"))
    problem(final(bob, *parts), 404, "not_found")
    assert ann.call("PUT", f"/files/{file_id}/content", data=b"other").status_code == 200
    assert id_of(path_of(final(tus, *parts))) == file_id, "as long as what it brought is kept"
    [version] = ann.get(f"/files/{file_id}/versions").json["items"]
    assert ann.call("DELETE", f"/files/{file_id}/versions/{version['id']}").status_code == 204
    assert final(tus, *parts).status_code == 410
    assert ann.call("DELETE", f"/files/{file_id}?purge=1").status_code == 204
    problem(final(tus, *parts), 404, "not_found")


def test_what_is_made_of_others_takes_no_bytes(ann: Person, tus: Tus) -> None:
    one = part(tus, 5)
    path = path_of(final(tus, one))
    assert tus.patch(path, 0, b"hello").status_code == 403
    for place in (path, one):
        problem(ann.complete(id_of(place), 5), 409, "conflict")
        problem(ann.chunk(b"hello", file_id=id_of(place)), 409, "conflict")
    assert tus.patch(one, 0, b"hello").status_code == 204
    assert tus.patch(path, 5, b"").status_code == 204, "it is a file"
    assert ann.get(f"/files/{id_of(path)}").data == b"hello"


def test_a_part_belongs_to_one(tus: Tus) -> None:
    one, other = part(tus, 5), part(tus, 5)
    first = final(tus, one, other)
    assert id_of(path_of(final(tus, one, other))) == id_of(path_of(first)), "asked again, the same"
    for parts in ((one,), (other, one), (part(tus, 1), other)):
        problem(final(tus, *parts), 409, "conflict")
    problem(tus.delete(one), 409, "conflict")


def test_giving_up(ann: Person, tus: Tus) -> None:
    one, other = part(tus, 5, b"hello"), part(tus, 5)
    path = path_of(final(tus, one, other))
    assert tus.delete(path).status_code == 204
    assert {tus.head(place).status_code for place in (path, one, other)} == {404}
    assert ann.get("/limits").json["reserved"] == 0
    lone = part(tus, 5, b"he")
    assert tus.delete(lone).status_code == 204
    missing = part(tus, 5, b"hello")
    whole = path_of(final(tus, missing, part(tus, 5)))
    assert ann.call("DELETE", f"/uploads/{id_of(missing)}").status_code == 204
    assert tus.head(whole).status_code == 410, "a part was given up"


def test_F9_parts_of_others_are_not_there(ann: Person, tus: Tus, site: Site) -> None:
    mine, theirs = part(tus, 5, b"hello"), part(Tus.of(site.person("bob")), 5, b"hello")
    bodies = set()
    for address in (id_of(theirs), theirs, "0" * 22, f"{id_of(mine)}~{'x' * 40}", "nonsense"):
        said = problem(final(tus, mine, f"/tus/{address.removeprefix('/tus/')}"), 404, "not_found")
        bodies.add(str({name: value for name, value in said.items() if name not in {"request_id", "instance"}}))
    assert len(bodies) <= 2, bodies
    assert tus.head(mine).status_code == 200
    assert ann.get("/files").json["items"] == []


@pytest.mark.parametrize(
    "text", ["", "final", "final;", "final; ", "whole;/tus/x", "partial;/tus/x", "partial, final", "Final;/tus/x"]
)
def test_headers_that_are_none(tus: Tus, text: str) -> None:
    problem(tus.ask("POST", "/tus/", headers={**TUS, CONCAT: text, "Upload-Length": "5"}), 400, "invalid")
    assert tus.ask("POST", "/tus/", headers={**TUS, CONCAT: text}).status_code == 400


def test_what_a_whole_may_not_have(ann: Person, tus: Tus) -> None:
    one, plain = part(tus, 5), tus.begin(5)
    problem(final(tus, one, one), 400, "invalid")
    problem(final(tus, plain), 400, "invalid")
    problem(final(tus, f"/tus/{ann.start(b'x', 2)}"), 400, "invalid")
    for headers in ({"Upload-Length": "5"}, {"Upload-Defer-Length": "1"}):
        problem(final(tus, one, **headers), 400, "invalid")
    said = {CONCAT: f"final;{one}", "Content-Type": OCTETS}
    problem(tus.post(None, said, data=b"x"), 400, "invalid")


def test_one_that_is_too_large_is_refused_before_it_begins(ann: Person, tus: Tus) -> None:
    largest = ann.get("/limits").json["max_file_size"]
    problem(final(tus, part(tus, largest), part(tus, 1)), 413, "too_large")
