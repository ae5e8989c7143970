"""The door to backups: what makes one, what restores one, and what the store remembers of them."""

from __future__ import annotations

import json
from collections.abc import Generator, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from backoffice.domain.audit import AuditEvent
from backoffice.domain.backup_runs import Backup, Comparison, Restore
from backoffice.domain.backups import ArchiveFile, BackupHeader, BackupNote, BackupNotes
from backoffice.errors import BackofficeError
from backoffice.stores.backup.base import Base, header_of
from backoffice.stores.backup.collect import BackupRun
from backoffice.stores.backup.compare import StoreComparison
from backoffice.stores.backup.emptying import Emptying, restore_under_way
from backoffice.stores.backup.hold import Hold
from backoffice.stores.backup.output import Output, opened
from backoffice.stores.backup.raw_chunks import RawChunks
from backoffice.stores.backup.restore import RestoreRun
from backoffice.stores.backup.sealed import Key
from backoffice.stores.backup.tar import TarReader
from backoffice.stores.chunks.files import FileChunks
from backoffice.stores.client import Db
from backoffice.stores.collector import seldom
from backoffice.stores.keys import Keys
from backoffice.stores.records.commit import Commit

SUFFIX: Final = ".backup"
NOTE_FIELDS: Final = ("backup", "backup_proven", "backup_failed")
"""Fields of the installation."""
_MADE, _PROVEN, _FAILED = NOTE_FIELDS


@dataclass(frozen=True, slots=True)
class RedisBackups:
    """Port `BackupStore`. `files`: where the bytes lie, None = in Redis; `quota`: bytes of who has no own one."""

    db: Db
    keys: Keys
    raw: RawChunks
    files: FileChunks | None
    quota: int

    def begin(self, path: Path, key: str, base: Path | None) -> Generator[None, None, Backup]:
        """As `BackupStore.begin`."""
        secret, stands_on = _key(key), None
        if base is not None:
            stands_on = yield from Base.read(base, secret)
        return BackupRun(self.db, self.keys, self.raw, Output(path, secret), stands_on)

    def restore(self, path: Path, key: str, bases: Sequence[Path]) -> AbstractContextManager[Restore]:
        """As `BackupStore.restore`."""
        return self._restoring(path, key, bases)

    @contextmanager
    def _restoring(self, path: Path, key: str, bases: Sequence[Path]) -> Iterator[Restore]:
        with ExitStack() as stack:
            stack.enter_context(seldom())
            archive = _opened(path, key, stack)
            emptying, hold = Emptying(self.db, self.keys, self.files, self.raw), Hold(self.db, self.keys)
            stack.callback(hold.release)
            where = (self.db.call("HGET", self.keys.install, "chunks") or b"").decode()
            known = {one.archive: _opened(file, key, stack) for file, one in _archives(bases, key)}
            yield RestoreRun(self.db, self.keys, self.raw, archive, emptying, hold, where, self.quota, known)

    def compare(self, path: Path, key: str) -> Comparison:
        """As `BackupStore.compare`."""
        return StoreComparison(self.db, self.keys, self.raw, lambda: opened(path, _key(key)))

    def under_way(self) -> str:
        """As `BackupStore.under_way`."""
        return restore_under_way(self.db, self.keys)

    def archives(self, directory: Path, key: str) -> list[ArchiveFile]:
        """As `BackupStore.archives`."""
        found = []
        site = int(self.db.call("HGET", self.keys.install, "created_at") or 0)
        for path, header in _within(directory, key):
            if header.site != site:
                continue
            with suppress(BackofficeError, OSError):  # it is not whole
                found.append(ArchiveFile(path, header, frozenset(_needs(path, key))))
        return sorted(found, key=lambda one: one.header.created_at, reverse=True)

    # -- what is remembered

    def notes(self) -> BackupNotes:
        """As `BackupStore.notes`."""
        return notes_of(self.db.call("HMGET", self.keys.install, *NOTE_FIELDS))

    def note_made(self, note: BackupNote, event: AuditEvent) -> None:
        """As `BackupStore.note_made`."""
        commit = Commit(self.keys, event)
        commit.write("HSET", self.keys.install, _MADE, note.dump())
        commit.write("HDEL", self.keys.install, _FAILED)
        commit.run(self.db, when_full=True)

    def note_proven(self, note: BackupNote, event: AuditEvent) -> None:
        """As `BackupStore.note_proven`."""
        commit = Commit(self.keys, event)
        commit.write("HSET", self.keys.install, _PROVEN, note.dump())
        commit.write("HDEL", self.keys.install, _FAILED)
        commit.run(self.db, when_full=True)

    def note_failed(self, at: int, why: str) -> None:
        """As `BackupStore.note_failed`."""
        self.db.call("HSET", self.keys.install, _FAILED, json.dumps([at, why]))

    def lease(self, token: str, milliseconds: int, *, proof: bool = False) -> bool:
        """As `BackupStore.lease`."""
        return bool(self.db.script("backup", [self._lease(proof)], ["lease", token, milliseconds], allow_oom=True))

    def release(self, token: str, *, proof: bool = False) -> None:
        """As `BackupStore.release`."""
        self.db.script("backup", [self._lease(proof)], ["release", token], allow_oom=True)

    def _lease(self, proof: bool) -> bytes:
        return self.keys.backup_lease("proof") if proof else self.keys.backup_lease()


def _key(text: str) -> Key | None:
    return Key.of_text(text) if text else None


def _opened(path: Path, key: str, stack: ExitStack) -> TarReader:
    file, reader = opened(path, _key(key))
    stack.enter_context(file)
    return reader


def _archives(places: Sequence[Path], key: str) -> Iterator[tuple[Path, BackupHeader]]:
    """The archives among these files, and in these directories those that can be read."""
    for place in places:
        if place.is_dir():
            yield from _within(place, key)
        else:
            yield place, _header(place, key)


def _within(directory: Path, key: str) -> Iterator[tuple[Path, BackupHeader]]:
    """Those in a directory. What the key does not open, or is damaged, is none."""
    for path in sorted(directory.glob(f"*{SUFFIX}")):
        with suppress(BackofficeError, OSError):
            yield path, _header(path, key)


def _header(path: Path, key: str) -> BackupHeader:
    with ExitStack() as stack:
        return header_of(_opened(path, key, stack))


def _needs(path: Path, key: str) -> Iterator[str]:
    """The archives that this one needs. Asked of all archives in a directory each time that there is another, so none
    is read for it."""
    with ExitStack() as stack:
        yield from _opened(path, key, stack).ending().get("needs", ())


def notes_of(values: Sequence[bytes | None]) -> BackupNotes:
    """What stands in `NOTE_FIELDS`."""
    made, proven, failed = values
    at, why = json.loads(failed) if failed else (0, "")
    return BackupNotes(BackupNote.load(made), BackupNote.load(proven), why, at)
