"""Uploads that are parts of another, as they end with it."""

from __future__ import annotations

from collections.abc import Sequence

from backoffice.domain.uploads import ChunkMap, Upload, UploadState
from backoffice.errors import Completing
from backoffice.stores.keys import Keys
from backoffice.stores.records.collection import Collection
from backoffice.stores.records.commit import Commit


def take_parts(
    commit: Commit, keys: Keys, collection: Collection[Upload], parts: Sequence[Upload], chunks: ChunkMap
) -> None:
    """Let the commit forget the parts, whose bytes have been moved to the upload that they belong to, and give that the
    map `chunks`; what they reserve is for the caller to count. It then raises Completing where one is not as it was."""
    commit.write("SET", keys.chunk_map(parts[0].joins), chunks.pack())
    for part in parts:
        key = keys.record(collection.noun, part.id)
        for name, text in (("state", UploadState.OPEN.value), ("joins", part.joins), ("bytes", str(part.bytes))):
            commit.check("equal", key, name, text, error=Completing())
        collection.expect(commit, part, Completing())
        collection.remove(commit, part)
        for gone in (keys.chunk_map(part.id), keys.scattered_chunks(part.id)):
            commit.write("DEL", gone)
