"""Folders of people over the API."""

from __future__ import annotations

from typing import Any

from tests.support.api_site import Person


def make(person: Person, name: str, parent: str = "") -> str:
    answer = person.call("POST", "/folders", json={"name": name, "parent": parent})
    assert answer.status_code == 201, answer.text
    return str(answer.json["id"])


def make_full(person: Person) -> str:
    """`a` with a file, a folder with a file, and in that an empty one."""
    a = make(person, "a")
    inner = make(person, "inner", a)
    make(person, "empty", inner)
    person.put(f"one?folder={a}")
    person.put(f"two?folder={inner}")
    return a


def post(person: Person, folder: str, verb: str, **more: Any) -> Any:
    return person.call("POST", f"/folders/{folder}/{verb}", **more)


def done(person: Person, folder: str, verb: str) -> Any:
    answer = post(person, folder, verb)
    assert answer.status_code == 200, answer.text
    return answer.json


def tree(person: Person) -> dict[str, str]:
    """What is in lists: path -> identifier."""
    folders = {one["id"]: one for one in person.get("/folders").json["items"]}

    def path(one: Any, parent: str) -> str:
        above = folders.get(one[parent] or "")
        return (path(above, "parent") if above else "") + "/" + str(one["name"])

    found = {path(one, "parent") + "/": str(one["id"]) for one in folders.values()}
    return found | {path(one, "folder"): str(one["id"]) for one in person.get("/files?limit=500").json["items"]}
