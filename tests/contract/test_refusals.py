"""Refusals of people who are not signed in: entries of the log while they are few, a number when they are many."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from backoffice.domain.access import ANONYMOUS
from backoffice.domain.actions import Action, Actions
from backoffice.domain.audit import AuditEvent, ObjectRef, Outcome
from backoffice.domain.limits import COUNTED_SECONDS, MAX_NAMED_REFUSALS, MAX_REFUSAL_ENTRIES, REFUSAL_ENTRY_SECONDS
from backoffice.domain.times import now_ms, rfc3339
from backoffice.services.sign_in.refusals import record_counted, record_refusal
from backoffice.stores.client import Db
from backoffice.stores.keys import Keys
from backoffice.stores.log.audit import RedisAudit

pytestmark = pytest.mark.cluster
KEYS, NOW = Keys("t"), now_ms()
ADA = ObjectRef("user", "ada", "ada")
REFUSE, TOKEN = Actions.SESSION_REFUSE, Actions.TOKEN_REFUSE


class Door:
    """Refuses, and looks what the log says."""

    def __init__(self, db: Db) -> None:
        self.log, self.now = RedisAudit(db, KEYS), NOW

    def refuse(self, ip: str, because: str = "unknown name", **options: Any) -> None:
        options = {"once": "", **options}
        record_refusal(self.log, replace(ANONYMOUS, ip=ip), because, at=self.now, **options)

    def flood(self, count: int, **options: Any) -> None:
        for number in range(count):
            self.refuse(f"198.51.{number // 250}.{number % 250}", **options)

    def entries(self, action: Action = REFUSE) -> list[Any]:
        found = self.log.page((("action", str(action)),), "", 500).items[::-1]
        return [entry.event for entry in found]


@pytest.fixture
def door(db: Db) -> Door:
    return Door(db)


def test_few_refusals_are_entries_at_once(door: Door) -> None:
    door.flood(3)
    door.refuse("192.0.2.1", "wrong password", target=ADA)
    assert [event["actor"]["ip"] for event in door.entries()] == ["198.51.0.0", "198.51.0.1", "198.51.0.2", "192.0.2.1"]
    assert door.entries()[-1]["object"]["id"] == "ada"
    assert door.log.page((("object", "user:ada"),), "", 9).total == 1
    assert not record_counted(door.log, REFUSE, NOW + 10**6), "nothing was counted"


def test_of_a_flood_each_minute_is_one_entry(door: Door) -> None:
    door.flood(MAX_REFUSAL_ENTRIES + 300)
    door.refuse("192.0.2.1", "wrong password", target=ADA)
    assert len(door.entries()) == MAX_REFUSAL_ENTRIES
    assert not record_counted(door.log, REFUSE, NOW + COUNTED_SECONDS * 1000 - 1)
    assert record_counted(door.log, REFUSE, NOW + COUNTED_SECONDS * 1000)
    *_, counted = door.entries()
    assert counted["outcome"] == Outcome.DENIED
    assert counted["actor"] == {"id": "system-worker", "name": "worker", "via": "system"}
    networks = counted["data"].pop("networks")
    assert 280 < networks < 320
    assert len(counted["data"].pop("sample")) == MAX_NAMED_REFUSALS
    assert counted["data"] == {
        "because": "several refusals",
        "count": 301,
        "since": rfc3339(NOW),
        "reasons": {"unknown name": 300, "wrong password": 1},
        "targets": {"user:ada": 1},
    }
    assert not record_counted(door.log, REFUSE, NOW + 10**6), "it is written once"


def test_the_next_refusal_after_a_minute_has_it_written(door: Door) -> None:
    door.flood(MAX_REFUSAL_ENTRIES + 5)
    door.now += COUNTED_SECONDS * 1000
    door.flood(20)
    new = door.entries()[MAX_REFUSAL_ENTRIES:]
    assert [event["data"].get("count") for event in new] == [None, 5], "one has a place by then"
    door.now += COUNTED_SECONDS * 1000
    assert record_counted(door.log, REFUSE, door.now)
    assert door.entries()[-1]["data"]["count"] == 19


def test_a_day_of_flood_is_bounded(door: Door, on_fake: bool) -> None:
    minutes = 2 if on_fake else 6
    for _ in range(minutes):
        door.flood(150)
        door.now += 60_000
    record_counted(door.log, REFUSE, door.now)
    assert len(door.entries()) <= MAX_REFUSAL_ENTRIES + minutes * (60 // REFUSAL_ENTRY_SECONDS) + minutes + 1
    said = sum(event["data"].get("count", 1) for event in door.entries())
    assert said == minutes * 150, "each is an entry or counted"


def test_places_come_back_with_time(door: Door) -> None:
    door.flood(MAX_REFUSAL_ENTRIES)
    door.now += 10 * REFUSAL_ENTRY_SECONDS * 1000
    before = len(door.entries())
    door.flood(30)
    assert len(door.entries()) == before + 10


def test_what_is_alike_is_counted_within_a_minute(door: Door) -> None:
    for _ in range(5):
        door.refuse("192.0.2.1", "token is expired", action=TOKEN, once=None)
    door.refuse("192.0.2.2", "token is expired", action=TOKEN, once=None)
    assert [event["actor"]["ip"] for event in door.entries(TOKEN)] == ["192.0.2.1", "192.0.2.2"]
    door.now += COUNTED_SECONDS * 1000
    door.refuse("192.0.2.1", "token is expired", action=TOKEN, once=None)
    said = [event["data"].get("count") for event in door.entries(TOKEN)]
    assert said == [None, None, None, 4]
    assert not door.entries(REFUSE), "each kind by itself"


def test_who_is_signed_in_is_no_stranger(door: Door) -> None:
    door.flood(MAX_REFUSAL_ENTRIES + 10)
    known = replace(ANONYMOUS, id="ada", name="ada", ip="192.0.2.1")
    record_refusal(door.log, known, "wrong password", at=NOW, target=ADA, once="")
    assert door.entries()[-1]["actor"]["id"] == "ada"


def test_a_clock_set_back_loses_nothing(door: Door) -> None:
    door.flood(MAX_REFUSAL_ENTRIES + 5)
    door.now -= 10**9
    door.flood(5)
    assert record_counted(door.log, REFUSE, door.now + COUNTED_SECONDS * 1000)
    record_counted(door.log, REFUSE, door.now + COUNTED_SECONDS * 1000)
    assert sum(event["data"].get("count", 1) for event in door.entries()) == MAX_REFUSAL_ENTRIES + 10


def test_what_was_counted_meanwhile_is_not_lost(door: Door) -> None:
    door.flood(MAX_REFUSAL_ENTRIES + 5)
    later = NOW + COUNTED_SECONDS * 1000
    counted = door.log.counted_refusals(REFUSE, later)
    assert counted is not None
    door.flood(1)
    door.log.write_counted_refusals(counted, AuditEvent(REFUSE, ANONYMOUS))
    assert len(door.entries()) == MAX_REFUSAL_ENTRIES
    assert record_counted(door.log, REFUSE, later)
    assert door.entries()[-1]["data"]["count"] == 6
