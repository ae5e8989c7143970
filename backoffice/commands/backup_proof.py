"""Restoring a backup on trial: into a store of its own in a temporary directory, which goes again."""

from __future__ import annotations

import dataclasses
import shutil
import signal
import stat
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from backoffice.commands.backup_files import carried_out
from backoffice.commands.cli_context import shell_actor
from backoffice.composition import build_services, store_client
from backoffice.domain.maintenance import OnFinding
from backoffice.embedded.data_dir import DataDirectoryError, Layout, take_lock
from backoffice.embedded.for_a_while import store_running
from backoffice.services.backups import Restored
from backoffice.settings import ChunkPlace, Durability, Settings
from backoffice.start import check_chunks

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
    with _stoppable(), _place_in(scratch) as place:
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
            restored = carried_out(backups.restore(actor, file, key=key, bases=bases, on_finding=on_finding))
            steps = backups.compare(actor, file, key=key)
            compared = 0
            while True:
                try:
                    compared = next(steps)
                except StopIteration as end:
                    return Proof(restored, compared, tuple(end.value))


@contextmanager
def _stoppable() -> Iterator[None]:
    """Who is told to end takes away what it has written."""
    before = signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


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
