"""Restoring a backup on trial: into a store of its own in a temporary directory, which goes again."""

from __future__ import annotations

import dataclasses
import shutil
import signal
import stat
import sys
import tempfile
import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

from backoffice.commands.backup_files import carried_out
from backoffice.commands.cli_context import shell_actor
from backoffice.composition import build_services, store_client
from backoffice.domain.maintenance import OnFinding
from backoffice.embedded.data_dir import DataDirectoryError, Layout, take_lock
from backoffice.embedded.for_a_while import store_running
from backoffice.services.backups import Restored
from backoffice.settings import ChunkPlace, Durability, Settings
from backoffice.start import check_chunks

T = TypeVar("T")
R = TypeVar("R")
_PREFIX: Final = ".proof-"
_LOCK: Final = "proof.lock"
_BEGUN_SECONDS: Final = 60
"""Between the making of a directory and its lock."""


@dataclass(frozen=True, slots=True)
class Proof:
    """What came of it. `different`: records, entries and contents that are not what the archive says."""

    restored: Restored
    compared: int
    different: tuple[str, ...]

    @property
    def holds(self) -> bool:
        """Whether everything came back."""
        return self.restored.sound and not self.different


def prove(
    settings: Settings, file: Path, key: str, bases: Sequence[Path], scratch: Path, on_finding: OnFinding
) -> Proof:
    """Restore it and look at all of it. Bytes of files lie in a directory, wherever they came from, so it takes no more
    memory than the records. Raises what `Backups.restore` raises."""
    with _told_to_end() as told, _place_in(scratch) as place:
        (place / "chunks").mkdir(mode=0o700)
        chosen = dataclasses.replace(
            settings,
            data_dir=place / "data",
            redis_url="",
            redis_password=None,
            replicas=0,
            durability=Durability.MEMORY,
            encrypt_data=0,  # it writes nothing
            chunks=ChunkPlace(place / "chunks"),
        )
        with store_running(Layout.at(chosen.data_dir), chosen, _quiet) as own:
            client = store_client(own)
            check_chunks(own, client)
            backups = build_services(own, client).backups
            actor = shell_actor()
            steps = backups.restore(actor, file, key=key, bases=bases, on_finding=on_finding)
            restored = carried_out(_until(told, steps))
            comparing, compared = _until(told, backups.compare(actor, file, key=key)), 0
            while True:
                try:
                    compared = next(comparing)
                except StopIteration as end:
                    return Proof(restored, compared, tuple(end.value))


@contextmanager
def _told_to_end() -> Iterator[list[int]]:
    """The signal that said so, when one has. It is looked at between two steps: raised wherever this process is, it may
    be lost in what ignores errors."""
    told: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, _frame: told.append(number))
    try:
        yield told
    finally:
        signal.signal(signal.SIGTERM, before)


def _until(told: Sequence[int], steps: Generator[T, None, R]) -> Generator[T, None, R]:
    """The same steps. Raises SystemExit when somebody has told to end, so that what was written goes."""
    while not told:
        try:
            step = next(steps)
        except StopIteration as end:
            found: R = end.value
            return found
        yield step
    sys.exit(128 + told[0])


@contextmanager
def _place_in(scratch: Path) -> Iterator[Path]:
    """A directory for one proof, which goes again; as do those that killed ones have left, for all files of the site
    are in them."""
    for left in scratch.glob(f"{_PREFIX}*"):
        _clear(left)
    with tempfile.TemporaryDirectory(prefix=_PREFIX, dir=scratch) as name:
        lock = take_lock(Path(name) / _LOCK)
        if lock is None:
            raise DataDirectoryError(f"{name} is not this process's own")
        with lock:
            yield Path(name)


def _clear(left: Path) -> None:
    """Take it away, unless its proof is alive, or has only just begun."""
    with suppress(OSError, DataDirectoryError):
        found = left.lstat()
        if not stat.S_ISDIR(found.st_mode) or time.time() - found.st_mtime < _BEGUN_SECONDS:
            return
        lock = take_lock(left / _LOCK)
        if lock is not None:
            with lock:
                shutil.rmtree(left)


def _quiet(_text: str) -> None:
    """What the store of a proof says concerns nobody."""
