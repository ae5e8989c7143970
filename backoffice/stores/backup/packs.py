"""Packs: members with the bytes of contents. Small contents share one, a large one has several, so an archive of small
files takes no longer than their bytes do.

A pack is a line of JSON, its index, and then the bytes of chunks one after the other, as the index names them. A row of
the index is a stretch of one content: its identifier, how many chunks the content has, the first one of these, their
entries of its map (base64; sizes and checksums), and which of them are missing because the store had them no more or
damaged: of these there are no bytes.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from backoffice.domain.ids import is_id
from backoffice.domain.uploads import ENTRY_SIZE, Chunk, ChunkMap
from backoffice.errors import IntegrityError

FULL: Final = 8 * 1024**2
"""Bytes of chunks at which a pack is written."""
MOST_INDEX: Final = 2 * FULL
"""Bytes of an index that is believed."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """Chunks `first` … of a content of `total`; `entries`: of its map."""

    content: str
    total: int
    first: int
    entries: bytes
    lost: tuple[int, ...] = ()

    @property
    def count(self) -> int:
        """How many chunks."""
        return len(self.entries) // ENTRY_SIZE

    @property
    def chunks(self) -> ChunkMap:
        """What is known of them."""
        return ChunkMap.unpack(self.entries, self.count)

    @property
    def present(self) -> list[tuple[int, Chunk]]:
        """Those whose bytes are in the pack: the index, and what is known of each."""
        chunks = self.chunks.chunks
        if not self.lost and None not in chunks:
            return list(enumerate(chunks, self.first))  # type: ignore[arg-type]  # none of them is missing
        lost = set(self.lost)
        kept = ((place, one) for place, one in enumerate(chunks, self.first) if place not in lost)
        return [(place, one) for place, one in kept if one is not None]

    @property
    def last(self) -> bool:
        """Whether the content ends with it."""
        return self.first + self.count == self.total

    def row(self) -> list[Any]:
        return [self.content, self.total, self.first, base64.b64encode(self.entries).decode(), list(self.lost)]


@dataclass(slots=True)
class Pack:
    """One that is being filled."""

    stretches: list[Stretch] = field(default_factory=list)
    chunks: list[bytes] = field(default_factory=list)
    size: int = 0

    def add(self, stretch: Stretch, chunks: Sequence[bytes]) -> None:
        """The chunks of a stretch, without those that are lost."""
        self.stretches.append(stretch)
        self.chunks += chunks
        # A row of the index counts as well: contents may be a byte each.
        self.size += sum(map(len, chunks)) + 2 * len(stretch.entries) + 64

    @property
    def full(self) -> bool:
        return self.size >= FULL

    def pieces(self) -> list[bytes]:
        """As a member."""
        index = json.dumps([one.row() for one in self.stretches], separators=(",", ":")).encode() + b"\n"
        return [index, *self.chunks]


def index_of(data: bytes, where: str) -> tuple[list[Stretch], int]:
    """The stretches of a pack, and where its bytes begin. Raises IntegrityError."""
    end = data.find(b"\n", 0, MOST_INDEX)
    line = data[:end] if end >= 0 else b""
    try:
        rows = [_stretch(row) for row in _list_of(json.loads(line))]
    except (TypeError, ValueError) as error:
        raise IntegrityError(f"{where}: its index cannot be read.") from error
    return rows, len(line) + 1


def chunks_of(data: memoryview, stretch: Stretch, at: int) -> Iterator[tuple[int, Chunk, memoryview]]:
    """The chunks of a stretch whose bytes begin at `at`: index, what is known of it, and bytes."""
    for place, chunk in stretch.present:
        yield place, chunk, data[at : at + chunk.size]
        at += chunk.size


def stretches_of(data: bytes, where: str) -> Iterator[tuple[Stretch, list[tuple[int, Chunk, memoryview]]]]:
    """The stretches of a pack, each with its chunks. Raises IntegrityError."""
    stretches, at = index_of(data, where)
    view = memoryview(data)
    for one in stretches:
        chunks = list(chunks_of(view, one, at))
        yield one, chunks
        at += sum(chunk.size for _, chunk, _ in chunks)


def length_of(stretch: Stretch) -> int:
    """Bytes of a stretch in its pack."""
    return sum(chunk.size for _, chunk in stretch.present)


def _list_of(value: Any) -> list[Any]:
    """The value, which has to be a list. Raises TypeError."""
    if not isinstance(value, list):
        raise TypeError("no list")
    return value


def _stretch(row: Any) -> Stretch:
    content, total, first, entries, lost = row
    packed = binascii.a2b_base64(entries, strict_mode=True)
    found = Stretch(content, int(total), int(first), packed, tuple(map(int, lost)))
    if not (isinstance(content, str) and is_id(content)) or len(found.entries) % ENTRY_SIZE:
        raise ValueError("no stretch of a content")
    if not 0 <= found.first < found.first + found.count <= found.total:
        raise ValueError("no stretch of a content")
    return found
