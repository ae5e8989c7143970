"""One long body on its way into the store: cut into chunks, hashed and stored while more of it arrives."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from hashlib import sha256
from types import TracebackType
from typing import Self

from xxhash import xxh3_128_digest

from backoffice.domain.uploads import Chunk
from backoffice.domain.waits import sharing_waits

IN_FLIGHT = 2
"""Chunks being stored at once. More gain nothing: the store takes one after the other."""

Put = Callable[[int, memoryview], object]
"""Stores chunk `index`; called from several threads at once. The bytes are valid until it returns."""

ReadInto = Callable[[memoryview], int]
"""Puts the next bytes at the start of the view and says how many; 0 is the end."""


@dataclass(frozen=True, slots=True)
class Result:
    """What a body turned out to be. `sha256`: of the whole, 32 bytes."""

    chunks: tuple[Chunk, ...]
    size: int
    sha256: bytes


@dataclass(frozen=True, slots=True)
class _InFlight:
    """A chunk on its way; its buffer is free again when both are done."""

    buffer: bytearray
    stored: Future[Chunk]
    hashed: Future[bytes]

    def chunk(self) -> Chunk:
        """Wait for both. Raises what storing it raised."""
        sha256 = self.hashed.result()
        return replace(self.stored.result(), sha256=sha256)


class Chunker:
    """Takes one body in order and cuts it into chunks of `chunk_size`, the last one shorter. An empty body has none.

    Use it as a context manager: leaving waits for what is under way. Memory: at most `in_flight + 1` chunks. A body
    of one chunk needs no thread. What `put` raises comes out of one of the next calls, the earliest chunk's first;
    after that only `chunks` has a meaning.

    `prefix`: bytes, less than a chunk, that are taken before all others.
    `announced`: length of the body after it if that is known, so that a short one takes little memory; where it is
    reached, the last chunk is handed on at once.
    `each`: take the SHA-256 of each chunk, and not that of the whole, which is that of nothing then.
    """

    def __init__(
        self,
        put: Put,
        chunk_size: int,
        announced: int | None = None,
        in_flight: int = IN_FLIGHT,
        prefix: bytes = b"",
        *,
        each: bool = False,
    ) -> None:
        self._put, self._chunk_size, self._in_flight, self._each = put, chunk_size, in_flight, each
        self._whole = sha256()
        self._free: list[bytearray] = []
        expected = chunk_size if announced is None else min(chunk_size, len(prefix) + announced)
        self._buffer = bytearray(max(1, expected))
        self._buffer[: len(prefix)] = prefix
        self._filled = len(prefix)
        self._flights: deque[_InFlight] = deque()
        self._chunks: list[Chunk] = []
        self._submitted = 0
        self._storing = ThreadPoolExecutor(in_flight, thread_name_prefix="chunker-store")
        self._hashing = ThreadPoolExecutor(1, thread_name_prefix="chunker-hash")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for flight in self._flights:
            flight.stored.cancel()
        self._storing.shutdown()
        self._hashing.shutdown()

    @property
    def submitted(self) -> int:
        """How many chunks may be stored by now, at most."""
        return max(self._submitted, len(self._chunks), 1)

    @property
    def chunks(self) -> tuple[Chunk, ...]:
        """Those that are stored, from the first on without a gap; also after a failure, once the manager is left."""
        chunks = list(self._chunks)
        for flight in self._flights:
            if flight.stored.cancelled() or not flight.stored.done() or flight.stored.exception():
                break
            chunks.append(flight.chunk())
        return tuple(chunks)

    def read_from(self, read_into: ReadInto) -> None:
        """Take all that the source has, received straight into the chunks' own memory."""
        while True:
            with memoryview(self._buffer) as view, view[self._filled :] as room:
                received = read_into(room)
            if not received:
                return
            self._advance(received)

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Take a piece of any size; it is copied."""
        with memoryview(data) as whole:
            taken = 0
            while taken < len(whole):
                step = min(len(self._buffer) - self._filled, len(whole) - taken)
                self._buffer[self._filled : self._filled + step] = whole[taken : taken + step]
                self._advance(step)
                taken += step

    def drain(self) -> memoryview:
        """Wait until all whole chunks are stored. The bytes of the last one, which is not whole and not stored."""
        while self._flights:
            self._await_oldest()
        return memoryview(self._buffer)[: self._filled]

    def finish(self) -> Result:
        """Wait until all of it is stored and hashed."""
        if self._submitted:
            if self._filled:
                self._submit()
        elif self._filled:
            with memoryview(self._buffer)[: self._filled] as view:
                self._chunks.append(replace(self._store(0, view), sha256=self._hash(view)))
        while self._flights:
            self._await_oldest()
        return Result(tuple(self._chunks), sum(chunk.size for chunk in self._chunks), self._whole.digest())

    def _advance(self, received: int) -> None:
        self._filled += received
        if self._filled == len(self._buffer):
            self._submit()

    def _submit(self) -> None:
        view = memoryview(self._buffer)[: self._filled]
        stored = self._storing.submit(sharing_waits(self._store), self._submitted, view)
        hashed = self._hashing.submit(self._hash, view)
        self._flights.append(_InFlight(self._buffer, stored, hashed))
        self._submitted += 1
        while len(self._flights) > self._in_flight:
            self._await_oldest()
        self._buffer = self._free.pop() if self._free else bytearray(self._chunk_size)
        self._filled = 0

    def _await_oldest(self) -> None:
        """Wait for the earliest chunk under way. It stays in `_flights` when it failed."""
        flight = self._flights[0]
        # Hashing first: while it goes on, the buffer may not be used again, whatever became of storing.
        chunk = flight.chunk()
        self._flights.popleft()
        self._chunks.append(chunk)
        if len(flight.buffer) == self._chunk_size:
            self._free.append(flight.buffer)

    def _hash(self, view: memoryview) -> bytes:
        """The SHA-256 of this chunk, where it is wanted."""
        if self._each:
            return sha256(view).digest()
        self._whole.update(view)
        return b""

    def _store(self, index: int, view: memoryview) -> Chunk:
        digest = xxh3_128_digest(view)
        self._put(index, view)
        return Chunk(len(view), digest)
