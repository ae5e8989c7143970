"""What others share with the one who asks: lists and downloads. Sending files into a folder is in `shared_uploads.py`,
what the makers of shares do in `shares.py`."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from flask import Response, request
from pydantic import Field

from backoffice.domain.acts import Acts
from backoffice.domain.files import File
from backoffice.domain.limits import MAX_RECEIVED, MAX_SEARCH
from backoffice.domain.paging import Page, Query
from backoffice.errors import NotFound, VersionMismatch
from backoffice.web.api.blueprints import files_bp
from backoffice.web.api.operation import BYTES, Operation
from backoffice.web.api.parsing import Id, IntFromText, Limit, PageQuery, Strict, query
from backoffice.web.api.responses import Answer, OptionalText, PageOf, Time, send_page
from backoffice.web.api.shares import Access, Kind
from backoffice.web.api.versions import send_record
from backoffice.web.context import services
from backoffice.web.download import send_file, takes_all
from backoffice.web.identity import actor
from backoffice.web.preview import send_preview
from backoffice.web.route_access import route_act

TAG: Final = "Shared with you"
RANGES: Final = {206: "The part that `Range` asks for", 304: "You have it already"}
CONDITIONS: Final = {
    "Range": "One range of bytes, such as `bytes=0-499`, `bytes=500-` or `bytes=-500`; several: the whole is sent",
    "If-Range": "Send the range only if the file is still this one",
    "If-None-Match": "Answer 304 if it is this one",
    "If-Match": "Answer 412 unless it is this one",
}

WITHIN: Final = "Identifier of a folder in the one that is shared; empty: that one itself"
WithinFolder = Annotated[str, Field(max_length=64, description=WITHIN)]


class ReceivedAnswer(Answer):
    """Something that is shared with you."""

    id: Annotated[Id, Field(description="Of the share: all that it gives is below `/shares/{id}/`")]
    kind: Kind
    name: str
    username: Annotated[str, Field(description="Who shares it")]
    to: Annotated[Literal["user", "role"], Field(description="With you, or with everybody of a role that you have")]
    grantee_name: Annotated[str, Field(description="Your name, or that of the role")]
    access: Access
    size: Annotated[int, Field(description="Bytes of a file; 0 of a folder")]
    mime_type: Annotated[OptionalText, Field(description="Of a file")]
    created_at: Annotated[Time, Field(description="Since when")]


class ReceivedPage(PageOf[ReceivedAnswer]):
    """What is shared with you, the newest first."""


class SharedFileAnswer(Answer):
    """A file that is shared with you."""

    id: Id
    name: str
    size: int
    mime_type: str
    created_at: Time
    updated_at: Time
    sha256: Annotated[OptionalText, Field(description="Hexadecimal; `null` until it is computed")]
    version: int


class SharedFilesAnswer(PageOf[SharedFileAnswer]):
    """A page of files."""


class SharedFolderAnswer(Answer):
    """A folder that is shared with you."""

    id: Id
    name: str
    created_at: Time
    updated_at: Time


class SharedFoldersAnswer(PageOf[SharedFolderAnswer]):
    """A page of folders."""


class ReceivedQuery(Strict):
    """Which part."""

    q: Annotated[
        str, Field(max_length=MAX_SEARCH, description="Words of its name, or of the name of who shares it")
    ] = ""
    limit: Limit = 50
    offset: Annotated[int, Field(ge=0, le=MAX_RECEIVED, description="How many to leave out"), IntFromText] = 0


class InFolderQuery(PageQuery):
    """What in which folder."""

    folder: WithinFolder = ""
    q: Annotated[str, Field(max_length=MAX_SEARCH, description="Words of the name")] = ""
    sort: Literal["name", "created", "size"] = "name"
    order: Literal["asc", "desc"] = "asc"


class SubfoldersQuery(PageQuery):
    """Which folders."""

    folder: WithinFolder = ""
    q: Annotated[str, Field(max_length=MAX_SEARCH, description="Words of the name")] = ""


class SharedZipQuery(Strict):
    """What of it."""

    folder: WithinFolder = ""


@files_bp.get("/shares/received")
@Operation(
    "List what is shared with you", TAG, answer=ReceivedPage, query=ReceivedQuery, curl='curl "$SITE/shares/received"'
)
@route_act(Acts.SHARE_OPEN)
def list_received() -> Response:
    """With you by name, or with a role that you have; what is open at the moment. Of more than 500 the newest are
    looked through, and `total_exact` is false."""
    wanted = query(ReceivedQuery, request)
    asked = Query(search=wanted.q, limit=wanted.limit, offset=wanted.offset)
    return send_page(ReceivedPage, services().shared.received(actor(), asked))


@files_bp.get("/shares/<share_id>/files")
@Operation(
    "List the files in a shared folder",
    TAG,
    answer=SharedFilesAnswer,
    query=InFolderQuery,
    raises=(NotFound,),
    curl='curl "$SITE/shares/$SHARE/files"',
)
@route_act(Acts.SHARE_OPEN)
def list_shared_files(share_id: str) -> Response:
    """In the folder that is shared, or in one that lies in it, however deep; of a file that is shared, that file. What
    its owner moves out, or puts into the trash, is not there any more."""
    wanted, shared = query(InFolderQuery, request), services().shared
    reached = shared.look(actor(), share_id, wanted.folder)
    if isinstance(reached.thing, File):
        return send_page(SharedFilesAnswer, Page((reached.thing,), 1))
    asked = Query(
        sort=wanted.sort,
        descending=wanted.order == "desc",
        search=wanted.q,
        limit=wanted.limit,
        cursor=wanted.cursor,
    )
    return send_page(SharedFilesAnswer, shared.files_in(reached, asked))


@files_bp.get("/shares/<share_id>/folders")
@Operation(
    "List the folders in a shared folder",
    TAG,
    answer=SharedFoldersAnswer,
    query=SubfoldersQuery,
    raises=(NotFound,),
    curl='curl "$SITE/shares/$SHARE/folders"',
)
@route_act(Acts.SHARE_OPEN)
def list_shared_folders(share_id: str) -> Response:
    """Likewise, by name. 404 of a file that is shared."""
    wanted, shared = query(SubfoldersQuery, request), services().shared
    asked = Query(sort="name", search=wanted.q, limit=wanted.limit, cursor=wanted.cursor)
    return send_page(SharedFoldersAnswer, shared.folders_in(shared.look(actor(), share_id, wanted.folder), asked))


@files_bp.get("/shares/<share_id>/files/<file_id>")
@Operation(
    "Download a shared file",
    TAG,
    answer=BYTES,
    also=RANGES,
    headers=CONDITIONS,
    raises=(NotFound, VersionMismatch),
    curl='curl -OJ "$SITE/shares/$SHARE/files/$ID"',
)
@route_act(Acts.SHARE_OPEN)
def download_shared(share_id: str, file_id: str) -> Response:
    """As a file of your own; in the log as your download of somebody else's file. While it is sent the share is looked
    at again, and where it is not open any more the answer is cut short."""
    return send_file(services().shared.open(actor(), share_id, file_id, whole=takes_all(request)), request)


@files_bp.get("/shares/<share_id>/files/<file_id>/metadata")
@Operation(
    "What is known of a shared file",
    TAG,
    answer=SharedFileAnswer,
    raises=(NotFound,),
    curl='curl "$SITE/shares/$SHARE/files/$ID/metadata"',
)
@route_act(Acts.SHARE_OPEN)
def shared_metadata(share_id: str, file_id: str) -> Response:
    """Its record, without the bytes, and without what is its owner's business: tags, place, owner."""
    return send_record(SharedFileAnswer, services().shared.file(actor(), share_id, file_id).file)


