"""Showing a file without letting it act. The same reader as a download, the same entry in the log, other headers.

What is shown in a frame stands in an origin of its own: the answer says so (`sandbox`), and so does the frame of the
page. It can run nothing, ask for nothing and lead nowhere, whatever is in it:

- Text is sent as `text/plain`, anew in UTF-8.
- An image, also one of vectors, is drawn as an image by a page of ours, in which it stands as data. So it takes no
  second request, which would come from nowhere and be nobody's.
- Sound and film are played by the page itself, for out of such a frame they could not be fetched: that is the
  answer to a player and to nobody else, and no document.

All that a page gives up for it is `frame-src` and `media-src` for its own origin (`allow_previews`).
"""

from __future__ import annotations

import base64
import codecs
import hashlib
from collections.abc import Iterator
from typing import Final, NamedTuple, Protocol

from flask import Request, Response, url_for

from backoffice.domain.files import File
from backoffice.domain.limits import MAX_TEXT_SHOWN
from backoffice.domain.previews import PLAIN, Preview, PreviewKind, preview_of, why_not_shown
from backoffice.errors import NotFound
from backoffice.web.download import Body, Readable, send_file
from backoffice.web.headers import allow_previews

_STYLE: Final = (
    "html,body{height:100%;margin:0}"
    "body{display:grid;place-items:center;font:14px system-ui,sans-serif;"
    "background:repeating-conic-gradient(#fff 0 25%,#eee 0 50%) 0/16px 16px}"
    "@media (prefers-color-scheme:dark)"  # that of the frame, which is the page's, also where it was chosen there
    "{body{color:#ddd;background-image:repeating-conic-gradient(#1c1f24 0 25%,#272b31 0 50%)}}"
    "img{max-width:100%;max-height:100vh;object-fit:contain}"
)
_STYLE_HASH: Final = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_BEFORE: Final = (
    '<!doctype html><html lang="en"><meta charset="utf-8"><title>Preview</title>'
    f'<style>{_STYLE}</style><img alt="This is not an image that the browser can show." src="data:'
)
_AFTER: Final = b'"></html>\n'
_POLICY: Final = "sandbox; default-src 'none'; frame-ancestors 'self'; base-uri 'none'; form-action 'none'"
_POLICIES: Final = {
    PreviewKind.IMAGE: f"{_POLICY}; img-src data:; style-src 'sha256-{_STYLE_HASH}'",
    PreviewKind.TEXT: _POLICY,
    PreviewKind.AUDIO: _POLICY,
    PreviewKind.VIDEO: _POLICY,
}
_BYTE_ORDERS: Final = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_UNPRINTABLE: Final = dict.fromkeys([*range(9), 11, *range(14, 32), 127], "\N{REPLACEMENT CHARACTER}")
"""Control characters of a text but for tabs and ends of lines and pages."""


class ReadableFile(Readable, Protocol):
    """`services.files.OpenedFile`."""

    @property
    def file(self) -> File: ...


class ShownFile(NamedTuple):
    """What `_preview.html` shows. `kind` "": nothing but `why`. `cut`: bytes of a text that are shown, 0: all."""

    kind: str
    url: str
    download_url: str
    name: str
    type: str = ""
    why: str = ""
    cut: int = 0


def shown_file(file: File, url: str = "", download: str = "") -> ShownFile:
    """For a page that shows this file; the page is then allowed to. `url`, `download`: where it is looked at and
    downloaded, where that is another address than that of a file of one's own."""
    url = url or url_for("api.files.preview", file_id=file.id)
    download = download or url_for("api.files.download", file_id=file.id)
    found = preview_of(file)
    if not file.size:
        return ShownFile("", url, download, file.name, why="The file is empty.")
    if found is None:
        return ShownFile("", url, download, file.name, why=why_not_shown(file))
    allow_previews()
    cut = MAX_TEXT_SHOWN if found.kind is PreviewKind.TEXT and file.size > MAX_TEXT_SHOWN else 0
    return ShownFile(found.kind, url, download, file.name, found.type, cut=cut)


def send_preview(opened: ReadableFile, request: Request) -> Response:
    """The answer to GET or HEAD. Raises NotFound for a file that is not shown; what `send_file` raises."""
    found = preview_of(opened.file)
    if found is None:
        raise NotFound(why_not_shown(opened.file))
    if found.kind in (PreviewKind.AUDIO, PreviewKind.VIDEO):
        answer = send_file(opened, request)
        answer.headers.remove("Content-Disposition")
        if "Content-Type" in answer.headers:
            answer.headers["Content-Type"] = found.type
    elif request.method == "HEAD":
        answer = Response()
    elif found.kind is PreviewKind.TEXT:
        answer = Response(_text(opened))
    else:
        answer = _image(opened, found)
    _complete(answer, found)
    return answer


def send_text(text: str) -> Response:
    """The answer to GET or HEAD for a text that was read already: as it is, and as nothing but text."""
    answer = Response(text)
    _complete(answer, Preview(PreviewKind.TEXT, PLAIN))
    return answer


def _complete(answer: Response, found: Preview) -> None:
    if found.kind in (PreviewKind.IMAGE, PreviewKind.TEXT):
        answer.headers["Content-Type"] = "text/html; charset=utf-8" if found.kind is PreviewKind.IMAGE else found.type
    answer.headers["Content-Security-Policy"] = _POLICIES[found.kind]
    answer.headers["X-Frame-Options"] = "SAMEORIGIN"
    answer.headers["X-Content-Type-Options"] = "nosniff"
    answer.headers["Referrer-Policy"] = "no-referrer"
    answer.headers["Cross-Origin-Resource-Policy"] = "same-origin"
    answer.headers["Cache-Control"] = "private, no-store"


def _text(opened: ReadableFile) -> str:
    """The beginning of a text as text."""
    data = b"".join(opened.read(0, min(opened.file.size, MAX_TEXT_SHOWN)))
    mark, encoding = next((one for one in _BYTE_ORDERS if data.startswith(one[0])), (b"", "utf-8"))
    # Where it is cut, what stands before the cut may be a part of a character, which is left out.
    whole = len(data) == opened.file.size
    text = codecs.getincrementaldecoder(encoding)("replace").decode(data[len(mark) :], final=whole)
    return text.translate(_UNPRINTABLE)


def _image(opened: ReadableFile, found: Preview) -> Response:
    """A page of ours with the image in it."""
    before, size = f"{_BEFORE}{found.type};base64,".encode(), opened.file.size
    answer = Response(Body(_page(before, opened.read())), direct_passthrough=True)
    answer.headers["Content-Length"] = str(len(before) + 4 * ((size + 2) // 3) + len(_AFTER))
    return answer


def _page(before: bytes, parts: Iterator[memoryview]) -> Iterator[memoryview]:
    """In constant memory: what does not make three bytes waits for the next part."""
    try:
        first = next(parts, None)
        yield memoryview(before)
        left = b""
        while first is not None:
            data = left + first
            del first
            whole = len(data) - len(data) % 3
            left = data[whole:]
            yield memoryview(base64.b64encode(data[:whole]))
            del data
            first = next(parts, None)
        yield memoryview(base64.b64encode(left) + _AFTER)
    finally:
        close = getattr(parts, "close", None)
        if close is not None:
            close()
