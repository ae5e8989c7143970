"""How the map of an upload is read: a string, and a hash of the chunks that came far ahead of the others."""

from __future__ import annotations

from typing import Any

from backoffice.domain.uploads import ChunkMap
from backoffice.stores.client import Command
from backoffice.stores.keys import Keys
from backoffice.stores.records.codec import pairs


def map_questions(keys: Keys, upload_id: str) -> list[Command]:
    """What `unpack_map` takes. In this order: a chunk goes from the hash to the map, and so is seen in one of them."""
    return [("HGETALL", keys.scattered_chunks(upload_id)), ("GET", keys.chunk_map(upload_id))]


def unpack_map(scattered: Any, packed: bytes | None, total: int) -> ChunkMap:
    """The map of an upload, with the chunks that came far ahead of the others."""
    return ChunkMap.unpack(packed or b"", total).with_entries(pairs(scattered))
