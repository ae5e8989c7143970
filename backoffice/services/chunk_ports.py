"""What the services need of the store of bytes. As in `ports`: a store matches by shape, and all methods may raise
`Unavailable` and `StoreFull`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from backoffice.domain.uploads import CarriedChunk, ChunkStat, KeptPlace


class ChunkStore(Protocol):
    """The bytes of chunks, by file and index. A chunk is *held* until a time, after which it may go at any moment, or
    *kept* for ever; which of the two is for the control plane to say. Each method decides and acts at one moment, also
    between processes and hosts: a chunk is never half there, and one that is kept never goes by `release` or `sweep`.
    """

    def new_id(self, total: int) -> str:
        """A new identifier for what will have so many chunks (0: not known): where they lie on several servers, one
        by which they lie evenly."""

    def put(self, file_id: str, index: int, data: bytes | memoryview, hold_until: int) -> bool:
        """Hold the bytes until then (epoch ms) unless there is a chunk already: True when they were stored."""

    def put_ahead(self, file_id: str, data: bytes | memoryview) -> None:
        """Keep a chunk 0 before there is a record of it, under an identifier that was noted for that (`IntentStore`);
        safe at `level` when this returns. It may come before it is known whether the one who asks still may: where no
        record follows, it has to be freed."""

    def carry(
        self, file_id: str, index: int, data: bytes | memoryview, hold_until: int | None = None
    ) -> CarriedChunk | None:
        """What a change of the records has to carry, for the chunk to be kept with it, or held until then (epoch ms),
        all or nothing. None where the bytes and the records are not in one place: then the chunk is put before."""

    def get(self, file_id: str, index: int) -> bytes | None: ...
    def within_commit(self, file_id: str, index: int) -> object | None:
        """How a commit of the records gets at a chunk, None where it cannot: the bytes lie elsewhere."""

    def from_commit(self, value: bytes) -> bytes:
        """The bytes of a chunk, out of what a commit has read by `within_commit`."""

    def stream(self, file_id: str, indexes: Sequence[int]) -> Iterator[bytes]:
        """The values in order, the next ones fetched meanwhile, few in memory. Raises ChunkLost when its turn comes."""

    def stat(self, file_id: str, indexes: Sequence[int]) -> list[ChunkStat | None]:
        """Of each chunk, None where there is none."""

    def stat_many(self, places: Sequence[tuple[str, int]]) -> list[ChunkStat | None]:
        """The same for chunks (file, index) of many files."""

    def keep(self, file_id: str, total: int) -> list[int]:
        """Keep chunks [0, total); the indexes of those that are not there. Repeating it changes nothing."""

    def keep_within_commit(self, file_id: str, sizes: Sequence[int]) -> Sequence[KeptPlace] | None:
        """How the commit of the records gets at the chunks from 0 on, which have these sizes, to keep them if all are
        there. None where it cannot: then they are kept before it."""

    def hold(self, file_id: str, index: int, until: int) -> None:
        """Keep a chunk no more, but hold it until then (epoch ms). Nothing where it is not kept. For `fsck` alone."""

    def move(self, file_id: str, total: int, to_id: str, first: int, hold_until: int) -> list[int]:
        """Give chunks [0, total), which are held, the places from `first` on of another identifier, where they are held
        until then (epoch ms). The indexes of those that have not come there: there is a chunk already, or none to be
        moved. Nothing is copied where it can be avoided. Repeating it goes on where it was interrupted."""

    def release(self, file_id: str, *indexes: int) -> None:
        """Free these chunks but for those that are kept: they belong to a file, or to an upload that becomes one."""

    def delete(self, file_id: str, total: int) -> int:
        """Free chunks [0, total), also when the store is full; how many there were."""

    def scan(self) -> Iterator[tuple[str, int, ChunkStat]]:
        """All chunks, in no order, while others come and go; one may come twice. For `fsck` alone."""

    def sweep(self, now: int) -> int:
        """Free what is held past its time (epoch ms), and what crashes left; how many. 0 where the store does it
        by itself."""

    def barrier(self, file_id: str) -> None:
        """Returns when the file's kept chunks are safe at `level`. Comes before the commit that makes them a file, and
        the records' own barrier after it; only then is it safe to say 201."""

    @property
    def level(self) -> str:
        """As `Durability.level`."""

    def room(self) -> bool:
        """Whether there is room for more uploads."""
