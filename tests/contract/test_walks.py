"""How many records are read where no one index has the answer, and those that have it are long."""

from __future__ import annotations

from dataclasses import replace

import pytest
from redis import Redis

from backoffice.domain.files import File
from backoffice.domain.paging import Query
from backoffice.domain.users import User
from backoffice.stores.client import Db
from backoffice.stores.file_indexes import INDEXES
from backoffice.stores.records import paging
from backoffice.stores.records.indexes import Words
from backoffice.stores.records.paging import Pager
from backoffice.stores.users import RedisUsers
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


def test_of_what_does_not_have_the_words_no_more_than_its_text_is_read(real: Redis, pager: Pager[Thing]) -> None:
    asked = Query(search="report", sort="created", limit=10)
    texts = [one.name.lower() for one in pager.page(replace(asked, limit=200)).items]
    assert texts
    assert all("report" in one for one in texts)
    assert read(real, pager, asked) < 50  # of the 64 of a window; those not of ASCII are told apart here


def test_the_fields_named_make_the_text_that_is_searched() -> None:
    user = User(id="u", username="anna", email="a@example.org", roles=(), created_at=1, updated_at=1)
    file = File(id="f", name="some name.txt", size=1, mime_type="", owner="u", created_at=1, total_chunks=1)
    [of_users] = [one for one in RedisUsers.indexes if isinstance(one, Words)]
    [of_files] = [one for one in INDEXES if isinstance(one, Words)]
    assert (of_users.fields, of_users.searched(user)) == (("username", "email"), "anna a@example.org")
    assert (of_files.fields, of_files.searched(file)) == (("name",), "some name.txt")
