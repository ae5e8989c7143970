"""A directory as a power cut may leave it: what is certain of it by the calls that were made.

A name is certain once its directory was synced after the name had come; that it is gone, likewise; the bytes of a file
once the file was synced after they were written. Of all else anything may be there: a file system may write it earlier,
and some do. So a `link` without a sync of its directory counts as lost or not, by chance.
"""

from __future__ import annotations

import os
import random
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

_LINE: Final = re.compile(r"^(\d+\.\d+) (\w+)\((.*)\) += (\d+)(?:<(.*)>)? <(\d+\.\d+)>$")
_NAMES: Final = re.compile(r'(?:AT_FDCWD|\d+)(?:<([^>]*)>)?, "([^"]*)"')
_OPENED: Final = re.compile(r"^\d+<([^>]*?)(?: \(deleted\))?>")
CALLS: Final = "openat,write,pwrite64,fsync,fdatasync,linkat,renameat,renameat2,unlinkat,mkdirat"


@dataclass(frozen=True, slots=True)
class Call:
    """One that went well. `paths`: the absolute ones it names, in their order; of a descriptor, what it stands for."""

    began: float
    ended: float
    name: str
    paths: tuple[str, ...]
    words: str
    result: int


def read_calls(directory: Path, prefix: str) -> list[Call]:
    """What `strace -ff -ttt -T -y` has written, a file for each thread, in the order in which calls ended."""
    found = [
        call
        for path in directory.glob(f"{prefix}.*")
        for line in path.read_text("utf-8", "replace").splitlines()
        if (call := _read(line)) is not None
    ]
    return sorted(found, key=lambda call: call.ended)


def _read(line: str) -> Call | None:
    match = _LINE.match(line)
    if match is None:
        return None
    began, name, words = float(match[1]), match[2], match[3]
    if name.endswith(("at", "at2")):
        pairs = _NAMES.findall(words)
        paths = tuple(f"{folder}/{path}" if not path.startswith("/") else path for folder, path in pairs)
    else:
        opened = _OPENED.match(words)
        paths = (opened[1],) if opened else ()
    return Call(began, began + float(match[6]), name, paths, words, int(match[4]))


@dataclass(slots=True, eq=False)
class Bytes:
    """A file. `source`: where its bytes can be read afterwards; the first `synced` are certain, `written` may be."""

    source: Path
    written: int = 0
    synced: int = 0


@dataclass(slots=True, eq=False)
class Folder:
    """`certain`: the names that are there after a cut; `pending`: what may have become of them besides."""

    now: dict[str, Folder | Bytes] = field(default_factory=dict)
    certain: dict[str, Folder | Bytes] = field(default_factory=dict)
    pending: list[tuple[str, Folder | Bytes | None]] = field(default_factory=list)
    settled: int = 0
    """How many changes of all are certain."""

    def set(self, name: str, what: Folder | Bytes | None) -> None:
        if what is None:
            self.now.pop(name, None)
        else:
            self.now[name] = what
        self.pending.append((name, what))

    @property
    def changes(self) -> int:
        return self.settled + len(self.pending)

    def settle(self, upto: int) -> None:
        """So many of all changes are certain."""
        count = max(upto - self.settled, 0)
        for name, what in self.pending[:count]:
            _apply(self.certain, name, what)
        del self.pending[:count]
        self.settled += count


def _apply(names: dict[str, Folder | Bytes], name: str, what: Folder | Bytes | None) -> None:
    if what is None:
        names.pop(name, None)
    else:
        names[name] = what


