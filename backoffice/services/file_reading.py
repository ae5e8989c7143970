"""Reading a stored file: what is recorded of it, and every chunk checked before a byte of it is given out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass

from backoffice.domain.access import Actor
from backoffice.domain.actions import Actions
from backoffice.domain.audit import AuditEvent, ObjectRef, Outcome
from backoffice.domain.files import File
from backoffice.domain.uploads import ChunkMap
from backoffice.errors import ChunkLost, IntegrityError, Invalid
from backoffice.services.file_ports import ChunkStore, FileStore
from backoffice.services.ports import AuditLog
from backoffice.services.uploads.reader import check_chunk, expect_whole, iter_verified

AGAIN_SECONDS = 600
"""A player asks for a file piece by piece: of the pieces that are alike within so long, one is recorded."""
QUARTERS = 4
"""Pieces from the same quarter of a file to the same other one are alike, where both are large or both are not."""
LARGE = 64
"""A piece of this part of a file, or more, is large: a small one does not stand for it."""
SMALL_FILE = 64 * 1024
"""Bytes of a file that may come with its entry in the log."""


@dataclass(frozen=True, slots=True)
class OpenedFile:
    """A file that its reader may read, as it was when it was opened. Opening is not recorded, reading is: who only asks
    whether it has changed has not downloaded it."""

    file: File
    _read: Callable[[int, int], Iterator[memoryview]]

    def read(self, start: int = 0, stop: int | None = None) -> Iterator[memoryview]:
        """Bytes [start, stop), each chunk checked before a byte of it is yielded. The entry in the log is written at
        once, whether or not anything is taken from the iterator.

        Raises Invalid for a range that is not within the file; while iterating IntegrityError (ChunkLost) and
        Unavailable.
        """
        return self._read(start, self.file.size if stop is None else stop)


@dataclass(frozen=True, slots=True)
class FileReader:
    """Opens files for actors who may read them: who may is decided before."""

    files: FileStore
    chunks: ChunkStore
    audit: AuditLog

    def open(self, actor: Actor, file: File, packed_map: bytes) -> OpenedFile:
        """A file whose bytes are fetched when they are read."""

        def read(start: int, stop: int) -> Iterator[memoryview]:
            self._record(actor, file, start, stop)
            return self._parts(actor, file, ChunkMap.unpack(packed_map, file.total_chunks), start, stop)

        return OpenedFile(file, read)

    def fetch(self, actor: Actor, file: File, packed_map: bytes) -> OpenedFile:
        """A file of at most one chunk with its bytes, and recorded as read. The commit that records it reads the chunk,
        where it can. Raises VersionMismatch when the record has changed, IntegrityError (ChunkLost)."""
        event = AuditEvent(Actions.FILE_DOWNLOAD, actor, file_ref(file), data={"size": file.size})
        chunk = self.chunks.within_commit(file.id, 0) if file.total_chunks else None
        data = self.files.record_read(file, chunk, event)
        if chunk is None and file.total_chunks:
            data = self.chunks.get(file.id, 0)
        chunk_map = ChunkMap.unpack(packed_map, file.total_chunks)
        try:
            expect_whole(chunk_map, file.size)
            if data is not None:
                check_chunk(chunk_map, 0, data)
            elif file.total_chunks:
                raise ChunkLost("Chunk 0 of the file is not in the store.", index=0)
        except IntegrityError as error:
            self.damaged(actor, file, error)
            raise
        view = memoryview(data or b"")
        return OpenedFile(file, lambda start, stop: iter([view[start:stop]] if start < stop else []))

    def damaged(self, actor: Actor, file: File, error: IntegrityError) -> None:
        """Record that a file is damaged; once in a while for each way and quarter of it."""
        event = AuditEvent(Actions.FILE_DAMAGED, actor, file_ref(file), Outcome.ERROR, data={"because": str(error)})
        index = error.details.get("chunk_index", error.details.get("index"))
        where = index * QUARTERS // max(1, file.total_chunks) if isinstance(index, int) else ""
        self.audit.record(event, once=f"damaged:{file.id}:{error.code}:{where}", seconds=AGAIN_SECONDS)

    def _record(self, actor: Actor, file: File, start: int, stop: int) -> None:
        if not 0 <= start <= stop <= file.size:
            raise Invalid("The range is not within the file.", size=file.size)
        whole = (start, stop) == (0, file.size)
        event = AuditEvent(
            Actions.FILE_DOWNLOAD,
            actor,
            file_ref(file),
            data={"size": file.size} if whole else {"range": [start, stop]},
        )
        # Somebody else with the same person's token or from elsewhere is not the player that has been recorded.
        who = f"{actor.id}:{actor.credential}:{actor.ip}"
        once = "" if whole else f"download:{who}:{file.id}:{_kind_of_piece(file.size, start, stop)}"
        self.audit.record(event, once=once, seconds=AGAIN_SECONDS)

    def _parts(self, actor: Actor, file: File, chunk_map: ChunkMap, start: int, stop: int) -> Iterator[memoryview]:
        try:
            expect_whole(chunk_map, file.size)
            with closing(iter_verified(self.chunks, file.id, chunk_map, start, stop)) as parts:
                for part in parts:
                    yield part
                    del part
                    if actor.ground is not None:
                        actor.ground.confirm()
        except IntegrityError as error:
            self.damaged(actor, file, error)
            raise


def _kind_of_piece(size: int, start: int, stop: int) -> str:
    """What is the same for pieces that are alike. There are 20 kinds at most, so no reader fills the log; and whatever
    is taken lies in quarters that the log names."""
    first, last = (at * QUARTERS // max(1, size) for at in (start, max(start, stop - 1)))
    return f"{first}-{last}:{'large' if (stop - start) * LARGE >= size else 'small'}"


def file_ref(file: File) -> ObjectRef:
    """How a file stands in the log."""
    return ObjectRef("file", file.id, file.name)
