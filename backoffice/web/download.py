"""Sending a file: conditions, ranges, headers, and a body that streams in constant memory.

Every byte of a stored file that leaves the site leaves through `send_file` here, or to be looked at through
`preview.py`. Files come from strangers: here they are always attachments, in a sandbox, under a type from our own
table. `no-store`, though an entity tag goes with it: what a browser keeps of a private file stays on a shared machine
after sign-out, while programs that keep their own copy can still ask whether it holds.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final, Protocol
from urllib.parse import quote

from flask import Request, Response
from werkzeug.exceptions import RequestedRangeNotSatisfiable
from werkzeug.http import http_date

from backoffice.domain.ascii_names import ascii_name
from backoffice.domain.files import OCTETS
from backoffice.domain.times import now_ms
from backoffice.errors import VersionMismatch
from backoffice.web.ranges import Unsatisfiable, wanted_range


class Described(Protocol):
    """What is said of bytes: a `File`, or an archive that is made of some (`services.zips.ZipFile`)."""

    def __hash__(self) -> int: ...
    @property
    def name(self) -> str: ...
    @property
    def size(self) -> int: ...
    @property
    def mime_type(self) -> str: ...
    @property
    def etag(self) -> str:
        """Strong."""

    @property
    def digest(self) -> bytes:
        """SHA-256, empty until known."""

    @property
    def stored_at(self) -> int:
        """ms; 0: the bytes have no date, and conditions that name one do not hold."""


class Readable(Protocol):
    """A file whose bytes can be read: `services.files.OpenedFile`, `services.zips.OpenedZip`."""

    @property
    def file(self) -> Described: ...
    def read(self, start: int = 0, stop: int | None = None) -> Iterator[memoryview]:
        """Bytes [start, stop). Called only when bytes are really sent, because it is recorded as a download."""


# Types a browser does not run. Whatever else a file says it is, it is sent as bytes.
SAFE_TYPES: Final = frozenset(
    {
        "text/plain",
        "text/csv",
        "image/png",
        "image/jpeg",
        "image/gif",
        "image/webp",
        "image/avif",
        "image/bmp",
        "image/tiff",
        "audio/mpeg",
        "audio/mp4",
        "audio/aac",
        "audio/ogg",
        "audio/flac",
        "audio/wav",
        "audio/webm",
        "video/mp4",
        "video/mpeg",
        "video/ogg",
        "video/webm",
        "video/quicktime",
        "application/zip",
        "application/gzip",
        "application/x-tar",
        "application/x-7z-compressed",
        "application/json",
    }
)


_CONDITIONS: Final = frozenset(
    {
        "HTTP_RANGE",
        "HTTP_IF_MATCH",
        "HTTP_IF_NONE_MATCH",
        "HTTP_IF_MODIFIED_SINCE",
        "HTTP_IF_UNMODIFIED_SINCE",
    }
)
"""Keys of the WSGI environment: request headers without which the answer is the whole file."""


class Body:
    """The bytes that are sent; closed by the server, also when the client goes away.

    The first part is fetched before the headers go out, so that a store that is down is still an error and not a cut
    body.
    """

    def __init__(self, parts: Iterator[memoryview]) -> None:
        self._parts = parts
        self._first = next(parts, None)

    def __iter__(self) -> Iterator[bytes]:
        if self._first is not None:
            first, self._first = self._first, None
            yield _bytes(first)
            del first
            for part in self._parts:
                yield _bytes(part)
                # A name would keep it in memory beside the next one.
                del part

    def close(self) -> None:
        self._first = None
        close = getattr(self._parts, "close", None)
        if close is not None:
            close()


def takes_all(request: Request) -> bool:
    """Whether the answer is the whole file, whatever its record says: nothing but its bytes is asked for."""
    return request.method == "GET" and not _has_conditions(request)


def _has_conditions(request: Request) -> bool:
    return not _CONDITIONS.isdisjoint(request.environ)


def send_file(
    opened: Readable, request: Request, affords: Callable[[int, int], bool] = lambda _start, _stop: True
) -> Response:
    """The answer to GET or HEAD for a file: 200, 206 or 304. `affords`: whether a range can be sent by itself; else the
    whole is. Raises VersionMismatch (412) and 416."""
    file = opened.file
    headers = file_headers(file)
    conditions = _has_conditions(request)
    if conditions and _unchanged(file, request):
        kept = {name: value for name, value in headers.items() if not name.startswith("Content-")}
        return Response(status=304, headers={**kept, "Content-Security-Policy": headers["Content-Security-Policy"]})
    start, stop, status = 0, file.size, 200
    span = _span(file, request) if conditions else None
    if span is not None and affords(*span):
        (start, stop), status = span, 206
        headers["Content-Range"] = f"bytes {start}-{stop - 1}/{file.size}"
    headers["Content-Length"] = str(stop - start)
    if request.method == "HEAD":
        return Response(status=status, headers=headers)
    return Response(Body(opened.read(start, stop)), status, headers, direct_passthrough=True)


def file_headers(file: Described) -> dict[str, str]:
    """What every answer about the bytes of `file` says."""
    headers, now = dict(_file_headers(file)), now_ms()
    if file.stored_at > now:
        # No date is later than that of the answer (RFC 9110, section 8.8.2.1). An earlier one makes nobody keep old
        # bytes, for what is compared is the file's own.
        headers["Last-Modified"] = http_date(now // 1000)
    return headers


@lru_cache(maxsize=1024)
def _file_headers(file: Described) -> dict[str, str]:
    """Worked out once for files that are asked for often."""
    headers = {
        "Content-Type": file.mime_type if file.mime_type in SAFE_TYPES else OCTETS,
        "Content-Disposition": disposition(file.name),
        "Content-Security-Policy": "sandbox; default-src 'none'",
        "X-Content-Type-Options": "nosniff",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Cache-Control": "private, no-store",
        "Accept-Ranges": "bytes",
        "ETag": file.etag,
    }
    if file.stored_at:
        headers["Last-Modified"] = http_date(file.stored_at // 1000)
    if file.digest:
        headers["Repr-Digest"] = f"sha-256=:{base64.b64encode(file.digest).decode()}:"
    return headers


def disposition(name: str) -> str:
    """`attachment` with the name twice (RFC 6266): plain ASCII for old clients, and whole (RFC 8187)."""
    plain = ascii_name(name)
    if plain == name:
        return f'attachment; filename="{plain}"'
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"


def _unchanged(file: Described, request: Request) -> bool:
    """RFC 9110, section 13.2.2: whether the client has these bytes. Raises VersionMismatch."""
    tag, modified = file.etag.strip('"'), _modified(file)
    if request.headers.get("If-Match") is not None:
        if tag not in request.if_match:
            raise VersionMismatch("The file is not the one that If-Match names.")
    elif modified is not None and (limit := request.if_unmodified_since) is not None and modified > limit:
        raise VersionMismatch("The file is newer than If-Unmodified-Since.")
    if request.headers.get("If-None-Match") is not None:
        return request.if_none_match.contains_weak(tag)
    return modified is not None and (since := request.if_modified_since) is not None and modified <= since


def _span(file: Described, request: Request) -> tuple[int, int] | None:
    """The range to send, None for the whole. Ranges mean something for GET only."""
    header = request.headers.get("Range")
    if header is None or request.method != "GET" or not _range_holds(file, request):
        return None
    try:
        return wanted_range(header, file.size)
    except Unsatisfiable:
        raise RequestedRangeNotSatisfiable(file.size, description="The range is not within the file.") from None


def _range_holds(file: Described, request: Request) -> bool:
    """`If-Range`: the very same tag. A date never holds (RFC 9110, section 13.1.5): it names a second, in which a file
    may have held more than one content."""
    condition = request.headers.get("If-Range")
    return condition is None or condition.strip() == file.etag


def _modified(file: Described) -> datetime | None:
    return datetime.fromtimestamp(file.stored_at // 1000, UTC) if file.stored_at else None


def _bytes(part: memoryview) -> bytes:
    """The part as a server wants it; without a copy where it is a whole value of the store."""
    whole = part.obj
    return whole if type(whole) is bytes and len(whole) == part.nbytes else bytes(part)
