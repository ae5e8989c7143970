"""A file of unknown length, from a source that can be read once, such as the output of another program.

It goes in one body, and nothing of it is kept here: so it cannot be sent again after a cut, and the site keeps nothing
of a body that was cut. What fits into one chunk is sent like any small file.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Final, Protocol
from urllib.parse import quote

from backoffice.client.errors import ClientError, ResponseError
from backoffice.client.local_file import clean_name
from backoffice.client.progress import Progress
from backoffice.client.upload import StoredFile, Uploader

BLOCK: Final = 256 * 1024
_ONCE: Final = "Standard input can be read only once: run the command that makes it again."


class Source(Protocol):
    """A binary stream."""

    def read(self, size: int, /) -> bytes | None:
        """At most `size` bytes, none at the end."""


def upload_stream(uploader: Uploader, source: Source, name: str, progress: Progress) -> StoredFile:
    """The file as the site keeps it. Raises ResponseError, ConnectionFailed, ClientError."""
    name = clean_name(name)
    head = _read_head(source, min(uploader.limits.chunk_size, uploader.limits.max_file_size + 1))
    if len(head) < uploader.limits.chunk_size:
        return uploader.upload_small(name, head, progress)
    body = _Body(head, source, uploader.limits.max_file_size, progress)
    try:
        response = uploader.client.send_stream(
            "PUT", f"/files/{quote(name, safe='')}", uploader.options.query(), iter(body), {}
        )
        stored = response.json()
    except ClientError as error:
        found = uploader.find_stored(name, body.digest.hexdigest()) if body.ended and error.retryable else None
        if found is None:
            raise _final(error) from error
        stored = found  # the answer alone was lost
    if stored.get("sha256") not in {body.digest.hexdigest(), None, ""}:
        raise ClientError(f"the site has other bytes than were sent, in file {stored.get('id')}; delete it. {_ONCE}")
    return stored


class _Body:
    """The blocks of the source, counted. `ended`: all of it was handed out."""

    def __init__(self, head: bytes, source: Source, most: int, progress: Progress) -> None:
        self._head, self._source, self._most, self._progress = head, source, most, progress
        self.digest = hashlib.sha256()
        self.ended = False

    def __iter__(self) -> Iterator[memoryview]:
        block, sent = self._head, 0
        while block:
            sent += len(block)
            if sent > self._most:
                raise ClientError(f"it is too long: the site takes files of at most {self._most} bytes.")
            self.digest.update(block)
            yield memoryview(block)
            self._progress.advance(len(block))
            block = _read(self._source, BLOCK)
        self.ended = True


def _read_head(source: Source, size: int) -> bytes:
    """`size` bytes, or all there are: a pipe gives less at a time."""
    head = bytearray()
    while len(head) < size and (block := _read(source, size - len(head))):
        head += block
    return bytes(head)


def _read(source: Source, size: int) -> bytes:
    try:
        return source.read(size) or b""
    except OSError as error:
        raise ClientError(f"it cannot be read: {error.strerror}.") from error


def _final(error: ClientError) -> ClientError:
    """The same, not to be tried again by itself."""
    if isinstance(error, ResponseError):
        error.args = (f"{error} Nothing of it was stored. {_ONCE}",)
        return error
    return type(error)(f"{error} Nothing of it was stored. {_ONCE}")
