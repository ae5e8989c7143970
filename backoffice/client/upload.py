"""How a file gets to a site whatever happens to the connection: nothing twice, nothing lost, nothing mixed.

What a site's answer would tell may get lost with it. So what must not be done twice (a new upload, a file in one body)
is never just sent again: first we look whether it is there.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import PurePosixPath
from typing import Any, Final, Self
from urllib.parse import quote

from backoffice.client.chunk_sender import ChunkSender
from backoffice.client.errors import ClientError, ResponseError, not_a_site
from backoffice.client.http import ATTEMPTS, FIRST_ATTEMPTS, FIRST_PAUSE, Client
from backoffice.client.interrupted import Interrupted, PendingUpload
from backoffice.client.local_file import FileChanged, LocalFile, SiteLimits, checksum
from backoffice.client.pace import Pace, TooSlow, Watch, refused_for_size, was_cut
from backoffice.client.progress import Progress
from backoffice.domain.files import OnConflict
from backoffice.domain.limits import MAX_SEARCH
from backoffice.domain.text import fold

LOST_ROUNDS: Final = 5
"""So often are chunks sent again that the site lost before the upload was complete."""
COMPLETING_SECONDS: Final = 3600.0
RECENT: Final = "100"
MOST_BEGUN: Final = 20
"""So many uploads are begun for a file, because those before did not do."""
ENDED: Final = frozenset({"not_found", "upload_closed"})
"""The upload takes no more chunks: another run completes it, has done so, or gave it up."""

StoredFile = dict[str, Any]
"""A file as the site answers it (docs/api.md)."""


@dataclass(frozen=True, slots=True)
class UploadOptions:
    """What shall become of every file that is uploaded. `folders`: the names of those that it is put into, one in the
    other, from the folder on the site whose identifier is `within`; "": the top."""

    on_conflict: str
    tags: tuple[str, ...]
    folders: tuple[str, ...] = ()
    within: str = ""

    def query(self) -> list[tuple[str, str]]:
        """As the parameters of a file in one body."""
        within = [("folder", self.within)] if self.within else []
        places = (("folder_path", name) for name in self.folders)
        return [("on_conflict", self.on_conflict), *(("tag", tag) for tag in self.tags), *within, *places]


@dataclass(slots=True)
class Uploader:
    """Uploads one file after the other, each with several chunks at once."""

    client: Client
    limits: SiteLimits
    began: datetime
    options: UploadOptions
    sender: ChunkSender
    stored_ids: set[str] = field(default_factory=set)
    largest_body: int | None = None
    """Bytes. Known once larger ones did not get through."""
    refused: bool = False
    """Whether something in front of the site refused them for their size."""
    interrupted: Interrupted = field(init=False)

    def __post_init__(self) -> None:
        self.interrupted = Interrupted(self.client)

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
            yield cls(client, limits, began, options, ChunkSender(client, Pace(parallel), pool))

    def upload(self, file: LocalFile, progress: Progress) -> StoredFile:
        """The file as the site keeps it. Raises ResponseError, ConnectionFailed, ClientError.

        Where bodies of that size do not get through, because something in front of the site takes none or the network
        is too slow, smaller chunks are tried, for this file and those after it.
        """
        while True:
            file = self._fitted(file)
            try:
                if file.total_chunks == 1:
                    data = file.read_chunk(0)
                    file.check_unchanged(hashlib.sha256(data).hexdigest())
                    return self.upload_small(file.name, data, progress, smaller=file.in_smaller_chunks() is not None)
                return self._upload_chunked(file, progress)
            except ClientError as error:
                smaller = file.in_smaller_chunks()
                refused = refused_for_size(error)
                if smaller is None or not (refused or isinstance(error, TooSlow)):
                    raise
                self.refused = self.refused or refused
                fitting = error.fitting if isinstance(error, TooSlow) else 0
                while smaller.chunk_size > fitting > 0 and (half := smaller.in_smaller_chunks()) is not None:
                    smaller = half
                self.largest_body = smaller.chunk_size

    def _fitted(self, file: LocalFile) -> LocalFile:
        """`file` in chunks that get through, as far as is known."""
        while self.largest_body is not None and min(file.chunk_size, file.size) > self.largest_body:
            smaller = file.in_smaller_chunks()
            if smaller is None:
                break
            file = smaller
        return file

    def make_folders(self, names: Sequence[str]) -> None:
        """Folders in each other, where they are not there yet. Raises what `Client.post_json` raises."""
        self.client.post_json("/folders", {"path": list(names), "parent": self.options.within})

    # -- small files: one request

    def upload_small(self, name: str, data: bytes, progress: Progress, *, smaller: bool = False) -> StoredFile:
        """A file whose bytes are all here, in one request. Raises as `upload`, and TooSlow where there are `smaller`
        chunks to try."""
        query = [("checksum", checksum(data)), *self.options.query()]
        path, attempt = f"/files/{quote(name, safe='')}", 0
        self.sender.pace.begin(0)
        while True:
            attempt += 1
            watch = Watch(len(data), progress.advance, patient=not smaller)
            try:
                response = self.client.request("PUT", path, query=query, body=data, attempts=1, on_sent=watch)
                return self._noted(response.json())
            except ClientError as error:
                hopeless = was_cut(error, watch) and self.sender.pace.is_hopeless(1, watch.began)
                if not error.retryable or attempt >= ATTEMPTS:
                    raise
                self.client.wait_before_retry(attempt, error)
                stored = self.find_stored(name, hashlib.sha256(data).hexdigest())
                if stored is not None:
                    return self._noted(stored)
                if hopeless and smaller:
                    raise TooSlow from error

    def _noted(self, stored: StoredFile) -> StoredFile:
        try:
            self.stored_ids.add(stored["id"])
        except KeyError:
            raise not_a_site() from None
        return stored

    def find_stored(self, name: str, digest: str) -> StoredFile | None:
        """The file, if it was stored although the answer did not arrive."""
        replaces = self.options.on_conflict == OnConflict.REPLACE
        order = [("q", name[:MAX_SEARCH])] if replaces else [("sort", "created"), ("order", "desc")]
        for item in self.client.request("GET", "/files", query=[*order, ("limit", RECENT)]).json().get("items", ()):
            # A file that got other content is as old as before, and its bytes are new.
            came = datetime.fromisoformat(item.get("stored_at") or item["created_at"])
            new = came >= self.began and (replaces or item["id"] not in self.stored_ids)
            if new and item["sha256"] == digest and self._is_stored_name(item["name"], name):
                return dict(item)
        return None

    def _is_stored_name(self, name: str, wanted: str) -> bool:
        if self.options.on_conflict == OnConflict.REPLACE:
            return fold(name) == fold(wanted)  # the file keeps its own
        if self.options.on_conflict == OnConflict.RENAME and name.startswith(PurePosixPath(wanted).stem[:50]):
            return True
        return name == wanted

    # -- larger ones: chunks

    def _upload_chunked(self, file: LocalFile, progress: Progress) -> StoredFile:
        for _ in range(MOST_BEGUN):
            file, upload = self._resume_or_begin(file, progress)
            self.sender.pace.begin(file.total_chunks - len(upload.missing))
            try:
                digest = self.sender.send_all(file, upload, range(file.total_chunks), progress)
                file.check_unchanged(digest)
                return self._noted(self._complete(file, upload, digest, progress))
            except (FileChanged, TooSlow):
                self._give_up(upload)
                raise
            except ResponseError as error:
                if refused_for_size(error):
                    self._give_up(upload)  # the number of chunks stays, and so their size
                    raise
                if error.code in ENDED:
                    stored = self._stored_by_another(file, upload, progress)
                    if stored is not None:
                        return self._noted(stored)
                elif error.code == "checksum_mismatch" and upload.resumed:
                    self._give_up(upload)  # two runs went on with it, with two versions of the file
                elif error.code != "chunk_conflict":
                    raise
                self.interrupted.rejected.add(upload.id)
        raise ClientError("others end or change its upload again and again.")

    def _give_up(self, upload: PendingUpload) -> None:
        self.interrupted.rejected.add(upload.id)
        self.client.request("DELETE", f"/uploads/{upload.id}")

    def _stored_by_another(self, file: LocalFile, upload: PendingUpload, progress: Progress) -> StoredFile | None:
        """The file, where another run went on with the same upload and completed it; None where that was cancelled, or
        is of another version."""
        digest = file.sha256()
        try:
            stored = self._complete(file, upload, digest, progress)
        except ResponseError as error:
            if error.code not in {*ENDED, "conflict"}:
                raise
            return None
        for attempt in range(1, ATTEMPTS):
            if stored.get("sha256"):
                break
            time.sleep(FIRST_PAUSE * 2**attempt)  # the site takes it by itself within a moment
            stored = self.client.request("GET", f"/files/{stored['id']}/metadata").json()
        return stored if stored.get("sha256") == digest else None

    def _resume_or_begin(self, file: LocalFile, progress: Progress) -> tuple[LocalFile, PendingUpload]:
        """An interrupted upload of this file, else a new one; and the file as it is cut there."""
        attempt = 0
        while True:
            attempt += 1
            found = self.interrupted.find(file, progress)
            if found is not None:
                there = set(range(found[0].total_chunks)) - found[1].missing
                progress.start_at(sum(map(found[0].chunk_length, there)))
                return found
            progress.start_at(0)
            try:
                began = self.sender.send(file, 0, file.read_chunk(0), "", progress, attempts=1)
                return file, PendingUpload(str(began["file_id"]), set(range(1, file.total_chunks)))
            except ClientError as error:
                if not error.retryable or attempt >= ATTEMPTS or _is_too_many(error):
                    raise
                self.client.wait_before_retry(attempt, error)

    def _complete(self, file: LocalFile, upload: PendingUpload, digest: str, progress: Progress) -> StoredFile:
        wanted = {
            "file_id": upload.id,
            "name": file.name,
            "total_size": file.size,
            "sha256": digest,
            "tags": list(self.options.tags),
            "on_conflict": self.options.on_conflict,
            # Also where that is the top: an upload that somebody began elsewhere may say something else.
            "folder": self.options.within,
            "folder_path": list(self.options.folders),
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
                    self.sender.send_all(file, upload, lost, progress)
                else:
                    raise


def _is_too_many(error: ClientError) -> bool:
    """Too many unfinished uploads: only the user can do something about that."""
    return isinstance(error, ResponseError) and error.code == "too_many_attempts"
