"""Reading a stored file: what is recorded of it, and every chunk checked before a byte of it is given out."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from backoffice.domain.access import Actor
from backoffice.domain.actions import Actions
from backoffice.domain.audit import AuditEvent, ObjectRef, Outcome
from backoffice.domain.files import File, FileState
from backoffice.domain.times import now_ms, rfc3339
from backoffice.domain.uploads import ChunkMap
from backoffice.errors import BackofficeError, ChunkLost, IntegrityError, Invalid, NotFound
from backoffice.services.chunk_ports import ChunkStore
from backoffice.services.file_ports import FileStore
from backoffice.services.log_ports import AuditLog
from backoffice.services.uploads.reader import check_chunk, expect_whole, iter_verified

AGAIN_SECONDS = 600
"""A damaged part of a file is recorded once in so long."""
QUARTERS = 4
"""Of a file: what is damaged in another one is another damage."""
SMALL_FILE = 64 * 1024
"""Bytes of a file that may come with its entry in the log."""


@dataclass(frozen=True, slots=True)
class OpenedFile:
    """A file that its reader may read, as it was when it was opened. Opening is not recorded, reading is: who only asks
    whether it has changed has not downloaded it."""

    file: File
    _read: Callable[[int, int], Iterator[memoryview]]

    def read(self, start: int = 0, stop: int | None = None) -> Iterator[memoryview]:
        """Bytes [start, stop), each chunk checked before a byte of it is yielded. It is recorded, or counted
        where it was recorded a moment ago, at once, whether or not anything is taken from the iterator.

        Raises Invalid for a range that is not within the file; while iterating IntegrityError (ChunkLost), NotFound
        where the bytes were freed meanwhile, and Unavailable.
        """
        return self._read(start, self.file.size if stop is None else stop)


@dataclass(frozen=True, slots=True)
class FileReader:
    """Opens files for actors who may read them: who may is decided before."""

    files: FileStore
    chunks: ChunkStore
    audit: AuditLog
    now: Callable[[], int] = now_ms

    def open(self, actor: Actor, file: File, packed_map: bytes) -> OpenedFile:
        """A file whose bytes are fetched when they are read."""

        def read(start: int, stop: int) -> Iterator[memoryview]:
            self._record(actor, file, start, stop)
            return self.parts(actor, file, ChunkMap.unpack(packed_map, file.total_chunks), start, stop)

        return OpenedFile(file, read)

    def go_on(self, actor: Actor, file: File, packed_map: bytes) -> OpenedFile:
        """A file whose reading is in the log already, as the download that this is a part of."""

        def read(start: int, stop: int) -> Iterator[memoryview]:
            _expect_within(file, start, stop)
            return self.parts(actor, file, ChunkMap.unpack(packed_map, file.total_chunks), start, stop)

        return OpenedFile(file, read)

    def fetch(self, actor: Actor, file: File, packed_map: bytes) -> OpenedFile:
        """A file of at most one chunk with its bytes, and recorded as read. The commit that records it reads the chunk,
        where it can. Raises VersionMismatch when the record has changed, and what reading raises."""
        event = self._event(actor, file, 0, file.size)
        chunk = self.chunks.within_commit(file.content_id, 0) if file.total_chunks else None
        data = self.files.record_read(file, event, 0, file.size, chunk, unchanged=True)
        if data is not None:
            data = self.chunks.from_commit(data)
        elif chunk is None and file.total_chunks:
            data = self.chunks.get(file.content_id, 0)
        chunk_map = ChunkMap.unpack(packed_map, file.total_chunks)
        try:
            expect_whole(chunk_map, file.size)
            if data is not None:
                check_chunk(chunk_map, 0, data)
            elif file.total_chunks:
                raise ChunkLost("Chunk 0 of the file is not in the store.", index=0)
        except IntegrityError as error:
            raise self.failure(actor, file, error) from error
        view = memoryview(data or b"")
        return OpenedFile(file, lambda start, stop: iter([view[start:stop]] if start < stop else []))

    def failure(self, actor: Actor, file: File, error: IntegrityError) -> BackofficeError:
        """What to raise for bytes that are not those that were stored: NotFound where they were freed after the file
        was opened, which is no damage; else the `error`. That is recorded, once in a while for each way and quarter of
        the file."""
        now = self.files.get(file.id)
        if now is None or now.state is FileState.GONE or now.content_id != file.content_id:
            return NotFound("What was to be read was deleted or replaced at this moment.")
        event = AuditEvent(Actions.FILE_DAMAGED, actor, file_ref(file), Outcome.ERROR, data={"because": str(error)})
        index = error.details.get("chunk_index", error.details.get("index"))
        where = index * QUARTERS // max(1, file.total_chunks) if isinstance(index, int) else ""
        self.audit.record(event, once=f"damaged:{file.content_id}:{error.code}:{where}", seconds=AGAIN_SECONDS)
        return error

    def _record(self, actor: Actor, file: File, start: int, stop: int) -> None:
        _expect_within(file, start, stop)
        self.files.record_read(file, self._event(actor, file, start, stop), start, stop)

    def _event(self, actor: Actor, file: File, start: int, stop: int) -> AuditEvent:
        whole = (start, stop) == (0, file.size)
        data: dict[str, Any] = {"size": file.size} if whole else {"range": [start, stop]}
        if file.version_of:
            data["number"] = file.number
        return AuditEvent(Actions.FILE_DOWNLOAD, actor, file_ref(file), data=data, at=self.now())

    def parts(
        self, actor: Actor, file: File, chunk_map: ChunkMap, start: int, stop: int
    ) -> Generator[memoryview, None, None]:
        """Bytes [start, stop), checked. Not recorded: for who gives none of them out."""
        try:
            expect_whole(chunk_map, file.size)
            with closing(iter_verified(self.chunks, file.content_id, chunk_map, start, stop)) as parts:
                for part in parts:
                    yield part
                    del part
                    if actor.ground is not None:
                        actor.ground.confirm()
        except IntegrityError as error:
            raise self.failure(actor, file, error) from error


def record_counted_reads(audit: AuditLog, now: int, limit: int) -> bool:
    """Write what was counted of readings in spans that are over; whether there may be more."""
    found = audit.counted_reads(now, limit)
    for one in found:
        data: dict[str, Any] = {
            "count": one.count,
            "bytes": one.bytes,
            "since": rfc3339(one.since),
            "until": rfc3339(one.until),
        }
        if one.range is not None and one.largest is not None:
            data |= {"range": list(one.range), "largest": list(one.largest)}
        audit.write_counted_reads(one, AuditEvent(Actions.FILE_DOWNLOAD, one.actor, one.object, data=data, at=now))
    return len(found) == limit


def _expect_within(file: File, start: int, stop: int) -> None:
    if not 0 <= start <= stop <= file.size:
        raise Invalid("The range is not within the file.", size=file.size)


def file_ref(file: File) -> ObjectRef:
    """How a file stands in the log; what is done to an earlier version is done to its file."""
    return ObjectRef("file", file.version_of or file.id, file.name)
