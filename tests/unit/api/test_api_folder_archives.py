"""Archives of what lies in folders."""

from __future__ import annotations

import io
import zipfile

import pytest

from backoffice.services import zips
from tests.support.api_site import Person, problem
from tests.support.folders import make


def test_an_archive_keeps_folders_and_nothing_of_others(ann: Person) -> None:
    a, ab, inner = make(ann, "a"), make(ann, "ab"), ""
    inner = make(ann, "inner", a)
    for folder, name in ((a, "x"), (ab, "not"), (inner, "y"), ("", "top")):
        ann.put(f"{name}?folder={folder}", name.encode())
    assert entries(ann, f"folder={a}") == {"x": b"x", "inner/y": b"y"}
    assert (
        entries(ann, "folder=")
        == entries(ann, "")
        == {
            "a/x": b"x",
            "a/inner/y": b"y",
            "ab/not": b"not",
            "top": b"top",
        }
    )
    assert ann.get(f"/files.zip?folder={a}").headers["Content-Disposition"] == 'attachment; filename="a.zip"'
    problem(ann.get(f"/files.zip?folder={make(ann, 'empty')}"), 404, "not_found")
    problem(ann.get(f"/files.zip?folder={a}&q=x"), 400, "invalid")
    problem(ann.get("/files.zip?folder=..%2F"), 404, "not_found")


def test_files_and_folders_in_one(ann: Person) -> None:
    a, ab, other = make(ann, "a"), make(ann, "ab"), make(ann, "other")
    inner, empty = make(ann, "inner", a), make(ann, "empty")
    for folder, name in ((a, "x"), (ab, "not"), (inner, "y"), (other, "z")):
        ann.put(f"{name}?folder={folder}", name.encode())
    top = ann.put("top", b"top").json["id"]
    y = next(one["id"] for one in ann.get(f"/files?folder={inner}").json["items"])
    wanted = {"top": b"top", "a/x": b"x", "a/inner/y": b"y", "empty/": b""}
    assert entries(ann, f"id={top}&folder={empty}&folder={a}") == wanted
    # What comes by two ways is in it once.
    assert entries(ann, f"id={y}&id={top}&folder={inner}&folder={a}&folder={empty}&folder={a}") == wanted
    assert entries(ann, f"folder={empty}&folder={other}") == {"empty/": b"", "other/z": b"z"}
    for bad in (f"id={top}&folder={a}&q=x", f"folder={a}&folder={ab}&owner=ann", f"folder={a}&folder="):
        problem(ann.get(f"/files.zip?{bad}"), 400, "invalid")
    problem(ann.get(f"/files.zip?id={top}&folder=none"), 404, "not_found")
    assert problem(ann.get(f"/files.zip?id={top}&folder="), 400, "invalid")["field"] == "folder"


def test_empty_folders_are_in_it(ann: Person) -> None:
    a = make(ann, "a")
    inner = make(ann, "inner", a)
    make(ann, "b", make(ann, "none", inner))
    ann.put(f"x?folder={a}", b"x")
    assert entries(ann, f"folder={a}") == {"x": b"x", "inner/none/b/": b""}
    assert entries(ann, f"folder={inner}") == {"none/b/": b""}
    whole = ann.get(f"/files.zip?folder={a}")
    for start in range(0, len(whole.data), 7):
        part = ann.get(f"/files.zip?folder={a}", headers={"Range": f"bytes={start}-{start + 30}"})
        assert part.data == whole.data[start : start + 31]
    with zipfile.ZipFile(io.BytesIO(whole.data)) as found:
        assert [one.is_dir() for one in found.infolist()] == [False, True]
        assert found.testzip() is None
        assert [one.external_attr >> 16 for one in found.infolist()] == [0o100644, 0o40755]
    assert entries(ann, "q=x") == {"a/x": b"x"}, "what conditions find are files"


def test_an_archive_of_too_much_is_refused(ann: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    inner = make(ann, "b", make(ann, "a"))
    ann.put(f"x.txt?folder={inner}")
    monkeypatch.setattr(zips, "MAX_ZIPPED_FOLDERS", 1)
    assert problem(ann.get("/files.zip?folder="), 400, "invalid")["limit"] == 1
    monkeypatch.setattr(zips, "MAX_ZIPPED_FOLDERS", 2)
    monkeypatch.setattr(zips, "MAX_ZIPPED_NAMES", len("a/b/x.txt") - 1)
    problem(ann.get("/files.zip?folder="), 400, "invalid")
    monkeypatch.setattr(zips, "MAX_ZIPPED_NAMES", len("a/b/x.txt"))
    assert entries(ann, "folder=") == {"a/b/x.txt": ann.get("/files/" + ann.get("/files").json["items"][0]["id"]).data}


def test_what_comes_by_two_ways_counts_once(ann: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    a = make(ann, "a")
    inner = make(ann, "b", a)
    files = [ann.put(f"{name}?folder={inner}", b"x").json["id"] for name in ("x", "y")]
    monkeypatch.setattr(zips, "MAX_ZIPPED", 3)
    found = {"a/b/x": b"x", "a/b/y": b"x"}
    assert entries(ann, f"folder={inner}&folder={a}") == found
    assert entries(ann, f"folder={a}&folder={inner}") == found
    assert entries(ann, f"id={files[0]}&id={files[1]}&folder={inner}") == found
    monkeypatch.setattr(zips, "MAX_ZIPPED_FOLDERS", 2)
    assert entries(ann, f"folder={inner}&folder={a}") == found
    monkeypatch.setattr(zips, "MAX_ZIPPED", 1)
    assert problem(ann.get(f"/files.zip?folder={a}"), 400, "invalid")["limit"] == 1


def entries(person: Person, query: str) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(person.get(f"/files.zip?{query}").data)) as found:
        return {one.filename: found.read(one) for one in found.infolist()}
