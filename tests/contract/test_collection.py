"""Records and their indexes: always changed together, whatever happens to them in what order."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from backoffice.domain.text import fold
from backoffice.errors import Conflict, NameTaken, VersionMismatch
from backoffice.stores.client import Db
from backoffice.stores.records.codec import pairs
from backoffice.stores.records.collection import Collection
from backoffice.stores.records.commit import Commit
from tests.support.people import event
from tests.support.records import KEYS, OWNERS, TAGS, WORDS, Thing, change, collection, drop, some_things, store

pytestmark = pytest.mark.cluster


def indexes(db: Db) -> dict[bytes, dict[bytes, float]]:
    """Every sorted set of the noun."""
    found = {}
    for key in db.client.scan_iter(match="{t}:things:*", count=1000):
        if db.call("TYPE", key) == b"zset":
            row = db.call("ZRANGE", key, 0, -1, "WITHSCORES")
            pairs = row if row and isinstance(row[0], list | tuple) else zip(row[::2], row[1::2], strict=True)
            found[bytes(key)] = {bytes(member): float(number) for member, number in pairs}
    return found


def expected(found: Collection[Thing], things: list[Thing]) -> dict[bytes, dict[bytes, float]]:
    sets: dict[bytes, dict[bytes, float]] = {}
    for thing in things:
        for (key, member), number in found.members(thing).items():
            sets.setdefault(key, {})[member.encode()] = float(number)
        for name in ("owner", "tag"):
            for value in set(found.facets[name].values(thing)):
                counts = sets.setdefault(KEYS.facet_values("things", name), {})
                counts[value.encode()] = counts.get(value.encode(), 0) + 1
    return sets


def uniques(db: Db) -> dict[bytes, bytes]:
    return pairs(db.call("HGETALL", KEYS.unique("things", "code")))


def check(db: Db, found: Collection[Thing], things: list[Thing]) -> None:
    assert found.get_many([thing.id for thing in things]) == things
    assert indexes(db) == expected(found, things)
    assert uniques(db) == {fold(one.code).encode(): one.id.encode() for one in things if one.code}


def test_a_record_comes_back_as_it_was(db: Db) -> None:
    things = some_things(40)
    check(db, store(db, things), things)


def test_indexes_follow_any_sequence_of_changes(db: Db) -> None:
    chance = random.Random(7)  # noqa: S311 - to be the same each time
    things = {thing.id: thing for thing in some_things(25, seed=3)}
    found = store(db, list(things.values()))
    for step in range(120):
        thing = things[chance.choice(sorted(things))]
        if chance.random() < 0.1 and len(things) > 5:
            drop(found, thing)
            del things[thing.id]
            continue
        parts: dict[str, object] = {
            "name": " ".join(chance.sample(WORDS, 2)),
            "size": chance.randint(-5, 5),
            "owner": chance.choice(OWNERS),
            "tags": tuple(chance.sample(TAGS, chance.randint(0, 4))),
            "hidden": chance.randint(0, 1),
            "code": chance.choice(("", f"new{step}")),
        }
        names = chance.sample(sorted(parts), chance.randint(0, 3))
        things[thing.id] = change(found, thing, **{name: parts[name] for name in names})
    check(db, found, list(things.values()))
    for thing in things.values():
        drop(found, thing)
    assert indexes(db) == {}
    assert uniques(db) == {}


def test_a_stale_record_changes_nothing(db: Db) -> None:
    [thing] = some_things(1)
    found = store(db, [thing])
    new = change(found, thing, name="other")
    for act in (lambda: change(found, thing, name="third"), lambda: drop(found, thing)):
        with pytest.raises(VersionMismatch):
            act()
    check(db, found, [new])


def test_a_record_that_is_gone_is_not_brought_back(db: Db) -> None:
    [thing] = some_things(1)
    found = store(db, [thing])
    drop(found, thing)
    with pytest.raises(VersionMismatch):
        change(found, thing, name="other")
    check(db, found, [])


def test_the_same_id_twice_is_refused(db: Db) -> None:
    [thing] = some_things(1)
    found = store(db, [thing])
    with pytest.raises(Conflict):
        store(db, [replace(thing, name="other", code="other")])
    check(db, found, [thing])


@pytest.mark.parametrize("code", ["Straße", "STRASSE", "\uff33trasse"])
def test_unique_texts_are_compared_folded(db: Db, code: str) -> None:
    one, two = some_things(2)
    one, two = replace(one, code="strasse"), replace(two, code="")
    found = store(db, [one, two])
    with pytest.raises(NameTaken) as caught:
        change(found, two, code=code)
    assert caught.value.details["field"] == "code"
    with pytest.raises(NameTaken):
        store(db, [replace(two, id="new1", code=code)])
    check(db, found, [one, two])
    # One's own spelling may change, and a text that was given up is free again.
    one = change(found, one, code=code)
    assert found.find("code", "strasse") == one
    one = change(found, one, code="")
    assert found.find("code", "strasse") is None
    check(db, found, [one, change(found, two, code=code)])


def test_find_does_not_believe_a_dangling_entry(db: Db) -> None:
    [thing] = some_things(1)
    found = store(db, [replace(thing, code="real")])
    db.call("HSET", KEYS.unique("things", "code"), "other", thing.id, "gone", "nobody")
    assert found.find("code", "other") is None
    assert found.find("code", "gone") is None


def test_only_what_differs_is_written(db: Db) -> None:
    [thing] = some_things(1)
    found = collection(db)
    commit = Commit(KEYS, event())
    found.replace(commit, thing, replace(thing, size=7, hidden=0, version=2))
    _, _, count, *rest = commit._writes[commit._writes.index("HSET") :]
    fields = rest[:count]
    assert set(fields[::2]) <= {"size", "hidden", "version"}


def test_facet_values_with_their_counts(db: Db) -> None:
    things = some_things(30)
    found = store(db, things)
    counts = {owner: sum(one.owner == owner for one in things) for owner in OWNERS}
    assert dict(found.facet_values("owner")) == {owner: count for owner, count in counts.items() if count}
    most = found.facet_values("tag", 2)
    tags = sorted((sum(tag in one.tags for one in things) for tag in TAGS), reverse=True)
    assert [count for _, count in most] == tags[:2]
    for thing in things:
        drop(found, thing)
    assert found.facet_values("owner") == []
    assert db.call("EXISTS", KEYS.facet_values("things", "owner")) == 0


def test_what_an_older_version_wrote_is_read_and_what_a_newer_wrote_is_kept(db: Db) -> None:
    [thing] = some_things(1)
    found = store(db, [thing])
    key = KEYS.record("things", thing.id)
    db.call("HSET", key, "from_the_future", "1")
    db.call("HDEL", key, "tags", "hidden")
    read = found.get(thing.id)
    assert read == replace(thing, tags=(), hidden=0)
    assert read is not None
    change(found, read, name="other")
    assert db.call("HGET", key, "from_the_future") == b"1"
