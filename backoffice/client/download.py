"""How a file gets from a site: going on where an interrupted download stopped, and checked before it appears."""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import quote

from backoffice.client.errors import ClientError, ConnectionFailed, not_a_site, printable_path
from backoffice.client.http import ATTEMPTS, FIRST_ATTEMPTS, Client, StreamedResponse
from backoffice.client.partial_file import (
    BLOCK,
    PartialFile,
    already_exists,
    open_partial,
    partial_path,
    safe_name,
)
from backoffice.client.progress import Progress, StartProgress

_DIGEST: Final = re.compile(r"(?:^|,)\s*sha-256=:([A-Za-z0-9+/]{43}=):")
_CONTENT_RANGE: Final = re.compile(r"bytes ([0-9]{1,19})-[0-9]{1,19}/([0-9]{1,19})")


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A file on the site. `size` in bytes; `digest`: SHA-256, None while the site does not know it."""

    path: str
    name: str
    size: int
    etag: str
    digest: bytes | None


@dataclass(frozen=True, slots=True)
class Downloaded:
    """A whole file of `size` bytes on the disk. `verified`: the site had a SHA-256 to compare with, and it is that."""

    path: Path
    size: int
    verified: bool


@dataclass(frozen=True, slots=True)
class Downloader:
    """Downloads one file after the other to `to`, a directory or the file's new name; over others only with `force`.
    `keep`: what is there already, byte for byte as the site says, is left as it is."""

    client: Client
    to: Path
    force: bool
    start_progress: StartProgress
    keep: bool = False

    def download(self, file_id: str) -> Downloaded:
        """Fetch what is missing of a file. Raises ResponseError, ConnectionFailed, ClientError."""
        remote = self._find(file_id)
        target = self.to / safe_name(remote.name, file_id) if self.to.is_dir() else self.to
        if target.exists():
            if not target.is_file():
                raise ClientError(f"{printable_path(str(target))} is not a file.")
            if self.keep and _is_same(target, remote):
                return Downloaded(target, remote.size, verified=True)
            if not self.force:
                raise already_exists(target)
        with open_partial(partial_path(target, remote.etag)) as partial:
            digest = self._fetch_rest(remote, partial, self.start_progress(target.name, remote.size))
            if digest is not None and digest != partial.digest:
                partial.remove()
                raise ClientError("the bytes are not those that the site announced; they were thrown away. Try again.")
            partial.publish(target, force=self.force)
        return Downloaded(target, remote.size, verified=digest is not None)

    def _find(self, file_id: str) -> RemoteFile:
        path = f"/files/{quote(os.fsencode(file_id), safe='')}"
        about = self.client.request("GET", f"{path}/metadata", attempts=FIRST_ATTEMPTS).json()
        try:
            name, size = str(about["name"]), int(about["size"])
        except (KeyError, TypeError, ValueError):
            raise not_a_site() from None
        headers = self.client.request("HEAD", path).headers
        etag = headers.get("ETag", "")
        if not etag:
            raise not_a_site()
        return RemoteFile(path, name, size, etag, _digest(headers))

    def _fetch_rest(self, remote: RemoteFile, partial: PartialFile, progress: Progress) -> bytes | None:
        """Fetch what is missing, as often as it takes while there is progress; the digest announced."""
        digest, attempt = remote.digest, 0
        if partial.size > remote.size:
            partial.restart()
        progress.start_at(partial.size)
        if partial.size and partial.size == remote.size:
            return digest
        while True:
            before = partial.size
            try:
                digest = self._request_range(remote, partial, progress) or digest
                if partial.size == remote.size:
                    return digest
                raise ConnectionFailed(f"The connection to {self.client.url} was cut.")
            except ClientError as error:
                attempt = 1 if partial.size > before else attempt + 1
                if not error.retryable or attempt >= ATTEMPTS:
                    raise
                self.client.wait_before_retry(attempt, error)

    def _request_range(self, remote: RemoteFile, partial: PartialFile, progress: Progress) -> bytes | None:
        """One request for the rest (RFC 9110, sections 14.2 and 13.1.5); the digest announced.

        Of what comes everything is kept, although the connection breaks: the caller sees by the size what is missing.
        """
        headers = {"Range": f"bytes={partial.size}-", "If-Range": remote.etag} if partial.size else {}
        with self.client.stream(remote.path, headers) as response:
            if "ETag" not in response.headers:
                raise not_a_site()
            if response.headers["ETag"] != remote.etag:
                raise ClientError("the file was replaced by another meanwhile; try again.")
            if partial.size and _offset(response, remote.size) != partial.size:
                if response.status != 200:
                    raise ClientError("the site answered with a part that was not asked for.")
                partial.restart()  # the site, or what stands in front of it, sends the whole
                progress.start_at(0)
            with suppress(ConnectionFailed):
                while data := response.read(min(BLOCK, max(remote.size - partial.size, 1))):
                    if partial.size + len(data) > remote.size:
                        raise ClientError("the site sends more bytes than it announced.")
                    partial.write(data)
                    progress.advance(len(data))
            return _digest(response.headers)


def _is_same(target: Path, remote: RemoteFile) -> bool:
    """Whether the file there has the bytes that the site has, for all that this says of them."""
    if remote.digest is None or target.stat().st_size != remote.size:
        return False
    with target.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest() == remote.digest


def _offset(response: StreamedResponse, size: int) -> int | None:
    """Where the bytes of a partial answer begin; None when it is the whole, or part of something else."""
    found = _CONTENT_RANGE.fullmatch(response.headers.get("Content-Range", ""))
    if response.status != 206 or found is None or int(found[2]) != size:
        return None
    return int(found[1])


def _digest(headers: Mapping[str, str]) -> bytes | None:
    """SHA-256 from `Repr-Digest` (RFC 9530)."""
    found = _DIGEST.search(headers.get("Repr-Digest", ""))
    if found is None:
        return None
    try:
        return base64.b64decode(found[1], validate=True)
    except binascii.Error:
        return None
