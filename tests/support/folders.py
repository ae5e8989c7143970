"""Folders of people over the API."""

from __future__ import annotations

from tests.support.api_site import Person


def make(person: Person, name: str, parent: str = "") -> str:
    answer = person.call("POST", "/folders", json={"name": name, "parent": parent})
    assert answer.status_code == 201, answer.text
    return str(answer.json["id"])
