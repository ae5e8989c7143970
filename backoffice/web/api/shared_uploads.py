"""Sending files into a folder that somebody else shares to be written into."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from flask import Response, request, url_for
from pydantic import Field

from backoffice.domain.acts import Acts
from backoffice.domain.files import OCTETS, File, FileSpec, OnConflict
from backoffice.domain.folders import Place
from backoffice.errors import (
    NotFound,
)
from backoffice.web.api.blueprints import files_bp
from backoffice.web.api.chunk_bodies import ChunkFields, ChunkForm, ChunkJson, receive_chunk
from backoffice.web.api.digests import DIGEST, Checksum, checksum_bytes, digest_field, single_digest
from backoffice.web.api.files import FileName
from backoffice.web.api.mime_types import guess_type
from backoffice.web.api.multipart import FORM
from backoffice.web.api.operation import BYTES, Operation
from backoffice.web.api.parsing import JSON, MAX_BYTES, Id, IntFromText, Strict, json_body, query
from backoffice.web.api.places import Path
from backoffice.web.api.shared import TAG, WITHIN, SharedFileAnswer, WithinFolder
from backoffice.web.api.uploads import CHUNK_RAISES, COMPLETE_RAISES, PUT_RAISES, ChunkAnswer, send_chunk_answer
from backoffice.web.api.versions import send_record
from backoffice.web.body import RequestBody
from backoffice.web.body_buffers import Buffers
from backoffice.web.context import services
from backoffice.web.identity import actor
from backoffice.web.route_access import route_act

CREATED: Final = {
    "Location": "Where the file can be downloaded",
    "ETag": "Entity tag of the metadata",
    "X-Durability": "How safe the file is by now: `memory`, `os`, `disk` or `replica:k`",
}
_buffers: Final = Buffers()

ConflictInFolder = Annotated[
    Literal["rename", "fail", "replace"],
    Field(description="When the folder has a file of that name: keep both, 409, or another version of that"),
]


class SharedPutQuery(Strict):
    """Query of a one-shot upload."""

    folder: WithinFolder = ""
    folder_path: Path = ()
    on_conflict: ConflictInFolder = "rename"
    checksum: (
        Annotated[Checksum, Field(description="SHA-256 of the file: `sha256:` and 64 hexadecimal digits")] | None
    ) = None


class SharedCompleteRequest(Strict):
    """All chunks are sent: make it a file in the folder."""

    file_id: Id
    name: FileName
    mime_type: Annotated[str, Field(max_length=255, description="Left out: from the ending of the name")] = ""
    total_size: Annotated[int, Field(ge=0, le=MAX_BYTES, description="Bytes of the whole file"), IntFromText]
    sha256: (
        Annotated[
            str, Field(pattern=r"^[0-9a-fA-F]{64}$", description="SHA-256 of the whole file; the server checks it")
        ]
        | None
    ) = None
    folder: Annotated[WithinFolder, Field(description=f"{WITHIN}. Left out, with the path: where it was begun for")] = (
        ""
    )
    folder_path: Path = ()
    on_conflict: ConflictInFolder = "rename"


@files_bp.put("/shares/<share_id>/files/<name:name>")
@Operation(
    "Put a file into a shared folder",
    TAG,
    status=201,
    answer=SharedFileAnswer,
    query=SharedPutQuery,
    body={OCTETS: BYTES},
    headers={"Content-Type": "Type of the file; left out: from the ending of its name", "Repr-Digest": DIGEST},
    sends=CREATED,
    path={"name": "Name of the new file"},
    raises=(NotFound, *PUT_RAISES),
    curl='curl -T film.mp4 "$SITE/shares/$SHARE/files/"',
)
@route_act(Acts.SHARE_WRITE, max_body=None)
def put_shared(share_id: str, name: str) -> Response:
    """Where the share gives `write`. The file belongs to the folder's owner, on whose quota it counts; the log names
    you, and on whose behalf it was."""
    wanted = query(SharedPutQuery, request)
    sha256 = single_digest(
        checksum_bytes(wanted.checksum),
        digest_field(request, "Repr-Digest"),
        digest_field(request, "Content-Digest"),
    )
    body = RequestBody(request, services().uploads.limits.max_file_size)
    spec = FileSpec(
        name=name,
        mime_type=request.mimetype or guess_type(name),
        digest=sha256 or b"",
        on_conflict=OnConflict(wanted.on_conflict),
        folder=wanted.folder,
    )
    file = services().shared.put(actor(), share_id, spec, body.read_into, body.length, wanted.folder_path)
    return _created(share_id, file)


@files_bp.post("/shares/<share_id>/upload_chunk")
@Operation(
    "Send a chunk of a file for a shared folder",
    TAG,
    answer=ChunkAnswer,
    query=ChunkFields,
    body={OCTETS: BYTES, FORM: ChunkForm, JSON: ChunkJson},
    headers={"Content-Digest": f"{DIGEST}. With a raw body only"},
    raises=CHUNK_RAISES,
    curl=(
        'curl --data-binary @part0 -H "Content-Type: application/octet-stream"'
        ' "$SITE/shares/$SHARE/upload_chunk?chunk_index=0&total_chunks=2"'
    ),
)
@route_act(Acts.SHARE_WRITE, max_body=None)
def shared_chunk(share_id: str) -> Response:
    """As `/upload_chunk`. You alone go on with it, from whichever session or with whichever token; others who may write
    there do not."""
    uploads = services().uploads
    with _buffers.lent() as allocate:
        sent, said = receive_chunk(request, uploads.limits.max_chunk_size, allocate)
        place = Place.of(said.folder, said.folder_path)
        view = services().shared.put_chunk(actor(), share_id, **sent, place=place)
    return send_chunk_answer(sent, view)


@files_bp.post("/shares/<share_id>/upload_complete")
@Operation(
    "Make the chunks a file in a shared folder",
    TAG,
    status=201,
    answer=SharedFileAnswer,
    body={JSON: SharedCompleteRequest},
    sends=CREATED,
    raises=COMPLETE_RAISES,
    curl=(
        'curl -H "Content-Type: application/json"'
        """ -d '{"file_id": "'$ID'", "name": "film.mp4", "total_size": 3145728}'"""
        ' "$SITE/shares/$SHARE/upload_complete"'
    ),
)
@route_act(Acts.SHARE_WRITE, max_body=None)
def shared_complete(share_id: str) -> Response:
    """As `/upload_complete`: 201 when the file is safe, the same again when it is repeated."""
    wanted, shared = json_body(SharedCompleteRequest, request), services().shared
    if {"folder", "folder_path"} & wanted.model_fields_set:
        place = Place.of(wanted.folder, wanted.folder_path)
    else:
        place = shared.begun_for(actor(), share_id, wanted.file_id)
    spec = FileSpec(
        name=wanted.name,
        mime_type=wanted.mime_type or guess_type(wanted.name),
        digest=bytes.fromhex(wanted.sha256 or ""),
        on_conflict=OnConflict(wanted.on_conflict),
        folder=place.folder,
    )
    file = shared.complete(actor(), share_id, wanted.file_id, spec, total_size=wanted.total_size, path=place.path)
    return _created(share_id, file)


def _created(share_id: str, file: File) -> Response:
    response = send_record(SharedFileAnswer, file, 201)
    response.headers["Location"] = url_for("api.files.download_shared", share_id=share_id, file_id=file.id)
    response.headers["X-Durability"] = services().system.durability_level
    return response
