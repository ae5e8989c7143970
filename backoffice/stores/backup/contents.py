"""The contents of files on their way into packs: each chunk is compared with the map while it is read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from backoffice.domain.backups import BackupCounts
from backoffice.domain.files import File
from backoffice.domain.ids import is_id
from backoffice.domain.uploads import ENTRY_SIZE, Chunk, ChunkMap
from backoffice.stores.backup.ahead import ahead
from backoffice.stores.backup.output import Output
from backoffice.stores.backup.packs import FULL, Pack, Stretch, length_of
from backoffice.stores.backup.raw_chunks import RawChunks
from backoffice.stores.backup.tar import Part
from backoffice.stores.client import Db
from backoffice.stores.file_indexes import SHORT
from backoffice.stores.files import RedisFiles
from backoffice.stores.fsck.chunks import LIVE
from backoffice.stores.keys import Keys

NEED: Final = ("state", *(SHORT[name] for name in ("total_chunks", "content", "size")))
"""Fields of a file's record, as they are stored."""
_LIVE: Final = frozenset(state.value.encode() for state in LIVE)
_STRETCH: Final = 4096
"""Chunks of a stretch at most."""
_TOGETHER: Final = 1000
"""Contents whose maps are asked for together."""
FETCHED: Final = 4 * 1024**2
"""Bytes of small ones that are read together, while those before are compared with their maps."""


@dataclass(slots=True)
class Need:
    """The content that a file needs: under which identifier, of how many chunks, and how many bytes."""

    file: str
    content: str
    total: int
    size: int


def need_of(file_id: str, fields: Sequence[bytes | None]) -> Need | None:
    """What the file of a record needs, by those of its fields that tell of it (`NEED`); None where that is nothing, or
    nobody can say."""
    state, total, content, size = fields
    named = content.decode(errors="replace") if content else file_id
    if total is None or not total.isdigit() or (state is not None and state not in _LIVE) or not is_id(named):
        return None
    number = int(total)
    return Need(file_id, named, number, int(size) if size and size.isdigit() else 0) if number else None


def named_by(file: File | None) -> tuple[str, int] | None:
    """The content that a record needs, and how many chunks it has; None where it needs none."""
    if file is None or file.state not in LIVE or not file.total_chunks:
        return None
    return file.content_id, file.total_chunks


