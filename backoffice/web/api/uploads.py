"""Uploading: chunk by chunk, or in one body."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Final, Literal

from flask import Response, request
from pydantic import Field
from werkzeug.routing import BaseConverter

from backoffice.domain.acts import Acts
from backoffice.domain.files import OCTETS, FileSpec, OnConflict
from backoffice.domain.folders import TOP, Place
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
from backoffice.services.uploads.status import UploadStatus
from backoffice.web.api.blueprints import uploads_bp
from backoffice.web.api.chunk_bodies import ChunkFields, ChunkForm, ChunkJson, SentChunk, receive_chunk
from backoffice.web.api.digests import DIGEST, Checksum, checksum_bytes, digest_field, single_digest
from backoffice.web.api.files import CREATED, FileAnswer, FileName, send_created
from backoffice.web.api.mime_types import guess_type
from backoffice.web.api.multipart import FORM
from backoffice.web.api.operation import BYTES, Operation
from backoffice.web.api.parsing import JSON, MAX_BYTES, Id, IntFromText, Strict, json_body, query
from backoffice.web.api.places import FOR_IT, Folder, Path, folder_at, place_begun
from backoffice.web.api.responses import Answer, send
from backoffice.web.body import RequestBody
from backoffice.web.body_buffers import Buffers
from backoffice.web.client_socket import SMALL_BODY, client_waits
from backoffice.web.context import services
from backoffice.web.identity import actor
from backoffice.web.route_access import route_act

TAG: Final = "Uploading"

_buffers: Final = Buffers()

ConflictChoice = Annotated[
    Literal["rename", "fail", "replace"],
    Field(
        description=(
            "When you have a file of that name: keep both, refuse with 409, or give that file the new content, of which"
            " the old one becomes an earlier version"
        )
    ),
]


class ChunkAnswer(Answer):
    """A chunk is stored."""

    file_id: Id
    chunk_index: int
    total_chunks: int
    received: Annotated[int, Field(description="Chunks stored so far")]
    missing_count: int


class CompleteRequest(Strict):
    """All chunks are sent: make it a file."""

    file_id: Id
    name: FileName
    mime_type: Annotated[str, Field(max_length=255, description="Left out: from the ending of the name")] = ""
    total_size: Annotated[int, Field(ge=0, le=MAX_BYTES, description="Bytes of the whole file"), IntFromText]
    sha256: (
        Annotated[
            str,
            Field(pattern=r"^[0-9a-fA-F]{64}$", description="SHA-256 of the whole file; the server checks it"),
        ]
        | None
    ) = None
    tags: Annotated[list[str], Field(max_length=100, default_factory=list)]
    on_conflict: ConflictChoice = "rename"
    folder: Annotated[Folder, Field(description=f"{FOR_IT}. Left out, with the path: where it was begun for")] = ""
    folder_path: Path = ()


class WholeFields(Strict):
    """Query of a one-shot upload."""

    checksum: (
        Annotated[Checksum, Field(description="SHA-256 of the file: `sha256:` and 64 hexadecimal digits")] | None
    ) = None
    tag: Annotated[tuple[str, ...], Field(max_length=100, description="At most 20 tags of at most 50 characters")] = ()
    on_conflict: ConflictChoice = "rename"
    folder: Folder = ""
    folder_path: Path = ()


_FULL: Final = (TooLarge, QuotaExceeded, StoreFull)
CHUNK_RAISES: Final = (ChecksumMismatch, NotFound, Conflict, ChunkConflict, UploadClosed, TooMany, *_FULL)
COMPLETE_RAISES: Final = (ChecksumMismatch, NotFound, Conflict, ChunksMissing, Completing, NameTaken, *_FULL)
PUT_RAISES: Final = (ChecksumMismatch, NameTaken, Conflict, TooMany, *_FULL)
"""Of the routes here, and of those that do the same in a shared folder."""


class NameConverter(BaseConverter):
    """All the rest of a path, whatever is in it: a name that cannot be one gets an answer that says why, and not a
    redirect or "no such address"."""

    regex = r"[\s\S]*?"
    part_isolating = False
    weight = 200
    """After addresses that have more of a form: `/files/<file_id>/content`."""


@uploads_bp.post("/upload_chunk")
@Operation(
    "Send a chunk",
    TAG,
    answer=ChunkAnswer,
    query=ChunkFields,
    body={OCTETS: BYTES, FORM: ChunkForm, JSON: ChunkJson},
    headers={"Content-Digest": f"{DIGEST}. With a raw body only"},
    raises=CHUNK_RAISES,
    curl=(
        'curl --data-binary @part0 -H "Content-Type: application/octet-stream"'
        ' "$SITE/upload_chunk?chunk_index=0&total_chunks=2"'
    ),
)
@route_act(Acts.UPLOAD_SEND, Acts.UPLOAD_START, max_body=None)
def upload_chunk() -> Response:
    """The first chunk that is sent, whichever it is, leaves out `file_id` and gets it with the answer; the other chunks
    carry it. Chunks come in any order, in parallel, and again after a doubt: the same bytes twice are fine, other bytes
    under the same index are refused. Fields are in the query (raw body) or beside the data (form, JSON). In a form
    `chunk_data` is a file part; in JSON it is Base64, and a chunk has at most 4 MiB there."""
    with _buffers.lent() as allocate:
        sent, said = receive_chunk(request, services().uploads.limits.max_chunk_size, allocate)
        if client_waits(request.environ) and not sent["upload_id"]:
            services().files.foresee(actor(), max(sent["size"] or 0, request.content_length or 0))
        view = services().uploads.put_chunk(actor(), **sent, place=_place(sent, said))
    return send_chunk_answer(sent, view)


def _place(sent: SentChunk, said: ChunkFields) -> Place:
    """It is said with the first chunk, and looked at then."""
    return TOP if sent["upload_id"] else place_begun(said.folder, said.folder_path)


def send_chunk_answer(sent: SentChunk, view: UploadStatus) -> Response:
    """How far the upload is with this chunk."""
    return send(
        ChunkAnswer(
            file_id=view.upload.id,
            chunk_index=sent["index"],
            total_chunks=sent["total_chunks"],
            received=view.upload.received,
            missing_count=view.missing_count,
        )
    )


@uploads_bp.post("/upload_complete")
@Operation(
    "Make the chunks a file",
    TAG,
    status=201,
    answer=FileAnswer,
    body={JSON: CompleteRequest},
    sends=CREATED,
    raises=COMPLETE_RAISES,
    curl=(
        'curl -H "Content-Type: application/json"'
        """ -d '{"file_id": "'$ID'", "name": "film.mp4", "total_size": 3145728}' "$SITE/upload_complete\""""
    ),
)
@route_act(Acts.FILE_CREATE, max_body=None)
def upload_complete() -> Response:
    """Answers 201 when the file is safe, so it can be repeated after a doubt and gives the same file; with `replace` it
    has the `id` of the file that got the content. With chunks missing the answer is 409 with their ranges in `missing`:
    send those and ask again. Who may not read files is answered with `id` and `version` alone: it may have been
    completed and changed by others before."""
    wanted = json_body(CompleteRequest, request)
    named = {"folder", "folder_path"} & wanted.model_fields_set
    file = services().uploads.complete(
        actor(),
        wanted.file_id,
        FileSpec(
            name=wanted.name,
            mime_type=wanted.mime_type or guess_type(wanted.name),
            digest=bytes.fromhex(wanted.sha256 or ""),
            tags=wanted.tags,
            on_conflict=OnConflict(wanted.on_conflict),
            folder=folder_at(wanted.folder, wanted.folder_path),
        ),
        total_size=wanted.total_size,
        folder_of=None if named else partial(services().folders.at, actor()),
    )
    return send_created(file, actor())


