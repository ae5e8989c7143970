"""Headers that change what a body means: each is honoured, or refused with a reason, before the body is read.

What is passed over in silence gives a client that sent it something else than it asked for: a piece kept as the whole
file, packed bytes kept as those of the file, a check that nobody made. `tests/unit/api/test_body_headers.py` has the
table of all headers and doors, and what is passed over on purpose:

- `Range`, `If-Modified-Since`, `If-Range`: mean nothing with methods that change something (RFC 9110, sections 13.1.3,
  13.1.5 and 14.2: MUST be ignored).
- `Content-Language`, `Content-Location`, `Content-Disposition`, `Prefer`, `Accept-*`, `Want-*`, `TE`: say nothing about
  the bytes, or what the client would like to get.
"""

from __future__ import annotations

from typing import Final

from flask import Request, current_app

from backoffice.errors import Invalid, UnsupportedBody
from backoffice.web.api.operation import operation_of
from backoffice.web.csrf import FORMS
from backoffice.web.part_headers import IDENTITY, PLAIN

_WHOLE: Final = frozenset({"api.uploads.upload_whole", "api.files.put_content"})
_CHUNK: Final = "api.uploads.upload_chunk"
_TUS: Final = "api.tus."
_OF_TUS: Final = frozenset({"Tus-Resumable", "Upload-Offset"})
_RAW: Final = frozenset({"", "application/octet-stream"})
_ENVELOPES: Final = frozenset({"multipart/form-data", "multipart/byteranges"})

_OTHER_PROTOCOLS: Final = {
    "X-HTTP-Method-Override": "Send the method itself.",
    "X-HTTP-Method": "Send the method itself.",
    "X-Method-Override": "Send the method itself.",
    "Tus-Resumable": "Uploads that resume go through /tus/ or /upload_chunk.",
    "Upload-Offset": "Uploads that resume go through /tus/ or /upload_chunk.",
    "Upload-Complete": "Uploads that resume go through /tus/ or /upload_chunk.",
    "Upload-Incomplete": "Uploads that resume go through /tus/ or /upload_chunk.",
    "Trailer": "Fields behind the body are not read; send them before it.",
    "Digest": "It is not checked (RFC 9530 has replaced it); send Repr-Digest or Content-Digest.",
    "Content-MD5": "It is not checked; send Repr-Digest or Content-Digest with sha-256.",
}
_CONDITIONS: Final = {
    "If-Match": "There is nothing here that it could be compared with.",
    "If-None-Match": "Send on_conflict=fail to refuse a name that is taken.",
    "If-Unmodified-Since": "Send If-Match where a change must not overwrite another.",
    "If": "WebDAV's locks are not known here.",
}
_CODINGS: Final = ("Content-Range", "Content-Encoding", "Content-Transfer-Encoding", "Transfer-Encoding")
_DIGESTS: Final = ("Content-Digest", "Repr-Digest")
_WATCHED: Final = frozenset(
    f"HTTP_{name.upper().replace('-', '_')}" for name in (*_CODINGS, *_DIGESTS, *_OTHER_PROTOCOLS, *_CONDITIONS)
)
"""Their keys in the WSGI environment."""


def check_body_headers(request: Request) -> None:
    """For a request that may change something. Raises Invalid (400), UnsupportedBody (415)."""
    endpoint = request.endpoint or ""
    _check_type(request, endpoint)
    if _WATCHED.isdisjoint(request.environ):
        return  # as nearly always: the rest costs more than it
    _check_coding(request)
    for name, reason in _OTHER_PROTOCOLS.items():
        if name in request.headers and not (name in _OF_TUS and endpoint.startswith(_TUS)):
            raise _refused(name, reason)
    if endpoint.startswith("api."):
        _check_conditions(request, endpoint)
        _check_digests(request, endpoint)


def _check_coding(request: Request) -> None:
    headers = request.headers
    if "Content-Range" in headers:
        # RFC 9110, section 14.5: a server that does not put parts together MUST answer 400.
        raise _refused("Content-Range", "A body is a whole here; send parts through /upload_chunk.")
    if not IDENTITY.issuperset(_listed(headers.get("Content-Encoding", ""))):
        raise UnsupportedBody("Send the bytes as they are: Content-Encoding is not undone here.", encoded=True)
    if headers.get("Content-Transfer-Encoding", "").strip().lower() not in PLAIN:
        raise UnsupportedBody("Send the bytes as they are: Content-Transfer-Encoding is not undone here.")
    if {*_listed(headers.get("Transfer-Encoding", ""))} - {"", "identity", "chunked"}:
        raise _refused("Transfer-Encoding", "The only transfer coding here is chunked.")


def _check_type(request: Request, endpoint: str) -> None:
    kind = request.mimetype
    if endpoint in _WHOLE:
        if kind in _ENVELOPES:
            raise UnsupportedBody(
                f"The body is kept as it comes, with the envelope of {kind} around the file:"
                " send the file itself (curl -T), or a form to /upload_chunk."
            )
        return
    if kind == "application/json" or kind in FORMS:
        charset = request.mimetype_params.get("charset", "utf-8").lower()
        if charset not in {"utf-8", "utf8", "us-ascii"}:
            raise UnsupportedBody(f"Text is UTF-8 here (RFC 8259, RFC 7578), not {charset[:40]}.")


def _check_conditions(request: Request, endpoint: str) -> None:
    about = operation_of(current_app.view_functions[endpoint])
    for name, reason in _CONDITIONS.items():
        if name in request.headers and not (
            about and (name in about.headers or (name == "If-Match" and about.versioned))
        ):
            raise _refused(name, reason)


def _check_digests(request: Request, endpoint: str) -> None:
    for name in _DIGESTS:
        if name not in request.headers or endpoint in _WHOLE:
            continue
        if endpoint != _CHUNK or name == "Repr-Digest" or request.mimetype not in _RAW:
            raise _refused(
                name, "It is checked with bytes that are sent raw; give `checksum` or `sha256` in the fields."
            )


def _listed(value: str) -> list[str]:
    return [one.strip().lower() for one in value.split(",")]


def _refused(name: str, reason: str) -> Invalid:
    return Invalid(f"{name} is not understood with this request. {reason}", field=name)
