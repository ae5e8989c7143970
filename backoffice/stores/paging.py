"""Pages of a collection: by rank or by cursor, by any index, filtered, in two round trips wherever one index answers.

How a page is found:

* One index answers when there is nothing but a sort order; one facet (in its own order, or in an order that is kept
  within it); one range of the order's own index; or one word. Then the first trip counts and ranks, the second reads
  the records.
* Otherwise the smallest of the filters' indexes drives. Up to `SMALL` records are read whole, the rest of the filters
  checked and the result sorted: exact.
* Where even the smallest is larger, the order's index is walked in windows of `WINDOW`, at most `SCAN` records for a
  page; then `exact` is false and the cursor goes on where the walk stopped.
"""

from __future__ import annotations

import base64
import binascii
import json
import math
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from backoffice.domain.paging import MAX_LIMIT, MAX_SEARCH, Page, Query
from backoffice.domain.text import words
from backoffice.errors import Invalid
from backoffice.stores.client import Arg, Command
from backoffice.stores.collection import Collection, Record, flat_pairs, score
from backoffice.stores.indexes import SEPARATOR, Lexical, Sorted, Words, member_id

R = TypeVar("R", bound=Record)

SMALL = 2_000
WINDOW = 500
SCAN = 5_000
MAX_OFFSET = 100_000_000
MAX_MEMBER = 2_000


@dataclass(frozen=True, slots=True)
class Place:
    """A stretch of one sorted set: all of it, a range of scores, or a range of words."""

    key: bytes
    low: str = ""
    high: str = ""
    lexical: bool = False

    @property
    def whole(self) -> bool:
        return not self.low

    def count(self) -> Command:
        if self.whole:
            return ("ZCARD", self.key)
        return ("ZLEXCOUNT" if self.lexical else "ZCOUNT", self.key, self.low, self.high)

    def slice(self, first: int, count: int, descending: bool) -> Command:
        """Members from rank `first` of this stretch."""
        reverse = ("REV",) if descending else ()
        if self.whole:
            return ("ZRANGE", self.key, first, first + count - 1, *reverse)
        by = "BYLEX" if self.lexical else "BYSCORE"
        ends = (self.high, self.low) if descending else (self.low, self.high)
        return ("ZRANGE", self.key, *ends, by, *reverse, "LIMIT", first, count)


