"""How many records are read where no one index has the answer, and those that have it are long."""

from __future__ import annotations

from dataclasses import replace

import pytest
from redis import Redis

from backoffice.domain.paging import Query
from backoffice.stores.client import Db
from backoffice.stores.records import paging
from backoffice.stores.records.paging import Pager
from tests.support.records import Thing, some_things, store

MANY = 200


@pytest.fixture
def pager(real: Redis, monkeypatch: pytest.MonkeyPatch) -> Pager[Thing]:
    monkeypatch.setattr(paging, "MAX_IN_MEMORY", 12)
    owner = ["ann"] * 40 + ["bob"] * (MANY - 40)
    things = [
        replace(thing, owner=owner[number], created_at=number, size=number % 2, tags=("red",), hidden=0)
        for number, thing in enumerate(some_things(MANY))
    ]
    return Pager(store(Db(real), things), "created")


def read(real: Redis, pager: Pager[Thing], query: Query) -> int:
    """How many records are read for a page that is full."""
    real.config_resetstat()
    assert len(pager.page(query).items) == query.limit
    return int(real.info("commandstats")["cmdstat_hgetall"]["calls"])


def test_the_first_window_is_about_as_long_as_the_page_takes(real: Redis, pager: Pager[Thing]) -> None:
    half = Query(ranges=(("size", 1, None),), sort="created", limit=20)
    assert read(real, pager, half) == 64


def test_the_smallest_of_the_conditions_is_walked(real: Redis, pager: Pager[Thing]) -> None:
    """Among the red ones those of ann come last."""
    both = Query(filters=(("tag", "red"), ("owner", "ann")), sort="created", descending=True, limit=20)
    assert read(real, pager, both) == 40
