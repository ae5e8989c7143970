"""Uploads under way into a folder that somebody else shares: each of one's own, as the program or page that goes on
with them asks."""

from __future__ import annotations

from typing import Annotated, Literal

from flask import Response, request
from flask.typing import ResponseReturnValue
from pydantic import BeforeValidator, Field

from backoffice.domain.acts import Acts
from backoffice.domain.paging import Page
from backoffice.errors import Completing, NotFound
from backoffice.web.api.blueprints import files_bp
from backoffice.web.api.operation import Operation
from backoffice.web.api.parsing import Id, query
from backoffice.web.api.responses import Answer, CursorPageOf, OptionalText, Ranges, Time, send, send_page
from backoffice.web.api.shared import TAG
from backoffice.web.api.unfinished import ChunksAnswer, ChunksQuery, Known
from backoffice.web.context import services
from backoffice.web.identity import actor
from backoffice.web.route_access import route_act


class SharedUploadAnswer(Answer):
    """An unfinished upload that you began there."""

    file_id: Annotated[Id, Field(validation_alias="id")]
    name: str
    state: Literal["open", "completing", "aborted"]
    total_chunks: Known
    total_size: Annotated[Known, Field(validation_alias="size")]
    received: Annotated[int, Field(description="Chunks stored so far")]
    received_bytes: Annotated[int, Field(validation_alias="bytes")]
    folder: Annotated[OptionalText, Field(description="Where it goes unless the end names another")]
    folder_path: Annotated[list[str], BeforeValidator(list), Field(description="Names of folders in that")]
    expires_at: Annotated[Time, Field(description="Each chunk moves it")]


class SharedUploadState(SharedUploadAnswer):
    """The same with what it lacks."""

    missing_count: int
    missing: Ranges


class SharedUploadsAnswer(CursorPageOf[SharedUploadAnswer]):
    """Your unfinished uploads there."""


@files_bp.get("/shares/<share_id>/uploads")
@Operation(
    "Your unfinished uploads into a shared folder",
    TAG,
    answer=SharedUploadsAnswer,
    raises=(NotFound,),
    curl='curl "$SITE/shares/$SHARE/uploads"',
)
@route_act(Acts.SHARE_WRITE)
def list_shared_uploads(share_id: str) -> Response:
    """Newest first, on one page. Others who may write there have theirs, and see nothing of yours; the folder's owner
    sees all of them among their own."""
    found = services().shared.begun(actor(), share_id)
    return send_page(SharedUploadsAnswer, Page(found, len(found)))


@files_bp.get("/shares/<share_id>/uploads/<upload_id>")
@Operation(
    "How far an upload into a shared folder is",
    TAG,
    answer=SharedUploadState,
    raises=(NotFound,),
    curl='curl "$SITE/shares/$SHARE/uploads/$ID"',
)
@route_act(Acts.SHARE_WRITE)
def shared_upload(share_id: str, upload_id: str) -> Response:
    """One that you began there, with ranges of the chunks that are missing."""
    view = services().shared.upload(actor(), share_id, upload_id)
    answer = SharedUploadAnswer.model_validate(view.upload)
    missing = [list(one) for one in view.missing]
    return send(SharedUploadState.extending(answer, missing_count=view.missing_count, missing=missing))


@files_bp.get("/shares/<share_id>/uploads/<upload_id>/chunks")
@Operation(
    "What has arrived of an upload into a shared folder",
    TAG,
    answer=ChunksAnswer,
    query=ChunksQuery,
    raises=(NotFound,),
    curl='curl "$SITE/shares/$SHARE/uploads/$ID/chunks"',
)
@route_act(Acts.SHARE_WRITE)
def shared_chunks(share_id: str, upload_id: str) -> Response:
    """As `/uploads/{file_id}/chunks`, of one that you began there."""
    wanted = query(ChunksQuery, request)
    view = services().shared.upload(actor(), share_id, upload_id)
    return send_page(ChunksAnswer, view.stored(wanted.cursor, wanted.limit))


@files_bp.delete("/shares/<share_id>/uploads/<upload_id>")
@Operation(
    "Give up an upload into a shared folder",
    TAG,
    status=204,
    raises=(NotFound, Completing),
    curl='curl -X DELETE "$SITE/shares/$SHARE/uploads/$ID"',
)
@route_act(Acts.SHARE_WRITE)
def cancel_shared_upload(share_id: str, upload_id: str) -> ResponseReturnValue:
    """One that you began there."""
    services().shared.cancel(actor(), share_id, upload_id)
    return "", 204
