"""Whether a store is empty, that it is being restored, and emptying it again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from backoffice.domain.backups import BackupProgress
from backoffice.domain.uploads import ENTRY_SIZE
from backoffice.errors import Conflict
from backoffice.stores.backup.kinds import CONTENT, Class, kind_of
from backoffice.stores.backup.raw_chunks import RawChunks
from backoffice.stores.chunk_keys import CHUNKS
from backoffice.stores.chunks.files import FileChunks
from backoffice.stores.client import Db
from backoffice.stores.keys import RESTORING, Keys
from backoffice.stores.scan import scan

_CREATED: Final = "created_at"
_TOGETHER: Final = 500


@dataclass(frozen=True, slots=True)
class Emptying:
    """Of one installation, by whoever has its `Hold`. `files`: where its bytes lie, None = in the store itself; `raw`:
    these bytes."""

    db: Db
    keys: Keys
    files: FileChunks | None
    raw: RawChunks

    def begin(self, archive: str, where: str) -> None:
        """Note that a restore of this archive is under way, and `where` its bytes go (`chunks/in_use.py`). Raises
        Conflict unless the store is empty, or holds what another one left that did not come to its end."""
        left = bool(self.db.call("EXISTS", self.keys.restoring))
        if not left:
            # Before it is noted: what is noted is emptied by the next restore, whatever becomes of this one.
            self.expect_empty()
        self.db.call("SET", self.keys.restoring, f"{archive} {where}")
        if not left:
            try:
                self.expect_empty()  # nor has anything come in between
            except Conflict:
                self.end()
                raise

    def steps(self) -> Iterator[BackupProgress]:
        """Take away all that a restore has left but the note; piece by piece. Of bytes those alone of which it has put
        back a map: a store, and a directory as well, may have others, which are another site's."""
        stay = {self.keys.restoring, self.keys.backup_lease("restore")}
        for batch in scan(self.db, self.keys.control_keys):
            keys = [key for key in batch if key not in stay]
            for start in range(0, len(keys), _TOGETHER):
                some = keys[start : start + _TOGETHER]
                self._free_contents([key for key in some if kind_of(self.keys, key) == CONTENT])
                self.db.many([("UNLINK", key) for key in some])
            yield BackupProgress("emptying", 0, 0)

    def _free_contents(self, maps: list[bytes]) -> None:
        """Before their maps go: what is stopped in between is found again."""
        for key, length in zip(maps, self.db.many([("STRLEN", key) for key in maps]), strict=True):
            self.raw.delete(self.keys.split(key)[1], int(length) // ENTRY_SIZE)

    def end(self) -> None:
        """No restore is under way any more."""
        self.db.call("DEL", self.keys.restoring)

    def expect_empty(self) -> None:
        """Raises Conflict where something is there."""
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
        if any(key != self.keys.restoring for batch in scan(self.db, RESTORING) for key in batch):
            return "what a restore of another site has left, which may be of the same files"
        if self.files is not None and next(self.files.scan(), None):
            return "bytes of files in its directory"
        return ""


def restore_under_way(db: Db, keys: Keys) -> str:
    """Why nothing else may start on this store, "" = it may."""
    noted = db.call("GET", keys.restoring)
    if noted is None:
        return ""
    archive, _, _ = noted.decode().partition(" ")
    return (
        f"a restore of the backup {archive} into this store was begun and has not come to its end: run"
        " `restore` again, which empties the store and begins anew"
    )
