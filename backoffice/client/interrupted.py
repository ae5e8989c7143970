"""Finding the upload that an earlier run of the same command left unfinished."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from backoffice.client.errors import ResponseError
from backoffice.client.http import Client
from backoffice.client.local_file import LocalFile
from backoffice.client.progress import Progress


@dataclass(slots=True)
class PendingUpload:
    """An upload on the site: what it lacks, and whether it was begun by another run."""

    id: str
    missing: set[int]
    resumed: bool = False


@dataclass(frozen=True, slots=True)
class Interrupted:
    """`rejected`: identifiers of uploads that hold other bytes."""

    client: Client
    rejected: set[str] = field(default_factory=set)

    def find(self, file: LocalFile, progress: Progress) -> tuple[LocalFile, PendingUpload] | None:
        """The upload, and `file` cut as it was cut then."""
        try:
            uploads = list(self.client.list_items("/uploads", [("limit", "500")]))
        except ResponseError as error:
            if error.status != HTTPStatus.FORBIDDEN or error.foreign:
                raise
            return None  # the token may write and not read: nothing can be found with it
        for item in uploads:
            cut = self._cut_alike(file, item)
            if cut is None:
                continue
            upload = self._resume(cut, item["file_id"], progress)
            if upload is not None:
                return cut, upload
            self.rejected.add(item["file_id"])
        return None

    def _cut_alike(self, file: LocalFile, item: dict[str, Any]) -> LocalFile | None:
        """`file` in as many chunks as the upload `item` has, when it may be of this file."""
        found = (item["name"], item["total_size"], item["state"])
        if found != (file.name, file.size, "open") or item["file_id"] in self.rejected:
            return None
        alike = (one for one in _ways_to_cut(file) if one.total_chunks == item["total_chunks"])
        return next(alike, None)

    def _resume(self, file: LocalFile, upload_id: str, progress: Progress) -> PendingUpload | None:
        """The upload if all chunks that the site has of it are this file's, by their checksums; nothing else proves it.
        Only those are read. None too where it is no upload any more."""
        try:
            chunks = list(self.client.list_items(f"/uploads/{upload_id}/chunks", [("limit", "500")]))
        except ResponseError as error:
            if error.foreign or error.status != HTTPStatus.NOT_FOUND:
                raise
            return None
        proved = 0
        # Where two versions differ, they often do at the end.
        for chunk in [*chunks[-1:], *chunks[:-1]]:
            index = chunk["chunk_index"]
            if chunk["size"] != file.chunk_length(index):
                return None
            if chunk["sha256"] != hashlib.sha256(file.read_chunk(index)).hexdigest():
                return None
            proved += chunk["size"]
            progress.compared(proved)
        missing = set(range(file.total_chunks)) - {chunk["chunk_index"] for chunk in chunks}
        return PendingUpload(upload_id, missing, resumed=True)


def _ways_to_cut(file: LocalFile) -> Iterator[LocalFile]:
    """As it is cut now, and in the smaller chunks that an earlier run may have had to choose."""
    yield file
    while (smaller := file.in_smaller_chunks()) is not None:
        yield smaller
        file = smaller