@files_bp.get("/shares/<share_id>/files/<file_id>/preview")
@Operation(
    "Look at a shared file",
    TAG,
    answer=BYTES,
    also={206: "The part of sound or film that `Range` asks for", 304: "You have it already"},
    headers={"Range": "Of sound and film: one range of bytes, such as `bytes=0-499`"},
    raises=(NotFound, VersionMismatch),
    curl='curl "$SITE/shares/$SHARE/files/$ID/preview"',
)
@route_act(Acts.SHARE_OPEN)
def preview_shared(share_id: str, file_id: str) -> Response:
    """As of a file of your own."""
    return send_preview(services().shared.open(actor(), share_id, file_id), request)


@files_bp.get("/shares/<share_id>/files.zip")
@Operation(
    "Download a shared folder as a ZIP archive",
    TAG,
    answer=BYTES,
    also=RANGES,
    query=SharedZipQuery,
    headers=CONDITIONS,
    raises=(NotFound, VersionMismatch),
    curl='curl -OJ "$SITE/shares/$SHARE/files.zip"',
)
@route_act(Acts.SHARE_OPEN)
def download_shared_zip(share_id: str) -> Response:
    """All that lies in it, with its folders, and nothing that does not; at most 10,000 files. Each is asked for through
    the share when its turn comes."""
    opened = services().shared.zip(actor(), share_id, query(SharedZipQuery, request).folder)
    return send_file(opened, request, opened.affords)
