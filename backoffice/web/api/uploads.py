"""Uploading: chunk by chunk, or in one body."""

from __future__ import annotations

import mimetypes
import re
from typing import Final

from flask import Blueprint, Response, request
from flask.typing import ResponseReturnValue
from werkzeug.routing import BaseConverter

from backoffice.domain.files import OCTETS, OnConflict
from backoffice.domain.paging import Query
from backoffice.domain.permissions import Permissions
from backoffice.errors import (
    ChecksumMismatch,
    ChunkConflict,
    ChunksMissing,
    Completing,
    Conflict,
    NameTaken,
    NotFound,
    QuotaExceeded,
    StoreFull,
    TooLarge,
    TooMany,
    UploadClosed,
)
from backoffice.services.upload_view import UploadView
from backoffice.web.api.answer_schemas import ChunkAnswer, FileAnswer, LimitsAnswer, UploadsAnswer, UploadState
from backoffice.web.api.answers import owner_names, send, send_created, send_page, upload_answer
from backoffice.web.api.chunk_bodies import FORM, JSON_CHUNK, read_chunk
from backoffice.web.api.digests import agreed, digest_field
from backoffice.web.api.operation import BYTES, Operation, operation
from backoffice.web.api.parsing import JSON, json_body, query
from backoffice.web.api.schemas import ChunkFields, ChunkForm, ChunkJson, CompleteRequest, PageQuery, WholeFields
from backoffice.web.body import RequestBody
from backoffice.web.context import services
from backoffice.web.identity import actor
from backoffice.web.routes import route_permission

TAG: Final = "Uploading"
DIGEST: Final = "RFC 9530: `sha-256=:<Base64>:`; the server checks it"
CREATED: Final = {
    "Location": "Where the file can be downloaded",
    "ETag": "Entity tag of the metadata",
    "X-Durability": "How safe the file is by now: `memory`, `os`, `disk` or `replica:k`",
}
_TYPES: Final = mimetypes.MimeTypes()
_NOT_IN_NAMES: Final = re.compile(r"[/:]")
_OFFICE: Final = "application/vnd.openxmlformats-officedocument"
for _suffix, _type in {
    ".md": "text/markdown",
    ".docx": f"{_OFFICE}.wordprocessingml.document",
    ".xlsx": f"{_OFFICE}.spreadsheetml.sheet",
    ".pptx": f"{_OFFICE}.presentationml.presentation",
    ".odt": "application/vnd.oasis.opendocument.text",
    ".ods": "application/vnd.oasis.opendocument.spreadsheet",
    ".odp": "application/vnd.oasis.opendocument.presentation",
    ".7z": "application/x-7z-compressed",
    ".yaml": "application/yaml",
    ".yml": "application/yaml",
    ".toml": "application/toml",
}.items():
    _TYPES.add_type(_type, _suffix)  # what the Python of some versions does not know
"""Python's own table, whatever the machine has installed."""

bp = Blueprint("uploads", __name__)


class NameConverter(BaseConverter):
    """All the rest of a path, whatever is in it: a name that cannot be one gets an answer that says why, and not a
    redirect or "no such address"."""

    regex = r"[\s\S]*?"
    part_isolating = False


@bp.post("/upload_chunk")
@operation(
    Operation(
        summary="Send a chunk",
        tag=TAG,
        answer=ChunkAnswer,
        query=ChunkFields,
        body={OCTETS: BYTES, FORM: ChunkForm, JSON: ChunkJson},
        headers={"Content-Digest": f"{DIGEST}. With a raw body only"},
        raises=(
            ChecksumMismatch,
            NotFound,
            Conflict,
            ChunkConflict,
            UploadClosed,
            TooLarge,
            QuotaExceeded,
            TooMany,
            StoreFull,
        ),
        curl=(
            'curl --data-binary @part0 -H "Content-Type: application/octet-stream"'
            ' "$SITE/upload_chunk?chunk_index=0&total_chunks=2"'
        ),
    )
)
@route_permission(Permissions.FILES_WRITE, max_body=None)
def upload_chunk() -> Response:
    """The first chunk that is sent, whichever it is, leaves out `file_id` and gets it with the answer; the other chunks
    carry it. Chunks come in any order, in parallel, and again after a doubt: the same bytes twice are fine, other bytes
    under the same index are refused. Fields are in the query (raw body) or beside the data (form, JSON). In a form
    `chunk_data` is a file part; in JSON it is Base64, and a chunk has at most 4 MiB there."""
    fields, data = read_chunk(request, services().uploads.limits.max_chunk_size)
    sha256 = bytes.fromhex(fields.checksum.removeprefix("sha256:")) if fields.checksum else None
    if request.mimetype in {"", OCTETS}:
        sha256 = agreed(sha256, digest_field(request, "Content-Digest"))
    view = services().uploads.put_chunk(
        actor(),
        upload_id=fields.file_id or None,
        index=fields.chunk_index,
        total_chunks=fields.total_chunks,
        data=data,
        sha256=sha256,
        size=fields.total_size,
        name=fields.name,
    )
    return send(
        ChunkAnswer(
            file_id=view.upload.id,
            chunk_index=fields.chunk_index,
            total_chunks=fields.total_chunks,
            received=view.upload.received,
            missing_count=view.missing_count,
        )
    )


