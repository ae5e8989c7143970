"""The store of a noun: what all of them do, once."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Any, ClassVar, Generic, TypeVar

from backoffice.domain.audit import AuditEvent
from backoffice.domain.paging import Page, Query
from backoffice.domain.versions import Version
from backoffice.errors import StoreFull
from backoffice.stores.client import Arg, Db
from backoffice.stores.failures import TakesNoChanges
from backoffice.stores.keys import Keys
from backoffice.stores.records.collection import Collection, Record
from backoffice.stores.records.commit import Commit
from backoffice.stores.records.indexes import Index
from backoffice.stores.records.paging import Pager

R = TypeVar("R", bound=Record)


class RedisRecords(Generic[R]):
    """Records of one noun. A subclass declares in class attributes the noun's name in keys, its dataclass and its
    indexes:

        class RedisNotes(RedisRecords[Note]):
            noun, record = "notes", Note
            indexes = (
                Unique("title", lambda note: note.title),
                Sorted("created", lambda note: note.created_at),
                Facet("color", lambda note: (note.color,), lambda note: note.created_at, "created"),
            )

    All of it goes on when the store's memory is full: these are people, and what lets them in. A noun of which people
    can make many has a bound of its own.

    What else has to hold when a record comes, changes or goes it adds to the commit in `_inserting`, `_replacing` and
    `_removing`: checks, and writes that belong to the change.
    """

    noun: ClassVar[str]
    record: ClassVar[type[Any]]
    indexes: ClassVar[Sequence[Index[Any]]]
    order: ClassVar[str] = "created"
    """The sorted index by which pages are ordered unless the query names another."""
    expiring: ClassVar[bool] = False
    """Records vanish by themselves, so that an index may name one that has gone."""
    remembered: ClassVar[int] = 0
    """Rows that are kept with their records (`Collection`)."""

    def __init__(self, db: Db, keys: Keys) -> None:
        self._db, self._keys = db, keys
        self.collection: Collection[R] = self._make_collection(db, keys)
        self._pager = Pager(self.collection, self.order)

    def _make_collection(self, db: Db, keys: Keys) -> Collection[R]:
        return Collection(db, keys, self.noun, self.record, self.indexes, remembered=self.remembered)

    # -- reading

    def get(self, record_id: str) -> R | None:
        """The record, or None. One round trip."""
        return self.collection.get(record_id)

    def get_many(self, ids: Sequence[str]) -> list[R | None]:
        """The records in order, None where there is none. One round trip."""
        return self.collection.get_many(ids)

    def page(self, query: Query) -> Page[R]:
        """The records asked for. Raises Invalid for an unknown index, a bad cursor or a limit out of bounds."""
        return self._pager.page(query)

    def as_read(self, record: R) -> Version:
        """What its key held when it was read: another one where it was changed or removed since."""
        name, text = self.collection.version(record)
        return Version(self._keys.record(self.noun, record.id), name, text.encode())

    # -- changing

    def insert(self, record: R, event: AuditEvent) -> None:
        """Keep a new record. Raises Conflict when there is one of this id, NameTaken when a unique text is taken."""
        commit = self._commit(event)
        self._inserting(commit, record)
        self.collection.insert(commit, record)
        commit.run(self._db, when_full=True)

    def replace(self, old: R, new: R, event: AuditEvent) -> None:
        """Put `new` in the place of `old`. Raises VersionMismatch unless it is still `old`, and NameTaken."""
        commit = self._commit(event)
        self.collection.replace(commit, old, new)
        self._replacing(commit, old, new)
        commit.run(self._db, when_full=True)

    def remove(self, old: R, event: AuditEvent) -> None:
        """Remove the record. Raises VersionMismatch unless it is still `old`."""
        commit = self._commit(event)
        self.collection.remove(commit, old)
        self._removing(commit, old)
        commit.run(self._db, when_full=True)

    # -- for subclasses

    def _commit(self, event: AuditEvent) -> Commit:
        return Commit(self._keys, event)

    def _inserting(self, commit: Commit, record: R) -> None:
        """What has to hold besides when a record comes."""

    def _replacing(self, commit: Commit, old: R, new: R) -> None:
        """What has to hold besides when it changes."""

    def _removing(self, commit: Commit, old: R) -> None:
        """What has to hold besides when it goes."""


def note_use(db: Db, keys: Sequence[bytes], args: Sequence[Arg]) -> None:
    """Note when something was used last (`touch.lua`), if it can be: no request fails for it when the store takes no
    writes."""
    with suppress(StoreFull, TakesNoChanges):
        db.script("touch", keys, args, allow_oom=True)
