"""What the upload service says of itself: what may be uploaded, and how far an upload is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from backoffice.domain.uploads import Upload


@dataclass(frozen=True, slots=True)
class Limits:
    """What may be uploaded: sizes in bytes. `quota`, `used` and `reserved` are the owner's."""

    chunk_size: int
    max_chunk_size: int
    max_file_size: int
    max_chunks: int
    max_open: int
    upload_seconds: int
    upload_max_seconds: int
    trash_seconds: int
    quota: int | None


@dataclass(frozen=True, slots=True)
class UploadView:
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
