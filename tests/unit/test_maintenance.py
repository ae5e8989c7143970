"""The service that checks and repairs the store: who may, what it tells, and what the log says."""

from __future__ import annotations

from typing import Any

import pytest

from backoffice.domain.actions import Actions
from backoffice.domain.audit import AuditEntry
from backoffice.domain.maintenance import Finding, Invariant
from backoffice.domain.permissions import Permission, Permissions
from backoffice.domain.users import User
from backoffice.errors import NotAllowed, NotSignedIn
from backoffice.services.maintenance import Maintenance
from backoffice.stores.chunks.redis import RedisChunks
from backoffice.stores.durability import RedisDurability, RedisHealth
from backoffice.stores.fsck.long_indexes import LongIndexes
from backoffice.stores.fsck.run import Fsck
from tests.support.people import ANONYMOUS, People, anybody, everything_but

READ, WRITE = Permissions.SYSTEM_READ, Permissions.SYSTEM_WRITE


def chunks(people: People) -> RedisChunks:
    durability = RedisDurability(people.db, people.keys)
    return RedisChunks(people.db, people.keys, durability, RedisHealth(people.db))


@pytest.fixture
def damaged(people: People) -> User:
    """A user whose name is free for others."""
    ada = people.user("ada")
    people.db.call("HDEL", people.keys.unique("users", "username"), "ada")
    return ada


def maintenance(people: People) -> Maintenance:
    return Maintenance(Fsck(people.db, people.keys, chunks(people)), people.log, LongIndexes(people.db, people.keys))


def repairs(people: People) -> list[AuditEntry]:
    return people.entries(Actions.SYSTEM_REPAIR)


def test_a_check_tells_as_it_goes_and_changes_nothing(people: People, damaged: User) -> None:
    told: list[tuple[Finding, bool]] = []
    steps: list[tuple[int, int]] = []
    report = maintenance(people).check(
        anybody(READ), on_finding=lambda *one: told.append(one), on_progress=lambda *one: steps.append(one)
    )
    [(finding, repaired)] = told
    assert (finding.invariant, finding.object.id, finding.repairable, repaired) == (
        Invariant.UNIQUE,
        damaged.id,
        True,
        False,
    )
    assert (report.left, report.repaired.total(), report.lost.total()) == (1, 0, 0)
    assert steps[-1][0] == steps[-1][1] > 0
    assert repairs(people) == []
    assert people.user_store.find("ada") is None


def test_a_repair_is_recorded_under_who_asked_for_it(people: People, damaged: User) -> None:
    told: list[tuple[Finding, bool]] = []
    actor = anybody(WRITE, name="olivia")
    report = maintenance(people).repair(actor, on_finding=lambda *one: told.append(one))
    assert [repaired for _, repaired in told] == [True]
    assert (report.left, report.repaired[Invariant.UNIQUE]) == (0, 1)
    [entry] = repairs(people)
    assert entry.event["actor"]["id"] == actor.id
    assert entry.event["actor"]["name"] == "olivia"
    assert entry.event["object"]["id"] == damaged.id
    assert people.user_store.find("ada") == damaged
    assert maintenance(people).check(anybody(READ)).found.total() == 0


@pytest.mark.usefixtures("damaged")
@pytest.mark.parametrize(("permission", "method"), [(READ, "check"), (WRITE, "repair")])
def test_who_may_not_is_refused_before_anything_is_read(people: People, permission: Permission, method: str) -> None:
    run = getattr(maintenance(people), method)
    told: list[Any] = []
    with pytest.raises(NotAllowed):
        run(everything_but(permission), on_finding=lambda *one: told.append(one))
    with pytest.raises(NotSignedIn):
        run(ANONYMOUS, on_finding=lambda *one: told.append(one))
    assert told == []
    assert repairs(people) == []
    [denial] = people.entries(Actions.ACCESS_DENY)
    assert denial.event["data"]["permission"] == str(permission)
