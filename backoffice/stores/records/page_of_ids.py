"""The identifiers of a page of records that one index answers."""

from __future__ import annotations

from typing import TypeVar

from backoffice.domain.paging import Page, Query
from backoffice.stores.records.collection import Collection, Record, flat_pairs, score
from backoffice.stores.records.cursors import Mark, decode_cursor, encode_cursor
from backoffice.stores.records.zset_range import ZSetRange, members_after

R = TypeVar("R", bound=Record)


def page_of_ids(
    collection: Collection[R], place: ZSetRange, query: Query, sort: str, descending: bool, *, numbered: bool
) -> Page[str]:
    """Those of the records in a stretch of the index `sort`, which is `numbered` or one of texts. One round trip; a
    cursor among numbers is a script. Raises Invalid for a bad cursor."""
    db = collection.db
    mark = decode_cursor(query.cursor, sort, numbered=numbered) if query.cursor else None
    wanted = query.limit + 1
    if mark is None:
        total, row = db.many([place.count(), place.slice(query.offset, wanted, descending, scores=numbered)])
    elif numbered:
        total, row = members_after(db, place, mark, wanted, descending)
    else:
        total, row = db.many([place.count(), place.after(mark.member, wanted, descending)])
    found = flat_pairs(row) if numbered else [(member, 0) for member in row]
    cursor = ""
    if len(found) > query.limit:
        member, number = found[query.limit - 1]
        cursor = encode_cursor(sort, Mark(score(float(number)) if numbered else "", member.decode()))
    ids = tuple(collection.member_id(member) for member, _ in found[: query.limit])
    return Page(ids, int(total), True, cursor)
