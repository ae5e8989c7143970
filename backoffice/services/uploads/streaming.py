"""One long body becomes a file: cut into chunks as it streams, never whole in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Self

from backoffice.domain.access import Actor
from backoffice.domain.files import File, OnConflict, clean_mime_type, clean_name, clean_tags
from backoffice.domain.uploads import Upload
from backoffice.errors import BackofficeError, Invalid, TooLarge
from backoffice.services.ports import ChunkStore, UploadStore
from backoffice.services.uploads.chunker import Chunker, ReadInto
from backoffice.services.uploads.completion import Completion

MARKS = 16
"""Chunks that are noted together: often enough that a quota is not passed by far, seldom enough to cost nothing."""


class StreamingUpload:
    """Takes the body in order, by `write` or `read_from`, then `finish`. Use as a context manager: left without a finish,
    nothing remains of it."""

    def __init__(
        self,
        actor: Actor,
        upload: Upload,
        uploads: UploadStore,
        chunks: ChunkStore,
        completion: Completion,
        *,
        chunk_size: int,
        max_file_size: int,
        max_chunks: int,
        seconds: int,
        expiry: Callable[[], int],
        drop: Callable[[Upload, str], None],
    ) -> None:
        """`seconds`: the chunks' time to live; `expiry`: the upload's, from now; `drop`: how it is given up."""
        self._actor, self._upload = actor, upload
        self._uploads, self._chunks, self._completion = uploads, chunks, completion
        self._max_file_size, self._max_chunks, self._expiry, self._drop = max_file_size, max_chunks, expiry, drop
        self._marked, self._received, self._finished = 0, 0, False

        def put(index: int, data: memoryview) -> None:
            chunks.put(upload.id, index, data, seconds)

        self._intake = Chunker(put, chunk_size, upload.size if upload.size >= 0 else None)

    def __enter__(self) -> Self:
        self._intake.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._intake.__exit__(kind, error, trace)
        if self._finished:
            return
        because = error.code if isinstance(error, BackofficeError) else "interrupted"
        # First it is given up, then its chunks go: where the commit went through and only its answer was lost, there
        # is a file, which keeps them.
        self._drop(self._upload, because)
        for index in range(self._marked, self._intake.submitted):
            self._chunks.discard(self._upload.id, index)

    def write(self, data: bytes | bytearray | memoryview) -> int:
        """Take a piece of any size; how many bytes it has."""
        self._count(len(data))
        self._intake.write(data)
        self._mark(MARKS)
        return len(data)

    def read_from(self, read_into: ReadInto) -> None:
        """Take all that the source has."""

        def counted(view: memoryview) -> int:
            received = read_into(view)
            self._count(received)
            self._mark(MARKS)
            return received

        self._intake.read_from(counted)

    def _count(self, received: int) -> None:
        self._received += received
        if self._received > self._max_file_size or self._intake.submitted > self._max_chunks:
            raise TooLarge(f"A file has at most {self._max_file_size} bytes.", limit=self._max_file_size)
        if 0 <= self._upload.size < self._received:
            raise Invalid("The body is longer than announced.", field="size")

    def _mark(self, least: int) -> None:
        """Note the chunks that are stored by now, unless they are fewer than `least`."""
        if self._intake.submitted - self._marked < least:
            return
        stored = self._intake.chunks
        fresh = list(enumerate(stored))[self._marked :]
        if fresh:
            self._uploads.mark(self._upload, fresh, self._expiry(), self._max_file_size)
            self._marked = len(stored)

    def finish(
        self,
        *,
        name: str,
        mime_type: str = "",
        sha256: str = "",
        tags: Iterable[str] = (),
        on_conflict: OnConflict = OnConflict.RENAME,
    ) -> File:
        """The file. Raises ChecksumMismatch when `sha256` (hex) is another, and all that `Completion.run` raises."""
        taken = self._intake.finish()
        self._mark(0)
        file = File(
            id=self._upload.id,
            name=clean_name(name),
            size=taken.size,
            mime_type=clean_mime_type(mime_type),
            owner=self._upload.owner,
            created_at=0,
            total_chunks=len(taken.chunks),
            sha256=sha256,
            tags=clean_tags(tags),
        )
        stored = self._completion.run(
            self._actor, self._upload, file, on_conflict, total=len(taken.chunks), found=taken.sha256.hex()
        )
        self._finished = True
        return stored
