"""Which names are taken, asked for many files at once."""

from __future__ import annotations

from typing import Any

from tests.support.api_site import Person, Site, problem
from tests.support.folders import make


def test_names_that_are_taken_are_told_for_many_at_once(site: Site, ann: Person) -> None:
    bob = site.person("bob")
    a = make(ann, "a")
    b = make(ann, "b", a)
    ann.put(f"deep.txt?folder={b}")
    ann.put("top.txt")
    bob.put("theirs.txt")
    wanted: list[dict[str, Any]] = [
        {"name": "TOP.txt"},
        {"name": "free.txt"},
        {"name": "a"},
        {"name": "deep.txt", "folder_path": ["A", "b"]},
        {"name": "deep.txt", "folder_path": ["a"]},
        {"name": "deep.txt", "folder_path": ["no", "such"]},
        {"name": "deep.txt", "folder_path": ["top.txt"]},
        {"name": "a/b"},
        {"name": "x", "folder_path": ["..", "\0"]},
        {"name": "theirs.txt"},
    ]
    answer = ann.call("POST", "/files/taken", json={"files": wanted})
    assert answer.json == {"taken": [0, 2, 3], "folders": [2]}
    inner = ann.call("POST", "/files/taken", json={"folder": a, "files": [{"name": "b"}]})
    assert inner.json == {"taken": [0], "folders": [0]}
    problem(bob.call("POST", "/files/taken", json={"folder": a, "files": wanted}), 400, "invalid")
    assert ann.call("POST", "/files/taken", json={"files": []}).json == {"taken": [], "folders": []}


def test_more_than_a_body_may_have_is_refused_as_described(site: Site, ann: Person) -> None:
    """So many names with so long folders are what the model takes, and more than the body may have."""
    deep: list[dict[str, Any]] = [{"name": f"{at}.txt", "folder_path": ["x" * 1000]} for at in range(80)]
    problem(ann.call("POST", "/files/taken", json={"files": deep}), 413, "too_large")
    problem(ann.call("POST", "/shares/none/files/taken", json={"files": deep}), 413, "too_large")
    paths: dict[str, Any] = site.anybody("GET", "/openapi.json").json["paths"]  # type: ignore[index]
    for path in ("/files/taken", "/shares/{share_id}/files/taken"):
        assert "413" in paths[path]["post"]["responses"], path
