"""The contents of files on their way into packs: each chunk is compared with the map while it is read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from backoffice.domain.backups import BackupCounts
from backoffice.domain.files import File
from backoffice.domain.uploads import ENTRY_SIZE, Chunk, ChunkMap
from backoffice.stores.backup.output import Output
from backoffice.stores.backup.packs import FULL, Pack, Stretch, length_of
from backoffice.stores.backup.raw_chunks import RawChunks
from backoffice.stores.backup.tar import Part
from backoffice.stores.client import Db
from backoffice.stores.files import RedisFiles
from backoffice.stores.fsck.chunks import LIVE
from backoffice.stores.keys import Keys

_STRETCH: Final = 4096
"""Chunks of a stretch at most."""
_TOGETHER: Final = 500
"""Contents whose maps are asked for together."""


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

    def copy(self, files: Sequence[File]) -> Iterator[list[str]]:
        """Copy what these need and is not there yet. After each pack: the files whose content went meanwhile, which
        says nothing of any damage."""
        needed = [file for file in files if (one := named_by(file)) is not None and one[0] not in self.have]
        for start in range(0, len(needed), _TOGETHER):
            yield from self._some(needed[start : start + _TOGETHER])
        if self._pack.full:
            self._write()

    def flush(self) -> None:
        """Write the pack that is being filled."""
        if self._pack.stretches:
            self._write()

    def _some(self, files: Sequence[File]) -> Iterator[list[str]]:
        maps = self.db.many([("GET", self.keys.chunk_map(file.content_id)) for file in files])
        # Small ones travel together; a large one is read stretch by stretch.
        batch: list[tuple[File, bytes]] = []
        size = 0
        for file, found in zip(files, maps, strict=True):
            packed = found or b""
            if file.size > FULL or file.total_chunks > _STRETCH:
                for cut in self._cuts(file, packed):
                    gone = self._copied([(file, packed, cut)])
                    yield gone
                    if gone:
                        break
                continue
            batch.append((file, packed))
            size += file.size
            if size >= FULL:
                yield self._copied([(one, text, None) for one, text in batch])
                batch, size = [], 0
        if batch:
            yield self._copied([(one, text, None) for one, text in batch])

    def _cuts(self, file: File, packed: bytes) -> Iterator[tuple[int, int]]:
        """Stretches of a large content."""
        chunks = ChunkMap.unpack(packed, file.total_chunks).chunks
        first, size = self._reached.get(file.content_id, 0), 0
        for place in range(first, len(chunks)):
            chunk = chunks[place]
            size += chunk.size if chunk is not None else 0
            if size >= FULL or place - first + 1 == _STRETCH:
                yield first, place + 1
                first, size = place + 1, 0
        if first < file.total_chunks:
            yield first, file.total_chunks

    def _copied(self, parts: Sequence[tuple[File, bytes, tuple[int, int] | None]]) -> list[str]:
        stretches = []
        for file, packed, cut in parts:
            total = file.total_chunks
            first, stop = cut or (0, total)
            entries = packed[first * ENTRY_SIZE : stop * ENTRY_SIZE].ljust((stop - first) * ENTRY_SIZE, b"\0")
            stretch = Stretch(file.content_id, total, first, entries)
            stretches.append((file, stretch, stretch.chunks.chunks))
        places = [
            (one.content, place, chunk.size)
            for _, one, known in stretches
            for place, chunk in enumerate(known, one.first)
            if chunk is not None
        ]
        found = self.raw.read(places)
        gone: list[str] = []
        for file, one, known in stretches:
            if not self._take(file, one, known, found):
                gone.append(file.id)
        if self._pack.full:
            self._write()
        return gone

    def _take(self, file: File, stretch: Stretch, known: Sequence[Chunk | None], found: Iterator[bytes | None]) -> bool:
        """Add a stretch to the pack; False where something of it is missing because its file needs it no more."""
        chunks: list[bytes] = []
        lost: list[int] = []
        for place, chunk in enumerate(known, stretch.first):
            data = next(found) if chunk is not None else None
            if chunk is not None and data is not None and self.raw.matches(stretch.content, place, chunk, data):
                chunks.append(data)
            else:
                lost.append(place)
        if lost and named_by(self.files.get(file.id)) != (stretch.content, stretch.total):
            return False
        stretch = replace(stretch, lost=tuple(lost)) if lost else stretch
        self._pack.add(stretch, chunks)
        self.written[stretch.content] = stretch.total
        self._count(stretch, sum(map(len, chunks)))
        if lost:
            _, before = self.damaged.get(stretch.content, ("", 0))
            self.damaged[stretch.content] = (file.id, before + len(lost))
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
