"""The tus protocol, version 1.0.0 (https://tus.io/protocols/resumable-upload), for the clients that speak it.

An upload's address has a secret (`services/uploads/secrets.py`): it goes on where the session has ended meanwhile. Its
owner reaches it without one, too, by a token or a session.
"""

from __future__ import annotations

from typing import Final

from flask import Response, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.http import http_date

from backoffice.domain.acts import Acts
from backoffice.domain.uploads import UNKNOWN
from backoffice.errors import (
    BackofficeError,
    ChunkConflict,
    Conflict,
    Gone,
    Invalid,
    NotFound,
    OffsetMismatch,
    QuotaExceeded,
    StoreFull,
    TooLarge,
    TooMany,
    UnsupportedBody,
    UnsupportedVersion,
    UploadClosed,
)
from backoffice.services.uploads.checked_body import ALGORITHMS
from backoffice.services.uploads.chunker import ReadInto
from backoffice.services.uploads.progress import Progress
from backoffice.services.uploads.secrets import split_address
from backoffice.web.api.blueprints import tus_bp
from backoffice.web.api.operation import BYTES, Operation
from backoffice.web.api.tus_address import address_of
from backoffice.web.api.tus_headers import (
    MISMATCH,
    OFFSET_OCTETS,
    RESUMABLE,
    VERSION,
    announced,
    check_type,
    check_version,
    checksum_of,
    concat_of,
    has_body,
    number,
    status_and_headers,
)
from backoffice.web.body import RequestBody
from backoffice.web.context import services
from backoffice.web.errors import answer_to
from backoffice.web.identity import actor
from backoffice.web.route_access import route_act

TAG: Final = "Uploading by tus"
EXTENSIONS: Final = (
    "creation",
    "creation-with-upload",
    "creation-defer-length",
    "expiration",
    "checksum",
    "termination",
    "concatenation",
    "concatenation-unfinished",
)
_ADDRESS: Final = {"upload_address": "The last part of `Location`; for the owner the identifier alone will do"}
_SPOKEN: Final = {RESUMABLE: f"`{VERSION}`"}
_CHECKSUM: Final = {"Upload-Checksum": "`sha1` or `sha256`, a space, Base64: of the bytes of this request"}
_OFFSET: Final = {"Upload-Offset": "Bytes that have arrived"}
_EXPIRES: Final = {"Upload-Expires": "When it is given up unless more comes; left out when it is a file"}


@tus_bp.errorhandler(BackofficeError)
def on_error(error: BackofficeError) -> Response:
    status, headers = status_and_headers(error)
    return answer_to(error, status, headers)  # type: ignore[return-value]  # as all error handlers


@tus_bp.after_request
def say_version(response: Response) -> Response:
    response.headers[RESUMABLE] = VERSION
    return response


@Operation("What is spoken here", TAG, status=204)
@route_act(Acts.UPLOAD_START, Acts.UPLOAD_SEND)
def tell_options(**_place: str) -> ResponseReturnValue:
    """Version, extensions, algorithms of checksums, and the largest file."""
    return (
        "",
        204,
        {
            "Tus-Version": VERSION,
            "Tus-Extension": ",".join(EXTENSIONS),
            "Tus-Checksum-Algorithm": ",".join(ALGORITHMS),
            "Tus-Max-Size": str(services().uploads.limits.max_file_size),
        },
    )


tus_bp.add_url_rule("/", "tell_options", tell_options, methods=["OPTIONS"])
tus_bp.add_url_rule("/<upload_address>", "tell_options", tell_options, methods=["OPTIONS"])


@tus_bp.post("/", provide_automatic_options=False)
@Operation(
    "Begin an upload",
    TAG,
    status=201,
    headers={
        **_SPOKEN,
        "Upload-Length": "Bytes of the whole",
        "Upload-Defer-Length": "`1`: in place of the length, which comes later",
        "Upload-Concat": "`partial`: a part of another; `final;` and addresses: made of those, without a length",
        "Upload-Metadata": "`filename` and `filetype` (or `name` and `type`) are heeded; may be empty",
        **_CHECKSUM,
    },
    sends={"Location": "Where to send it: with a secret, so keep it to yourself", **_OFFSET, **_EXPIRES},
    also={MISMATCH: "The bytes do not have the checksum, and nothing is left"},
    raises=(NotFound, Conflict, UnsupportedVersion, UnsupportedBody, TooLarge, QuotaExceeded, TooMany, StoreFull),
    curl=(
        'curl -i -X POST -H "Tus-Resumable: 1.0.0" -H "Upload-Length: 3145728"'
        ' -H "Upload-Metadata: filename $(printf film.mp4 | base64)" "$SITE/tus/"'
    ),
)
@route_act(Acts.UPLOAD_START, max_body=None, own_header=RESUMABLE)
def begin_upload() -> ResponseReturnValue:
    """The first bytes may come along, as `application/offset+octet-stream`; if anything goes wrong then, nothing is
    left. An upload of length 0 is a file at once. A part never is one; what is made of parts is as soon as all of them
    have their bytes, and they end with it. Named once more, they are answered as the first time, while the file is
    there."""
    check_version(request)
    partial, parts = concat_of(request)
    if parts:
        ids = [_upload_id(one) for one in parts]
        whole = services().resumable.concatenate(actor(), ids, metadata=request.headers.get("Upload-Metadata", ""))
        return "", 201, {"Location": address_of(whole.id), **_state(whole)}
    size, checksum = announced(request), checksum_of(request)
    sends = has_body(request)
    if sends:
        check_type(request)
    progress = services().resumable.create(
        actor(),
        size=size,
        metadata=request.headers.get("Upload-Metadata", ""),
        body=_body if sends else None,
        checksum=checksum,
        partial=partial,
    )
    return "", 201, {"Location": address_of(progress.id), **(_state(progress) if sends else _expiry(progress))}


