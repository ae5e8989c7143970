"""The bytes of chunks: one string each, spread over all shards in groups that share a slot."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from threading import Lock
from typing import Any

from backoffice.errors import ChunkLost, Unavailable
from backoffice.stores.client import Client, Command, Db
from backoffice.stores.keys import GROUP, Keys

_AHEAD = 2
"""Chunks fetched while one is being sent."""

_AHEAD_BYTES = 4 * 1024 * 1024
"""Bytes fetched ahead by all downloads of a process together; where there is no room, a download fetches as it
sends. So slow readers, however many, hold no more than this beside the chunks that they are being sent."""

_TURN_SECONDS = 15.0
"""How long a download waits for its turn to receive: a store that answers has long given others theirs."""

_BATCH = 1000
"""Commands in one pipeline."""

Ahead = deque[tuple[Future[bytes | None], int]]
"""Chunks on their way, and the room taken for each."""


class RedisChunks:
    """Chunks of files, by file and index. One object for each process, made after a fork: it keeps threads."""

    def __init__(self, redis: Client, keys: Keys) -> None:
        self._db = Db(redis)
        self._keys = keys
        self._fetcher = ThreadPoolExecutor(1, thread_name_prefix="chunks")
        self._receiving = Lock()
        self._room = _Room(_AHEAD_BYTES)

    def put(self, file_id: str, index: int, data: bytes | memoryview, ttl_seconds: int) -> bool:
        """Keep the bytes for that long unless there is a value already: True when they were kept.

        False also when the store's answer was lost and the command was repeated: compare with `get`.
        """
        return bool(self._db.call("SET", self._keys.chunk(file_id, index), data, "NX", "EX", ttl_seconds))

    def get(self, file_id: str, index: int) -> bytes | None:
        value: bytes | None = self._db.call("GET", self._keys.chunk(file_id, index))
        return value

    def stream(self, file_id: str, indexes: Sequence[int]) -> Iterator[bytes]:
        """The values in order, the next ones fetched meanwhile. Raises ChunkLost when its turn comes.

        Close the iterator to stop early; what was fetched ahead is then dropped.
        """
        ahead: Ahead = deque()
        try:
            for position, index in enumerate(indexes):
                value = self._arrived(*ahead.popleft()) if ahead else self._fetch(file_id, index)
                if value is None:
                    raise ChunkLost(f"Chunk {index} of the file is not in the store.", index=index)
                self._look_ahead(ahead, file_id, indexes[position + 1 + len(ahead) : position + 1 + _AHEAD], len(value))
                yield value
                # Kept alive, it would be one chunk more in memory while the next one is awaited.
                del value
        finally:
            for future, size in ahead:
                future.cancel()
                future.add_done_callback(partial(self._dropped, size))

    def sizes(self, file_id: str, indexes: Sequence[int]) -> list[int | None]:
        """Bytes of each, None where there is none."""
        keys = [self._keys.chunk(file_id, index) for index in indexes]
        sizes: list[int | None] = list(self._each("STRLEN", keys))
        # An empty value and a missing one have the same length.
        absent = self._absent([key for key, size in zip(keys, sizes, strict=True) if size == 0])
        return [None if key in absent else size for key, size in zip(keys, sizes, strict=True)]

    def persist(self, file_id: str, total: int) -> list[int]:
        """Let chunks [0, total) live for ever; the indexes of those that are not there."""
        keys = self._all(file_id, total)
        # 0 also for a chunk that lost its expiry before: this may be a repetition.
        unchanged = [key for key, changed in zip(keys, self._each("PERSIST", keys), strict=True) if not changed]
        absent = self._absent(unchanged)
        return [index for index, key in enumerate(keys) if key in absent]

    def expire(self, file_id: str, total: int, ttl_seconds: int) -> None:
        """Let chunks [0, total) die after that long."""
        self._each("EXPIRE", self._all(file_id, total), ttl_seconds)

    def discard(self, file_id: str, index: int) -> None:
        """Free one chunk, unless it lives for ever: then it belongs to a file, or to an upload that becomes one."""
        # One command decides and frees: an upload may become a file between any two.
        self._db.call("EXPIRE", self._keys.chunk(file_id, index), 0, "XX")

    def delete(self, file_id: str, total: int) -> int:
        """Free chunks [0, total), also when memory is full; how many there were."""
        keys = self._all(file_id, total)
        groups = [keys[start : start + GROUP] for start in range(0, total, GROUP)]
        return sum(self._in_batches([("UNLINK", *group) for group in groups]))

    def _fetch(self, file_id: str, index: int) -> bytes | None:
        """`get`, one chunk of the process at a time: over TLS, until it is whole, it is in memory twice. This costs no
        speed, as the store sends one after the other."""
        if not self._receiving.acquire(timeout=_TURN_SECONDS):
            raise Unavailable
        try:
            return self.get(file_id, index)
        finally:
            self._receiving.release()

    def _look_ahead(self, ahead: Ahead, file_id: str, indexes: Sequence[int], size: int) -> None:
        """Begin to fetch, as far as there is room for chunks of that size."""
        for index in indexes:
            if not self._room.take(size):
                return
            ahead.append((self._fetcher.submit(self._fetch, file_id, index), size))

    def _arrived(self, fetched: Future[bytes | None], size: int) -> bytes | None:
        try:
            return fetched.result()
        finally:
            self._room.give(size)

    def _dropped(self, size: int, _: Future[bytes | None]) -> None:
        self._room.give(size)

    def _all(self, file_id: str, total: int) -> list[bytes]:
        return [self._keys.chunk(file_id, index) for index in range(total)]

    def _absent(self, keys: Sequence[bytes]) -> set[bytes]:
        return {key for key, there in zip(keys, self._each("EXISTS", keys), strict=True) if not there}

    def _each(self, command: str, keys: Sequence[bytes], *args: int) -> list[Any]:
        """One command for each key; the replies in order."""
        return self._in_batches([(command, key, *args) for key in keys])

    def _in_batches(self, commands: Sequence[Command]) -> list[Any]:
        replies: list[Any] = []
        for start in range(0, len(commands), _BATCH):
            replies += self._db.many(commands[start : start + _BATCH])
        return replies


class _Room:
    """A number of bytes that several threads share."""

    def __init__(self, size: int) -> None:
        self.free = size
        self._lock = Lock()

    def take(self, size: int) -> bool:
        with self._lock:
            fits = size <= self.free
            if fits:
                self.free -= size
            return fits

    def give(self, size: int) -> None:
        with self._lock:
            self.free += size
