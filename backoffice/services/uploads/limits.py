"""What may be uploaded."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Self

from backoffice.domain.limits import FEW_CHUNKS, KEEP_VERSIONS, LEAST_CHUNK
from backoffice.domain.uploads import UNKNOWN, Upload, map_bytes
from backoffice.errors import Invalid, TooLarge

UNLIMITED = 2**53 - 1
"""Largest whole number that the store's scripts count exactly."""
CONNECTION_SECONDS = 90
"""How long an upload that only its own connection can go on with is kept after the last sign of that. A body that comes
more slowly than one piece in 30 s is given up (`web/client_socket.py`); the rest is patience with the store."""


@dataclass(frozen=True, slots=True)
class UploadLimits:
    """What may be uploaded: sizes in bytes. `quota`: what a user may store who has no quota of their own; None =
    unlimited. `keep_versions`: earlier versions of a file that are kept. `room`: what an upload may have as of
    now, where that hangs on others; None: only `max_file_size` bounds it."""

    chunk_size: int
    max_chunk_size: int
    max_file_size: int
    max_chunks: int
    max_open: int
    upload_seconds: int
    upload_max_seconds: int
    trash_seconds: int
    quota: int | None
    least_chunk: int = LEAST_CHUNK
    keep_versions: int = KEEP_VERSIONS
    room: Callable[[Upload], int] | None = None

    @property
    def quota_bytes(self) -> int:
        """`quota` as a number."""
        return UNLIMITED if self.quota is None else self.quota

    def largest(self, upload: Upload) -> int:
        """Bytes that this upload may grow to as of now."""
        return self.max_file_size if self.room is None else min(self.max_file_size, self.room(upload))

    def for_one_connection(self) -> Self:
        """These, for an upload that nobody can go on with once its connection has gone."""
        return replace(self, upload_seconds=min(self.upload_seconds, CONNECTION_SECONDS))

    def expected_chunks(self, total: int, size: int | None) -> int:
        """Chunks that come of so many bytes, where nobody has said how many; 0: that is not known either."""
        return total if total != UNKNOWN else -(-(size or 0) // self.chunk_size)

    def reserved(self, total: int, size: int | None) -> int:
        """Bytes of the quota for an upload of so many chunks and bytes, with its map; 0 where nobody has said how many
        bytes: then they are counted as they come, and so is the map."""
        return 0 if size is None else size + map_bytes(self.expected_chunks(total, size))

    def check_length(self, received: int, announced: int | None) -> None:
        """Raises TooLarge where so many bytes are more than a file may have, Invalid where more were `announced`."""
        if received > self.max_file_size:
            raise TooLarge(f"A file has at most {self.max_file_size} bytes.", limit=self.max_file_size)
        if announced is not None and received > announced:
            raise Invalid("The body is longer than announced.", field="size")

    def check_chunk(self, index: int, total: int, size: int) -> None:
        """Raises Invalid where chunk `index` of `total` is so small that the store would take more for it than for its
        bytes."""
        if total > FEW_CHUNKS and index < total - 1 and size < self.least_chunk:
            raise Invalid(
                f"Of a file of more than {FEW_CHUNKS} chunks, each but the last has {self.least_chunk} bytes or more.",
                field="chunk_data",
            )

    def check_size(self, size: int | None) -> None:
        """Raises Invalid or TooLarge where no file may have so many bytes; None: it is not known."""
        if size is not None and size < 0:
            raise Invalid("total_size is a number of bytes.", field="total_size")
        if size is not None and size > self.max_file_size:
            raise TooLarge(f"A file has at most {self.max_file_size} bytes.", limit=self.max_file_size)

    def expires_at(self, now: int, dies_at: int) -> int:
        """When an upload expires that nobody goes on with after `now` (ms)."""
        return min(now + self.upload_seconds * 1000, dies_at)
