"""The backups that the worker makes by itself: when, of what, on which one before, and which of them stay."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from backoffice.directories import make_directory
from backoffice.domain.access import Actor, system_actor
from backoffice.domain.backup_runs import BegunOtherwise
from backoffice.domain.backups import ArchiveFile, BackupProgress
from backoffice.domain.ids import new_id
from backoffice.domain.times import now_ms
from backoffice.errors import BackofficeError, Conflict, IntegrityError, Invalid, Unavailable
from backoffice.services.backups import Backups, Made

SUFFIX: Final = ".backup"
PART: Final = f"{SUFFIX}.part"
WORKER: Final = system_actor("worker", "worker")
TURN_SECONDS: Final = 0.5
"""Of a backup in a turn of the worker, so that its other work is done meanwhile."""
LEASE_MS: Final = 120_000
AGAIN_MS: Final = 15 * 60 * 1000
"""After a failure."""
HOUR_MS: Final = 3600 * 1000
MAX_FAILURE: Final = 300
"""Characters that are remembered of why."""


class BackupBusy(Conflict):
    """A backup is being made just now."""

    code = "backup_busy"


@dataclass(slots=True)
class _Running:
    steps: Iterator[BackupProgress] | None = None
    not_before: int = 0
    listing: tuple[tuple[str, int], ...] | None = None
    found: list[ArchiveFile] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class BackupSchedule:
    """`directory`: where they go, None = there are none; `key`: the text of a key file, "" = they are not encrypted;
    `hours` from one to the next, 0 = none by itself; `keep`: how many stay; every `full`-th one has all contents, every
    `prove`-th one is restored on trial, 0 = none by itself."""

    backups: Backups
    directory: Path | None
    key: str = field(default="", repr=False)
    hours: int = 0
    keep: int = 7
    full: int = 7
    prove: int = 0
    now: Callable[[], int] = now_ms
    _running: _Running = field(default_factory=_Running)

    @property
    def every(self) -> int:
        """Hours after which the next one is made by itself, 0 = it is not."""
        return self.hours if self.directory is not None else 0

    def make(self, actor: Actor) -> Generator[BackupProgress, None, Made]:
        """A backup into the directory; then those that are too old go. One at a time, whoever makes it. Raises as
        `Backups.make`, BackupBusy, and Invalid without a directory."""
        if self.directory is None:
            raise Invalid("BACKOFFICE_BACKUP_DIR says where backups go; it is not set.")
        store, token = self.backups.store, new_id()
        steps = self._make(actor, self.directory)
        try:
            while True:
                if not store.lease(token, LEASE_MS):
                    raise BackupBusy
                try:
                    step = next(steps)
                except StopIteration as end:
                    made: Made = end.value
                    return made
                yield step
        finally:
            steps.close()
            store.release(token)

    def _make(self, actor: Actor, directory: Path) -> Generator[BackupProgress, None, Made]:
        make_directory(directory, 0o700)
        path = self._path(directory)
        try:
            made = yield from self._based(actor, path)
        except BegunOtherwise:
            # By ourselves, and the key was changed since: nobody can go on with it.
            path.with_name(f"{path.name}.part").unlink(missing_ok=True)
            made = yield from self._based(actor, path)
        self.retain()
        return made

    def _based(self, actor: Actor, path: Path) -> Generator[BackupProgress, None, Made]:
        base = self._base()
        try:
            return (yield from self.backups.make(actor, path, key=self.key, base=base))
        except (IntegrityError, Invalid):
            if base is None:
                raise
            # The one before is damaged: this one must not stand on it.
            return (yield from self.backups.make(actor, path, key=self.key))

    def _path(self, directory: Path) -> Path:
        """One that was interrupted is gone on with."""
        for part in sorted(directory.glob(f"*{PART}")):
            whole = part.with_name(part.name.removesuffix(".part"))
            if not whole.exists():
                return whole
        return directory / f"backoffice-{datetime.fromtimestamp(self.now() / 1000, UTC):%Y%m%dT%H%M%SZ}{SUFFIX}"

    def _base(self) -> Path | None:
        """The newest one, unless it is time for a full one."""
        archives = self.archives()
        since = next((at for at, one in enumerate(archives) if not one.header.base), None)
        return archives[0].path if since is not None and since + 1 < self.full else None

    def retain(self) -> list[Path]:
        """Remove the archives that are older than those that stay, unless one of these needs them; which."""
        old = outdated(self.archives(), self.keep)
        for one in old:
            one.path.unlink(missing_ok=True)
        return [one.path for one in old]

    # -- what the worker does

    def may_prove(self, token: str) -> bool:
        """Whether this worker proves backups for `LEASE_MS` from now on, and no other one. Raises Unavailable."""
        return self.backups.store.lease(token, LEASE_MS, proof=True)

    def proves_no_more(self, token: str) -> None:
        """Another one may. Raises Unavailable."""
        self.backups.store.release(token, proof=True)

    def run_some(self) -> bool:
        """The scheduled backup for a while, where one is due and no other worker makes it. Whether it goes on."""
        running, now = self._running, self.now()
        if not self.every:
            return False
        if now < running.not_before:
            return False
        try:
            if running.steps is None:
                if not self._due(now):
                    return False
                running.steps = self.make(WORKER)
            return self._on(running)
        except BackupBusy:
            running.steps = None
            return False
        except (BackofficeError, OSError) as error:
            running.steps, running.not_before = None, now + AGAIN_MS
            with suppress(BackofficeError):
                self.note_failure(str(error))
            if isinstance(error, BackofficeError):
                raise
            return False

    def _on(self, running: _Running) -> bool:
        until = time.monotonic() + TURN_SECONDS
        while running.steps is not None and time.monotonic() < until:
            if next(running.steps, None) is None:
                running.steps = None
        return running.steps is not None

    def note_failure(self, why: str) -> None:
        """Remember that something went wrong, until the next backup."""
        self.backups.store.note_failed(self.now(), why[:MAX_FAILURE])

    def to_be_proven(self) -> Path | None:
        """The newest archive, where so many came since the last one that was restored on trial; None: not yet."""
        if self.directory is None or not self.prove:
            return None
        notes = self.backups.store.notes()
        archives = self.archives()
        proven = notes.proven.archive if notes.proven is not None else ""
        since = next((at for at, one in enumerate(archives) if one.header.archive == proven), len(archives))
        return archives[0].path if archives and (since >= self.prove or since == len(archives)) else None

    def _due(self, now: int) -> bool:
        archives = self.archives()
        return not archives or archives[0].header.created_at + self.hours * HOUR_MS <= now

    def archives(self) -> list[ArchiveFile]:
        """The whole archives of this site in the directory, the newest first. They are looked into when there are
        others. Raises Unavailable."""
        if self.directory is None:
            return []
        try:
            files = list(self.directory.glob(f"*{SUFFIX}")) if self.directory.is_dir() else []
            listing = tuple(sorted((str(one), one.stat().st_mtime_ns) for one in files))
            if listing != self._running.listing:
                self._running.found = self.backups.store.archives(self.directory, self.key)
                self._running.listing = listing
        except OSError as error:
            raise Unavailable(f"{self.directory}: {error.strerror}") from error
        # One from before the clock was set back is no newer one, else none would be due until that day.
        known = self.now() + HOUR_MS
        return sorted(self._running.found, key=lambda one: one.header.created_at > known)


def outdated(archives: list[ArchiveFile], keep: int) -> list[ArchiveFile]:
    """Those, of the newest first, that need not stay: none of the `keep` newest ones is, or needs, them."""
    needed = {one.header.archive for one in archives[:keep]}
    for one in archives[:keep]:
        needed |= one.needs
    return [one for one in archives if one.header.archive not in needed]