@uploads_bp.put("/files/<name:name>")
@Operation(
    "Upload a file in one body",
    TAG,
    status=201,
    answer=FileAnswer,
    query=WholeFields,
    body={OCTETS: BYTES},
    headers={"Content-Type": "Type of the file; left out: from the ending of its name", "Repr-Digest": DIGEST},
    sends=CREATED,
    path={"name": "Name of the new file (of a file that exists: its identifier)"},
    raises=PUT_RAISES,
    curl='curl -T film.mp4 "$SITE/files/"',
)
@route_act(Acts.FILE_CREATE, max_body=None)
def upload_whole(name: str) -> Response:
    """A body of any length, known or not; it is cut into chunks as it streams in. If anything goes wrong, nothing is
    left of it, but for the folders of `folder_path`. The answer is 201 when the file is safe."""
    wanted = query(WholeFields, request)
    sha256 = single_digest(
        checksum_bytes(wanted.checksum),
        digest_field(request, "Repr-Digest"),
        digest_field(request, "Content-Digest"),
    )
    uploads = services().uploads
    body = RequestBody(request, uploads.limits.max_file_size)
    spec = FileSpec(
        name=name,
        mime_type=request.mimetype or guess_type(name),
        digest=sha256 or b"",
        tags=wanted.tag,
        on_conflict=OnConflict(wanted.on_conflict),
        folder=folder_at(wanted.folder, wanted.folder_path),
    )
    fails = spec.on_conflict is OnConflict.FAIL and (body.length or 0) > SMALL_BODY
    if fails or client_waits(request.environ):
        services().files.foresee(actor(), body.length or 0, spec)
    file = uploads.upload_stream(actor(), spec, body.read_into, body.length)
    return send_created(file, actor(), just_sent=True)
