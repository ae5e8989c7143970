"""Sending into a folder that somebody else shares with few requests: long files in order, small ones together."""

from __future__ import annotations

from io import BytesIO
from typing import Annotated, Any

from flask import Response, request
from pydantic import Field

from backoffice.domain.acts import Acts
from backoffice.domain.files import OCTETS, FileSpec
from backoffice.domain.folders import Place
from backoffice.errors import (
    NotFound,
    TooLarge,
)
from backoffice.web.api.batch import BatchForm, BatchProblem, send_stored
from backoffice.web.api.blueprints import files_bp
from backoffice.web.api.in_order import (
    APPEND_RAISES,
    BEGIN_RAISES,
    AppendFields,
    BeginRequest,
    InOrderAnswer,
    body_up_to,
    send_in_order,
)
from backoffice.web.api.multipart import FORM
from backoffice.web.api.operation import BYTES, Operation
from backoffice.web.api.parsing import JSON, json_body, query
from backoffice.web.api.record_json import record_json
from backoffice.web.api.responses import Answer
from backoffice.web.api.shared import TAG, WITHIN, SharedFileAnswer, WithinFolder
from backoffice.web.context import services
from backoffice.web.identity import actor
from backoffice.web.route_access import route_act


class SharedBeginRequest(BeginRequest):
    """An upload whose bytes come in order."""

    folder: Annotated[WithinFolder, Field(description=WITHIN)] = ""


class SharedBatchItem(Answer):
    """What came of a file: one of the two."""

    file: SharedFileAnswer | None
    problem: BatchProblem | None


class SharedBatchAnswer(Answer):
    """What came of each file, in their order."""

    items: list[SharedBatchItem]


@files_bp.post("/shares/<share_id>/uploads")
@Operation(
    "Begin an upload in order into a shared folder",
    TAG,
    status=201,
    answer=InOrderAnswer,
    body={JSON: SharedBeginRequest},
    raises=(NotFound, *BEGIN_RAISES),
    curl=(
        'curl -H "Content-Type: application/json"'
        """ -d '{"name": "film.mp4", "total_size": 3145728}' "$SITE/shares/$SHARE/uploads\""""
    ),
)
@route_act(Acts.SHARE_WRITE)
def begin_shared_in_order(share_id: str) -> Response:
    """As `POST /uploads`."""
    wanted = json_body(SharedBeginRequest, request)
    place = Place.of(wanted.folder, wanted.folder_path)
    begun = services().shared.begin(actor(), share_id, name=wanted.name, size=wanted.total_size, place=place)
    return send_in_order(begun, 201)


@files_bp.patch("/shares/<share_id>/uploads/<upload_id>")
@Operation(
    "Send bytes of an upload in order into a shared folder",
    TAG,
    answer=InOrderAnswer,
    query=AppendFields,
    body={OCTETS: BYTES},
    raises=APPEND_RAISES,
    curl=(
        'curl -X PATCH --data-binary @film.mp4 -H "Content-Type: application/octet-stream"'
        ' "$SITE/shares/$SHARE/uploads/$ID?offset=0"'
    ),
)
@route_act(Acts.SHARE_WRITE, max_body=None)
def append_shared_in_order(share_id: str, upload_id: str) -> Response:
    """As `PATCH /uploads/{file_id}`, of one that you began there."""
    wanted = query(AppendFields, request)
    return send_in_order(services().shared.append(actor(), share_id, upload_id, wanted.offset, body_up_to))


@files_bp.post("/shares/<share_id>/files/batch")
@Operation(
    "Upload many small files into a shared folder",
    TAG,
    answer=SharedBatchAnswer,
    body={FORM: BatchForm},
    sends={"X-Durability": "How safe the stored ones are by now: `memory`, `os`, `disk` or `replica:k`"},
    raises=(NotFound, TooLarge),
    curl=(
        """curl -F 'files={"files": [{"name": "a.txt"}, {"name": "b.txt"}]}' -F content=@a.txt -F content=@b.txt"""
        ' "$SITE/shares/$SHARE/files/batch"'
    ),
)
@route_act(Acts.SHARE_WRITE, max_body=None)
def batch_shared(share_id: str) -> Response:
    """As `POST /files/batch`."""
    services().shared.writer(actor(), share_id)

    def store(spec: FileSpec, path: tuple[str, ...], content: bytes) -> dict[str, Any]:
        receive = BytesIO(content).readinto
        return record_json(
            SharedFileAnswer, services().shared.put(actor(), share_id, spec, receive, len(content), path)
        )

    return send_stored(store)
