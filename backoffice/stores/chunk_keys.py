"""The keys of the bytes of files.

They are spread over all slots in groups of 64 chunks. Identifiers carry 130 random bits, so there is no prefix. Of
which installation a chunk is, records alone say: what looks for those without one asks for others (`scan.py`).

    file:{<id>}:chunk:<n>                string  bytes of chunk n < 64
    file:{<id>.<n // 64>}:chunk:<n>      string  bytes of the others
    <key of a chunk>:staged:<random>     string  bytes on their way to that key, for a minute at most
    barrier:{<tag>}                      string  for a minute: written in order to wait for the replicas of a shard
                                                 (`cluster.py`)
"""

from __future__ import annotations

import re

GROUP = 64
"""Chunks that share a slot, so that one pipeline to one node reads or frees them."""
CHUNKS = b"file:{*"
"""What the keys of chunks match, and nothing else does."""
_CHUNK = re.compile(rb"file:\{([^.{}]+)(?:\.[0-9]+)?\}:chunk:([0-9]+)")


def chunk_key(file_id: str, index: int) -> bytes:
    """Of a chunk: those of a group share a slot."""
    group = index // GROUP
    tag = f"{file_id}.{group}" if group else file_id
    return f"file:{{{tag}}}:chunk:{index}".encode()


BARRIER = b"barrier:{"


def barrier_key(tag: bytes) -> bytes:
    """Of the slot that the tag has."""
    return BARRIER + tag + b"}"


def split_chunk_key(key: bytes) -> tuple[str, int] | None:
    """File id and index of a chunk's key; None when it has another form."""
    match = _CHUNK.fullmatch(key)
    return (match[1].decode(), int(match[2])) if match else None
