"""Reading what is stored: every chunk is checked before a byte of it goes out."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Generator, Iterator

import xxhash

from backoffice.domain.uploads import ChunkMap
from backoffice.errors import ChunkLost, IntegrityError
from backoffice.measures import count, timed
from backoffice.services.chunk_ports import ChunkStore

HEARTBEAT_SECONDS = 15
"""How often a long reading calls `heartbeat`."""


def expect_whole(chunk_map: ChunkMap, size: int) -> None:
    """Raises IntegrityError unless the map accounts for all bytes of a file: what comes after a gap would be taken for
    what was in it."""
    gap = next((index for index, chunk in enumerate(chunk_map.chunks) if chunk is None), None)
    if gap is not None:
        raise IntegrityError(f"Chunk {gap} is not in the map.", chunk_index=gap)
    if chunk_map.size != size:
        raise IntegrityError(f"The map has {chunk_map.size} bytes, the file {size}.")


def iter_verified(
    chunks: ChunkStore, file_id: str, chunk_map: ChunkMap, start: int, stop: int
) -> Generator[memoryview, None, None]:
    """Bytes [start, stop) of a file, chunk by chunk. Raises IntegrityError (ChunkLost) before a damaged chunk."""
    wanted = list(chunk_map.byte_segments(start, stop))
    stream = chunks.stream(file_id, [index for index, _, _ in wanted])
    try:
        for index, low, high in wanted:
            with timed("chunk", "read"):
                data = _next(stream)
                check_chunk(chunk_map, index, data)
            part = memoryview(data)[low:high]
            # No name may keep a chunk alive while the next one is fetched.
            del data
            yield part
            del part
    finally:
        close = getattr(stream, "close", None)
        if close is not None:
            close()


def iter_compared(
    chunks: ChunkStore, file_id: str, chunk_map: ChunkMap
) -> Generator[tuple[int, bytes | None], None, None]:
    """Every chunk of a file with its bytes, None where it is missing or not what the map tells of by both of its
    digests; so it goes on behind what is damaged."""
    total, at = len(chunk_map.chunks), 0
    while at < total:
        stream = chunks.stream(file_id, range(at, total))
        try:
            for data in stream:
                place, at = at, at + 1
                yield place, data if _is_chunk(chunk_map, place, data) else None
                del data
        except ChunkLost:
            count("chunks", "damaged")
            yield at, None
            at += 1
        finally:
            close = getattr(stream, "close", None)
            if close is not None:
                close()


def _is_chunk(chunk_map: ChunkMap, index: int, data: bytes) -> bool:
    try:
        check_chunk(chunk_map, index, data)
    except IntegrityError:
        return False
    chunk = chunk_map.chunks[index]
    return chunk is None or not chunk.sha256 or hashlib.sha256(data).digest() == chunk.sha256


def check_chunk(chunk_map: ChunkMap, index: int, data: bytes) -> None:
    """Raises IntegrityError unless these are the bytes that the map tells of."""
    chunk = chunk_map.chunks[index]
    if chunk is None or len(data) != chunk.size or xxhash.xxh3_128_digest(data) != chunk.xxh3:
        count("chunks", "damaged")
        raise IntegrityError(f"Chunk {index} is damaged.", chunk_index=index)
    count("chunks", "read")
    count("chunk_bytes", "read", chunk.size)


def _next(stream: Iterator[bytes]) -> bytes:
    try:
        return next(stream)
    except ChunkLost:
        count("chunks", "damaged")
        raise


def read_digest(chunks: ChunkStore, file_id: str, chunk_map: ChunkMap, heartbeat: Callable[[], None]) -> bytes:
    """SHA-256 of the whole, 32 bytes; `heartbeat` is called every 15 s."""
    found, last = hashlib.sha256(), time.monotonic()
    for part in iter_verified(chunks, file_id, chunk_map, 0, chunk_map.size):
        found.update(part)
        if time.monotonic() - last > HEARTBEAT_SECONDS:
            heartbeat()
            last = time.monotonic()
    return found.digest()
