"""The bytes of chunks as a back end has them, many at a time: what a backup reads and a restore writes.

Nothing here knows what the bytes mean. Where they are encrypted they are opened for the archive, which has a key of its
own, and sealed anew when they are put back.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any, Final, Protocol

import xxhash

from backoffice.domain.uploads import Chunk
from backoffice.stores.chunk_keys import CHUNKS, chunk_key
from backoffice.stores.chunks.files import FileChunks
from backoffice.stores.chunks.paths import KEPT, directory_of
from backoffice.stores.chunks.redis import RedisChunks
from backoffice.stores.client import Db
from backoffice.stores.encryption.chunks import EncryptedChunks
from backoffice.stores.encryption.sealing import OVERHEAD
from backoffice.stores.keys import Keys
from backoffice.stores.resp_zero_copy import JOINED
from backoffice.stores.scan import scan

Place = tuple[str, int]
"""A content and the index of one of its chunks."""
_TOGETHER: Final = 4 * 1024**2
"""Bytes of chunks that travel together."""
_MANY: Final = 500


class RawChunks(Protocol):
    """Raises Unavailable and StoreFull."""

    def read(self, places: Sequence[tuple[str, int, int]]) -> Iterator[bytes | None]:
        """These chunks in order (content, index, bytes as the map says), None for one that is not there."""

    def matches(self, content: str, index: int, chunk: Chunk, data: bytes | memoryview) -> bool:
        """Whether these bytes, as the back end has them, are what the map tells of."""

    def begin(self) -> None:
        """To be called before the first `write` into an empty store."""

    def write(self, chunks: Sequence[tuple[str, int, bytes | memoryview]]) -> None:
        """Keep these chunks, of a store that nobody else uses; safe after `settle`."""

    def settle(self) -> None:
        """Returns when all that was written is as safe as the back end makes it."""

    def stored(self) -> Iterator[list[tuple[bytes, int]]]:
        """All that are there for good, by their keys (`chunk_key`), and how many bytes each of them has."""

    def delete(self, content: str, total: int) -> int:
        """Free a content's chunks."""


class _Frees(Protocol):
    def delete(self, file_id: str, total: int) -> int: ...


class RedisRawChunks:
    """In Redis: the values of keys."""

    def __init__(self, db: Db, keys: Keys, chunks: _Frees) -> None:
        self._db, self._keys, self._chunks = db, keys, chunks

    def read(self, places: Sequence[tuple[str, int, int]]) -> Iterator[bytes | None]:
        """As `RawChunks.read`."""
        for some in _batches(places):
            if len(some) == 1:
                yield self._db.call("GET", self._keys.chunk(*some[0][:2]))
            else:
                yield from self._db.many([("GET", self._keys.chunk(content, index)) for content, index, _ in some])

    def matches(self, content: str, index: int, chunk: Chunk, data: bytes | memoryview) -> bool:  # noqa: ARG002
        """As `RawChunks.matches`."""
        return _matches(chunk, data)

    def begin(self) -> None:
        """Nothing has to be there."""

    def write(self, chunks: Sequence[tuple[str, int, bytes | memoryview]]) -> None:
        """As `RawChunks.write`."""
        for some in _batches([(content, index, len(data), data) for content, index, data in chunks]):
            # A small one is copied: so it travels with the others in one piece.
            self._db.many(
                [
                    ("SET", self._keys.chunk(content, index), bytes(data) if size < JOINED else data)
                    for content, index, size, data in some
                ]
            )

    def settle(self) -> None:
        """A reply came when it was as safe as the server makes it."""

    def stored(self) -> Iterator[list[tuple[bytes, int]]]:
        """As `RawChunks.stored`."""
        for keys in scan(self._db, CHUNKS):
            replies = self._db.many([question for key in keys for question in (("STRLEN", key), ("PTTL", key))])
            rows = zip(keys, replies[::2], replies[1::2], strict=True)
            yield [(key, int(size)) for key, size, life in rows if int(life) == -1]

    def delete(self, content: str, total: int) -> int:
        """As `RawChunks.delete`."""
        return self._chunks.delete(content, total)