@bp.post("/upload_complete")
@operation(
    Operation(
        summary="Make the chunks a file",
        tag=TAG,
        status=201,
        answer=FileAnswer,
        body={JSON: CompleteRequest},
        sends=CREATED,
        raises=(
            ChecksumMismatch,
            NotFound,
            Conflict,
            ChunksMissing,
            Completing,
            NameTaken,
            TooLarge,
            QuotaExceeded,
            StoreFull,
        ),
        curl=(
            'curl -H "Content-Type: application/json"'
            """ -d '{"file_id": "'$ID'", "name": "film.mp4", "total_size": 3145728}' "$SITE/upload_complete\""""
        ),
    )
)
@route_permission(Permissions.FILES_WRITE, max_body=None)
def upload_complete() -> Response:
    """Answers 201 when the file is safe, so it can be repeated after a doubt and gives the same file. With chunks
    missing the answer is 409 with their ranges in `missing`: send those and ask again."""
    wanted = json_body(CompleteRequest, request)
    file = services().uploads.complete(
        actor(),
        wanted.file_id,
        name=wanted.name,
        mime_type=wanted.mime_type or guess_type(wanted.name),
        total_size=wanted.total_size,
        sha256=(wanted.sha256 or "").lower(),
        tags=wanted.tags,
        on_conflict=OnConflict(wanted.on_conflict),
    )
    return send_created(file, actor())


@bp.put("/files/<name:name>")
@operation(
    Operation(
        summary="Upload a file in one body",
        tag=TAG,
        status=201,
        answer=FileAnswer,
        query=WholeFields,
        body={OCTETS: BYTES},
        headers={"Content-Type": "Type of the file; left out: from the ending of its name", "Repr-Digest": DIGEST},
        sends=CREATED,
        path={"name": "Name of the new file (of a file that exists: its identifier)"},
        raises=(ChecksumMismatch, NameTaken, Conflict, TooLarge, QuotaExceeded, TooMany, StoreFull),
        curl='curl -T film.mp4 "$SITE/files/"',
    )
)
@route_permission(Permissions.FILES_WRITE, max_body=None)
def upload_whole(name: str) -> Response:
    """A body of any length, known or not; it is cut into chunks as it streams in. If anything goes wrong, nothing is
    left of it. The answer is 201 when the file is safe."""
    wanted = query(WholeFields, request)
    given = bytes.fromhex(wanted.checksum.removeprefix("sha256:")) if wanted.checksum else None
    sha256 = agreed(given, digest_field(request, "Repr-Digest"), digest_field(request, "Content-Digest"))
    uploads = services().uploads
    body = RequestBody(request, uploads.limits.max_file_size)
    file = uploads.put_whole(
        actor(),
        name=name,
        mime_type=request.mimetype or guess_type(name),
        size=body.length,
        body=body.read_into,
        sha256=sha256.hex() if sha256 else "",
        tags=wanted.tag,
        on_conflict=OnConflict(wanted.on_conflict),
    )
    return send_created(file, actor())


@bp.get("/uploads")
@operation(
    Operation(
        summary="Your unfinished uploads",
        tag=TAG,
        answer=UploadsAnswer,
        query=PageQuery,
        sends={"Link": "`rel=next`: the page after this one"},
        curl='curl "$SITE/uploads"',
    )
)
@route_permission(Permissions.FILES_READ)
def list_uploads() -> Response:
    """Newest first: so that an interrupted upload can go on from another program or machine."""
    wanted = query(PageQuery, request)
    asking = actor()
    found = services().uploads.mine(
        asking, Query(sort="created", descending=True, limit=wanted.limit, cursor=wanted.cursor)
    )
    items = [upload_answer(upload, {asking.id: asking.name}) for upload in found.items]
    return send_page(UploadsAnswer(items=items, next_cursor=found.next_cursor or None), found.next_cursor)


@bp.get("/uploads/<file_id>")
@operation(
    Operation(
        summary="How far an upload is",
        tag=TAG,
        answer=UploadState,
        raises=(NotFound,),
        curl='curl "$SITE/uploads/$ID"',
    )
)
@route_permission(Permissions.FILES_READ, Permissions.FILES_ALL_READ)
def get_upload(file_id: str) -> Response:
    """What has arrived and which chunks are missing."""
    return send(_state(services().uploads.state(actor(), file_id)))


@bp.delete("/uploads/<file_id>")
@operation(
    Operation(
        summary="Cancel an upload",
        tag=TAG,
        status=204,
        raises=(NotFound, Completing),
        curl='curl -X DELETE "$SITE/uploads/$ID"',
    )
)
@route_permission(Permissions.FILES_WRITE, Permissions.FILES_ALL_WRITE)
def cancel_upload(file_id: str) -> ResponseReturnValue:
    """Its chunks are freed and its quota released when this returns."""
    services().uploads.cancel(actor(), file_id)
    return "", 204


@bp.get("/limits")
@operation(Operation(summary="What may be uploaded", tag=TAG, answer=LimitsAnswer, curl='curl "$SITE/limits"'))
@route_permission(Permissions.FILES_READ, Permissions.FILES_WRITE)
def get_limits() -> Response:
    """Sizes in bytes, and how much of your quota is taken."""
    limits, usage = services().uploads.limits, services().files.usage(actor())
    return send(
        LimitsAnswer(
            chunk_size=limits.chunk_size,
            max_chunk_size=limits.max_chunk_size,
            max_json_chunk_size=min(limits.max_chunk_size, JSON_CHUNK),
            max_file_size=limits.max_file_size,
            max_chunks=limits.max_chunks,
            quota=usage.limit,
            used=usage.used,
            reserved=usage.reserved,
        )
    )


def guess_type(name: str) -> str:
    """The type that the ending of `name` stands for."""
    # The table takes it for an address otherwise, whose scheme can name a type and whose host can be malformed.
    return _TYPES.guess_type(_NOT_IN_NAMES.sub("_", name))[0] or OCTETS


def _state(view: UploadView) -> UploadState:
    upload = view.upload
    shown = upload_answer(upload, owner_names([upload.owner], actor()))
    return UploadState(**dict(shown), missing_count=view.missing_count, missing=[list(one) for one in view.missing])
