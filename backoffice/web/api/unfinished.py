"""Unfinished uploads: how far they are, giving them up, and what may be uploaded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final, Literal

from flask import Response, request
from flask.typing import ResponseReturnValue
from pydantic import BeforeValidator, Field, ValidationInfo

from backoffice.domain.access import Actor
from backoffice.domain.acts import Acts
from backoffice.domain.limits import MAX_LIMIT
from backoffice.domain.paging import Query
from backoffice.domain.uploads import UNKNOWN, Upload
from backoffice.errors import (
    Completing,
    NotFound,
)
from backoffice.web.api.blueprints import uploads_bp
from backoffice.web.api.chunk_bodies import JSON_CHUNK
from backoffice.web.api.operation import Operation
from backoffice.web.api.parsing import Id, IntFromText, Limit, PageQuery, Strict, query
from backoffice.web.api.responses import (
    Answer,
    CursorPageOf,
    OptionalText,
    OwnerName,
    Ranges,
    Time,
    owner_context,
    send,
    send_page,
)
from backoffice.web.api.tus_address import addresses_of
from backoffice.web.api.uploads import TAG
from backoffice.web.context import services
from backoffice.web.identity import actor
from backoffice.web.route_access import route_act

MAX_CURSOR: Final = 2**31
"""No upload has as many chunks."""

Known = Annotated[int | None, BeforeValidator(lambda number: None if number == UNKNOWN else number)]
"""`null` for what is not known yet."""


ADDRESSES: Final = "addresses"
"""Key of the validation context under which `tus_url` is looked up."""


def _address(upload_id: str, info: ValidationInfo) -> str | None:
    addresses: Mapping[str, str] = (info.context or {}).get(ADDRESSES, {})
    return addresses.get(upload_id)


class UploadAnswer(Answer):
    """An unfinished upload."""

    file_id: Annotated[Id, Field(validation_alias="id")]
    name: str
    state: Literal["open", "completing", "aborted"]
    owner: OwnerName
    total_chunks: Known
    total_size: Annotated[Known, Field(validation_alias="size")]
    received: Annotated[int, Field(description="Chunks stored so far")]
    received_bytes: Annotated[int, Field(validation_alias="bytes")]
    folder: Annotated[OptionalText, Field(description="Where it goes unless the end names another; `null`: the top")]
    folder_path: Annotated[list[str], BeforeValidator(list), Field(description="Names of folders in that")]
    by_another: Annotated[
        bool,
        BeforeValidator(lambda who: who != ""),
        Field(validation_alias="begun_by", description="Somebody else sends it, by a share or a request for files"),
    ]
    created_at: Time
    expires_at: Annotated[Time, Field(description="Each chunk moves it")]
    tus_url: Annotated[
        str | None,
        BeforeValidator(_address),
        Field(
            validation_alias="id",
            description="Where a tus client goes on with it: with a secret. `null`: not yours, and in lists",
        ),
    ]


class UploadState(UploadAnswer):
    """An unfinished upload with what it lacks."""

    missing_count: int
    missing: Ranges


class UploadsAnswer(CursorPageOf[UploadAnswer]):
    """Your unfinished uploads."""


class ChunkState(Answer):
    """A chunk that has arrived."""

    chunk_index: Annotated[int, Field(validation_alias="index")]
    size: Annotated[int, Field(description="Bytes")]
    sha256: Annotated[
        OptionalText, Field(description="Hexadecimal. `null`: not taken, which concerns uploads without chunks alone")
    ]


class ChunksAnswer(CursorPageOf[ChunkState]):
    """Chunks that have arrived, in order."""


class ChunksQuery(Strict):
    """Which of the chunks."""

    limit: Annotated[Limit, Field(description="How many chunks to look at")] = MAX_LIMIT
    cursor: Annotated[
        int,
        Field(ge=0, le=MAX_CURSOR, description="`next_cursor` of the page before: the index that it begins with"),
        IntFromText,
    ] = 0


class LimitsAnswer(Answer):
    """What may be sent, in bytes."""

    chunk_size: Annotated[int, Field(description="A good size for a chunk")]
    max_chunk_size: int
    max_json_chunk_size: int
    max_file_size: int
    max_chunks: int
    quota: Annotated[int | None, Field(description="`null`: unlimited")]
    used: int
    used_by_versions: Annotated[int, Field(description="Of `used`: by earlier versions of files")]
    reserved: Annotated[int, Field(description="Held by unfinished uploads")]


def _context(uploads: Sequence[Upload], asking: Actor) -> Mapping[str, Any]:
    return owner_context([one.owner for one in uploads], asking)


@uploads_bp.get("/uploads")
@Operation(
    "Your unfinished uploads",
    TAG,
    answer=UploadsAnswer,
    query=PageQuery,
    curl='curl "$SITE/uploads"',
)
@route_act(Acts.FILES_LIST)
def list_uploads() -> Response:
    """Newest first: so that an interrupted upload can go on from another program or machine."""
    wanted = query(PageQuery, request)
    asking = actor()
    asked = Query(sort="created", descending=True, limit=wanted.limit, cursor=wanted.cursor)
    page = services().uploads.mine(asking, asked)
    return send_page(UploadsAnswer, page, _context(page.items, asking))


@uploads_bp.get("/uploads/<file_id>")
@Operation(
    "How far an upload is",
    TAG,
    answer=UploadState,
    raises=(NotFound,),
    curl='curl "$SITE/uploads/$ID"',
)
@route_act(Acts.UPLOAD_READ)
def get_upload(file_id: str) -> Response:
    """What has arrived and which chunks are missing."""
    view = services().uploads.state(actor(), file_id)
    # Only here: a list would give out the secrets of all of them at once.
    context = {**_context([view.upload], actor()), ADDRESSES: addresses_of([view.upload], actor())}
    shown = UploadAnswer.model_validate(view.upload, context=context)
    missing = [list(one) for one in view.missing]
    return send(UploadState.extending(shown, missing_count=view.missing_count, missing=missing))


@uploads_bp.get("/uploads/<file_id>/chunks")
@Operation(
    "What has arrived of an upload",
    TAG,
    answer=ChunksAnswer,
    query=ChunksQuery,
    raises=(NotFound,),
    curl='curl "$SITE/uploads/$ID/chunks"',
)
@route_act(Acts.UPLOAD_READ)
def get_chunks(file_id: str) -> Response:
    """Its chunks with their checksums, so that who goes on with an upload can first prove that it is of the same file.
    A page looks at `limit` chunks and leaves out those that are missing: it may be empty and not the last."""
    wanted = query(ChunksQuery, request)
    return send_page(ChunksAnswer, services().uploads.state(actor(), file_id).stored(wanted.cursor, wanted.limit))


@uploads_bp.delete("/uploads/<file_id>")
@Operation(
    "Cancel an upload",
    TAG,
    status=204,
    raises=(NotFound, Completing),
    curl='curl -X DELETE "$SITE/uploads/$ID"',
)
@route_act(Acts.UPLOAD_CANCEL)
def cancel_upload(file_id: str) -> ResponseReturnValue:
    """Its chunks are freed and its quota released when this returns."""
    services().uploads.cancel(actor(), file_id)
    return "", 204


@uploads_bp.get("/limits")
@Operation("What may be uploaded", TAG, answer=LimitsAnswer, curl='curl "$SITE/limits"')
@route_act(Acts.FILES_LIST, Acts.UPLOAD_START)
def get_limits() -> Response:
    """Sizes in bytes, and how much of your quota is taken."""
    files, limits, asking = services().files, services().uploads.limits, actor()
    usage, versions = services().together(lambda: files.usage(asking), lambda: files.versions_held(asking))
    return send(
        LimitsAnswer(
            chunk_size=limits.chunk_size,
            max_chunk_size=limits.max_chunk_size,
            max_json_chunk_size=min(limits.max_chunk_size, JSON_CHUNK),
            max_file_size=limits.max_file_size,
            max_chunks=limits.max_chunks,
            quota=usage.limit,
            used=usage.used,
            used_by_versions=versions,
            reserved=usage.reserved,
        )
    )
