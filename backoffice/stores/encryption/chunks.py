"""Chunks that are encrypted at rest, over the store that has the bytes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from backoffice.domain.uploads import CarriedChunk, ChunkStat, KeptPlace
from backoffice.errors import ChunkLost
from backoffice.stores.chunks.files import FileChunks
from backoffice.stores.chunks.redis import RedisChunks
from backoffice.stores.encryption.data_keys import DataKeys
from backoffice.stores.encryption.sealing import (
    OVERHEAD,
    FileKeys,
    data_key_of,
    head_of,
    new_file_key,
    open_head,
    seal,
    unseal,
)


class EncryptedChunks:
    """Port `ChunkStore`. What is put is sealed; what was stored before that was so is read as it is. A chunk that
    cannot be opened is given as it is stored, so that whoever compares it with the map finds it damaged.

    `only`: nothing here is from before, so what cannot be opened counts as not there, whatever the map says: who writes
    into the store, and has no key, can write a map, too.
    """

    def __init__(self, inner: RedisChunks | FileChunks, data_keys: DataKeys, *, only: bool = False) -> None:
        self._inner, self._data_keys, self._file_keys, self.only = inner, data_keys, FileKeys(), only

    def sealed(self, file_id: str, data: bytes | memoryview) -> memoryview:
        """As it is stored. Raises KeyMissing, Unavailable."""
        number, data_key = self._data_keys.newest()
        name = f"{number} {file_id}"
        return seal(*self._file_keys.get(name, lambda: new_file_key(number, data_key)), data)

    def prepare(self) -> None:
        """Make the data key of an empty store that is being restored, whose log has yet to come. Raises KeyMissing,
        Unavailable, StoreFull."""
        self._data_keys.make_unrecorded()

    def opened(self, value: bytes) -> bytes | None:
        """The chunk; None where this is none that was sealed, or one that was damaged. Raises KeyMissing,
        Unavailable."""
        head = head_of(value)
        data_key = None if head is None else self._data_keys.get(data_key_of(head))
        if head is None or data_key is None:
            return None
        cipher = open_head(head, data_key)
        return None if cipher is None else unseal(value, head, cipher)

    def _plain(self, value: bytes) -> bytes | None:
        opened = self.opened(value)
        return value if opened is None and not self.only else opened

    def convert(self, file_id: str, index: int) -> bool:
        """Encrypt a chunk that is not, where it lies and for as long as it was to be there; whether it was one. Raises
        KeyMissing, Unavailable, StoreFull."""
        value = self._inner.get(file_id, index)
        if value is None or self.opened(value) is not None:
            return False
        return self._inner.replace(file_id, index, self.sealed(file_id, value))

    def put(self, file_id: str, index: int, data: bytes | memoryview, hold_until: int) -> bool:
        return self._inner.put(file_id, index, self.sealed(file_id, data), hold_until)

    def put_ahead(self, file_id: str, data: bytes | memoryview) -> None:
        self._inner.put_ahead(file_id, self.sealed(file_id, data))

    def carry(
        self, file_id: str, index: int, data: bytes | memoryview, hold_until: int | None = None
    ) -> CarriedChunk | None:
        return self._inner.carry(file_id, index, self.sealed(file_id, data), hold_until)

    def get(self, file_id: str, index: int) -> bytes | None:
        value = self._inner.get(file_id, index)
        return None if value is None else self._plain(value)

    def within_commit(self, file_id: str, index: int) -> object | None:
        return self._inner.within_commit(file_id, index)

    def from_commit(self, value: bytes) -> bytes:
        # No bytes are none that anybody could have planted.
        return self._plain(self._inner.from_commit(value)) or b""

    def stream(self, file_id: str, indexes: Sequence[int]) -> Iterator[bytes]:
        values = self._inner.stream(file_id, indexes)
        try:
            done = 0
            for value in values:
                plain, done = self._plain(value), done + 1
                # No name may keep a chunk alive while the next one is fetched.
                del value
                if plain is None:
                    index = indexes[done - 1]
                    raise ChunkLost(f"Chunk {index} is not encrypted, or damaged.", index=index)
                yield plain
                del plain
        finally:
            close = getattr(values, "close", None)
            if close is not None:
                close()

    def stat(self, file_id: str, indexes: Sequence[int]) -> list[ChunkStat | None]:
        return [self._stat(stat) for stat in self._inner.stat(file_id, indexes)]

    def stat_many(self, places: Sequence[tuple[str, int]]) -> list[ChunkStat | None]:
        return [self._stat(stat) for stat in self._inner.stat_many(places)]

    def _stat(self, stat: ChunkStat | None) -> ChunkStat | None:
        if stat is None:
            return None
        if self.only:
            return ChunkStat(stat.size - OVERHEAD, stat.kept)
        return ChunkStat(stat.size, stat.kept, OVERHEAD)  # sealed or from before: its size does not say

    def keep(self, file_id: str, total: int) -> list[int]:
        return self._inner.keep(file_id, total)

    def keep_within_commit(self, file_id: str, sizes: Sequence[int]) -> Sequence[KeptPlace] | None:
        places = self._inner.keep_within_commit(file_id, sizes)
        if places is None:
            return None
        least = OVERHEAD if self.only else 0
        return [KeptPlace(one.place, one.size + least, one.size + OVERHEAD) for one in places]

    def new_id(self, total: int) -> str:
        return self._inner.new_id(total)

    def hold(self, file_id: str, index: int, until: int) -> None:
        self._inner.hold(file_id, index, until)

    def move(self, file_id: str, total: int, to_id: str, first: int, hold_until: int) -> list[int]:
        return self._inner.move(file_id, total, to_id, first, hold_until)

    def release(self, file_id: str, *indexes: int) -> None:
        self._inner.release(file_id, *indexes)

    def delete(self, file_id: str, total: int) -> int:
        return self._inner.delete(file_id, total)

    def scan(self) -> Iterator[tuple[str, int, ChunkStat]]:
        for file_id, index, stat in self._inner.scan():
            yield file_id, index, self._stat(stat) or stat

    def sweep(self, now: int) -> int:
        return self._inner.sweep(now)

    def barrier(self, file_id: str) -> None:
        self._inner.barrier(file_id)

    @property
    def level(self) -> str:
        return self._inner.level

    def room(self) -> bool:
        return self._inner.room()