class Durable:
    """The tree below `root`. `calls` are given in their order, by `go_to`, up to a moment."""

    def __init__(self, root: Path, before: Path, graves: Path, calls: list[Call]) -> None:
        """`before`: a copy of the root from when the calls began; `graves`: each file that came, by its first name."""
        self._root, self._graves = str(root) + "/", graves
        self.tree = self._read_before(before)
        self._calls, self._next = self._with_syncs(calls), 0
        self._files: dict[str, Bytes] = {}
        self._syncing: dict[int, tuple[Folder, int] | tuple[Bytes, int]] = {}

    def _read_before(self, directory: Path) -> Folder:
        folder = Folder()
        for path in directory.iterdir():
            size = path.stat().st_size
            what = self._read_before(path) if path.is_dir() else Bytes(path, size, size)
            folder.now[path.name] = folder.certain[path.name] = what
        return folder

    @staticmethod
    def _with_syncs(calls: list[Call]) -> list[tuple[float, bool, Call]]:
        """Each call at its end; a sync at its beginning as well, for it covers what was done by then."""
        every = [(call.ended, True, call) for call in calls]
        every += [(call.began, False, call) for call in calls if call.name in {"fsync", "fdatasync"}]
        return sorted(every, key=lambda one: one[0])

    def go_to(self, moment: float) -> None:
        while self._next < len(self._calls) and self._calls[self._next][0] <= moment:
            _, ended, call = self._calls[self._next]
            self._next += 1
            paths = [path.removeprefix(self._root) for path in call.paths if f"{path}/".startswith(self._root)]
            if len(paths) == len(call.paths) and paths:
                self._take(call, ["" if f"{path}/" == self._root else path for path in paths], ended=ended)

    def _take(self, call: Call, paths: list[str], *, ended: bool) -> None:
        path = paths[0]
        if call.name in {"fsync", "fdatasync"}:
            self._sync(call, path, ended=ended)
        elif call.name == "openat" and "O_CREAT" in call.words:
            file = self._files[path] = Bytes(self._graves / path.rpartition("/")[2])
            self._put(path, file)
        elif call.name in {"write", "pwrite64"} and path in self._files:
            self._files[path].written += call.result
        elif call.name == "mkdirat":
            self._put(path, Folder())
        elif call.name == "unlinkat":
            self._put(path, None)
        elif call.name in {"linkat", "renameat", "renameat2"}:
            self._put(paths[1], self._at(path))
            if call.name != "linkat":
                self._put(path, None)

    def _sync(self, call: Call, path: str, *, ended: bool) -> None:
        if not ended:
            what = self._files.get(path) or self._at(path)
            if isinstance(what, Folder):
                self._syncing[id(call)] = what, what.changes
            elif what is not None:
                self._syncing[id(call)] = what, what.written
            return
        what, covered = self._syncing.pop(id(call), (None, 0))
        if isinstance(what, Folder):
            what.settle(covered)
        elif what is not None:
            what.synced = max(what.synced, covered)

    def _at(self, path: str) -> Folder | Bytes | None:
        what: Folder | Bytes | None = self.tree
        for name in path.split("/") if path else ():
            what = what.now.get(name) if isinstance(what, Folder) else None
        return what

    def _put(self, path: str, what: Folder | Bytes | None) -> None:
        folder, _, name = path.rpartition("/")
        parent = self._at(folder)
        if isinstance(parent, Folder):
            parent.set(name, what)

    # -- what is left

    def write(self, target: Path, chance: random.Random, share: float) -> None:
        """Make the tree as it may be now; each uncertain change is there with this probability."""
        for path, what in _left(self.tree, Path(), chance, share):
            if isinstance(what, Folder):
                (target / path).mkdir(parents=True, exist_ok=True)
                continue
            with what.source.open("rb") as file:
                length = chance.randint(what.synced, max(what.written, what.synced))
                (target / path).write_bytes(file.read(length))
            modified = what.source.stat().st_mtime_ns  # until when it is held
            os.utime(target / path, ns=(modified, modified))


def _left(folder: Folder, at: Path, chance: random.Random, share: float) -> Iterator[tuple[Path, Folder | Bytes]]:
    yield at, folder
    names = dict(folder.certain)
    for name, what in folder.pending:
        if chance.random() < share:
            _apply(names, name, what)
    for name, what in names.items():
        if isinstance(what, Folder):
            yield from _left(what, at / name, chance, share)
        else:
            yield at / name, what
