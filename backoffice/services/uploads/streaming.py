"""Bytes that come in order, into an upload that can stop at any byte and go on later, in another process.

What the map of a stream says is what has arrived: chunks without a gap, `Upload.bytes` together, and that is the
offset at which it goes on. Chunks have their full size, but for the last one, the tail, which may still grow.

One appends at a time. Who begins gets a number, the fence; from then on the store takes notes from no other. So a new
connection takes over at once from one that is dead and does not know it, and nothing has to be waited for.

A chunk that is whole goes under its own index, where the first bytes to come stay for ever: no append, however late,
can change a byte that was noted. The tail goes under an index of the append that stores it (`Upload.stored_at`), and
the next append takes it up as the beginning of its first chunk. Bytes are always stored before they are noted, and one
script notes chunks, tail and offset together. So when a process dies between any two calls of the store

    before a chunk or a tail is stored        nothing has changed
    after it is stored, before it is noted    the offset does not count it; the same bytes, when they are sent again,
                                              find it stored; an unused tail dies by itself
    after the tail is replaced by another     the old one dies by itself

What a client sends again after that are normally the same bytes. Where they are others, under the index of a chunk that
an append left without noting it, this is ChunkConflict: nobody can tell whether that append still lives, so its chunk
is not replaced. Completing may do so, because it has a lease.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from types import TracebackType
from typing import Self

from xxhash import xxh3_128_digest

from backoffice.domain.uploads import TAILS, UNKNOWN, Chunk, Upload, UploadState
from backoffice.errors import (
    BackofficeError,
    ChunkConflict,
    NotFound,
    OffsetMismatch,
    TooLarge,
    Unavailable,
    UploadClosed,
)
from backoffice.services.uploads.chunker import IN_FLIGHT, Chunker, ReadInto
from backoffice.services.uploads.chunks import ChunkWriter

NOTED_TOGETHER = 16
"""Chunks that are noted together: often enough that a quota is not passed by far, seldom enough to cost nothing. So
many may have to be sent again when a process dies; when a connection breaks, none."""

RENEWALS = 6
"""How often an upload is kept from expiring, within the time that it is kept, as long as bytes come."""

UNNOTED = NOTED_TOGETHER + 2 * IN_FLIGHT
"""Chunks that can be stored and not noted, at most."""


class StreamingUpload:
    """Appends to a stream, by `write` or `read_from`; then `keep` or `finish`, once. Use as a context manager.

    `upload` is the record as this append noted it last. Memory: three chunks.
    """

    def __init__(
        self, writer: ChunkWriter, upload: Upload, tail: bytes = b"", aside: str = "", *, each: bool = False
    ) -> None:
        """`upload`: as `begin_append` gave it; `tail`: bytes of its tail. `aside`: an identifier of its own, under
        which chunks wait, and nothing is noted, until `take_in`; until then it can be as if nothing had come. `each`:
        take the SHA-256 of each chunk, by which others can prove what has arrived, and not of the whole."""
        self.upload, self.completed, self.digest = upload, False, b""
        self._writer, self._limits = writer, writer.limits
        self._first = upload.received - (1 if tail else 0)
        self._renew_at = self._next_renewal()
        self._aside, self._looked_at = aside, 0
        self._noted, self._offset = 0, upload.bytes - len(tail)
        self._received, self._whole = upload.bytes, upload.bytes == 0 and not each
        announced = None if upload.size == UNKNOWN else upload.size - upload.bytes
        self._chunker = Chunker(self._put, self._limits.chunk_size, announced, prefix=tail, each=each)

    @classmethod
    def resume(cls, writer: ChunkWriter, upload: Upload, offset: int, aside: str = "") -> Self:
        """Go on at `offset`, and be the only one who does. `aside`: see `__init__`.

        Raises OffsetMismatch (`offset`: where it goes on), NotFound, UploadClosed.
        """
        upload, noted = writer.uploads.begin_append(upload, offset)
        if noted is None:
            return cls(writer, upload, aside=aside, each=True)
        index = upload.received - 1
        tail = writer.chunks.get(upload.id, upload.stored_at(index))
        if tail is None or (len(tail), xxh3_128_digest(tail)) != (noted.size, noted.xxh3):
            # Another append has replaced it meanwhile; or the store lost it, as happens when a replica takes over: then
            # the offset goes back, for it must not lie.
            raise OffsetMismatch(offset=writer.uploads.unmark(upload, [index]).bytes)
        # A completion may have put it where it belongs and died, or chunks have become smaller.
        if len(tail) < writer.limits.chunk_size and writer.chunks.get(upload.id, index) != tail:
            return cls(writer, upload, tail, aside, each=True)
        writer.put(upload, index, tail)
        whole = writer.append(upload, index, upload.bytes - len(tail), [noted])
        return cls(writer, whole, aside=aside, each=True)

    def __enter__(self) -> Self:
        self._chunker.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._chunker.__exit__(kind, error, trace)

    def write(self, data: bytes | bytearray | memoryview) -> int:
        """Take a piece of any size; how many bytes it has."""
        with memoryview(data) as whole:
            for start in range(0, len(whole), self._limits.chunk_size):
                with whole[start : start + self._limits.chunk_size] as piece:
                    self._count(len(piece))
                    self._chunker.write(piece)
                    self._note(NOTED_TOGETHER)
        return len(data)

    def read_from(self, read_into: ReadInto) -> None:
        """Take all that the source has. What it raises comes out; then `keep` keeps what came before."""

        def counted(view: memoryview) -> int:
            received = read_into(view)
            self._count(received)
            self._note(NOTED_TOGETHER)
            return received

        self._chunker.read_from(counted)

    def take_in(self) -> None:
        """What waits aside is as if it had come just now: `keep` notes it. Raises ChunkConflict, Unavailable."""
        self._chunker.drain()
        self._writer.take_in(self.upload, self._aside, len(self._chunker.chunks), self._first)
        self._aside = ""

    def discard(self) -> None:
        """Free what waits aside. To be called when the context is left."""
        if self._aside:
            self._writer.chunks.delete(self._aside, self._chunker.submitted)

    def keep(self) -> Upload:
        """Store and note all that has arrived, to the last byte, for another append to go on after it.

        Raises OffsetMismatch (another has begun), UploadClosed, NotFound, QuotaExceeded, StoreFull, Unavailable: then
        what was noted before stays.
        """
        try:
            rest = self._chunker.drain()
        finally:
            self._note(1)
        if self._offset + len(rest) > self.upload.bytes:
            fence = self.upload.fence
            self._writer.put(self.upload, TAILS + fence, rest)
            try:
                self._append([Chunk(len(rest), xxh3_128_digest(rest), sha256(rest).digest())], tail=fence)
            except Unavailable:
                raise  # it may have been noted all the same
            except BackofficeError:
                # Nobody else notes this place: without a note nothing would free it, and no quota counts it. It may
                # have been noted where the command was repeated and something came in between.
                now = self._writer.uploads.get(self.upload.id)
                if now is None or now.tail != fence:
                    self._writer.chunks.release(self.upload.id, TAILS + fence)
                raise
        return self.upload

    def finish(self) -> Upload:
        """Store and note all that has arrived: this was the end. `digest` is then the SHA-256 of the whole, unless it
        came in several appends. Raises what `keep` raises."""
        result = self._chunker.finish()
        self._note(1)
        if self._whole:
            self.digest = result.sha256
        return self.upload

    def _put(self, index: int, data: memoryview) -> None:
        if self._aside:
            self._writer.put_aside(self.upload, self._aside, index, data)
            return
        try:
            self._writer.put(self.upload, self._first + index, data)
        except ChunkConflict:
            self._check_fence()
            raise

    def _check_fence(self) -> None:
        """Raises NotFound, UploadClosed or OffsetMismatch where this append is not the one that goes on any more."""
        now = self._writer.uploads.get(self.upload.id)
        if now is None:
            raise NotFound
        if now.state is not UploadState.OPEN:
            raise UploadClosed(state=now.state.value)
        if now.fence != self.upload.fence:
            raise OffsetMismatch(offset=now.bytes)

    def _count(self, received: int) -> None:
        if not received:
            return
        self._received += received
        limits, size = self._limits, self.upload.size
        if self._first + self._chunker.submitted > limits.max_chunks:
            raise TooLarge(f"A file has at most {limits.max_chunks} chunks.", limit=limits.max_file_size)
        limits.check_length(self._received, None if size == UNKNOWN else size)

    def _note(self, least: int) -> None:
        """Note the chunks that are stored by now, unless they are fewer than `least`. Each note keeps the upload from
        expiring, and so one is due now and then, whatever there is to note."""
        if self._aside:
            # No note says that another has begun. It must not go on for long: no quota counts what waits.
            if self._chunker.submitted - self._looked_at >= NOTED_TOGETHER:
                self._looked_at = self._chunker.submitted
                self._check_fence()
            return
        due = self._writer.now() >= self._renew_at
        if self._chunker.submitted - self._noted < least and not due:
            return
        fresh = self._chunker.chunks[self._noted :]
        # A note of nothing would take the tail away, which the first chunk is to replace.
        if fresh or (due and not self.upload.tail):
            self._append(fresh)

    def _next_renewal(self) -> int:
        return self._writer.now() + self._limits.upload_seconds * 1000 // RENEWALS

    def _append(self, chunks: Sequence[Chunk], tail: int = 0) -> None:
        self.upload = self._writer.append(self.upload, self._first + self._noted, self._offset, chunks, tail)
        self._renew_at = self._next_renewal()
        self._noted += len(chunks)
        self._offset += sum(chunk.size for chunk in chunks)