class Pager(Generic[R]):
    """Answers queries over one collection. `order` is the sorted index used when a query names none."""

    def __init__(self, collection: Collection[R], order: str, *, descending: bool = True) -> None:
        self._collection, self._order, self._descending = collection, order, descending
        self._orders = {one.name: one for one in collection.indexes if isinstance(one, Sorted | Lexical)}
        self._words = next((one for one in collection.indexes if isinstance(one, Words)), None)

    @property
    def orders(self) -> tuple[str, ...]:
        """Names that a query can sort by."""
        return tuple(self._orders)

    def page(self, query: Query) -> Page[R]:
        """The records asked for. Raises Invalid for an unknown index, a bad cursor or a limit out of bounds."""
        self._check(query)
        sort, descending = self._sorting(query)
        needles = words(query.search[:MAX_SEARCH])
        if query.search.strip() and not needles:
            return Page((), 0)
        place = self._single(query, sort, needles)
        if place is not None:
            return self._ranked(place, query, sort, descending)
        return self._filtered(query, sort, descending, needles)

    # -- what is asked

    def _check(self, query: Query) -> None:
        if not 1 <= query.limit <= MAX_LIMIT:
            raise Invalid(f"limit is a number from 1 to {MAX_LIMIT}.", field="limit")
        if not 0 <= query.offset <= MAX_OFFSET:
            raise Invalid("offset is out of bounds.", field="offset")
        if query.sort and query.sort not in self._orders:
            raise Invalid(f"sort is one of {', '.join(self._orders)}.", field="sort")
        for name, _ in query.filters:
            if name not in self._collection.facets:
                raise Invalid(f"There is no filter {name[:40]!r}.", field=name)
        for name, _, _ in query.ranges:
            if not isinstance(self._orders.get(name), Sorted):
                raise Invalid(f"There is no range {name[:40]!r}.", field=name)
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

    def _single(self, query: Query, sort: str, needles: tuple[str, ...]) -> Place | None:
        """The one stretch that answers the query, if there is one."""
        facets = self._collection.facets
        if needles:
            scope = self._scope(self._words, query)
            if len(needles) == 1 and not query.sort and not query.ranges and scope is not None:
                return self._word_place(needles[0], scope)
            return None
        if not query.filters:
            if not query.ranges:
                return Place(self._key(sort))
            if len(query.ranges) == 1 and query.ranges[0][0] == sort:
                return self._range_place(query.ranges[0])
            return None
        if len(query.filters) == 1:
            name, value = query.filters[0]
            key = None
            if facets[name].order == sort:
                key = self._key(name, value)
            elif name in self._orders[sort].within:
                key = self._key(sort, f"{name}={value}")
            if key is not None and not query.ranges:
                return Place(key)
            if key is not None and len(query.ranges) == 1 and query.ranges[0][0] == sort:
                return Place(key, *bounds(query.ranges[0]))
        return None

    def _scope(self, index: Words[R] | None, query: Query) -> str | None:
        """The scope in which `index` answers the query's filters alone: "" without filters; None: it does not."""
        if not query.filters:
            return ""
        name, value = query.filters[0]
        if index is not None and len(query.filters) == 1 and name in index.within:
            return f"{name}={value}"
        return None

    def _word_place(self, word: str, scope: str) -> Place:
        index = self._words.name if self._words is not None else ""
        return Place(self._key(index, scope), f"[{word}", f"({word}\U0010ffff", lexical=True)

    def _range_place(self, span: tuple[str, float | None, float | None]) -> Place:
        return Place(self._key(span[0]), *bounds(span))

    # -- one index

    def _ranked(self, place: Place, query: Query, sort: str, descending: bool) -> Page[R]:
        descending = descending and not place.lexical
        db = self._collection.db
        lexical_order = place.lexical or isinstance(self._orders[sort], Lexical)
        mark = decode_cursor(query.cursor, sort) if query.cursor else None
        wanted = query.limit + 1
        if mark is None:
            total, row = db.many([place.count(), place.slice(query.offset, wanted, descending)])
        elif lexical_order:
            beyond = f"({mark[1]}"
            ends = (beyond, place.low or "-") if descending else (beyond, place.high or "+")
            reverse = ("REV",) if descending else ()
            total, row = db.many(
                [place.count(), ("ZRANGE", place.key, *ends, "BYLEX", *reverse, "LIMIT", 0, wanted)]
            )
        else:
            total, row = self._after(place, mark, wanted, descending)
        members = [bytes(member) for member in row]
        more = len(members) > query.limit
        records = self._read(members[: query.limit])
        cursor = ""
        if more and records:
            cursor = self._cursor(sort, members[query.limit - 1], records[-1], lexical_order)
        unique = {record.id: record for record in records}
        return Page(tuple(unique.values()), int(total), True, cursor)

    def _after(self, place: Place, mark: tuple[str, str], wanted: int, descending: bool) -> tuple[int, list[bytes]]:
        """Members beyond a cursor in an index ordered by number, cut to the stretch."""
        order = "desc" if descending else "asc"
        low, high = place.low or "-inf", place.high or "+inf"
        args: list[Arg] = [mark[0], mark[1], wanted, order, low, high]
        reply = self._collection.db.script("after", [place.key], args)
        least, most = float(low), float(high)
        return int(reply[0]), [member for member, number in flat_pairs(reply[1:]) if least <= float(number) <= most]

    def _read(self, members: list[bytes]) -> list[R]:
        found = self._collection.get_many([member_id(member) for member in members])
        return [record for record in found if record is not None]

    def _cursor(self, sort: str, member: bytes, record: R, lexical: bool) -> str:
        if lexical:
            return encode_cursor(sort, "", member.decode())
        index = self._orders[sort]
        return encode_cursor(sort, score(float(index.key(record))), record.id)

    # -- several

    def _places(self, query: Query, needles: tuple[str, ...]) -> list[Place]:
        places = [Place(self._key(name, value)) for name, value in query.filters]
        places += [self._range_place(span) for span in query.ranges]
        if needles:
            places += [self._word_place(word, self._scope(self._words, query) or "") for word in needles]
        return places

    def _filtered(self, query: Query, sort: str, descending: bool, needles: tuple[str, ...]) -> Page[R]:
        db = self._collection.db
        places = self._places(query, needles)
        counts = [int(count) for count in db.many([place.count() for place in places])]
        smallest = min(range(len(places)), key=counts.__getitem__) if places else -1
        if smallest >= 0 and counts[smallest] > SMALL:
            return self._walked(query, sort, descending, needles)
        row = db.call(*places[smallest].slice(0, SMALL, descending=False))
        ids = list(dict.fromkeys(member_id(bytes(member)) for member in row))
        found = [one for one in self._collection.get_many(ids) if one is not None and self._matches(one, query, needles)]
        index = self._orders[sort]
        found.sort(key=lambda one: (index.key(one), one.id), reverse=descending)
        start = int(decode_cursor(query.cursor, "#")[1]) if query.cursor else query.offset
        items = tuple(found[start : start + query.limit])
        end = start + len(items)
        return Page(items, len(found), True, encode_cursor("#", "", str(end)) if end < len(found) else "")

    def _walked(self, query: Query, sort: str, descending: bool, needles: tuple[str, ...]) -> Page[R]:
        """Walk the order's index; `offset` counts matches, as long as they are within reach."""
        lexical = isinstance(self._orders[sort], Lexical)
        place = self._walk_place(query, sort)
        cursor, skip, scanned = query.cursor, query.offset if not query.cursor else 0, 0
        found: list[R] = []
        while scanned < SCAN:
            window = self._ranked(place, Query(sort=sort, limit=WINDOW, cursor=cursor), sort, descending)
            for record in window.items:
                scanned += 1
                if not self._matches(record, query, needles):
                    continue
                if skip:
                    skip -= 1
                    continue
                found.append(record)
                if len(found) == query.limit:
                    member = self._orders[sort].members(record, record.id)[0][0].encode()
                    after = self._cursor(sort, member, record, lexical)
                    return Page(tuple(found), query.offset + len(found) + 1, False, after)
            cursor = window.next_cursor
            if not cursor:
                return Page(tuple(found), query.offset + len(found), bool(not query.cursor), "")
        return Page(tuple(found), query.offset + len(found), False, cursor)

    def _walk_place(self, query: Query, sort: str) -> Place:
        """The order's index, within one of the filters where it is kept so."""
        for name, value in query.filters:
            if self._collection.facets[name].order == sort:
                return Place(self._key(name, value))
            if name in self._orders[sort].within:
                return Place(self._key(sort, f"{name}={value}"))
        for span in query.ranges:
            if span[0] == sort:
                return self._range_place(span)
        return Place(self._key(sort))

    def _matches(self, record: R, query: Query, needles: tuple[str, ...]) -> bool:
        for name, value in query.filters:
            if value not in self._collection.facets[name].values(record):
                return False
        for name, least, most in query.ranges:
            number = float(self._orders[name].key(record))
            if (least is not None and number < least) or (most is not None and number > most):
                return False
        if needles and self._words is not None:
            own = [member.partition(SEPARATOR)[0] for member, _ in self._words.members(record, record.id)]
            return all(any(word.startswith(needle) for word in own) for needle in needles)
        return True


def bounds(span: tuple[str, float | None, float | None]) -> tuple[str, str]:
    """A range as scores."""
    _, least, most = span
    return ("-inf" if least is None else score(least)), ("+inf" if most is None else score(most))


def encode_cursor(sort: str, number: str, member: str) -> str:
    """Opaque to clients, safe in a URL."""
    text = json.dumps([sort, number, member], separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def decode_cursor(cursor: str, sort: str) -> tuple[str, str]:
    """Score and member. Raises Invalid for one that was not made by `encode_cursor` for this order."""
    wrong = Invalid("The cursor is not valid for this list.", field="cursor")
    try:
        value: Any = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        made_for, number, member = value
        finite = math.isfinite(float(number or 0))
    except (ValueError, TypeError, binascii.Error):
        raise wrong from None
    if made_for != sort or not finite or not isinstance(member, str) or len(member) > MAX_MEMBER:
        raise wrong
    if sort == "#" and not (member.isascii() and member.isdigit()):
        raise wrong
    return str(number), member
