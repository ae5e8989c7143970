"""The bytes of chunks in Redis: one string each, spread over all shards in groups that share a slot. One that is held
is a key with an expiry, one that is kept a key without."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from secrets import token_hex
from threading import Lock
from typing import Any

from redis.cluster import RedisCluster

from backoffice.domain.ids import new_id
from backoffice.domain.times import now_ms
from backoffice.domain.uploads import CarriedChunk, ChunkStat, KeptPlace
from backoffice.errors import ChunkLost, Unavailable
from backoffice.stores.chunk_keys import CHUNKS, GROUP, split_chunk_key
from backoffice.stores.chunks.ahead import Ahead, Room
from backoffice.stores.client import Arg, Command, Db
from backoffice.stores.cluster import evenly_spread
from backoffice.stores.durability import RedisDurability, RedisHealth
from backoffice.stores.keys import Keys
from backoffice.stores.scan import scan

_AHEAD_BYTES = 4 * 1024 * 1024
"""Bytes asked for ahead by all downloads of a process together. They wait in the store and in the kernel until they
are received; where there is no room, a download asks when it has sent. So slow readers, however many, hold no more than
this beside the chunks that they are being sent."""

_TURN_SECONDS = 15.0
"""How long a download waits for its turn to receive: a store that answers has long given others theirs."""

_WITHIN_SCRIPT = 64 * 1024
"""Bytes that go as an argument of a script. More of them wait under a key of their own, which the script renames: Lua
would copy them, and takes twice the time for 2 MiB."""

_MOST_WITHIN_COMMIT = 4_096
"""Chunks that one commit keeps: it takes the store's one thread for about 18 ms."""

_BATCH = 1000
"""Commands in one pipeline."""

_IMMORTAL, _ABSENT = -1, -2
"""What PTTL says of a key without expiry, and of none."""


