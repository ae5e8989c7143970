"""Pages of a collection: by rank or by cursor, by any index, filtered, in two round trips wherever one index answers.

How a page is found:

* One index answers when there is nothing but a sort order; one facet (in its own order, or in an order that is kept
  within it); one range of the order's own index; or one word (`search.py`). Then the first trip counts
  and ranks, the second reads the records.
* Otherwise the smallest of the indexes of filters and words drives. Up to `MAX_IN_MEMORY` records are read whole, the
  rest of the conditions checked and the result sorted: exact.
* Where even the smallest is larger, the order's index is walked in windows, at most `MAX_SCANNED` records for a page;
  then `exact` is false and the cursor goes on where the walk stopped. The first window is as long as the page is likely
  to take, by how many records meet each of the conditions.

* Where no record has the words of a search, its parts are looked for anywhere in the texts: in all records that meet
  the other conditions if they are few, else in windows as above.

A cursor names the last member seen, so that nothing is skipped or repeated when records come and go between pages. A
record that is not in the index of the order is on no page.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Generic, TypeVar

from backoffice.domain.limits import MAX_LIMIT, MAX_SEARCH
from backoffice.domain.paging import Page, Query
from backoffice.domain.words import Term, has_text, needles, terms
from backoffice.errors import Invalid
from backoffice.stores.records.collection import Collection, Record, bounds, score
from backoffice.stores.records.cursors import Mark, decode_cursor, encode_cursor, is_cursor_of
from backoffice.stores.records.indexes import Lexical, Sorted, Words
from backoffice.stores.records.page_of_ids import page_of_ids
from backoffice.stores.records.search import WordSearch
from backoffice.stores.records.windows import first_window, next_window
from backoffice.stores.records.zset_range import ZSetRange

R = TypeVar("R", bound=Record)

MAX_IN_MEMORY = 2_000
WINDOW = 500
MAX_SCANNED = 5_000
MAX_OFFSET = 100_000_000
MAX_VALUE = 1_000


@dataclass(frozen=True, slots=True)
class _Order:
    """An order, and what is looked for in it beside filters and ranges: words, or (`parts`) the parts of a question.
    `rest`: texts that begin with the whole question were given already.
    """

    sort: str
    descending: bool
    words: tuple[Term, ...] = ()
    parts: bool = False
    rest: bool = False

    @property
    def cursor(self) -> str:
        """What its cursors are made for."""
        return f"{self.sort}{' parts' if self.parts else ''}{' rest' if self.rest else ''}"


class Pager(Generic[R]):
    """Answers queries over one collection. `order` is the sorted index used when a query names none."""

    def __init__(self, collection: Collection[R], order: str, *, descending: bool = True) -> None:
        self._collection, self._order, self._descending = collection, order, descending
        self._orders = {one.name: one for one in collection.indexes if isinstance(one, Sorted | Lexical)}
        self._words = next((WordSearch(collection, one) for one in collection.indexes if isinstance(one, Words)), None)

    def page(self, query: Query) -> Page[R]:
        """The records asked for. Raises Invalid for an unknown index, a bad cursor or a limit out of bounds."""
        self._check(query)
        sort, descending = self._sorting(query)
        if query.search.strip():
            return self._search(query, sort, descending)
        place = self._single(query, sort)
        if place is not None:
            return self._by_index(place, query, sort, descending)
        return self._scan(query, _Order(sort, descending))

    def _search(self, query: Query, sort: str, descending: bool) -> Page[R]:
        """By the words of the question; where there are none such, by its parts."""
        if not has_text(query.search):
            return Page((), 0)
        by_parts = _Order(sort, descending, parts=True)
        wanted = terms(query.search[:MAX_SEARCH])
        if not wanted or query.parts or is_cursor_of(query.cursor, by_parts.cursor):
            return self._scan(query, by_parts)
        page = self._by_words(query, wanted, _Order(sort, descending, wanted))
        if page.total or not page.exact or query.cursor or query.parts is False:
            return page
        return self._scan(query, by_parts)

    def _by_words(self, query: Query, wanted: tuple[Term, ...], order: _Order) -> Page[R]:
        [first, *others] = wanted
        if self._words is not None and not (others or query.sort or query.ranges) and first.needles == (first.text,):
            scope = self._words.scope(query)
            if scope is not None:
                return self._words.page(first.text, scope, query, MAX_IN_MEMORY)
        rest = replace(order, rest=True)
        if is_cursor_of(query.cursor, rest.cursor):
            return self._scan(query, rest)
        page = self._scan(query, order)
        if page.exact or page.items or query.cursor or query.offset or self._words is None:
            return page
        # Nothing in the first windows of many: at least who typed a whole name gets it, and the pages after it go on.
        found = [one for one in self._words.beginning(query) if self._matches(one, query, order)]
        found = [one for one in found if self._position(one, order.sort) is not None]
        found.sort(key=lambda one: self._position(one, order.sort) or (0.0, ""), reverse=order.descending)
        if not found or not page.next_cursor:
            return page
        mark = decode_cursor(page.next_cursor, order.cursor, numbered=self._numbered(order.sort))
        return Page(tuple(found), len(found), False, encode_cursor(rest.cursor, mark))

    # -- what is asked

    def _check(self, query: Query) -> None:
        if not 1 <= query.limit <= MAX_LIMIT:
            raise Invalid(f"limit is a number from 1 to {MAX_LIMIT}.", field="limit")
        if not 0 <= query.offset <= MAX_OFFSET:
            raise Invalid("offset is out of bounds.", field="offset")
        if query.sort and query.sort not in self._orders:
            raise Invalid(f"sort is one of {', '.join(self._orders)}.", field="sort")
        for name, value in query.filters:
            if name not in self._collection.facets:
                raise Invalid(f"There is no filter {name[:40]!r}.", field=name[:40])
            if len(value) > MAX_VALUE or any("\ud800" <= char <= "\udfff" for char in value):
                raise Invalid("This cannot be what a filter asks for.", field=name)
        for name, least, most in query.ranges:
            if not isinstance(self._orders.get(name), Sorted):
                raise Invalid(f"There is no range {name[:40]!r}.", field=name[:40])
            if not all(math.isfinite(end) for end in (least, most) if end is not None):
                raise Invalid("A range has finite ends.", field=name)
        if query.search and self._words is None:
            raise Invalid("There is no search here.", field="search")

    def _sorting(self, query: Query) -> tuple[str, bool]:
        if query.sort:
            return query.sort, query.descending
        if len(query.ranges) == 1 and not query.filters:
            return query.ranges[0][0], self._descending
        return self._order, self._descending

    def _key(self, index: str, scope: str = "") -> bytes:
        return self._collection.keys.index(self._collection.noun, index, scope)

    def _numbered(self, sort: str) -> bool:
        return isinstance(self._orders[sort], Sorted)

    def _single(self, query: Query, sort: str) -> ZSetRange | None:
        """The one stretch that answers a query without words, if there is one."""
        facets = self._collection.facets
        if len(query.filters) > 1 or len(query.ranges) > 1 or any(span[0] != sort for span in query.ranges):
            return None
        key = self._key(sort)
        for name, value in query.filters:
            if facets[name].order == sort:
                key = self._key(name, value)
            elif name in self._orders[sort].within:
                key = self._key(sort, f"{name}={value}")
            else:
                return None
        return ZSetRange(key, *bounds(query.ranges[0])) if query.ranges else ZSetRange(key)

    # -- one index

    def _by_index(self, place: ZSetRange, query: Query, sort: str, descending: bool) -> Page[R]:
        ids = page_of_ids(self._collection, place, query, sort, descending, numbered=self._numbered(sort))
        records = self._collection.get_many(ids.items)
        return Page(tuple(one for one in records if one is not None), ids.total, True, ids.next_cursor)

    # -- several

    def _places(self, query: Query, order: _Order) -> list[list[ZSetRange]]:
        """For each condition the stretches that together have all records that meet it."""
        places = [[ZSetRange(self._key(name, value))] for name, value in query.filters]
        places += [[ZSetRange(self._key(span[0]), *bounds(span))] for span in query.ranges]
        if self._words is not None:
            scope = self._words.scope(query) or ""
            places += [self._words.places(needle, scope) for needle in needles(order.words)]
        return places or [[ZSetRange(self._key(order.sort))]]

    def _position(self, record: R, sort: str) -> tuple[float, str] | None:
        """Where a record stands in an order: score and member; None if it is not in it."""
        members = self._orders[sort].members(record, self._collection.ref(record.id))
        return (members[0][1], members[0][0]) if members else None

    def _scan(self, query: Query, order: _Order) -> Page[R]:
        db, sort = self._collection.db, order.sort
        places = self._places(query, order)
        asked = [*chain.from_iterable(places), ZSetRange(self._key(sort))]
        replies = iter(db.many([place.count() for place in asked]))
        counts = [sum(int(next(replies)) for _ in group) for group in places]
        smallest = min(range(len(places)), key=counts.__getitem__)
        if counts[smallest] > MAX_IN_MEMORY:
            return self._walked(query, order, counts, int(next(replies)))
        mark = self._mark(query, order)
        rows = db.many([place.slice(0, MAX_IN_MEMORY, descending=False) for place in places[smallest]])
        ids = list(dict.fromkeys(self._collection.member_id(member) for row in rows for member in row))
        matching = (
            one for one in self._collection.get_many(ids) if one is not None and self._matches(one, query, order)
        )
        found = [(place, one) for one in matching if (place := self._position(one, sort)) is not None]
        found.sort(key=lambda pair: pair[0], reverse=order.descending)
        start = query.offset
        if mark is not None:
            at = (float(mark.number or 0), mark.member)
            start = sum(place >= at if order.descending else place <= at for place, _ in found)
        items = tuple(one for _, one in found[start : start + query.limit])
        more = start + len(items) < len(found)
        return Page(items, len(found), True, self._cursor(items[-1], order) if more and items else "")

    def _mark(self, query: Query, order: _Order) -> Mark | None:
        """Where the page before ended."""
        return decode_cursor(query.cursor, order.cursor, numbered=self._numbered(order.sort)) if query.cursor else None

    def _cursor(self, record: R, order: _Order) -> str:
        number, member = self._position(record, order.sort) or (0.0, self._collection.ref(record.id))
        return encode_cursor(order.cursor, Mark(score(number) if self._numbered(order.sort) else "", member))

    def _walked(self, query: Query, order: _Order, counts: Sequence[int], total: int) -> Page[R]:
        """Walk the order's index, of `total` records; `counts` meet each of the conditions. `offset` counts matches, as
        long as they are within reach."""
        sort, descending = order.sort, order.descending
        place, length = self._walk_place(query, sort, counts, total)
        entries = self._words.entries if self._words is not None and order.words else 1
        size = WINDOW if order.parts or order.rest else first_window(query, counts, total, length, entries)
        left, mark = MAX_SCANNED, self._mark(query, order)
        cursor = "" if mark is None else encode_cursor(sort, mark)
        skip = 0 if query.cursor else query.offset
        found: list[R] = []
        matched = 0
        while left > 0:
            size, left = min(size, left), left - size
            asked = Query(sort=sort, limit=size, cursor=cursor)
            window = page_of_ids(self._collection, place, asked, sort, descending, numbered=self._numbered(sort))
            for record in self._likely(window.items, query, order):
                if record is None or not self._matches(record, query, order):
                    continue
                matched += 1
                if matched <= skip:
                    continue
                if len(found) == query.limit:
                    return Page(tuple(found), matched, False, self._cursor(found[-1], order))
                found.append(record)
            cursor = window.next_cursor
            if not cursor:
                break
            size = next_window(MAX_SCANNED - left, matched, skip + query.limit + 1 - matched, WINDOW)
        ended = decode_cursor(cursor, sort, numbered=self._numbered(sort)) if cursor else None
        after = "" if ended is None else encode_cursor(order.cursor, ended)
        return Page(tuple(found), matched, not (cursor or query.cursor), after)

    def _likely(self, ids: Sequence[str], query: Query, order: _Order) -> list[R | None]:
        """The records that may match: where most do not, only those that may have the words are read."""
        if self._words is not None and order.words and len(ids) > 2 * query.limit:
            ids = self._words.likely(ids, order.words)
        return self._collection.get_many(ids)

    def _walk_place(self, query: Query, sort: str, counts: Sequence[int], total: int) -> tuple[ZSetRange, int]:
        """The order's index, within the smallest of the conditions where it is kept so, and how many records it has."""
        fitting = [(total, ZSetRange(self._key(sort)))]
        for (name, value), count in zip(query.filters, counts, strict=False):
            if self._collection.facets[name].order == sort:
                fitting.append((count, ZSetRange(self._key(name, value))))
            elif name in self._orders[sort].within:
                fitting.append((count, ZSetRange(self._key(sort, f"{name}={value}"))))
        for span, count in zip(query.ranges, counts[len(query.filters) :], strict=False):
            if span[0] == sort:
                fitting.append((count, ZSetRange(self._key(sort), *bounds(span))))
        length, place = min(fitting, key=lambda one: one[0])
        return place, length

    def _matches(self, record: R, query: Query, order: _Order) -> bool:
        for name, value in query.filters:
            if value not in self._collection.facets[name].values(record):
                return False
        for name, least, most in query.ranges:
            place = self._position(record, name)
            if place is None or (least is not None and place[0] < least) or (most is not None and place[0] > most):
                return False
        if self._words is None:
            return True
        if order.parts:
            return self._words.has_parts(record, query.search)
        return self._words.has_words(record, order.words) and not (
            order.rest and self._words.begins(record, query.search)
        )
