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
from http import HTTPStatus
from pathlib import PurePosixPath
from typing import Any, Final, Self
from urllib.parse import quote

from backoffice.client.errors import ClientError, ResponseError, not_a_site
from backoffice.client.http import ATTEMPTS, FIRST_ATTEMPTS, Client, OnSent
from backoffice.client.interrupted import Interrupted, PendingUpload
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

    def query(self) -> list[tuple[str, str]]:
        """As the parameters of a file in one body."""
        return [("on_conflict", self.on_conflict), *(("tag", tag) for tag in self.tags)]


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
    largest_body: int | None = None
    """Bytes. Known once something in front of the site has refused larger ones."""
    interrupted: Interrupted = field(init=False)

    def __post_init__(self) -> None:
        self.interrupted = Interrupted(self.client, self._send_chunk)

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
        """The file as the site keeps it. Raises ResponseError, ConnectionFailed, ClientError.

        Where something in front of the site takes no bodies of that size, smaller chunks are tried, for this file and
        those after it.
        """
        while True:
            file = self._fitted(file)
            try:
                if file.total_chunks == 1:
                    data = file.read_chunk(0)
                    file.check_unchanged()
                    return self.upload_small(file.name, data, progress)
                return self._upload_chunked(file, progress)
            except ResponseError as error:
                smaller = file.in_smaller_chunks()
                if error.status != HTTPStatus.REQUEST_ENTITY_TOO_LARGE or not error.foreign or smaller is None:
                    raise
                self.largest_body = smaller.chunk_size

    def _fitted(self, file: LocalFile) -> LocalFile:
        """`file` in chunks that get through, as far as is known."""
        while self.largest_body is not None and min(file.chunk_size, file.size) > self.largest_body:
            smaller = file.in_smaller_chunks()
            if smaller is None:
                break
            file = smaller
        return file

    # -- small files: one request

    def upload_small(self, name: str, data: bytes, progress: Progress) -> StoredFile:
        """A file whose bytes are all here, in one request. Raises as `upload`."""
        query = [("checksum", checksum(data)), *self.options.query()]
        path, attempt = f"/files/{quote(name, safe='')}", 0
        while True:
            attempt += 1
            try:
                response = self.client.request(
                    "PUT", path, query=query, body=data, attempts=1, on_sent=progress.advance
                )
                return self._noted(response.json())
            except ClientError as error:
                if not error.retryable or attempt >= ATTEMPTS:
                    raise
                self.client.wait_before_retry(attempt, error)
                stored = self.find_stored(name, hashlib.sha256(data).hexdigest())
                if stored is not None:
                    return self._noted(stored)

    def _noted(self, stored: StoredFile) -> StoredFile:
        try:
            self.stored_ids.add(stored["id"])
        except KeyError:
            raise not_a_site() from None
        return stored

    def find_stored(self, name: str, digest: str) -> StoredFile | None:
        """The file, if it was stored although the answer did not arrive."""
        query = [("sort", "created"), ("order", "desc"), ("limit", RECENT)]
        for item in self.client.request("GET", "/files", query=query).json().get("items", ()):
            new = item["id"] not in self.stored_ids and datetime.fromisoformat(item["created_at"]) >= self.began
            if new and item["sha256"] == digest and self._is_stored_name(item["name"], name):
                return dict(item)
        return None

    def _is_stored_name(self, name: str, wanted: str) -> bool:
        if self.options.on_conflict == OnConflict.RENAME and name.startswith(PurePosixPath(wanted).stem[:50]):
            return True
        return name == wanted

    # -- larger ones: chunks

    def _upload_chunked(self, file: LocalFile, progress: Progress) -> StoredFile:
        while True:
            file, upload = self._resume_or_begin(file, progress)
            try:
                digest = self._send_chunks(file, upload, range(file.total_chunks), progress)
                file.check_unchanged()
                return self._noted(self._complete(file, upload, digest, progress))
            except ResponseError as error:
                mixed = upload.resumed and error.code == "checksum_mismatch"
                if not mixed and not (error.foreign and error.status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE):
                    raise
                # It began as another file of this name and size, and is neither of the two now; or in chunks of a size
                # that does not get through, and the number of chunks stays.
                self.interrupted.rejected.add(upload.id)
                self.client.request("DELETE", f"/uploads/{upload.id}")
                if not mixed:
                    raise

    def _resume_or_begin(self, file: LocalFile, progress: Progress) -> tuple[LocalFile, PendingUpload]:
        """An interrupted upload of this file, else a new one; and the file as it is cut there."""
        attempt = 0
        while True:
            attempt += 1
            found = self.interrupted.find(file)
            if found is not None:
                there = set(range(found[0].total_chunks)) - found[1].missing
                progress.start_at(sum(map(found[0].chunk_length, there)))
                return found
            progress.start_at(0)
            try:
                began = self._send_chunk(file, 0, file.read_chunk(0), "", progress, attempts=1)
                return file, PendingUpload(str(began["file_id"]), set(range(1, file.total_chunks)))
            except ClientError as error:
                if not error.retryable or attempt >= ATTEMPTS or _is_too_many(error):
                    raise
                self.client.wait_before_retry(attempt, error)

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
