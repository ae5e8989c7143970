"""Where an upload goes is said when it begins, shown while it is unfinished, and heeded at its end."""

from __future__ import annotations

import base64
import io
from typing import Any

import pytest

from backoffice.domain.ids import new_id
from backoffice.stores.uploads import NOUN
from tests.support.api_site import Person, Site, problem
from tests.support.folders import make
from tests.support.tus import Tus, id_of, metadata

RAW, FORM, JSON = "raw", "form", "json"


def begin(person: Person, form: str, folder: str, path: list[str]) -> Any:
    """The first chunk of one, in one of the three forms."""
    said: dict[str, Any] = {"chunk_index": 0, "total_chunks": 1, "name": "a.bin"}
    said |= {"folder": folder} if folder else {}
    if form == RAW:
        query = said | {"folder_path": path}
        return person.call(
            "POST", "/upload_chunk", query_string=query, data=b"x", content_type="application/octet-stream"
        )
    if form == JSON:
        data = base64.b64encode(b"x").decode()
        return person.call("POST", "/upload_chunk", json=said | {"folder_path": path, "chunk_data": data})
    data = {name: str(value) for name, value in said.items()} | {"folder_path": path}
    return person.call("POST", "/upload_chunk", data={**data, "chunk_data": (io.BytesIO(b"x"), "x")})


def path_of(person: Person, file: Any) -> list[str]:
    """Names of the folders that a file lies in."""
    if file["folder"] is None:
        return []
    return [one["name"] for one in person.get(f"/folders/{file['folder']}/path").json["items"]]


@pytest.mark.parametrize("form", [RAW, FORM, JSON])
def test_the_first_chunk_says_it_and_the_end_need_not(ann: Person, form: str) -> None:
    a = make(ann, "a")
    upload = begin(ann, form, a, ["deep", "er"]).json["file_id"]
    [listed] = ann.get("/uploads").json["items"]
    assert (listed["folder"], listed["folder_path"]) == (a, ["deep", "er"])
    assert ann.get(f"/uploads/{upload}").json["folder_path"] == ["deep", "er"]
    assert ann.get(f"/folders?parent={a}").json["items"] == [], "nothing is made for what may never arrive"
    done = ann.complete(upload, 1)
    assert done.status_code == 201, done.text
    assert path_of(ann, done.json) == ["a", "deep", "er"]
    assert ann.complete(upload, 1).json["id"] == done.json["id"], "asked for again it is the same"


@pytest.mark.parametrize(
    ("said", "lies"), [({"folder": ""}, []), ({"folder_path": ["b"]}, ["b"]), ({"folder_path": []}, [])]
)
def test_what_the_end_names_counts(ann: Person, said: dict[str, Any], lies: list[str]) -> None:
    a = make(ann, "a")
    upload = ann.start(b"x", folder=a, folder_path="c")
    done = ann.complete(upload, 1, **said)
    assert path_of(ann, done.json) == lies


def test_nothing_said_is_the_top_and_takes_no_room_in_the_record(ann: Person) -> None:
    upload = ann.start(b"x")
    [listed] = ann.get("/uploads").json["items"]
    assert (listed["folder"], listed["folder_path"]) == (None, [])
    stored = ann.site.store.hgetall(ann.site.services.uploads.uploads._keys.record(NOUN, upload))  # type: ignore[attr-defined]
    assert not {b"folder", b"folder_path"} & set(stored)
    assert ann.complete(upload, 1).json["folder"] is None


def test_a_place_that_is_none_is_refused_before_anything_is_kept(site: Site, ann: Person) -> None:
    theirs = make(site.person("bob"), "b")
    for said in (
        {"folder": theirs},
        {"folder": new_id()},
        {"folder": "x"},
        {"folder_path": "a/b"},
        {"folder_path": ""},
    ):
        problem(ann.chunk(b"x", **said), 400, "invalid")
    assert ann.get("/uploads").json["items"] == []


def test_a_folder_that_went_away_refuses_the_end_and_not_the_upload(ann: Person) -> None:
    a = make(ann, "a")
    upload = ann.start(b"x", folder=a)
    deeper = ann.start(b"x", folder=a, folder_path="b")
    assert ann.call("DELETE", f"/folders/{a}").status_code == 204
    for one in (upload, deeper):
        problem(ann.complete(one, 1), 400, "invalid")
    assert len(ann.get("/uploads").json["items"]) == 2
    assert ann.complete(upload, 1, folder="").status_code == 201
    assert ann.complete(deeper, 1, folder_path=["c"]).status_code == 201


def test_a_file_in_the_way_of_a_folder_is_told(ann: Person) -> None:
    ann.put("b")
    upload = ann.start(b"x", folder_path="b")
    problem(ann.complete(upload, 1), 409, "name_taken")
    assert ann.complete(upload, 1, folder="").status_code == 201


def test_tus_says_it_in_its_metadata(ann: Person) -> None:
    tus, a = Tus.of(ann), make(ann, "a")
    said = metadata(filename="t.bin", folder=a, folder_path="deep/er")
    path = tus.begin(5, **{"Upload-Metadata": said})
    [listed] = ann.get("/uploads").json["items"]
    assert (listed["folder"], listed["folder_path"]) == (a, ["deep", "er"])
    assert tus.patch(path, 0, b"hello").status_code == 204
    assert path_of(ann, ann.get(f"/files/{id_of(path)}/metadata").json) == ["a", "deep", "er"]
    for wrong in ({"folder": new_id()}, {"folder_path": "a//b"}):
        problem(tus.post(5, {"Upload-Metadata": metadata(**wrong)}), 400, "invalid")


def test_what_tus_makes_of_parts_goes_there_too(ann: Person) -> None:
    tus = Tus.of(ann)
    parts = [tus.begin(2, **{"Upload-Concat": "partial"}) for _ in range(2)]
    for one in parts:
        tus.patch(one, 0, b"xy")
    said = {"Upload-Concat": f"final;{' '.join(parts)}", "Upload-Metadata": metadata(filename="w", folder_path="a/b")}
    whole = tus.post(headers=said)
    assert whole.status_code == 201, whole.text
    assert path_of(ann, ann.get(f"/files/{id_of(whole.headers['Location'])}/metadata").json) == ["a", "b"]


def test_one_client_begins_and_another_ends(ann: Person) -> None:
    tus, a = Tus.of(ann), make(ann, "a")
    by_chunks = ann.start(b"hel", total=2, total_size=5, name="c.bin", folder=a, folder_path="b")
    assert tus.patch(f"/tus/{by_chunks}", 3, b"lo").status_code == 204
    assert path_of(ann, ann.get(f"/files/{by_chunks}/metadata").json) == ["a", "b"]
    by_tus = id_of(tus.begin(1, **{"Upload-Metadata": metadata(filename="t.bin", folder=a)}))
    ann.chunk(b"x", file_id=by_tus, total_chunks=1)
    assert path_of(ann, ann.complete(by_tus, 1).json) == ["a"]


def test_one_of_tus_that_was_begun_before_goes_where_its_metadata_says(site: Site, ann: Person) -> None:
    """A version of the site without this field kept what the client said, and nothing else."""
    tus, a = Tus.of(ann), make(ann, "a")
    path = tus.begin(5, **{"Upload-Metadata": metadata(filename="t.bin", folder=a)})
    keys = site.services.uploads.uploads._keys  # type: ignore[attr-defined]
    assert site.store.hdel(keys.record(NOUN, id_of(path)), "folder") == 1
    assert tus.patch(path, 0, b"hello").status_code == 204
    assert ann.get(f"/files/{id_of(path)}/metadata").json["folder"] == a