@tus_bp.route("/<upload_address>", methods=["HEAD"], provide_automatic_options=False)
@Operation(
    "How far an upload is",
    TAG,
    headers=_SPOKEN,
    sends={
        **_OFFSET,
        **_EXPIRES,
        "Upload-Length": "Bytes of the whole; or `Upload-Defer-Length: 1`",
        "Upload-Metadata": "As it was sent; of a file name and type as they are, for who may read it",
        "Upload-Concat": "Of a part, and of what is made of parts until it is a file",
    },
    path=_ADDRESS,
    raises=(NotFound, Gone, Conflict, UnsupportedVersion, TooLarge, TooMany, StoreFull),
)
@route_act(Acts.UPLOAD_SEND)
def tell_offset(upload_address: str) -> ResponseReturnValue:
    """What has arrived, as the store has it. Answered also when the upload has become a file, whose identifier is that
    of the upload, as long as there is one."""
    check_version(request)
    progress = services().resumable.state(actor(), _upload_id(upload_address))
    length = {"Upload-Length": str(progress.length)}
    if progress.length == UNKNOWN and progress.parts:
        length = {}
    elif progress.length == UNKNOWN:
        length = {"Upload-Defer-Length": "1"}
    said = {"Upload-Metadata": progress.metadata} if progress.metadata else {}
    return "", 200, {**_state(progress), **length, **said, **_concat(progress)}


@tus_bp.patch("/<upload_address>", provide_automatic_options=False)
@Operation(
    "Send bytes",
    TAG,
    status=204,
    body={OFFSET_OCTETS: BYTES},
    headers={
        **_SPOKEN,
        "Upload-Offset": "Where they begin: how many have arrived",
        "Upload-Length": "Bytes of the whole, where that was deferred",
        **_CHECKSUM,
    },
    sends={**_OFFSET, **_EXPIRES},
    also={MISMATCH: "The bytes do not have the checksum, and none is kept"},
    path=_ADDRESS,
    raises=(
        NotFound,
        Gone,
        OffsetMismatch,
        ChunkConflict,
        Conflict,
        UnsupportedVersion,
        UnsupportedBody,
        TooLarge,
        QuotaExceeded,
        TooMany,
        StoreFull,
    ),
    curl=(
        'curl -X PATCH -H "Tus-Resumable: 1.0.0" -H "Content-Type: application/offset+octet-stream"'
        ' -H "Upload-Offset: 0" --data-binary @film.mp4 "$SITE/tus/$ID"'
    ),
)
@route_act(Acts.UPLOAD_SEND, max_body=None, own_header=RESUMABLE)
def send_bytes(upload_address: str) -> ResponseReturnValue:
    """What has arrived is kept, also when the connection is cut; with a checksum all of it or nothing. The last byte
    makes it a file. At another offset than that of the upload the answer is a 409 with the right one. The latest
    request of several goes on, and the others end."""
    check_version(request)
    upload_id = _upload_id(upload_address)
    check_type(request)
    offset = number(request, "Upload-Offset")
    if offset is None:
        raise Invalid("Upload-Offset is required.", field="Upload-Offset")
    size, checksum = number(request, "Upload-Length"), checksum_of(request)
    return "", 204, _state(services().resumable.send(actor(), upload_id, offset, _body, size=size, checksum=checksum))


@tus_bp.delete("/<upload_address>", provide_automatic_options=False)
@Operation(
    "Give an upload up",
    TAG,
    status=204,
    headers=_SPOKEN,
    path=_ADDRESS,
    raises=(NotFound, Gone, UploadClosed, UnsupportedVersion, TooMany),
    curl='curl -X DELETE -H "Tus-Resumable: 1.0.0" "$SITE/tus/$ID"',
)
@route_act(Acts.UPLOAD_CANCEL, own_header=RESUMABLE)
def give_up(upload_address: str) -> ResponseReturnValue:
    """Its bytes are freed and its quota released when this returns. One that is a file by now stays."""
    check_version(request)
    services().resumable.cancel(actor(), _upload_id(upload_address))
    return "", 204


def _upload_id(address: str) -> str:
    """The identifier; NotFound where there is a secret beside it that is not its own. What the secret is worth has been
    asked before, where nothing else lets the request in."""
    upload_id, secret = split_address(address)
    if upload_id != address and not services().upload_secrets.is_secret_of(upload_id, secret):
        raise NotFound
    return upload_id


def _body(limit: int) -> ReadInto:
    return RequestBody(request, limit).read_into


def _state(progress: Progress) -> dict[str, str]:
    offset = {} if progress.offset == UNKNOWN else {"Upload-Offset": str(progress.offset)}
    return {**offset, **_expiry(progress)}


def _concat(progress: Progress) -> dict[str, str]:
    """A part's address alone is no secret, and of no use to others."""
    if not progress.concat:
        return {}
    listed = " ".join(url_for("api.tus.send_bytes", upload_address=one) for one in progress.parts)
    return {"Upload-Concat": f"{progress.concat};{listed}" if listed else progress.concat}


def _expiry(progress: Progress) -> dict[str, str]:
    return {"Upload-Expires": http_date(progress.expires_at / 1000)} if progress.expires_at else {}
