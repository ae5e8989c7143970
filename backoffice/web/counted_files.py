"""The files into which web processes count, one of each kind for each process (`metrics.py`).

What a process has counted stays when it ends. So the first process of the server brings the files of those that have
ended together into one: else each restart and each worker that dies would leave some for ever, on a disk that may be
memory, and every scrape would read all of them.
"""

from __future__ import annotations

import fcntl
import os
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from prometheus_client.mmap_dict import MmapedDict

_SUMMED: Final = ("counter", "histogram")
_ENDED: Final = "ended"
"""In the place of a process's number: of all that have ended."""
_HALF: Final = (struct.error, RuntimeError)
"""What the library says of a file whose process was killed while it made it."""


@contextmanager
def reading(directory: str) -> Iterator[None]:
    """Meanwhile no file goes away or comes twice. Any number may read at once."""
    with _locked(directory, fcntl.LOCK_SH):
        yield


def bring_together(directory: str, lives: Callable[[int], bool]) -> bool:
    """Of processes that do not live any more: add up what they counted, and forget what they held at the moment.

    False where somebody reads just now: nothing is done, and it is to be tried again.
    """
    try:
        with _locked(directory, fcntl.LOCK_EX | fcntl.LOCK_NB):
            for path in _ended(directory, "gauge", lives):
                path.unlink()
            for kind in _SUMMED:
                _sum(Path(directory, f"{kind}_{_ENDED}.db"), _ended(directory, kind, lives))
    except BlockingIOError:
        return False
    return True


def _ended(directory: str, kind: str, lives: Callable[[int], bool]) -> list[Path]:
    found = [(path, path.stem.rpartition("_")[2]) for path in Path(directory).glob(f"{kind}_*.db")]
    return [path for path, number in found if number.isdecimal() and not lives(int(number))]


def _sum(target: Path, ended: list[Path]) -> None:
    if not ended:
        return
    sums: dict[str, float] = {}
    for path in [target, *ended]:
        with suppress(FileNotFoundError, *_HALF):
            for key, value, *_ in MmapedDict.read_all_values_from_file(str(path)):  # type: ignore[no-untyped-call]
                sums[key] = sums.get(key, 0.0) + value
    made = target.with_suffix(".new")
    made.unlink(missing_ok=True)
    file = MmapedDict(str(made))  # type: ignore[no-untyped-call]
    for key, value in sums.items():
        file.write_value(key, value, 0.0)  # type: ignore[no-untyped-call]
    file.close()  # type: ignore[no-untyped-call]
    made.replace(target)
    for path in ended:
        path.unlink()


@contextmanager
def _locked(directory: str, how: int) -> Iterator[None]:
    """Raises BlockingIOError where it would have to wait and `how` says that it should not."""
    there = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(there, how)
        yield
    finally:
        os.close(there)
