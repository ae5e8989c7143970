"""How far an upload is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from backoffice.domain.paging import Page
from backoffice.domain.uploads import StoredChunk, Upload
from backoffice.services.file_ports import UploadStore
from backoffice.services.uploads.takeover import as_chunks


@dataclass(frozen=True, slots=True)
class UploadStatus:
    """An upload, what is missing of it and what is there. Which chunks those are is looked up when asked for: in the
    answer to a chunk their number is enough."""

    upload: Upload
    uploads: UploadStore
    in_order: bool = False
    """It is a stream, and `upload` what it can go on as."""

    @property
    def missing(self) -> Sequence[tuple[int, int]]:
        """Ranges (first, last) of chunks that have not arrived."""
        if not self.missing_count:
            return ()
        if self.in_order:
            return ((self.upload.received, self.upload.total_chunks - 1),)
        return self.uploads.chunk_map(self.upload.id, self.upload.total_chunks).missing

    @property
    def missing_count(self) -> int:
        """How many have not arrived; 0 while their number is not known."""
        return max(0, self.upload.total_chunks - self.upload.received)

    def stored(self, first: int, limit: int) -> Page[StoredChunk]:
        """Those of the `limit` chunks from index `first` on that have arrived, as the map knows them. The cursor is the
        index of the next one."""
        end = self.upload.received if self.in_order else self.upload.chunk_count
        stop = min(end, first + limit)
        part = self.uploads.part_of_map(self.upload.id, first, max(0, stop - first))
        there = tuple(StoredChunk(index, chunk) for index, chunk in enumerate(part.chunks, first) if chunk is not None)
        return Page(there, self.upload.received, next_cursor=str(stop) if stop < end else "")


def status_of(uploads: UploadStore, upload: Upload, chunk_size: int) -> UploadStatus:
    """The status of an upload; its map is read when what is missing is asked for. `chunk_size`: of streams."""
    shown = as_chunks(upload, chunk_size)
    return UploadStatus(shown, uploads, shown is not upload)
