"""Checking and storing one chunk."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TypedDict

import xxhash

from backoffice.domain.access import Ground
from backoffice.domain.uploads import IN_ORDER, TAILS, Chunk, Upload, UploadState
from backoffice.errors import (
    BackofficeError,
    ChecksumMismatch,
    ChunkConflict,
    Invalid,
    NotFound,
    TooLarge,
    Unavailable,
    UploadClosed,
)
from backoffice.measures import count, timed
from backoffice.services.chunk_ports import ChunkStore
from backoffice.services.file_ports import UploadStore
from backoffice.services.uploads.limits import UploadLimits

GRACE_SECONDS = 3600
"""A chunk outlives its upload by so much, for a completion that began at the last moment."""

ATTEMPTS = 3


class Bounds(TypedDict):
    """What the store has to know of an upload that goes on now: when it expires, what it may grow to, and whether the
    one who goes on may do so."""

    expires_at: int
    largest: int
    quota: int
    ground: Ground | None


@dataclass(frozen=True, slots=True)
class ChunkWriter:
    """Stores chunks of uploads, and notes them in the map. `ground`: of the one who sends them."""

    uploads: UploadStore
    chunks: ChunkStore
    limits: UploadLimits
    now: Callable[[], int]
    ground: Ground | None = None

    def check_place(self, index: int, total: int) -> None:
        """Raises Invalid where no upload can have chunk `index` of `total`."""
        if not 1 <= total <= self.limits.max_chunks:
            raise Invalid(f"total_chunks is a number from 1 to {self.limits.max_chunks}.", field="total_chunks")
        if not 0 <= index < total:
            raise Invalid("chunk_index is a number from 0 to total_chunks - 1.", field="chunk_index")

    def check(self, index: int, total: int, data: bytes | memoryview, sha256: bytes | None) -> Chunk:
        """What the map will say of chunk `index` of `total`. Raises Invalid, TooLarge, ChecksumMismatch."""
        limits = self.limits
        if len(data) > limits.max_chunk_size:
            raise TooLarge(f"A chunk has at most {limits.max_chunk_size} bytes.", limit=limits.max_chunk_size)
        if not data and total > 1:
            raise Invalid("Only the one chunk of an empty file may be empty.", field="chunk_data")
        limits.check_chunk(index, total, len(data))
        own = hashlib.sha256(data).digest()
        if sha256 is not None and sha256 != own:
            raise ChecksumMismatch(received=own.hex())
        return Chunk(len(data), xxhash.xxh3_128_digest(data), own)

    def store(self, upload: Upload, index: int, data: bytes | memoryview, chunk: Chunk) -> Upload:
        """Store a chunk and note it; the upload as it is then. Raises NotFound and what `put` and `mark` raise.

        One round trip where the bytes and the records are in one place and the chunk is new.
        """
        if upload.state is UploadState.ABORTED:
            raise NotFound
        with timed("chunk", "write"):
            return self._store(upload, index, data, chunk)

    def _store(self, upload: Upload, index: int, data: bytes | memoryview, chunk: Chunk) -> Upload:
        bounds = self._bounds(upload)
        carried = self.chunks.carry(upload.id, index, data, hold_until(upload, self.now()))
        if carried is not None:
            noted = self.uploads.store_chunk(upload, index, chunk, carried, **bounds)
            if noted is not None:
                count_stored([chunk])
                return noted
        kept = self.put(upload, index, data)
        try:
            noted = self.uploads.mark(upload, [(index, chunk)], **bounds)
        except Unavailable:
            # It may have been noted all the same; if not, the chunk goes when its time is over.
            raise
        except BackofficeError as error:
            # Where it is being completed, or has become a stream, another request may have noted these very bytes.
            if kept and error.details.get("state") not in {UploadState.COMPLETING, IN_ORDER}:
                self.chunks.release(upload.id, index)
            raise
        count_stored([chunk])
        return noted

    def put(self, upload: Upload, index: int, data: bytes | memoryview) -> bool:
        """Keep the bytes as long as the upload may live; whether they were not there before.

        Raises ChunkConflict where there are other bytes, which stay: whose they are cannot be known for sure.
        """
        for _ in range(ATTEMPTS):
            if self.chunks.put(upload.id, index, data, hold_until(upload, self.now())):
                return True
            there = self.chunks.get(upload.id, index)
            if there is not None:
                if there != data:
                    raise ChunkConflict(chunk_index=index)
                return False
            # Its time was over between the two looks.
        raise Unavailable

    def put_aside(self, upload: Upload, aside: str, index: int, data: bytes | memoryview) -> None:
        """Keep the bytes as long, under an identifier that no record has: nobody comes by them before `take_in`."""
        self.chunks.put(aside, index, data, hold_until(upload, self.now()))

    def take_in(self, upload: Upload, aside: str, total: int, first: int) -> None:
        """Give chunks that were put aside the places of the upload from `first` on.

        Raises ChunkConflict where other bytes are there, Unavailable where one was lost.
        """
        for index in self.chunks.move(aside, total, upload.id, first, hold_until(upload, self.now())):
            data = self.chunks.get(aside, index)
            if data is None:
                raise Unavailable
            self.put(upload, first + index, data)
        self.chunks.delete(aside, total)

    def append(self, upload: Upload, first: int, offset: int, chunks: Sequence[Chunk], tail: int = 0) -> Upload:
        """Note chunks of a stream (see `UploadStore.append`); a tail that they replace is freed. As long as a part
        goes on, its whole is kept."""
        noted = self.uploads.append(upload, first, offset, chunks, tail=tail, **self._bounds(upload))
        count_stored(chunks)
        if upload.tail:
            self.chunks.release(upload.id, TAILS + upload.tail)
        if noted.joins:
            with suppress(NotFound, UploadClosed):  # it was given up
                self.uploads.renew(noted.joins, noted.owner, noted.expires_at)
        return noted

    def _bounds(self, upload: Upload) -> Bounds:
        limits = self.limits
        expires_at = limits.expires_at(self.now(), upload.dies_at)
        return Bounds(
            expires_at=expires_at, largest=limits.largest(upload), quota=limits.quota_bytes, ground=self.ground
        )


@contextmanager
def refused_chunks_counted() -> Iterator[None]:
    """For whoever measures: what comes out of here is a chunk that was not taken."""
    try:
        yield
    except BackofficeError:
        count("chunks", "refused")
        raise


def count_stored(chunks: Sequence[Chunk]) -> None:
    """For whoever measures: these have just been noted."""
    count("chunks", "stored", len(chunks))
    count("chunk_bytes", "stored", sum(chunk.size for chunk in chunks))


def hold_until(upload: Upload, now: int) -> int:
    """Until when a chunk is held that is stored now (ms)."""
    return max(now, upload.dies_at) + GRACE_SECONDS * 1000
