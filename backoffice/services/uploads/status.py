"""How far an upload is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from backoffice.domain.uploads import Upload


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