class FileRawChunks:
    """In a directory: files. They are given to the disk together in the end, not one by one."""

    def __init__(self, chunks: FileChunks) -> None:
        self._disk, self._chunks = chunks.disk, chunks

    def read(self, places: Sequence[tuple[str, int, int]]) -> Iterator[bytes | None]:
        """As `RawChunks.read`."""
        for content, index, _ in places:
            yield self._chunks.get(content, index)

    def matches(self, content: str, index: int, chunk: Chunk, data: bytes | memoryview) -> bool:  # noqa: ARG002
        """As `RawChunks.matches`."""
        return _matches(chunk, data)

    def begin(self) -> None:
        """Nothing has to be there."""

    def write(self, chunks: Sequence[tuple[str, int, bytes | memoryview]]) -> None:
        """As `RawChunks.write`."""
        made = ""
        for content, index, data in chunks:
            directory = directory_of(KEPT, content)
            if directory != made:
                self._disk.make_directory(directory)
                made = directory
            self._disk.write_later(f"{directory}/{index}", data)

    def settle(self) -> None:
        """As `RawChunks.settle`."""
        self._disk.sync()

    def stored(self) -> Iterator[list[tuple[bytes, int]]]:
        """As `RawChunks.stored`."""
        found = ((chunk_key(one, index), stat.size) for one, index, stat in self._chunks.scan() if stat.kept)
        while some := list(islice(found, _MANY)):
            yield some

    def delete(self, content: str, total: int) -> int:
        """As `RawChunks.delete`."""
        return self._chunks.delete(content, total)


class OpenedChunks:
    """Over a back end whose chunks are encrypted: what is read is opened, what is written is sealed. So an archive has
    the bytes themselves, and can be put back by a site that has another key, or none."""

    def __init__(self, inner: RawChunks, sealer: EncryptedChunks) -> None:
        self._inner, self._sealer = inner, sealer

    def read(self, places: Sequence[tuple[str, int, int]]) -> Iterator[bytes | None]:
        """As `RawChunks.read`."""
        for value in self._inner.read(places):
            yield None if value is None else self._sealer.from_commit(value)

    def matches(self, content: str, index: int, chunk: Chunk, data: bytes | memoryview) -> bool:
        """As `RawChunks.matches`."""
        return self._inner.matches(content, index, chunk, data)

    def begin(self) -> None:
        """The data key is made without an entry: the log is about to be put back, and begins before now."""
        self._sealer.prepare()

    def write(self, chunks: Sequence[tuple[str, int, bytes | memoryview]]) -> None:
        """As `RawChunks.write`."""
        self._inner.write([(content, index, self._sealer.sealed(content, data)) for content, index, data in chunks])

    def settle(self) -> None:
        """As `RawChunks.settle`."""
        self._inner.settle()

    def stored(self) -> Iterator[list[tuple[bytes, int]]]:
        """As `RawChunks.stored`; all of them are sealed."""
        for some in self._inner.stored():
            yield [(key, size - OVERHEAD) for key, size in some]

    def delete(self, content: str, total: int) -> int:
        """As `RawChunks.delete`."""
        return self._inner.delete(content, total)


def raw_chunks(
    db: Db, keys: Keys, chunks: RedisChunks | FileChunks, sealer: EncryptedChunks | None = None
) -> RawChunks:
    """Those of an installation. `sealer`: where its chunks are encrypted, over these."""
    found = FileRawChunks(chunks) if isinstance(chunks, FileChunks) else RedisRawChunks(db, keys, chunks)
    return found if sealer is None else OpenedChunks(found, sealer)


def _matches(chunk: Chunk, data: bytes | memoryview) -> bool:
    return len(data) == chunk.size and xxhash.xxh3_128_digest(data) == chunk.xxh3


def _batches(places: Sequence[tuple[Any, ...]]) -> Iterator[list[tuple[Any, ...]]]:
    """Of so many and so many bytes that they travel together."""
    batch: list[tuple[Any, ...]] = []
    size = 0
    for place in places:
        if batch and (size + place[2] > _TOGETHER or len(batch) == _MANY):
            yield batch
            batch, size = [], 0
        batch.append(place)
        size += place[2]
    if batch:
        yield batch
