"""Going on with an upload in another way than it was begun: chunks in any order by a client that sends in order, and
the other way round.

Both are the one record, with another number of chunks; the store makes the change in one step. After that nobody who
goes on in the old way notes anything more: a chunk of a stream is refused, and an append by its fence. Their bytes,
where they came too late to be noted, lie under indexes that are needed now. They may be those of a process that lives,
and so are freed only while nobody can note any: under the lease that completing takes.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, replace

from backoffice.domain.ids import new_id
from backoffice.domain.uploads import TAILS, TUS, UNKNOWN, Upload
from backoffice.errors import ChunksMissing, Conflict, NotFound
from backoffice.services.chunk_ports import ChunkStore
from backoffice.services.file_ports import UploadStore
from backoffice.services.uploads.completion import LEASE_SECONDS
from backoffice.services.uploads.streaming import UNNOTED

FREED_TOGETHER = 64
"""Chunks that are freed in one round trip, between two looks at the lease."""


def as_chunks(upload: Upload, chunk_size: int) -> Upload:
    """A stream of a tus client as the upload by chunks that it can go on as: every chunk but the last one has
    `chunk_size` bytes, and a tail does not count. Any other upload as it is; so, too, a stream without a declared size,
    or cut otherwise."""
    whole = upload.whole_chunks
    if upload.total_chunks != UNKNOWN or upload.protocol != TUS or upload.size == UNKNOWN or upload.concat:
        return upload
    total = max(1, -(-upload.size // chunk_size))
    if not (whole * chunk_size <= upload.bytes < (whole + 1) * chunk_size or upload.bytes == upload.size):
        return upload
    return replace(upload, total_chunks=total, received=min(whole, total))


@dataclass(frozen=True, slots=True)
class Takeover:
    """Asks nobody for permission."""

    uploads: UploadStore
    chunks: ChunkStore

    def to_stream(self, upload: Upload, offset: int) -> Upload:
        """An upload by chunks as a stream, which goes on at `offset`, where the first chunk is missing. What came
        beyond is freed, for a stream has no gaps. Raises OffsetMismatch (`offset`), NotFound, UploadClosed,
        Completing."""
        known = self.uploads.chunk_map(upload.id, upload.total_chunks)
        beyond = (index for index, chunk in enumerate(known.chunks) if chunk is not None)
        return self.free_unnoted(self.uploads.adopt(upload, offset, TUS), beyond)

    def to_chunks(self, upload: Upload, total_chunks: int, chunk_size: int) -> Upload:
        """A stream as an upload by chunks. Its tail is freed, to be sent again with all of its chunk, and so is what
        was not noted of it.

        Raises Conflict where it is not cut in that way, NotFound, UploadClosed, Completing.
        """
        if as_chunks(upload, chunk_size).total_chunks != total_chunks:
            raise Conflict("total_chunks differs from that of the first chunk.", total_chunks=upload.total_chunks)
        first = upload.whole_chunks
        if any(self.chunks.stat(upload.id, range(first, first + UNNOTED))):
            with suppress(ChunksMissing):  # another has made it one by chunks meanwhile
                self.free_unnoted(upload)
        numbered = self.uploads.number(upload, total_chunks, chunk_size)
        if upload.tail:
            self.chunks.release(upload.id, TAILS + upload.tail)
        return numbered

    def free_unnoted(self, upload: Upload, beyond: Iterable[int] = ()) -> Upload:
        """Free chunks of a stream that lie where its next ones belong, and were not noted; `beyond`: more indexes that
        may have some. Whoever appends just now has to begin again. The upload as it is then.

        Raises NotFound, UploadClosed, Completing.
        """
        token = new_id()
        leased, _ = self.uploads.lease(upload.id, upload.owner, token, LEASE_SECONDS)
        try:
            fenced = self.uploads.refence(leased, token)
            first = fenced.whole_chunks
            indexes = sorted({*range(first, first + UNNOTED), *(index for index in beyond if index >= first)})
            for start in range(0, len(indexes), FREED_TOGETHER):
                if start:
                    self.uploads.extend(fenced, token, LEASE_SECONDS)  # raises where it was lost
                self.chunks.release(fenced.id, *indexes[start : start + FREED_TOGETHER])
        finally:
            with suppress(NotFound):
                self.uploads.release(upload.id, token)
        found = self.uploads.get(upload.id)
        if found is None:
            raise NotFound
        return found
