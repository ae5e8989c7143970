"""Uploads: the record of a file that is still arriving, and the map of its chunks."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from itertools import takewhile

from backoffice.domain.folders import Place
from backoffice.domain.limits import UNCOUNTED_CHUNKS

UNKNOWN = -1
"""A size or a number of chunks that is not known yet."""

TAILS = 2**31
"""Indexes from here on are no chunks' own: under them lie tails of streams, see `Upload.tail`."""


TUS = "tus"

PARTIAL, FINAL = "partial", "final"
"""What `Upload.concat` may be."""

IN_ORDER = "in order"
"""What a refused chunk is told (`state`) of an upload that has become a stream meanwhile."""


class UploadState(StrEnum):
    OPEN = "open"
    COMPLETING = "completing"
    ABORTED = "aborted"


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that is arriving. Times in ms, sizes in bytes.

    size            declared size of the whole; UNKNOWN: the quota is taken chunk by chunk
    total_chunks    UNKNOWN for a stream, whose bytes come in order: `bytes` is then the offset at which it goes on
    received, bytes how many chunks of it are stored, and how many bytes
    reserved        what it holds of the owner's quota: bytes that it has or will have, and its map (`map_bytes`)
    expires_at      moves with each chunk, never past `dies_at`, when no chunk of it is needed any more
    fence           number of the latest append to a stream; an older one notes nothing more
    tail            0, or the append that stored the last chunk of a stream, which is short and may still grow: its
                    bytes lie under an index of that append, so that no two ever write to the same place
    address         from where it was begun; "" where that is not known
    protocol        TUS where a client of that protocol sends it, or did last as a stream, else ""
    concat          PARTIAL: it is a part of another, and never a file; FINAL: it is made of the uploads `parts`, in
                    this order, and takes no bytes itself; else ""
    joins           the final upload that a part belongs to; "" as long as it belongs to none
    reach           so many of its indexes may have bytes, whatever the map says: those of its parts are moved before
                    they are noted, and those beyond the first gap stay when chunks become a stream
    folder          the identifier of the folder that it is for, as was said when it began; "": the top
    folder_path     names of folders below that, which are made where they are not there when it becomes a file
    begun_by        who began it, where that was not the owner (`Actor.begins_as`); nobody else but the owner goes on
    metadata        what a tus client said of it, as it came (`upload_metadata.py`)
    """

    id: str
    owner: str
    created_at: int
    expires_at: int
    dies_at: int
    size: int = UNKNOWN
    total_chunks: int = UNKNOWN
    received: int = 0
    bytes: int = 0
    reserved: int = 0
    name: str = ""
    state: UploadState = UploadState.OPEN
    lease: str = ""
    lease_until: int = 0
    version: int = 1
    gc_at: int = 0
    fence: int = 0
    tail: int = 0
    address: str = ""
    protocol: str = ""
    metadata: str = ""
    concat: str = ""
    parts: tuple[str, ...] = ()
    joins: str = ""
    reach: int = 0
    begun_by: str = ""
    folder: str = ""
    folder_path: tuple[str, ...] = ()

    @property
    def place(self) -> Place:
        """Where the file is to lie, unless something else is said at its end."""
        return Place(self.folder, self.folder_path)

    @property
    def chunk_count(self) -> int:
        """How many chunks it has when it is whole; of a stream, how many it has by now."""
        return self.received if self.total_chunks == UNKNOWN else self.total_chunks

    @property
    def whole_chunks(self) -> int:
        """How many chunks of a stream cannot grow any more."""
        return self.received - (1 if self.tail else 0)

    def stored_at(self, index: int) -> int:
        """The index under which the bytes of chunk `index` lie."""
        return TAILS + self.tail if self.tail and index == self.received - 1 else index


class DigestKind(IntEnum):
    """What is known of a chunk."""

    ABSENT = 0
    XXH3 = 1
    XXH3_AND_SHA256 = 2


_ENTRY = struct.Struct(">BI16s32s")
ENTRY_SIZE = _ENTRY.size


def map_bytes(chunks: int) -> int:
    """Bytes that the quota counts for the map of an open upload of so many chunks, besides those of its chunks."""
    return max(0, chunks - UNCOUNTED_CHUNKS) * ENTRY_SIZE


@dataclass(frozen=True, slots=True)
class Chunk:
    """One chunk as the map knows it: its size, XXH3-128 of its bytes (checked at every read) and, where it was
    taken, SHA-256 (32 bytes, else empty)."""

    size: int
    xxh3: bytes
    sha256: bytes = b""

    def pack(self) -> bytes:
        """The map's entry: kind (1 byte), size (4, big-endian), XXH3-128 (16), SHA-256 (32)."""
        kind = DigestKind.XXH3_AND_SHA256 if self.sha256 else DigestKind.XXH3
        return _ENTRY.pack(kind, self.size, self.xxh3, self.sha256)