@dataclass(slots=True)
class Contents:
    """Copies contents. `have`: those that need not be read any more, in this archive or in one before it; `damaged`:
    contents of which chunks are missing, with the file that has them and how many."""

    db: Db
    keys: Keys
    files: RedisFiles
    raw: RawChunks
    output: Output
    have: set[str] = field(default_factory=set)
    written: dict[str, int] = field(default_factory=dict)
    damaged: dict[str, tuple[str, int]] = field(default_factory=dict)
    moved: int = 0
    """Bytes of chunks in it."""
    _whole: int = 0
    _chunks: int = 0
    _pack: Pack = field(default_factory=Pack)
    _reached: dict[str, int] = field(default_factory=dict)

    def note(self, stretches: Sequence[Stretch]) -> None:
        """These are in the archive already. A content that was cut in the middle goes on there."""
        for one in stretches:
            if one.last:
                self.have.add(one.content)
            self.written[one.content] = one.total
            self._reached[one.content] = one.first + one.count
            self._count(one, length_of(one))
            if one.lost:
                _, before = self.damaged.get(one.content, ("", 0))
                self.damaged[one.content] = ("", before + len(one.lost))

    def copy(self, files: Sequence[Need]) -> Iterator[list[str]]:
        """Copy what these need and is not there yet. After each piece: the files whose content went meanwhile, which
        says nothing of any damage."""
        needed = [one for one in files if one.content not in self.have]
        for start in range(0, len(needed), _TOGETHER):
            yield from self._some(needed[start : start + _TOGETHER])
        if self._pack.full:
            self._write()

    def flush(self) -> None:
        """Write the pack that is being filled."""
        if self._pack.stretches:
            self._write()

    def _some(self, files: Sequence[Need]) -> Iterator[list[str]]:
        maps = self.db.many([("GET", self.keys.chunk_map(one.content)) for one in files])
        small: list[_Part] = []
        for file, found in zip(files, maps, strict=True):
            packed = found or b""
            if file.size <= FULL and file.total <= _STRETCH:
                small.append(_part(file, packed, 0, file.total))
                continue
            # A large one is read stretch by stretch.
            for first, stop in self._cuts(file, packed):
                gone = self._copied([_part(file, packed, first, stop)], None)
                yield gone
                if gone:
                    break
        for parts, chunks in ahead(self._fetched(small)):
            yield self._copied(parts, chunks)

    def _fetched(self, parts: Sequence[_Part]) -> Iterator[tuple[list[_Part], list[bytes | None]]]:
        """Small ones with their bytes, so many as travel together."""
        some: list[_Part] = []
        size = 0
        for part in parts:
            some.append(part)
            size += part.need.size
            if size >= FETCHED:
                yield some, list(self.raw.read(_places(some)))
                some, size = [], 0
        if some:
            yield some, list(self.raw.read(_places(some)))

    def _cuts(self, file: Need, packed: bytes) -> Iterator[tuple[int, int]]:
        """Stretches of a large content."""
        chunks = ChunkMap.unpack(packed, file.total).chunks
        first, size = self._reached.get(file.content, 0), 0
        for place in range(first, len(chunks)):
            chunk = chunks[place]
            size += chunk.size if chunk is not None else 0
            if size >= FULL or place - first + 1 == _STRETCH:
                yield first, place + 1
                first, size = place + 1, 0
        if first < file.total:
            yield first, file.total

    def _copied(self, parts: Sequence[_Part], chunks: Sequence[bytes | None] | None) -> list[str]:
        """`chunks`: their bytes, None where they are to be read."""
        found = iter(chunks) if chunks is not None else self.raw.read(_places(parts))
        gone = [part.need.file for part in parts if not self._take(part, found)]
        if self._pack.full:
            self._write()
        return gone

    def _take(self, part: _Part, found: Iterator[bytes | None]) -> bool:
        """Add a stretch to the pack; False where something of it is missing because its file needs it no more."""
        file, stretch = part.need, part.stretch
        chunks: list[bytes] = []
        lost: list[int] = []
        for place, chunk in enumerate(part.known, stretch.first):
            data = next(found) if chunk is not None else None
            if chunk is not None and data is not None and self.raw.matches(stretch.content, place, chunk, data):
                chunks.append(data)
            else:
                lost.append(place)
        if lost and named_by(self.files.get(file.file)) != (stretch.content, stretch.total):
            return False
        stretch = replace(stretch, lost=tuple(lost)) if lost else stretch
        self._pack.add(stretch, chunks)
        self.written[stretch.content] = stretch.total
        self._count(stretch, sum(map(len, chunks)))
        if lost:
            _, before = self.damaged.get(stretch.content, ("", 0))
            self.damaged[stretch.content] = (file.file, before + len(lost))
        if stretch.last:
            self.have.add(stretch.content)
        return True

    @property
    def counts(self) -> BackupCounts:
        """What is in the archive by now."""
        return BackupCounts(contents=self._whole, chunks=self._chunks, bytes=self.moved)

    def _count(self, stretch: Stretch, size: int) -> None:
        self._whole += stretch.last
        self._chunks += stretch.count - len(stretch.lost)
        self.moved += size

    def _write(self) -> None:
        pack, self._pack = self._pack, Pack()
        self.output.add(Part.CHUNKS, pack.pieces())


@dataclass(slots=True)
class _Part:
    """A stretch of a content that is to be read, and what the map knows of it."""

    need: Need
    stretch: Stretch
    known: tuple[Chunk | None, ...]


def _part(need: Need, packed: bytes, first: int, stop: int) -> _Part:
    entries = packed[first * ENTRY_SIZE : stop * ENTRY_SIZE].ljust((stop - first) * ENTRY_SIZE, b"\0")
    stretch = Stretch(need.content, need.total, first, entries)
    return _Part(need, stretch, stretch.chunks.chunks)


def _places(parts: Sequence[_Part]) -> list[tuple[str, int, int]]:
    return [
        (part.stretch.content, place, chunk.size)
        for part in parts
        for place, chunk in enumerate(part.known, part.stretch.first)
        if chunk is not None
    ]
