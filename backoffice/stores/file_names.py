"""Names of files: unique within what an owner has outside the trash."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from backoffice.domain.actions import Actions
from backoffice.domain.audit import AuditEvent
from backoffice.domain.files import File, numbered
from backoffice.errors import NameTaken
from backoffice.stores.client import Db
from backoffice.stores.file_indexes import is_live
from backoffice.stores.keys import Keys
from backoffice.stores.records.collection import Collection
from backoffice.stores.records.commit import Commit
from backoffice.stores.records.indexes import text_range


class FileNames:
    """What the index of names says, and what a commit checks in it."""

    def __init__(self, db: Db, keys: Keys, collection: Collection[File]) -> None:
        self._db, self._keys, self._collection = db, keys, collection

    def _names(self, owner: str) -> bytes:
        return self._keys.index(self._collection.noun, "name", f"owner={owner}")

    def holder(self, owner: str, name: str) -> File | None:
        """The owner's file of that name."""
        least, below = text_range(name)
        row = self._db.call("ZRANGE", self._names(owner), f"[{least}", f"({below}", "BYLEX", "LIMIT", 0, 1)
        file = self._collection.get(self._collection.member_id(bytes(row[0]))) if row else None
        # Between the two looks it may have been trashed or renamed; then it is not the holder any more.
        return file if file is not None and is_live(file) and text_range(file.name)[0] == least else None

    def free(self, owner: str, name: str) -> str:
        """`name`, or the first of `name (2)`, `name (3)` … that the owner has not used. One round trip for 32; beyond
        them not always the first, but found in as many steps as its number has bits."""
        tried = [name if number == 1 else numbered(name, number) for number in range(1, 33)]
        ends = [end for one in tried for end in _ends(one)]
        free = int(self._db.script("free_name", [self._names(owner)], ends, allow_oom=True))
        if free:
            return tried[free - 1]
        low, high = 32, 64
        while self.taken(owner, numbered(name, high)):
            low, high = high, high * 2
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if self.taken(owner, numbered(name, middle)) else (low, middle)
        return numbered(name, high)

    def taken(self, owner: str, name: str) -> bool:
        return bool(self._db.call("ZLEXCOUNT", self._names(owner), *_ends(name)))

    def check_vacant(self, commit: Commit, file: File, others: int = 0) -> None:
        """Check that nobody takes the name in the meantime."""
        least, below = text_range(file.name)
        taken = NameTaken("You have a file of this name.", field="name")
        commit.check("vacant", self._names(file.owner), least, below, others, error=taken)


def _ends(name: str) -> tuple[str, str]:
    least, below = text_range(name)
    return f"[{least}", f"({below}"


def in_order(events: Iterable[AuditEvent], *, named_by_owner: bool) -> list[AuditEvent]:
    """The entry of a new owner first, where that decides under which name the file comes there: it says so."""
    return sorted(events, key=lambda event: named_by_owner and event.action != Actions.FILE_TRANSFER)


def telling_name(event: AuditEvent, old: File, new: File) -> AuditEvent:
    """The event of an act by which a file got another name because its own was taken."""
    if new.name == old.name:
        return event
    return replace(event, changes={**event.changes, "name": (old.name, new.name)})
