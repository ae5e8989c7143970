"""How a file gets to a site whatever happens to the connection: nothing twice, nothing lost, nothing mixed.

What a site's answer would tell may get lost with it. So what must not be done twice (a new upload, a file in one body) is
never just sent again: first we look whether it is there.
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

from backoffice.commands.client import TRIES, Client
from backoffice.commands.client_errors import ClientError, Refused
from backoffice.commands.sources import Limits, Source, sha256
from backoffice.commands.transfer import Bar
from backoffice.domain.files import OnConflict

FIRST_TRIES: Final = 3
"""Of the first request: who mistyped the address should not wait a minute."""
ROUNDS: Final = 5
COMPLETING_SECONDS: Final = 3600.0
RECENT: Final = "100"
OCTETS: Final = {"Content-Type": "application/octet-stream"}

Stored = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Wishes:
    """What shall become of every file."""

    on_conflict: str
    tags: tuple[str, ...]


@dataclass(slots=True)
class Open:
    """An upload on the site: what it lacks, and whether it was begun by another run."""

    id: str
    missing: set[int]
    resumed: bool = False


@dataclass(slots=True)
class Uploader:
    """Uploads one file after the other, each with several chunks at once."""

    client: Client
    limits: Limits
    began: datetime
    parallel: int
    wishes: Wishes
    pool: ThreadPoolExecutor
    done: set[str] = field(default_factory=set)
    not_ours: set[str] = field(default_factory=set)

    @classmethod
    @contextmanager
    def at(cls, client: Client, parallel: int, wishes: Wishes) -> Iterator[Self]:
        """Ask the site what it takes. Raises Refused, Unreachable."""
        answer = client.request("GET", "/limits", tries=FIRST_TRIES)
        said = answer.json()
        try:
            limits = Limits(*(int(said[name]) for name in Limits.__dataclass_fields__))
        except (KeyError, TypeError, ValueError):
            raise ClientError("The answer is not that of a backoffice site; is the address right?") from None
        began = parsedate_to_datetime(answer.headers["Date"]) if answer.headers["Date"] else datetime.now(UTC)
        with ThreadPoolExecutor(parallel, thread_name_prefix="upload") as pool:
            yield cls(client, limits, began, parallel, wishes, pool)

    def upload(self, source: Source, bar: Bar) -> Stored:
        """The file as the site keeps it. Raises Refused, Unreachable, ClientError."""
        stored = self._in_one(source, bar) if source.total_chunks == 1 else self._in_chunks(source, bar)
        self.done.add(stored["id"])
        return stored

    # -- small files: one request

    def _in_one(self, source: Source, bar: Bar) -> Stored:
        data = source.read(0)
        source.check_unchanged()
        query = [
            ("checksum", sha256(data)),
            ("on_conflict", self.wishes.on_conflict),
            *(("tag", tag) for tag in self.wishes.tags),
        ]
        path, attempt = f"/files/{quote(source.name, safe='')}", 0
        while True:
            attempt += 1
            try:
                return self.client.request("PUT", path, query=query, body=data, tries=1, sent=bar.add).json()
            except ClientError as error:
                if not error.passes or attempt >= TRIES:
                    raise
                self.client.pause(attempt, error)
                stored = self._already(source, hashlib.sha256(data).hexdigest())
                if stored is not None:
                    return stored

    def _already(self, source: Source, digest: str) -> Stored | None:
        """The file, if it was stored although the answer did not arrive."""
        answer = self.client.request("GET", "/files", query=[("sort", "created"), ("order", "desc"), ("limit", RECENT)])
        for item in answer.json().get("items", ()):
            new = item["id"] not in self.done and datetime.fromisoformat(item["created_at"]) >= self.began
            if new and item["sha256"] == digest and self._is_name(item["name"], source.name):
                return dict(item)
        return None

    def _is_name(self, name: str, wanted: str) -> bool:
        if self.wishes.on_conflict == OnConflict.RENAME and name.startswith(PurePosixPath(wanted).stem[:50]):
            return True
        return name == wanted

    # -- larger ones: chunks

    def _in_chunks(self, source: Source, bar: Bar) -> Stored:
        while True:
            upload = self._open(source, bar)
            digest = self._send(source, upload, range(source.total_chunks), bar)
            source.check_unchanged()
            try:
                return self._complete(source, upload, digest, bar)
            except Refused as error:
                if error.code != "checksum_mismatch" or not upload.resumed:
                    raise
                # It began as another file of this name and size, and is neither of the two now.
                self.not_ours.add(upload.id)
                self.client.request("DELETE", f"/uploads/{upload.id}")

    def _open(self, source: Source, bar: Bar) -> Open:
        """An interrupted upload of this file, else a new one."""
        attempt = 0
        while True:
            attempt += 1
            found = self._interrupted(source)
            if found is not None:
                there = set(range(source.total_chunks)) - found.missing
                bar.start_at(sum(map(source.length, there)))
                return found
            bar.start_at(0)
            try:
                began = self._chunk(source, 0, source.read(0), "", bar, tries=1)
                return Open(str(began["file_id"]), set(range(1, source.total_chunks)))
            except ClientError as error:
                if not error.passes or attempt >= TRIES or _is_too_many(error):
                    raise
                self.client.pause(attempt, error)

    def _interrupted(self, source: Source) -> Open | None:
        try:
            known = [item for item in self.client.pages("/uploads", [("limit", "500")]) if self._fits(source, item)]
        except Refused as error:
            if error.status != 403:
                raise
            return None  # the token may write and not read: nothing can be found with it
        for item in known:
            upload = self._same(source, item["file_id"])
            if upload is not None:
                return upload
            self.not_ours.add(item["file_id"])
        return None

    def _fits(self, source: Source, item: dict[str, Any]) -> bool:
        wanted = (source.name, source.size, source.total_chunks, "open")
        found = (item["name"], item["total_size"], item["total_chunks"], item["state"])
        return found == wanted and item["file_id"] not in self.not_ours

    def _same(self, source: Source, upload_id: str) -> Open | None:
        """The upload if it holds this file's bytes, by its first and last stored chunk: other bytes are a 409."""
        try:
            state = self.client.request("GET", f"/uploads/{upload_id}").json()
            missing = {index for first, last in state["missing"] for index in range(first, last + 1)}
            there = [index for index in range(source.total_chunks) if index not in missing]
            for index in {*there[:1], *there[-1:]}:
                self._chunk(source, index, source.read(index), upload_id)
        except Refused as error:
            if error.status not in {404, 409}:
                raise
            return None
        return Open(upload_id, missing, resumed=True)

    def _send(self, source: Source, upload: Open, indexes: Iterable[int], bar: Bar) -> str:
        """Read chunks in order and send those that are missing; the SHA-256 of all that was read. Memory: about two
        chunks for each that is sent at once."""
        digest = hashlib.sha256()
        flights: set[Future[Any]] = set()
        try:
            for index in indexes:
                data = source.read(index)
                digest.update(data)
                if index in upload.missing:
                    flights.add(self.pool.submit(self._chunk, source, index, data, upload.id, bar))
                if len(flights) > self.parallel:
                    landed, flights = wait(flights, return_when=FIRST_COMPLETED)
                    _raise_first(landed)
            landed, flights = wait(flights)
            _raise_first(landed)
        except KeyboardInterrupt:
            self.client.stop()  # so that what is under way ends at once
            raise
        finally:
            for flight in flights:
                flight.cancel()
            wait(flights)
        return digest.hexdigest()

    def _chunk(
        self, source: Source, index: int, data: bytes, upload_id: str, bar: Bar | None = None, tries: int = TRIES
    ) -> dict[str, Any]:
        query = [
            *([("file_id", upload_id)] if upload_id else [("total_size", str(source.size)), ("name", source.name)]),
            ("chunk_index", str(index)),
            ("total_chunks", str(source.total_chunks)),
            ("checksum", sha256(data)),
        ]
        sent = bar.add if bar is not None else lambda _: None
        answer = self.client.request(
            "POST", "/upload_chunk", query=query, body=data, headers=OCTETS, tries=tries, sent=sent
        )
        return answer.json()

    def _complete(self, source: Source, upload: Open, digest: str, bar: Bar) -> Stored:
        wanted = {
            "file_id": upload.id,
            "name": source.name,
            "total_size": source.size,
            "sha256": digest,
            "tags": list(self.wishes.tags),
            "on_conflict": self.wishes.on_conflict,
        }
        rounds, until = 0, time.monotonic() + COMPLETING_SECONDS
        while True:
            try:
                return self.client.post_json("/upload_complete", wanted)
            except Refused as error:
                if error.code == "completing" and time.monotonic() < until:
                    self.client.pause(1, error)  # an earlier request of ours, whose answer got lost
                elif error.code == "chunks_missing" and rounds < ROUNDS:
                    rounds += 1
                    lost = [index for first, last in error.details["missing"] for index in range(first, last + 1)]
                    bar.add(-sum(map(source.length, lost)))
                    upload.missing = set(lost)
                    self._send(source, upload, lost, bar)
                else:
                    raise


def _raise_first(landed: Iterable[Future[Any]]) -> None:
    for flight in landed:
        flight.result()


def _is_too_many(error: ClientError) -> bool:
    """Too many unfinished uploads: only the user can do something about that."""
    return isinstance(error, Refused) and error.code == "too_many_attempts"
