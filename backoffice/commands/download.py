"""`download`: files from a site over HTTP, going on where an interrupted download stopped, checked before they appear."""

from __future__ import annotations

import base64
import binascii
import http.client
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import quote

import click

from backoffice.commands.client import TRIES, Client
from backoffice.commands.client_errors import ClientError, Refused, Unreachable
from backoffice.commands.parts import STEP, Part, exists, growing, part_path, safe_name
from backoffice.commands.transfer import Bar, Display, connected, display, shown, site_options

FIRST_TRIES: Final = 3
"""Of the first request: who mistyped the address should not wait a minute."""
_DIGEST: Final = re.compile(r"(?:^|,)\s*sha-256=:([A-Za-z0-9+/]{43}=):")
_CONTENT_RANGE: Final = re.compile(r"bytes ([0-9]{1,19})-[0-9]{1,19}/([0-9]{1,19})")


@dataclass(frozen=True, slots=True)
class Remote:
    """A file on the site. `digest`: SHA-256, None while the site does not know it."""

    path: str
    name: str
    size: int
    etag: str
    digest: bytes | None


@click.command("download")
@click.argument("ids", nargs=-1, required=True, metavar="ID…")
@site_options
@click.option(
    "--to", type=click.Path(), default=".", help="A directory or, for a single file, its new name.  [default: here]"
)
@click.option("--force", is_flag=True, help="Replace files that exist.")
def command(
    *, ids: Sequence[str], url: str | None, token: str | None, token_file: str | None, to: str, force: bool
) -> int:
    """Download files by their ids. The same command again after an interruption goes on where it stopped.

    A file grows under another name (NAME.….part), and has its own once it is whole, checked and on the disk. On standard
    output comes a line with the path of each. The token is taken from BACKOFFICE_TOKEN, or from the file that
    BACKOFFICE_TOKEN_FILE or --token-file names. The exit status is 1 when a file could not be downloaded.
    """
    place = Path(to)
    if (len(ids) > 1 or to.endswith("/")) and not place.is_dir():
        raise click.UsageError(f"{shown(to)} is not a directory.")
    with connected(url, token, token_file) as client, display() as show:
        downloads = Downloads(client, place, force, show)
        try:
            failed = sum(not downloads.one(file_id) for file_id in ids)
        except KeyboardInterrupt:
            show.problem("Interrupted. The same command goes on where it stopped.")
            raise
    return 1 if failed else 0


@dataclass(frozen=True, slots=True)
class Downloads:
    """Downloads one file after the other to `to`."""

    client: Client
    to: Path
    force: bool
    show: Display

    def one(self, file_id: str) -> bool:
        """Whether it went well. What concerns every file (no site, no such token) goes up."""
        try:
            target = self._fetch(file_id)
        except ClientError as error:
            if isinstance(error, Unreachable) or (isinstance(error, Refused) and error.status == 401):
                raise
            self.show.problem(f"{shown(file_id)}: {error.message}")
            return False
        self.show.result(shown(str(target)))
        return True

    def _fetch(self, file_id: str) -> Path:
        remote = self._look(file_id)
        target = self.to / safe_name(remote.name, file_id) if self.to.is_dir() else self.to
        if target.exists() and not (self.force and target.is_file()):
            raise exists(target) if target.is_file() else ClientError(f"{shown(str(target))} is not a file.")
        with growing(part_path(target, remote.etag)) as part:
            digest = self._fill(remote, part, self.show.bar(target.name, remote.size))
            if digest is not None and digest != part.digest:
                part.remove()
                raise ClientError("the bytes are not those that the site announced; they were thrown away. Try again.")
            part.put(target, force=self.force)
        if digest is None:
            self.show.problem(f"{shown(str(target))}: complete; the site had no checksum of it yet to compare with.")
        return target

    def _look(self, file_id: str) -> Remote:
        path = f"/files/{quote(file_id, safe='')}"
        about = self.client.request("GET", f"{path}/metadata", tries=FIRST_TRIES).json()
        headers = self.client.request("HEAD", path).headers
        try:
            return Remote(path, str(about["name"]), int(about["size"]), headers["ETag"] or "", _digest(headers))
        except (KeyError, TypeError, ValueError):
            raise ClientError("The answer is not that of a backoffice site; is the address right?") from None

    def _fill(self, remote: Remote, part: Part, bar: Bar) -> bytes | None:
        """Fetch what is missing, as often as it takes while there is progress; the digest announced."""
        digest, attempt = remote.digest, 0
        if part.size > remote.size:
            part.restart()
        bar.start_at(part.size)
        if part.size and part.size == remote.size:
            return digest
        while True:
            before = part.size
            try:
                digest = self._ask(remote, part, bar) or digest
                if part.size == remote.size:
                    return digest
                raise Unreachable(f"The connection to {self.client.url} was cut.")
            except ClientError as error:
                attempt = 1 if part.size > before else attempt + 1
                if not error.passes or attempt >= TRIES:
                    raise
                self.client.pause(attempt, error)

    def _ask(self, remote: Remote, part: Part, bar: Bar) -> bytes | None:
        """One request for the rest; whatever comes of it is kept."""
        headers = {"Range": f"bytes={part.size}-", "If-Range": remote.etag} if part.size else {}
        response = self.client.stream(remote.path, headers)
        if response.headers["ETag"] != remote.etag:
            self.client.drop()
            raise ClientError("the file was replaced by another meanwhile; try again.")
        if part.size and _offset(response, remote.size) != part.size:
            if response.status != 200:
                self.client.drop()
                raise ClientError("the site answered with a part that was not asked for.")
            part.restart()  # the site, or what stands in front of it, sends the whole
            bar.start_at(0)
        try:
            while data := response.read(min(STEP, max(remote.size - part.size, 1))):
                if part.size + len(data) > remote.size:
                    raise ClientError("the site sends more bytes than it announced.")
                part.write(data)
                bar.add(len(data))
        except (OSError, http.client.HTTPException):
            self.client.drop()
        if not response.isclosed():
            self.client.drop()
        return _digest(response.headers)


def _offset(response: http.client.HTTPResponse, size: int) -> int | None:
    """Where the bytes of a partial answer begin; None when it is the whole, or part of something else."""
    found = _CONTENT_RANGE.fullmatch(response.headers.get("Content-Range", ""))
    if response.status != 206 or found is None or int(found[2]) != size:
        return None
    return int(found[1])


def _digest(headers: http.client.HTTPMessage) -> bytes | None:
    """SHA-256 from `Repr-Digest` (RFC 9530)."""
    found = _DIGEST.search(headers.get("Repr-Digest", ""))
    if found is None:
        return None
    try:
        return base64.b64decode(found[1], validate=True)
    except binascii.Error:
        return None
