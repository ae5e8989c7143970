"""Chunk maps as `fsck` compares them with what is stored."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from backoffice.domain.files import File
from backoffice.domain.uploads import ENTRY_SIZE, UNKNOWN, ChunkMap, ChunkStat, Upload, ranges
from backoffice.stores.chunk_maps import unpack_map

TOGETHER = 20_000
"""Chunks whose maps are in memory at once, unless one file has more."""

Place = tuple[str, int]
"""Where a chunk is: the file's id and its index."""
Stats = dict[Place, ChunkStat | None]


def lost_and_expiring(file: File, chunks: ChunkMap, found: Stats) -> tuple[list[int], list[int]]:
    """Indexes of chunks that are lost, and of those that are about to die."""
    lost, mortal = [], []
    for index, chunk in enumerate(chunks.chunks):
        stat = found[file.content_id, index]
        if stat is None or chunk is None or not stat.holds(chunk.size):
            lost.append(index)
        if stat is not None and not stat.kept:
            mortal.append(index)
    return lost, mortal


def map_of(upload: Upload, scattered: Any, packed: bytes | None) -> ChunkMap:
    noted = len(packed or b"") // ENTRY_SIZE
    return unpack_map(scattered, packed, noted if upload.total_chunks == UNKNOWN else upload.total_chunks)


def batches_of_chunks(records: Sequence[Any]) -> Iterator[list[Any]]:
    """Records in groups that have a bounded number of chunks between them, or are one."""
    group: list[Any] = []
    size = 0
    for record in records:
        if group and size + record.total_chunks > TOGETHER:
            yield group
            group, size = [], 0
        group.append(record)
        size += max(0, record.total_chunks)
    if group:
        yield group


def shown_ranges(indexes: Sequence[int]) -> str:
    """`0-3, 7`, shortened."""
    parts = [f"{first}-{last}" if last > first else str(first) for first, last in ranges(indexes)]
    return ", ".join(parts[:10]) + (", …" if len(parts) > 10 else "")
