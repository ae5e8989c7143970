"""Finding the upload that an earlier run of the same command left unfinished."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

from backoffice.client.errors import ResponseError
from backoffice.client.http import Client
from backoffice.client.local_file import LocalFile


@dataclass(slots=True)
class PendingUpload:
    """An upload on the site: what it lacks, and whether it was begun by another run."""

    id: str
    missing: set[int]
    resumed: bool = False


class SendChunk(Protocol):
    def __call__(self, file: LocalFile, index: int, data: bytes, upload_id: str) -> object: ...


@dataclass(frozen=True, slots=True)
class Interrupted:
    """`rejected`: identifiers of uploads that hold other bytes."""

    client: Client
    send_chunk: SendChunk
    rejected: set[str] = field(default_factory=set)

    def find(self, file: LocalFile) -> tuple[LocalFile, PendingUpload] | None:
        """The upload, and `file` cut as it was cut then."""
        try:
            uploads = list(self.client.list_items("/uploads", [("limit", "500")]))
        except ResponseError as error:
            if error.status != 403 or error.foreign:
                raise
            return None  # the token may write and not read: nothing can be found with it
        for item in uploads:
            cut = self._cut_alike(file, item)
            if cut is None:
                continue
            upload = self._resume(cut, item["file_id"])
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

    def _resume(self, file: LocalFile, upload_id: str) -> PendingUpload | None:
        """The upload if it holds this file's bytes, by its first and last stored chunk: other bytes are a 409. Those
        between are compared at the end, by the SHA-256 of the whole."""
        try:
            state = self.client.request("GET", f"/uploads/{upload_id}").json()
            missing = {index for first, last in state["missing"] for index in range(first, last + 1)}
            there = [index for index in range(file.total_chunks) if index not in missing]
            for index in {*there[:1], *there[-1:]}:
                self.send_chunk(file, index, file.read_chunk(index), upload_id)
        except ResponseError as error:
            if error.foreign or error.status not in {404, 409}:
                raise
            return None
        return PendingUpload(upload_id, missing, resumed=True)


def _ways_to_cut(file: LocalFile) -> Iterator[LocalFile]:
    """As it is cut now, and in the smaller chunks that an earlier run may have had to choose."""
    yield file
    while (smaller := file.in_smaller_chunks()) is not None:
        yield smaller
        file = smaller
