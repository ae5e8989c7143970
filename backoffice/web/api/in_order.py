"""Uploading in order: one long body, which goes on at the byte where it was cut off."""

from __future__ import annotations

from typing import Annotated, Final

from flask import Response, request
from pydantic import Field

from backoffice.domain.acts import Acts
from backoffice.domain.files import OCTETS
from backoffice.domain.uploads import Upload
from backoffice.errors import (
    Completing,
    Conflict,
    Gone,
    NotFound,
    OffsetMismatch,
    QuotaExceeded,
    StoreFull,
    TooLarge,
    TooMany,
    UploadClosed,
)
from backoffice.services.uploads.chunker import ReadInto
from backoffice.web.api.blueprints import uploads_bp
from backoffice.web.api.files import FileName
from backoffice.web.api.operation import BYTES, Operation
from backoffice.web.api.parsing import JSON, MAX_BYTES, Id, IntFromText, Strict, json_body, query
from backoffice.web.api.places import Folder, Path, place_begun
from backoffice.web.api.responses import Answer, send
from backoffice.web.api.uploads import TAG
from backoffice.web.body import RequestBody
from backoffice.web.context import services
from backoffice.web.identity import actor
from backoffice.web.route_access import route_act

_PATH: Final = {"file_id": "Identifier of the upload"}
_FULL: Final = (TooLarge, QuotaExceeded, StoreFull)
BEGIN_RAISES: Final = (TooMany, *_FULL)
APPEND_RAISES: Final = (NotFound, OffsetMismatch, Conflict, Completing, UploadClosed, *_FULL)
"""Of the routes here, and of those that do the same in a shared folder."""


class BeginRequest(Strict):
    """An upload whose bytes come in order."""

    name: Annotated[FileName, Field(description="Shown while the upload is unfinished")] = ""
    total_size: Annotated[
        int, Field(ge=1, le=MAX_BYTES, description="Bytes of the whole file: reserves the quota for it"), IntFromText
    ]
    folder: Folder = ""
    folder_path: Path = ()


class AppendFields(Strict):
    """Where the bytes of the body belong."""

    offset: Annotated[int, Field(ge=0, le=MAX_BYTES, description="How many have arrived before them"), IntFromText]


class InOrderAnswer(Answer):
    """How far an upload is."""

    file_id: Id
    offset: Annotated[int, Field(description="Bytes that have arrived: where it goes on")]
    total_size: int


@uploads_bp.post("/uploads")
@Operation(
    "Begin an upload in order",
    TAG,
    status=201,
    answer=InOrderAnswer,
    body={JSON: BeginRequest},
    raises=BEGIN_RAISES,
    curl=(
        'curl -H "Content-Type: application/json"'
        """ -d '{"name": "film.mp4", "total_size": 3145728}' "$SITE/uploads\""""
    ),
)
@route_act(Acts.UPLOAD_START)
def begin_in_order() -> Response:
    """For few requests with long bodies, which cost less than many chunks. It is an upload like any other: it is
    completed by `/upload_complete`, and what is missing may come as chunks, too, of the `chunk_size` of `/limits`."""
    wanted = json_body(BeginRequest, request)
    place = place_begun(wanted.folder, wanted.folder_path)
    return send_in_order(
        services().resumable.begin(actor(), name=wanted.name, size=wanted.total_size, place=place), 201
    )


@uploads_bp.patch("/uploads/<file_id>")
@Operation(
    "Send bytes of an upload in order",
    TAG,
    answer=InOrderAnswer,
    query=AppendFields,
    body={OCTETS: BYTES},
    path=_PATH,
    raises=(Gone, *APPEND_RAISES),
    curl=(
        'curl -X PATCH --data-binary @film.mp4 -H "Content-Type: application/octet-stream" "$SITE/uploads/$ID?offset=0"'
    ),
)
@route_act(Acts.UPLOAD_SEND, max_body=None)
def append_in_order(file_id: str) -> Response:
    """What has arrived is kept, also when the connection is cut. At another offset than that of the upload the answer
    is a 409 with the right one in `offset`. The latest request of several goes on, and the others end. Unlike by tus
    the last byte makes no file of it: look first, at `/uploads/{file_id}/chunks`, whether all of it is as it should
    be."""
    wanted = query(AppendFields, request)
    return send_in_order(services().resumable.append(actor(), file_id, wanted.offset, body_up_to))


def body_up_to(limit: int) -> ReadInto:
    """The body of the request, of at most so many bytes."""
    return RequestBody(request, limit).read_into


def send_in_order(upload: Upload, status: int = 200) -> Response:
    """How far it is."""
    return send(InOrderAnswer(file_id=upload.id, offset=upload.bytes, total_size=upload.size), status)
