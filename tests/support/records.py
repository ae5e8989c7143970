"""A noun with an index of every kind, for tests of what all nouns share."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from typing import Any

from backoffice.stores.client import Db
from backoffice.stores.keys import Keys
from backoffice.stores.records.collection import Collection
from backoffice.stores.records.commit import Commit
from backoffice.stores.records.indexes import Facet, Lexical, Sorted, Unique, Words
from tests.support.people import event

KEYS = Keys("t")
OWNERS = ("ann", "bob", "cid:with=odd*[chars]")
TAGS = ("red", "green", "\0", "ünï\r\n", "big")
WORDS = ("report", "Repair", "rep", "re-use", "Straße", "STRASSE", "naïve", "文字", "x1", "0", "a_b", "draft.final")
WORDS += ("résuméFinal", "会議資料", "report2024")


@dataclass(frozen=True, slots=True)
class Thing:
    id: str
    name: str
    size: int
    created_at: int
    owner: str
    code: str = ""
    tags: tuple[str, ...] = ()
    hidden: int = 0
    version: int = 1


NAME: Lexical[Thing] = Lexical("name", lambda one: None if one.hidden else one.name, within=("owner",))


def collection(db: Db, keys: Keys = KEYS) -> Collection[Thing]:
    return Collection(
        db,
        keys,
        "things",
        Thing,
        [
            Unique("code", lambda one: one.code),
            Sorted("created", lambda one: one.created_at),
            Sorted("size", lambda one: None if one.hidden else one.size, within=("owner",)),
            NAME,
            Words("words", lambda one: one.name, within=("owner",), first=NAME, fields=("name",)),
            Facet("owner", lambda one: (one.owner,), lambda one: one.created_at, "created", listed=True),
            Facet("tag", lambda one: one.tags, lambda one: one.created_at, "created", listed=True),
        ],
    )


def some_things(count: int, seed: int = 1) -> list[Thing]:
    """Many share a number, a name or a word."""
    chance = random.Random(seed)  # noqa: S311 - to be the same each time
    return [
        Thing(
            id=f"{chance.randrange(36**6):06d}{number}",
            name=" ".join(chance.sample(WORDS, chance.randint(1, 3))),
            size=chance.choice((0, 1, 1, 1, 5, 2**53, -3)),
            created_at=1_700_000_000_000 + chance.choice((0, 0, 0, 1, 2, 50)),
            owner=chance.choice(OWNERS),
            code=f"C{number}" if number % 3 else "",
            tags=tuple(chance.sample(TAGS, chance.randint(0, 3))),
            hidden=int(chance.random() < 0.2),
        )
        for number in range(count)
    ]


def store(db: Db, things: list[Thing]) -> Collection[Thing]:
    """A hundred in one commit."""
    found = collection(db)
    for start in range(0, len(things), 100):
        commit = Commit(KEYS, event())
        for thing in things[start : start + 100]:
            found.insert(commit, thing)
        commit.run(db)
    return found


_dumped: dict[tuple[Thing, ...], list[tuple[bytes, bytes]]] = {}
"""What an empty server has after those were stored: each key and its dump."""


def put_back(db: Db, things: list[Thing]) -> Collection[Thing]:
    """The same on an empty server (the imitation's dumps are its own): only the first time they are stored one by one,
    and from then on as they were dumped."""
    client: Any = db.client
    dumped = _dumped.get(tuple(things))
    if dumped is None:
        store(db, things)
        _dumped[tuple(things)] = [(key, client.dump(key)) for key in client.scan_iter()]
        return collection(db)
    with client.pipeline(transaction=False) as pipe:
        for key, dump in dumped:
            pipe.restore(key, 0, dump)
        pipe.execute()
    return collection(db)


def change(found: Collection[Thing], old: Thing, **parts: object) -> Thing:
    new = replace(old, version=old.version + 1, **parts)  # type: ignore[arg-type]
    commit = Commit(KEYS, event())
    found.replace(commit, old, new)
    commit.run(found.db)
    return new


def drop(found: Collection[Thing], thing: Thing) -> None:
    commit = Commit(KEYS, event())
    found.remove(commit, thing)
    commit.run(found.db)
