"""What may be uploaded."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class UploadLimits:
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

    def expires_at(self, now: int, dies_at: int) -> int:
        """When an upload expires that nobody goes on with after `now` (ms)."""
        return min(now + self.upload_seconds * 1000, dies_at)
