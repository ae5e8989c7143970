"""How far an upload is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from backoffice.domain.uploads import Upload
from backoffice.services.file_ports import UploadStore


@dataclass(frozen=True, slots=True)
class UploadStatus:
    """An upload and what is missing of it. Which chunks those are is looked up when asked for: in the answer to a chunk
    their number is enough."""

    upload: Upload
    find_missing: Callable[[], Sequence[tuple[int, int]]]

    @property
    def missing(self) -> Sequence[tuple[int, int]]:
        """Ranges (first, last) of chunks that have not arrived."""
        return self.find_missing() if self.missing_count else ()

    @property
    def missing_count(self) -> int:
        """How many have not arrived; 0 while their number is not known."""
        return max(0, self.upload.total_chunks - self.upload.received)


def status_of(uploads: UploadStore, upload: Upload) -> UploadStatus:
    """The status of an upload; its map is read when what is missing is asked for."""
    return UploadStatus(upload, lambda: uploads.chunk_map(upload.id, upload.total_chunks).missing)