class RedisChunks:
    """Port `ChunkStore`. One object for each process: its downloads share a bound."""

    def __init__(
        self,
        db: Db,
        keys: Keys,
        durability: RedisDurability,
        health: RedisHealth,
        step_aside: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> None:
        """`durability`, `health`: of the same servers. `step_aside`: entered while a download waits for its turn."""
        self._db, self._keys = db, keys
        self._durability, self._health = durability, health
        self._receiving, self._step_aside = Lock(), step_aside
        self._room = Room(_AHEAD_BYTES)

    def new_id(self, total: int) -> str:
        client = self._db.client
        if isinstance(client, RedisCluster) and total > GROUP:
            return evenly_spread(client, new_id, total)
        return new_id()

    def put(self, file_id: str, index: int, data: bytes | memoryview, hold_until: int) -> bool:
        """Also False when the store's answer was lost and the command was repeated: compare with `get`."""
        self._health.keep_reserve()
        # A time from now on, for the server may have another clock.
        life = max(1, hold_until - now_ms())
        return bool(self._db.call("SET", self._place(file_id, index, data), data, "NX", "PX", life))

    def put_ahead(self, file_id: str, data: bytes | memoryview) -> None:
        """On one server the barrier of the records, which follows, covers it."""
        self._health.keep_reserve()
        key = self._place(file_id, 0, data)
        self._db.call_ahead("SET", key, data)
        if self._durability.await_bytes(key) and not self._db.call_ahead("EXISTS", key):
            raise Unavailable  # another server has become the primary meanwhile

    def carry(
        self, file_id: str, index: int, data: bytes | memoryview, hold_until: int | None = None
    ) -> CarriedChunk | None:
        """On a cluster a chunk has another slot than the records: None."""
        if not self._db.one_server:
            return None
        self._health.keep_reserve()
        staging = b"" if len(data) <= _WITHIN_SCRIPT else self._keys.staged(file_id, index, token_hex(8))
        life = 0 if hold_until is None else max(1, hold_until - now_ms())
        return CarriedChunk(self._place(file_id, index, data), data, staging, life)

    def get(self, file_id: str, index: int) -> bytes | None:
        value: bytes | None = self._db.call("GET", self._keys.chunk(file_id, index))
        return value

    def replace(self, file_id: str, index: int, data: bytes | memoryview) -> bool:
        """Other bytes for the same chunk, which lives as long as before; False where there is none any more."""
        self._health.keep_reserve()
        return bool(self._db.call("SET", self._place(file_id, index, data), data, "XX", "KEEPTTL"))

    def within_commit(self, file_id: str, index: int) -> object | None:
        """The chunk's key; on a cluster it has another slot than the records."""
        return self._keys.chunk(file_id, index) if self._db.one_server else None

    def from_commit(self, value: bytes) -> bytes:
        return value

    def stream(self, file_id: str, indexes: Sequence[int]) -> Iterator[bytes]:
        """The values in order, each asked for while its predecessor is used. Raises ChunkLost when its turn comes.

        Close the iterator to stop early; what was asked for is then dropped.
        """
        ahead: Ahead | None = None
        try:
            for place, index in enumerate(indexes, 1):
                value = self._fetch(file_id, index) if ahead is None else self._receive(ahead.reply)
                ahead = None
                if value is None:
                    raise ChunkLost(f"Chunk {index} of the file is not in the store.", index=index)
                if place < len(indexes):
                    ahead = self._look_ahead(file_id, indexes[place], len(value))
                yield value
                # Kept alive, it would be one chunk more in memory while the next one is awaited.
                del value
        finally:
            if ahead is not None:
                ahead.drop()

    def stat(self, file_id: str, indexes: Sequence[int]) -> list[ChunkStat | None]:
        return self.stat_many([(file_id, index) for index in indexes])

    def stat_many(self, places: Sequence[tuple[str, int]]) -> list[ChunkStat | None]:
        found: list[ChunkStat | None] = []
        for start in range(0, len(places), _BATCH):
            commands: list[Command] = []
            for place in places[start : start + _BATCH]:
                key = self._keys.chunk(*place)
                commands += (("STRLEN", key), ("PTTL", key))
            replies = self._db.many(commands)
            found += map(_stat, replies[::2], replies[1::2])
        return found

    def keep(self, file_id: str, total: int) -> list[int]:
        keys = self._all(file_id, total)
        # 0 also for a chunk that lost its expiry before: this may be a repetition.
        unchanged = [key for key, changed in zip(keys, self._each("PERSIST", keys), strict=True) if not changed]
        absent = self._absent(unchanged)
        if not absent and self._durability.await_bytes():
            # Where another server has become the primary meanwhile it may not have them, or not know that they stay.
            lives = self._each("PTTL", keys)
            absent = {key for key, life in zip(keys, lives, strict=True) if life != _IMMORTAL}
        return [index for index, key in enumerate(keys) if key in absent]

    def keep_within_commit(self, file_id: str, sizes: Sequence[int]) -> Sequence[KeptPlace] | None:
        """None on a cluster, and where they are very many."""
        if not self._db.one_server or len(sizes) > _MOST_WITHIN_COMMIT:
            return None
        return [KeptPlace(self._keys.chunk(file_id, index), size, size) for index, size in enumerate(sizes)]

    def hold(self, file_id: str, index: int, until: int) -> None:
        self._db.call("PEXPIRE", self._keys.chunk(file_id, index), max(1, until - now_ms()), "NX")

    def move(self, file_id: str, total: int, to_id: str, first: int, hold_until: int) -> list[int]:
        """On a cluster the two have different slots: each chunk is copied, one in memory at a time."""
        left: list[int] = []
        for start in range(0, total, GROUP):
            places = [
                (index, self._keys.chunk(file_id, index), self._keys.chunk(to_id, first + index))
                for index in range(start, min(start + GROUP, total))
            ]
            life = max(1, hold_until - now_ms())
            left += self._rename(places, life) if self._db.one_server else self._copy(places, life)
        return left

    def _rename(self, places: Sequence[tuple[int, bytes, bytes]], life: int) -> list[int]:
        there = self._each("EXISTS", [key for _, old, new in places for key in (old, new)])
        to_move = [place for place, found in zip(places, there[::2], strict=True) if found]
        moved = self._in_batches([("RENAMENX", old, new) for _, old, new in to_move])
        came = [new for (_, _, new), done in zip(to_move, moved, strict=True) if done]
        # XX: they came with a time to live. One that has none by now belongs to a file that another has completed.
        self._each("PEXPIRE", came, life, "XX")
        taken = {index for (index, _, _), done in zip(to_move, moved, strict=True) if not done}
        lost = {
            index
            for (index, _, _), old, new in zip(places, there[::2], there[1::2], strict=True)
            if not old and not new
        }
        return sorted(taken | lost)

    def _copy(self, places: Sequence[tuple[int, bytes, bytes]], life: int) -> list[int]:
        left = []
        for index, old, new in places:
            data = self._db.call("GET", old)
            if data is None:
                if not self._db.call("EXISTS", new):
                    left.append(index)
            elif self._db.call("SET", new, data, "NX", "PX", life):
                self._db.call("UNLINK", old)
            else:
                left.append(index)
        return left

    def release(self, file_id: str, *indexes: int) -> None:
        # One command decides and frees: an upload may become a file between any two.
        self._each("EXPIRE", [self._keys.chunk(file_id, index) for index in indexes], 0, "XX")

    def delete(self, file_id: str, total: int) -> int:
        keys = self._all(file_id, total)
        groups = [keys[start : start + GROUP] for start in range(0, total, GROUP)]
        return sum(self._in_batches([("UNLINK", *group) for group in groups]))

    def scan(self) -> Iterator[tuple[str, int, ChunkStat]]:
        for keys in scan(self._db, CHUNKS):
            places = [place for key in keys if (place := split_chunk_key(key)) is not None]
            for place, stat in zip(places, self.stat_many(places), strict=True):
                if stat is not None:
                    yield *place, stat

    def sweep(self, now: int) -> int:  # noqa: ARG002 - as the port has it
        """The server does it by itself."""
        return 0

    def barrier(self, file_id: str) -> None:
        """Nothing: on one server the barrier of the records, which follows, covers what was written before; on several
        `keep` has waited for their replicas."""

    @property
    def level(self) -> str:
        return self._durability.level

    def room(self) -> bool:
        return self._health.room()

    def _fetch(self, file_id: str, index: int) -> bytes | None:
        return self._receive(partial(self.get, file_id, index))

    def _receive(self, receive: Callable[[], bytes | None]) -> bytes | None:
        """One chunk of the process at a time: over TLS, until it is whole, it is in memory twice. This costs no speed,
        as the store sends one after the other."""
        if not self._receiving.acquire(blocking=False):
            # Many downloads that begin at once must not have all threads meanwhile.
            with self._step_aside():
                if not self._receiving.acquire(timeout=_TURN_SECONDS):
                    raise Unavailable
        try:
            return receive()
        finally:
            self._receiving.release()

    def _look_ahead(self, file_id: str, index: int, size: int) -> Ahead | None:
        """Ask for a chunk, if there is room for one of that size."""
        if not self._room.take(size):
            return None
        try:
            return Ahead(self._db.ask("GET", self._keys.chunk(file_id, index)), self._room, size)
        except BaseException:
            self._room.give(size)
            raise

    def _place(self, file_id: str, index: int, data: bytes | memoryview) -> bytes:
        """The key that these bytes are about to go under."""
        key = self._keys.chunk(file_id, index)
        self._durability.sends(key, len(data))
        return key

    def _all(self, file_id: str, total: int) -> list[bytes]:
        return [self._keys.chunk(file_id, index) for index in range(total)]

    def _absent(self, keys: Sequence[bytes]) -> set[bytes]:
        return {key for key, there in zip(keys, self._each("EXISTS", keys), strict=True) if not there}

    def _each(self, command: str, keys: Sequence[bytes], *args: Arg) -> list[Any]:
        """One command for each key; the replies in order."""
        return self._in_batches([(command, key, *args) for key in keys])

    def _in_batches(self, commands: Sequence[Command]) -> list[Any]:
        replies: list[Any] = []
        for start in range(0, len(commands), _BATCH):
            replies += self._db.many(commands[start : start + _BATCH])
        return replies


def _stat(size: int, ttl: int) -> ChunkStat | None:
    return None if ttl == _ABSENT else ChunkStat(size, ttl == _IMMORTAL)
