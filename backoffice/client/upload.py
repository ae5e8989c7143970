"""How a file gets to a site whatever happens to the connection: nothing twice, nothing lost, nothing mixed.

What a site's answer would tell may get lost with it. So what must not be done twice (a new upload, a file in one body)
is never just sent again: first we look whether it is there.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import PurePosixPath
from typing import Any, Final, Self
from urllib.parse import quote

from backoffice.client.errors import ClientError, ResponseError, not_a_site
from backoffice.client.http import ATTEMPTS, FIRST_ATTEMPTS, Client, OnSent
from backoffice.client.local_file import LocalFile, SiteLimits, checksum
from backoffice.client.progress import Progress
from backoffice.domain.files import OnConflict

LOST_ROUNDS: Final = 5
"""So often are chunks sent again that the site lost before the upload was complete."""
COMPLETING_SECONDS: Final = 3600.0
RECENT: Final = "100"
OCTETS: Final = {"Content-Type": "application/octet-stream"}

StoredFile = dict[str, Any]
"""A file as the site answers it (docs/api.md)."""


@dataclass(frozen=True, slots=True)
class UploadOptions:
    """What shall become of every file that is uploaded."""

    on_conflict: str
    tags: tuple[str, ...]


@dataclass(slots=True)
class PendingUpload:
    """An upload on the site: what it lacks, and whether it was begun by another run."""

    id: str
    missing: set[int]
    resumed: bool = False


@dataclass(slots=True)
class Uploader:
    """Uploads one file after the other, each with several chunks at once."""

    client: Client
    limits: SiteLimits
    began: datetime
    parallel: int
    options: UploadOptions
    pool: ThreadPoolExecutor
    stored_ids: set[str] = field(default_factory=set)
    rejected_ids: set[str] = field(default_factory=set)

    @classmethod
    @contextmanager
    def connect(cls, client: Client, parallel: int, options: UploadOptions) -> Iterator[Self]:
        """Ask the site what it takes. Raises ResponseError, ConnectionFailed, ClientError."""
        response = client.request("GET", "/limits", attempts=FIRST_ATTEMPTS)
        answer = response.json()
        try:
            limits = SiteLimits(*(int(answer[name]) for name in SiteLimits.__dataclass_fields__))
        except (KeyError, TypeError, ValueError):
            raise not_a_site() from None
        date = response.headers.get("Date")  # the site's clock, which its files are dated by
        began = parsedate_to_datetime(date) if date else datetime.now(UTC)
        with ThreadPoolExecutor(parallel, thread_name_prefix="upload") as pool:
            yield cls(client, limits, began, parallel, options, pool)

    def upload(self, file: LocalFile, progress: Progress) -> StoredFile:
        """The file as the site keeps it. Raises ResponseError, ConnectionFailed, ClientError."""
        upload = self._upload_whole if file.total_chunks == 1 else self._upload_chunked
        stored = upload(file, progress)
        self.stored_ids.add(stored["id"])
        return stored

    # -- small files: one request

    def _upload_whole(self, file: LocalFile, progress: Progress) -> StoredFile:
        data = file.read_chunk(0)
        file.check_unchanged()
        query = [
            ("checksum", checksum(data)),
            ("on_conflict", self.options.on_conflict),
            *(("tag", tag) for tag in self.options.tags),
        ]
        path, attempt = f"/files/{quote(file.name, safe='')}", 0
        while True:
            attempt += 1
            try:
                response = self.client.request(
                    "PUT", path, query=query, body=data, attempts=1, on_sent=progress.advance
                )
                return response.json()
            except ClientError as error:
                if not error.retryable or attempt >= ATTEMPTS:
                    raise
                self.client.wait_before_retry(attempt, error)
                stored = self._find_stored(file, hashlib.sha256(data).hexdigest())
                if stored is not None:
                    return stored

    def _find_stored(self, file: LocalFile, digest: str) -> StoredFile | None:
        """The file, if it was stored although the answer did not arrive."""
        query = [("sort", "created"), ("order", "desc"), ("limit", RECENT)]
        for item in self.client.request("GET", "/files", query=query).json().get("items", ()):
            new = item["id"] not in self.stored_ids and datetime.fromisoformat(item["created_at"]) >= self.began
            if new and item["sha256"] == digest and self._is_stored_name(item["name"], file.name):
                return dict(item)
        return None

    def _is_stored_name(self, name: str, wanted: str) -> bool:
        if self.options.on_conflict == OnConflict.RENAME and name.startswith(PurePosixPath(wanted).stem[:50]):
            return True
        return name == wanted

    # -- larger ones: chunks

    def _upload_chunked(self, file: LocalFile, progress: Progress) -> StoredFile:
        while True:
            upload = self._resume_or_begin(file, progress)
            digest = self._send_chunks(file, upload, range(file.total_chunks), progress)
            file.check_unchanged()
            try:
                return self._complete(file, upload, digest, progress)
            except ResponseError as error:
                if error.code != "checksum_mismatch" or not upload.resumed:
                    raise
                # It began as another file of this name and size, and is neither of the two now.
                self.rejected_ids.add(upload.id)
                self.client.request("DELETE", f"/uploads/{upload.id}")

    def _resume_or_begin(self, file: LocalFile, progress: Progress) -> PendingUpload:
        """An interrupted upload of this file, else a new one."""
        attempt = 0
        while True:
            attempt += 1
            found = self._find_interrupted(file)
            if found is not None:
                there = set(range(file.total_chunks)) - found.missing
                progress.start_at(sum(map(file.chunk_length, there)))
                return found
            progress.start_at(0)
            try:
                began = self._send_chunk(file, 0, file.read_chunk(0), "", progress, attempts=1)
                return PendingUpload(str(began["file_id"]), set(range(1, file.total_chunks)))
            except ClientError as error:
                if not error.retryable or attempt >= ATTEMPTS or _is_too_many(error):
                    raise
                self.client.wait_before_retry(attempt, error)

    def _find_interrupted(self, file: LocalFile) -> PendingUpload | None:
        try:
            uploads = self.client.list_items("/uploads", [("limit", "500")])
            candidates = [item for item in uploads if self._is_candidate(file, item)]
        except ResponseError as error:
            if error.status != 403:
                raise
            return None  # the token may write and not read: nothing can be found with it
        for item in candidates:
            upload = self._resume(file, item["file_id"])
            if upload is not None:
                return upload
            self.rejected_ids.add(item["file_id"])
        return None

    def _is_candidate(self, file: LocalFile, item: dict[str, Any]) -> bool:
        wanted = (file.name, file.size, file.total_chunks, "open")
        found = (item["name"], item["total_size"], item["total_chunks"], item["state"])
        return found == wanted and item["file_id"] not in self.rejected_ids

    def _resume(self, file: LocalFile, upload_id: str) -> PendingUpload | None:
        """The upload if it holds this file's bytes, by its first and last stored chunk: other bytes are a 409."""
        try:
            state = self.client.request("GET", f"/uploads/{upload_id}").json()
            missing = {index for first, last in state["missing"] for index in range(first, last + 1)}
            there = [index for index in range(file.total_chunks) if index not in missing]
            for index in {*there[:1], *there[-1:]}:
                self._send_chunk(file, index, file.read_chunk(index), upload_id)
        except ResponseError as error:
            if error.status not in {404, 409}:
                raise
            return None
        return PendingUpload(upload_id, missing, resumed=True)

    def _send_chunks(self, file: LocalFile, upload: PendingUpload, indexes: Iterable[int], progress: Progress) -> str:
        """Read chunks in order and send those that are missing; the SHA-256 of all that was read.

        Memory: about two chunks for each that is sent at once.
        """
        digest = hashlib.sha256()
        futures: set[Future[Any]] = set()
        try:
            for index in indexes:
                data = file.read_chunk(index)
                digest.update(data)
                if index in upload.missing:
                    futures.add(self.pool.submit(self._send_chunk, file, index, data, upload.id, progress))
                if len(futures) > self.parallel:
                    finished, futures = wait(futures, return_when=FIRST_COMPLETED)
                    _raise_first(finished)
            finished, futures = wait(futures)
            _raise_first(finished)
        except KeyboardInterrupt:
            self.client.stop()  # so that what is under way ends at once
            raise
        finally:
            for future in futures:
                future.cancel()
            wait(futures)
        return digest.hexdigest()

    def _send_chunk(
        self,
        file: LocalFile,
        index: int,
        data: bytes,
        upload_id: str,
        progress: Progress | None = None,
        attempts: int = ATTEMPTS,
    ) -> dict[str, Any]:
        query = [
            *([("file_id", upload_id)] if upload_id else [("total_size", str(file.size)), ("name", file.name)]),
            ("chunk_index", str(index)),
            ("total_chunks", str(file.total_chunks)),
            ("checksum", checksum(data)),
        ]
        on_sent: OnSent = progress.advance if progress is not None else lambda _: None
        return self.client.request(
            "POST", "/upload_chunk", query=query, body=data, headers=OCTETS, attempts=attempts, on_sent=on_sent
        ).json()

    def _complete(self, file: LocalFile, upload: PendingUpload, digest: str, progress: Progress) -> StoredFile:
        wanted = {
            "file_id": upload.id,
            "name": file.name,
            "total_size": file.size,
            "sha256": digest,
            "tags": list(self.options.tags),
            "on_conflict": self.options.on_conflict,
        }
        rounds, until = 0, time.monotonic() + COMPLETING_SECONDS
        while True:
            try:
                return self.client.post_json("/upload_complete", wanted)
            except ResponseError as error:
                if error.code == "completing" and time.monotonic() < until:
                    self.client.wait_before_retry(1, error)  # an earlier request of ours, whose answer got lost
                elif error.code == "chunks_missing" and rounds < LOST_ROUNDS:
                    rounds += 1
                    lost = [index for first, last in error.details["missing"] for index in range(first, last + 1)]
                    progress.advance(-sum(map(file.chunk_length, lost)))
                    upload.missing = set(lost)
                    self._send_chunks(file, upload, lost, progress)
                else:
                    raise


def _raise_first(finished: Iterable[Future[Any]]) -> None:
    for future in finished:
        future.result()


def _is_too_many(error: ClientError) -> bool:
    """Too many unfinished uploads: only the user can do something about that."""
    return isinstance(error, ResponseError) and error.code == "too_many_attempts"