@dataclass(frozen=True, slots=True)
class StoredChunk:
    """A chunk that has arrived, and its place among the others."""

    index: int
    chunk: Chunk

    @property
    def size(self) -> int:
        """Bytes."""
        return self.chunk.size

    @property
    def sha256(self) -> str:
        """In hexadecimal; "" where it was not taken."""
        return self.chunk.sha256.hex()


@dataclass(frozen=True, slots=True)
class Intent:
    """An identifier under which a chunk may be kept before there is a record of it, `until` then (epoch ms)."""

    file_id: str
    until: int


@dataclass(frozen=True, slots=True)
class CarriedChunk:
    """The bytes of a chunk that go into the store with a change of the records, all or nothing.

    place, staging  the store's own business: where they go, and where they wait before it (b"": they do not wait)
    hold_ms         for how long from now the chunk is held; 0: it is kept
    """

    place: bytes
    data: bytes | memoryview
    staging: bytes = b""
    hold_ms: int = 0


@dataclass(frozen=True, slots=True)
class ChunkStat:
    """One chunk as the store has it: how many bytes it takes there, and whether it lives for ever. `overhead`: so many
    of these may not be the chunk's own, because it is encrypted."""

    size: int
    kept: bool
    overhead: int = 0

    def holds(self, size: int) -> bool:
        """Whether it may be a chunk of so many bytes."""
        return size in {self.size, self.size - self.overhead}


@dataclass(frozen=True, slots=True)
class KeptPlace:
    """How a commit of the records gets at a chunk of `size` bytes, to keep it. It takes so many in the store, or
    `stored` where it is encrypted."""

    place: bytes
    size: int
    stored: int


@dataclass(frozen=True, slots=True)
class ChunkMap:
    """The chunks of an upload or a file, in order; None where one is missing."""

    chunks: tuple[Chunk | None, ...]

    @classmethod
    def unpack(cls, packed: bytes, total: int) -> ChunkMap:
        """From the stored string; what it is too short for is missing."""
        packed = packed[: total * ENTRY_SIZE].ljust(total * ENTRY_SIZE, b"\0")
        return cls(
            tuple(
                None
                if kind == DigestKind.ABSENT
                else Chunk(size, xxh3, sha256 if kind == DigestKind.XXH3_AND_SHA256 else b"")
                for kind, size, xxh3, sha256 in _ENTRY.iter_unpack(packed)
            )
        )

    def with_entries(self, entries: Mapping[bytes, bytes]) -> ChunkMap:
        """The map with these, index -> entry, too; those beyond its end are left out."""
        if not entries:
            return self
        chunks = list(self.chunks)
        for index, entry in entries.items():
            if int(index) < len(chunks):
                chunks[int(index)] = ChunkMap.unpack(entry, 1).chunks[0]
        return ChunkMap(tuple(chunks))

    def pack(self) -> bytes:
        """As it is stored. Raises ValueError where a chunk is missing."""
        if None in self.chunks:
            raise ValueError("a chunk is missing")
        return b"".join(chunk.pack() for chunk in self.chunks if chunk is not None)

    @property
    def missing(self) -> list[tuple[int, int]]:
        """The missing indexes as ranges (first, last)."""
        return ranges(index for index, chunk in enumerate(self.chunks) if chunk is None)

    @property
    def size(self) -> int:
        """Bytes in all chunks that are there."""
        return sum(chunk.size for chunk in self.chunks if chunk is not None)

    @property
    def contiguous(self) -> int:
        """Bytes from the first one to the first gap."""
        return sum(chunk.size for chunk in takewhile(lambda chunk: chunk is not None, self.chunks) if chunk is not None)

    def byte_segments(self, start: int, stop: int) -> Iterator[tuple[int, int, int]]:
        """The parts of chunks that make up bytes [start, stop): (index, first byte in it, end in it)."""
        at = 0
        for index, chunk in enumerate(self.chunks):
            size = chunk.size if chunk is not None else 0
            low, high = max(start, at), min(stop, at + size)
            if low < high:
                yield index, low - at, high - at
            at += size
            if at >= stop:
                return


def ranges(indexes: Iterable[int]) -> list[tuple[int, int]]:
    """`1 2 3 7` -> `[(1, 3), (7, 7)]`; the indexes rise."""
    found: list[list[int]] = []
    for index in indexes:
        if found and found[-1][1] == index - 1:
            found[-1][1] = index
        else:
            found.append([index, index])
    return [(first, last) for first, last in found]
