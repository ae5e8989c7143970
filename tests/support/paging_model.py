"""What pages of records should be: a plain list, filtered and sorted."""

from __future__ import annotations

from backoffice.domain.paging import Query
from backoffice.domain.text import fold
from backoffice.domain.words import Term, has_parts, has_text, has_words, index_words, terms
from tests.support.records import Thing

BEGINNINGS = ["rep", "re", "STRASSE", "r s", "report x", "文", "0", "a_b", "na", "zzz", "資料", "会議資"]
PARTS = ["!", "_", "epor", "trass e", "resumefinal", "resume", "FINAL", "report2024", "024", "naive 議"]
"""What is searched for: at the beginning of words, and within them."""


def model(things: list[Thing], query: Query) -> list[Thing]:
    """What all pages of a query have together."""
    wanted = terms(query.search)
    if not query.search.strip():
        return in_order(things, query)
    found = by_words(things, query, wanted) if wanted else []
    if found or not has_text(query.search):
        return found
    return in_order([one for one in things if has_parts(one.name, query.search)], query)


def by_words(things: list[Thing], query: Query, wanted: tuple[Term, ...]) -> list[Thing]:
    found = [one for one in things if has_words(one.name, wanted)]
    one_index = len(query.filters) <= 1 and all(name == "owner" for name, _ in query.filters)
    if len(wanted) == 1 and one_index and not query.sort and not query.ranges and len(wanted[0].needles) == 1:
        return sorted((one for one in found if matches(one, query)), key=lambda one: by_word(one, wanted[0].text))
    return in_order(found, query)


def in_order(things: list[Thing], query: Query) -> list[Thing]:
    sort, descending = query.sort, query.descending
    if not sort:
        sort = query.ranges[0][0] if len(query.ranges) == 1 and not query.filters else "created"
        descending = True
    found = [one for one in things if matches(one, query) and not (one.hidden and sort != "created")]
    keys = {
        "created": lambda one: (one.created_at, one.id),
        "size": lambda one: (one.size, one.id),
        "name": lambda one: (fold(one.name).encode(), one.id),
    }
    return sorted(found, key=keys[sort], reverse=descending)


def by_word(thing: Thing, needle: str) -> tuple[int, str, str]:
    """Names that begin so come first, then the others by the word."""
    if not thing.hidden and fold(thing.name).startswith(needle):
        return 1, fold(thing.name), thing.id
    return 2, min(word for word in index_words(thing.name) if word.startswith(needle)), thing.id


def matches(thing: Thing, query: Query) -> bool:
    for name, value in query.filters:
        if value not in ((thing.owner,) if name == "owner" else thing.tags):
            return False
    for name, least, most in query.ranges:
        if name == "size" and thing.hidden:
            return False
        number = thing.size if name == "size" else thing.created_at
        if (least is not None and number < least) or (most is not None and number > most):
            return False
    return True
