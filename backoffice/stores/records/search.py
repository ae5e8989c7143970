"""Search by one word's beginning, and where words are found at all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Generic, TypeVar

from backoffice.domain.paging import Page, Query
from backoffice.domain.words import Term, has_parts, has_words
from backoffice.stores.client import Arg
from backoffice.stores.records.collection import Collection, Record
from backoffice.stores.records.cursors import decode_stretch, encode_stretch
from backoffice.stores.records.indexes import Words, lexical_text
from backoffice.stores.records.zset_range import ZSetRange, word_range

R = TypeVar("R", bound=Record)


class WordSearch(Generic[R]):
    """Answers queries by a collection's index of words."""

    def __init__(self, collection: Collection[R], index: Words[R]) -> None:
        self._collection, self._index = collection, index

    @property
    def entries(self) -> int:
        """About how many entries a record has that begin with one of its words. Where a text has no index of its own it
        is several texts, such as a name and an address made of it."""
        return 1 if self._index.first is not None else 2

    def scope(self, query: Query) -> str | None:
        """The scope in which the index answers the query's filters alone: "" without filters; None: it does not."""
        if not query.filters:
            return ""
        name, value = query.filters[0]
        if len(query.filters) == 1 and name in self._index.within:
            return f"{name}={value}"
        return None

    def places(self, word: str, scope: str) -> list[ZSetRange]:
        """Where records are found by a word's beginning, in the order of `Words.stretches`."""
        keys, noun, first = self._collection.keys, self._collection.noun, self._index.first
        names = [self._index.name] if first is None else [first.name, self._index.name]
        return [word_range(keys.index(noun, name, scope), word) for name in names]

    def has_words(self, record: R, wanted: tuple[Term, ...]) -> bool:
        """Whether each term begins one of the record's words."""
        return has_words(self._index.searched(record), wanted)

    def likely(self, ids: Sequence[str], wanted: tuple[Term, ...]) -> list[str]:
        """Those of the records that may have the words, at most one round trip; all where the index does not say of
        which fields their texts are made."""
        if not ids or not self._index.fields:
            return list(ids)
        keys, codec = self._collection.keys, self._collection.codec
        fields = [codec.stored(name) for name in self._index.fields]
        args: list[Arg] = [len(fields), *fields, *(term.text for term in wanted)]
        records = [keys.record(self._collection.noun, one) for one in ids]
        return [ids[at - 1] for at in self._collection.db.script("likely", records, args, allow_oom=True)]

    def has_parts(self, record: R, question: str) -> bool:
        """Whether the record's text has the parts of the question anywhere."""
        return has_parts(self._index.searched(record), question)

    def beginning(self, query: Query) -> list[R]:
        """The records whose text begins with the whole question, if a page has room for all of them."""
        if self._index.first is None:
            return []
        keys, noun, first = self._collection.keys, self._collection.noun, self._index.first
        scope = next((f"{name}={value}" for name, value in query.filters if name in first.within), "")
        members = word_range(keys.index(noun, first.name, scope), lexical_text(query.search.strip()))
        [row] = self._collection.db.many([members.slice(0, query.limit + 1, descending=False)])
        found = self._collection.get_many([self._collection.member_id(one) for one in row[: query.limit]])
        return [] if len(row) > query.limit else [one for one in found if one is not None]

    def begins(self, record: R, question: str) -> bool:
        """Whether `beginning` finds the record."""
        first, beginning = self._index.first, lexical_text(question.strip())
        members = [] if first is None else first.members(record, self._collection.ref(record.id))
        return any(member.startswith(beginning) for member, _ in members)

    def page(self, word: str, scope: str, query: Query, most: int) -> Page[R]:
        """Records that have a word with this beginning: first those whose text begins so, in the order of the texts,
        then the others in the order of the words. A record that has several of them counts once, at the first.

        Exact as long as no more than `most` members are found. Then entries as an earlier version made them are good
        as well.
        """
        after = decode_stretch(query.cursor, self._index.name) if query.cursor else (0, "")
        rows = self._stretches(word, scope, query, after, most)
        total = sum(count for count, _ in rows)
        members = [(number, member) for number, (_, row) in enumerate(rows, 1) for member in row]
        exact = total <= most
        if exact:
            first = {self._collection.member_id(place[1]): place for place in reversed(members)}
            members = sorted(first.values())
            total = len(members)
            mark = (after[0], after[1].encode())
            start = sum(place <= mark for place in members) if query.cursor else query.offset
            members = members[start : start + query.limit + 1]
        wanted = members[: query.limit]
        records = self._collection.get_many([self._collection.member_id(member) for _, member in wanted])
        found = tuple(
            one
            for place, one in zip(wanted, records, strict=True)
            if one is not None
            and (self.has_words(one, (Term(word, ()),)) if exact else place == self._first_place(one, word))
        )
        cursor = ""
        if len(members) > query.limit:
            number, member = wanted[-1]
            cursor = encode_stretch(self._index.name, number, member)
        return Page(found, total if exact else len(found) + bool(cursor), exact, cursor)

    def _stretches(
        self, word: str, scope: str, query: Query, after: tuple[int, str], most: int
    ) -> list[tuple[int, list[bytes]]]:
        """For each index that is searched: how many members begin with the word, and all of them or those of the
        page."""
        places = self.places(word, scope)
        number, member = after
        skip = 0 if query.cursor else query.offset
        args: list[Arg] = [places[0].low, places[0].high, most, number, member, skip, query.limit + 1]
        rows = self._collection.db.script("search_lex", [place.key for place in places], args, allow_oom=True)
        return [(int(count), list(row)) for count, row in rows]

    def _first_place(self, record: R, beginning: str) -> tuple[int, bytes] | None:
        """Where a search meets the record first."""
        found = (
            (number, member.encode())
            for number, members in enumerate(self._index.stretches(record, self._collection.ref(record.id)), 1)
            for member in members
            if member.startswith(beginning)
        )
        return min(found, default=None)
