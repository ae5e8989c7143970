"""Whether a store is empty, that it is being restored, and emptying it again."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import Final

from backoffice.domain.backups import BackupProgress
from backoffice.errors import Conflict
from backoffice.stores.backup.kinds import Class, kind_of
from backoffice.stores.chunks.files import FileChunks
from backoffice.stores.client import Db
from backoffice.stores.keys import CHUNKS, Keys
from backoffice.stores.scan import scan

_CREATED: Final = "created_at"
ALL: Final = sys.maxsize
"""Chunks of a content, however many there are."""


@dataclass(frozen=True, slots=True)
class Emptying:
    """Of one installation, by whoever has its `Hold`. `chunks`: where its bytes lie, None = in the store itself."""

    db: Db
    keys: Keys
    chunks: FileChunks | None

    def begin(self, archive: str) -> None:
        """Note that a restore of this archive is under way. Raises Conflict unless the store is empty, or holds what
        another one left that did not come to its end."""
        left = bool(self.db.call("EXISTS", self.keys.restoring))
        if not left:
            # Before it is noted: what is noted is emptied by the next restore, whatever becomes of this one.
            self._expect_empty()
        self.db.call("SET", self.keys.restoring, archive)
        if not left:
            try:
                self._expect_empty()  # nor has anything come in between
            except Conflict:
                self.end()
                raise

    def steps(self) -> Iterator[BackupProgress]:
        """Take away all that is there but the note; piece by piece."""
        for match in (self.keys.control_keys, CHUNKS):
            for batch in scan(self.db, match):
                keys = [key for key in batch if key not in {self.keys.restoring, self.keys.backup_lease("restore")}]
                for start in range(0, len(keys), 500):
                    self.db.many([("UNLINK", key) for key in keys[start : start + 500]])
                yield BackupProgress("emptying", 0, 0)
        if self.chunks is None:
            return
        for content, _ in groupby(self.chunks.scan(), key=itemgetter(0)):
            self.chunks.delete(content, ALL)
            yield BackupProgress("emptying", 0, 0)

    def run(self) -> None:
        """All of `steps`."""
        for _ in self.steps():
            pass

    def end(self) -> None:
        """No restore is under way any more."""
        self.db.call("DEL", self.keys.restoring)

    def _expect_empty(self) -> None:
        found = self._found()
        if found:
            raise Conflict(f"The store is not empty: it has {found}. A backup is restored into an empty store only.")

    def _found(self) -> str:
        """Something that is there, in a word or two; "" = nothing that counts."""
        for batch in scan(self.db, self.keys.control_keys):
            for key in batch:
                kind = kind_of(self.keys, key)
                if key == self.keys.install:
                    if self.db.call("HEXISTS", key, _CREATED):
                        return "been set up"
                elif kind is None or kind.of is not Class.TRANSIENT:
                    return "records"
        if next(scan(self.db, CHUNKS), None):
            return "bytes of files"
        if self.chunks is not None and next(self.chunks.scan(), None):
            return "bytes of files in its directory"
        return ""


def restore_under_way(db: Db, keys: Keys) -> str:
    """Why nothing else may start on this store, "" = it may."""
    archive = db.call("GET", keys.restoring)
    if archive is None:
        return ""
    return (
        f"a restore of the backup {archive.decode()} into this store was begun and has not come to its end: run"
        " `restore` again, which empties the store and begins anew"
    )
