"""Pages against a plain model: any query, by rank and by cursor, with records that come and go."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from backoffice.domain.paging import Page, Query
from backoffice.domain.words import terms
from backoffice.errors import Invalid
from backoffice.stores.records import paging
from backoffice.stores.records.cursors import Mark, encode_cursor
from backoffice.stores.records.paging import Pager
from tests.support.paging_model import BEGINNINGS, PARTS, by_words, model
from tests.support.people import CountedDb
from tests.support.records import OWNERS, TAGS, Thing, change, drop, put_back, some_things, store

pytestmark = pytest.mark.cluster
THINGS = some_things(90)
START = 1_700_000_000_000


@pytest.fixture
def pager(redis: Any, on_fake: bool) -> Pager[Thing]:
    return Pager((store if on_fake else put_back)(CountedDb(redis), THINGS), "created")


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    """Limits so low that every way of finding a page is gone."""
    monkeypatch.setattr(paging, "MAX_IN_MEMORY", 12)
    monkeypatch.setattr(paging, "WINDOW", 7)
    monkeypatch.setattr(paging, "MAX_SCANNED", 35)


def walk(pager: Pager[Thing], query: Query) -> list[Page[Thing]]:
    pages = [pager.page(query)]
    while pages[-1].next_cursor:
        pages.append(pager.page(replace(query, cursor=pages[-1].next_cursor, offset=0)))
        assert len(pages) < 400, "it does not end"
    return pages


FILTERS = st.one_of(
    st.tuples(st.just("owner"), st.sampled_from((*OWNERS, "nobody"))),
    st.tuples(st.just("tag"), st.sampled_from((*TAGS, "none"))),
)
ENDS = st.one_of(st.none(), st.integers(-4, 6), st.sampled_from([2**53, 0.5, -3.0]))
TIMES = st.one_of(st.none(), st.integers(START - 1, START + 51))
RANGES = st.one_of(
    st.tuples(st.just("size"), ENDS, ENDS),
    st.tuples(st.just("created"), TIMES, TIMES),
)
QUERIES = st.builds(
    Query,
    sort=st.sampled_from(["", "created", "size", "name"]),
    descending=st.booleans(),
    filters=st.lists(FILTERS, max_size=3).map(tuple),
    ranges=st.lists(RANGES, max_size=2).map(tuple),
    search=st.one_of(st.just(""), st.sampled_from(BEGINNINGS), st.sampled_from(PARTS)),
    limit=st.sampled_from([1, 2, 3, 7, 50, 500]),
    offset=st.sampled_from([0, 0, 1, 5, 40, 89, 90, 1000]),
)
MANY = settings(max_examples=70, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
SOME = settings(parent=MANY, max_examples=25)


def often(test: Any, many: settings = MANY) -> Any:
    return pytest.mark.real_only(many(test))


@often
@given(query=QUERIES)
def test_every_page_is_what_the_model_says(pager: Pager[Thing], query: Query) -> None:
    everything = model(THINGS, query)
    page = pager.page(query)
    assert page.exact
    assert page.total == len(everything)
    assert list(page.items) == everything[query.offset : query.offset + query.limit]
    assert bool(page.next_cursor) == (query.offset + query.limit < len(everything) and query.offset < len(everything))
    if query.limit >= 7:
        assert [one for page in walk(pager, query) for one in page.items] == everything[query.offset :]


@often
@given(query=QUERIES)
def test_walked_pages_skip_and_repeat_nothing(tiny: None, pager: Pager[Thing], query: Query) -> None:
    query = replace(query, limit=max(query.limit, 3))
    everything = model(THINGS, query)
    pages = walk(pager, replace(query, offset=0))
    seen = [one for page in pages for one in page.items]
    if query.search and not seen and not pages[0].exact:
        # Where the words were not to be counted, nobody looked for parts.
        wanted = terms(query.search)
        assert not wanted or by_words(THINGS, query, wanted) == []
        return
    assert seen == everything
    for page in pages:
        assert page.total == len(everything) if page.exact else page.total <= len(everything)
        assert page.total >= len(page.items)
        assert len(page.items) <= query.limit
    page = pager.page(query)
    if page.exact:
        assert list(page.items) == everything[query.offset : query.offset + query.limit]
        assert page.total == len(everything)
    else:
        assert set(page.items) <= set(everything)


@pytest.mark.real_only
@pytest.mark.parametrize(
    "query",
    [
        Query(limit=4),
        Query(sort="created", limit=4),
        Query(sort="size", limit=4, descending=True),
        Query(sort="name", limit=4),
        Query(sort="name", limit=4, descending=True),
        Query(filters=(("owner", "ann"),), limit=4),
        Query(filters=(("owner", "ann"),), sort="name", limit=4),
        Query(filters=(("owner", "ann"), ("tag", "red")), sort="size", limit=4),
        Query(search="rep", limit=4),
        Query(search="rep", sort="created", limit=4),
        Query(ranges=(("size", 0, 5),), limit=4),
    ],
    ids=str,
)
@pytest.mark.parametrize("low", [False, True])
def test_records_may_go_and_come_between_pages(
    pager: Pager[Thing], query: Query, low: bool, request: pytest.FixtureRequest
) -> None:
    """Who was there all the time is on exactly one page, even when the last one seen has gone."""
    if low:
        request.getfixturevalue("tiny")
    found = pager._collection
    wanted, seen, gone = model(THINGS, query), [], set()
    page = pager.page(query)
    for turn in range(400):
        seen += [one.id for one in page.items]
        victims = [*page.items[-1:], *(one for one in wanted if one.id not in seen)][: 1 + turn % 2]
        for victim in victims:
            if victim.id not in gone:
                drop(found, victim)
                gone.add(victim.id)
        store(found.db, [replace(THINGS[turn % 90], id=f"new{turn}", code="")])
        if not page.next_cursor:
            break
        page = pager.page(replace(query, cursor=page.next_cursor))
    old = [one for one in seen if not one.startswith("new")]
    assert len(old) == len(set(old))
    assert {one.id for one in wanted} - gone <= set(old)


def test_a_whole_page_may_vanish_between_the_two_trips(pager: Pager[Thing], monkeypatch: pytest.MonkeyPatch) -> None:
    first = model(THINGS, Query(limit=5))[:5]
    get_many = pager._collection.get_many

    def late(ids: list[str]) -> list[Thing | None]:
        found = get_many(ids)
        return [None if one in first else one for one in found]

    monkeypatch.setattr(pager._collection, "get_many", late)
    page = pager.page(Query(limit=5))
    assert page.items == ()
    assert pager.page(Query(limit=5, cursor=page.next_cursor)).items == tuple(model(THINGS, Query())[5:10])


def test_a_record_that_moves_between_the_trips_does_not_move_the_cursor(
    pager: Pager[Thing], monkeypatch: pytest.MonkeyPatch
) -> None:
    query = Query(sort="size", limit=10)
    everything = model(THINGS, query)
    last = everything[9]
    get_many = pager._collection.get_many

    def late(ids: list[str]) -> list[Thing | None]:
        monkeypatch.undo()
        change(pager._collection, last, size=2**52)
        return get_many(ids)

    monkeypatch.setattr(pager._collection, "get_many", late)
    page = pager.page(query)
    after = pager.page(replace(query, cursor=page.next_cursor))
    assert after.items == tuple(everything[10:20])


SINGLE = [
    Query(),
    Query(offset=70),
    Query(sort="size"),
    Query(sort="name", descending=True, offset=80),
    Query(filters=(("owner", "ann"),)),
    Query(filters=(("tag", "red"),), sort="created", offset=3),
    Query(filters=(("owner", "bob"),), sort="name"),
    Query(filters=(("owner", "bob"),), sort="size", ranges=(("size", 0, 5),)),
    Query(ranges=(("size", 1, None),)),
    Query(search="rep"),
    Query(search="rep", filters=(("owner", "ann"),)),
]


def test_D2_one_index_answers_in_two_trips(pager: Pager[Thing]) -> None:
    db = pager._collection.db
    assert isinstance(db, CountedDb)
    pager.page(Query(limit=5, cursor=pager.page(Query(limit=5)).next_cursor))  # the scripts are known from now on
    for query in (replace(one, limit=5) for one in SINGLE):
        for one in (query, replace(query, cursor=pager.page(query).next_cursor)):
            before = db.trips
            pager.page(one)
            assert db.trips - before <= 2, one


IMPOSSIBLE = [
    Query(limit=0),
    Query(limit=501),
    Query(limit=-1),
    Query(offset=-1),
    Query(offset=10**9),
    Query(sort="nonesuch"),
    Query(sort="owner"),
    Query(filters=(("nonesuch", "x"),)),
    Query(filters=(("tag", "x" * 10_000),)),
    Query(filters=(("tag", "\ud800"),)),
    Query(ranges=(("name", 0, 1),)),
    Query(ranges=(("size", float("nan"), None),)),
    Query(ranges=(("size", None, float("inf")),)),
]


def test_D2_what_cannot_be_asked_is_invalid(pager: Pager[Thing]) -> None:
    for query in IMPOSSIBLE:
        with pytest.raises(Invalid):
            pager.page(query)


CURSORS = [
    encode_cursor("words", Mark("", "")),
    encode_cursor("words", Mark("", "3rep")),
    "x",
    "====",
    "é",
    "\0",
    "W10",
    "x" * 100_000,
    encode_cursor("size", Mark("1", "a")),
    encode_cursor("created", Mark("", "a")),
    encode_cursor("created", Mark("nan", "a")),
    encode_cursor("created", Mark("1e999", "a")),
    encode_cursor("created", Mark("-inf", "a")),
    encode_cursor("created", Mark("1 2", "a")),
    encode_cursor("created", Mark("0x10", "a")),
    encode_cursor("created", Mark("1", "\ud800")),
    "WyJjcmVhdGVkIiwxLDJd",
    "WyJjcmVhdGVkIixbXSwiYSJd",
    ("W1tb" * 1500),
    "bnVsbA",
    "MQ",
    "eyJhIjoxfQ",
]


def test_I4_an_invented_cursor_is_invalid(pager: Pager[Thing]) -> None:
    for cursor in CURSORS:
        for query in (
            Query(),
            Query(search="rep"),
            Query(filters=(("owner", "ann"), ("tag", "red"))),
            Query(sort="name"),
        ):
            with pytest.raises(Invalid):
                pager.page(replace(query, cursor=cursor))


@partial(often, many=SOME)
@given(number=st.floats(allow_nan=False, allow_infinity=False), member=st.text(max_size=40))
def test_I4_a_forged_cursor_does_no_harm(pager: Pager[Thing], number: float, member: str) -> None:
    for query in (
        Query(cursor=encode_cursor("created", Mark(repr(number), member))),
        Query(sort="size", ranges=(("size", 0, 5),), cursor=encode_cursor("size", Mark(repr(number), member))),
        Query(sort="name", cursor=encode_cursor("name", Mark("", member))),
        Query(search="rep", cursor=encode_cursor("words", Mark("", "1" + member))),
        Query(search="rep", cursor=encode_cursor("words", Mark("", "2" + member))),
        Query(filters=(("owner", "ann"), ("tag", "red")), cursor=encode_cursor("created", Mark(repr(number), member))),
    ):
        page = pager.page(query)
        assert set(page.items) <= set(model(THINGS, replace(query, cursor="")))


@partial(often, many=SOME)
@given(search=st.text(max_size=300))
def test_I5_any_text_may_be_searched_for(pager: Pager[Thing], search: str) -> None:
    assert pager.page(Query(search=search)).total <= len(THINGS)


def test_the_order_of_equal_numbers_is_that_of_bytes(redis: Any) -> None:
    """A cursor among many equal scores must not depend on the server's locale."""
    ids = ["c", "ch", "cz", "d", "h", "hz", "0", "9a", "a", "z"]
    things = [Thing(one, "same", 1, START, "ann") for one in ids]
    pager = Pager(store(CountedDb(redis), things), "created")
    for descending in (False, True):
        pages = walk(pager, Query(sort="created", descending=descending, limit=1))
        assert [one.id for page in pages for one in page.items] == sorted(ids, reverse=descending)
