"""Finding the upload that an earlier run of the same command left unfinished."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from http import HTTPStatus

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
            alike = (item["name"], item["total_size"], item["state"]) == (file.name, file.size, "open")
            total = item["total_chunks"] or 0  # not known of a stream
            if not alike or not 0 < total <= max(1, file.size) or item["file_id"] in self.rejected:
                continue
            if item.get("by_another"):
                continue  # it goes where that one sends it
            found = self._resume(file, item["file_id"], total, progress)
            if found is not None:
                return found
            self.rejected.add(item["file_id"])
        return None

    def _resume(
        self, file: LocalFile, upload_id: str, total_chunks: int, progress: Progress
    ) -> tuple[LocalFile, PendingUpload] | None:
        """The upload if all chunks that the site has of it are this file's, by their checksums; nothing else proves it.
        Only those are read. None too where it is no upload any more."""
        try:
            chunks = list(self.client.list_items(f"/uploads/{upload_id}/chunks", [("limit", "500")]))
        except ResponseError as error:
            if error.foreign or error.status != HTTPStatus.NOT_FOUND:
                raise
            return None
        cut = file.cut_as(total_chunks, {chunk["chunk_index"]: chunk["size"] for chunk in chunks})
        if cut is None:
            return None
        proved = 0
        # Where two versions differ, they often do at the end.
        for chunk in [*chunks[-1:], *chunks[:-1]]:
            index = chunk["chunk_index"]
            if chunk["sha256"] != hashlib.sha256(cut.read_chunk(index)).hexdigest():
                return None
            proved += chunk["size"]
            progress.compared(proved)
        missing = set(range(total_chunks)) - {chunk["chunk_index"] for chunk in chunks}
        return cut, PendingUpload(upload_id, missing, resumed=True)
