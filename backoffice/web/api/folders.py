"""Folders, and what lies in them."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Final, Literal

from flask import Response, request
from flask.typing import ResponseReturnValue
from pydantic import Field

from backoffice.domain.acts import Acts
from backoffice.domain.folders import Folder
from backoffice.domain.limits import MAX_FOLDER_DEPTH
from backoffice.domain.paging import Query
from backoffice.errors import Conflict, InUse, Invalid, NameTaken, NotFound, QuotaExceeded, VersionMismatch
from backoffice.web.api.blueprints import files_bp
from backoffice.web.api.files import EVERYBODY, Owner, Words, wanted_owner
from backoffice.web.api.operation import Operation
from backoffice.web.api.parsing import JSON, Id, PageQuery, Strict, field_error, json_body, query
from backoffice.web.api.responses import (
    Answer,
    OptionalText,
    OwnerName,
    PageOf,
    Time,
    owner_context,
    send,
    send_page,
)
from backoffice.web.api.versions import ETAG, IF_MATCH, demanded_version, demands_version, record_etag, send_record
from backoffice.web.context import services
from backoffice.web.identity import actor
from backoffice.web.route_access import route_act

TAG: Final = "Folders"
CHANGES: Final = (NotFound, NameTaken, Conflict, VersionMismatch)

FolderName = Annotated[str, Field(max_length=1024, description="By the rules for names of files")]
Parent = Annotated[str, Field(max_length=64, description="Identifier of the folder that it lies in; empty: at the top")]
FolderPath = Annotated[
    list[Annotated[str, Field(max_length=1024)]],
    Field(max_length=MAX_FOLDER_DEPTH, description="Names of folders, each in the one before; made where needed"),
]


class FolderAnswer(Answer):
    """A folder."""

    id: Id
    name: str
    parent: Annotated[OptionalText, Field(description="Identifier; `null` at the top")]
    owner: OwnerName
    owner_id: Annotated[Id, Field(validation_alias="owner")]
    created_at: Time
    updated_at: Time
    version: int


class FoldersAnswer(PageOf[FolderAnswer]):
    """A page of folders."""


class FolderLink(Answer):
    """A folder by name."""

    id: Id
    name: str


class PathAnswer(Answer):
    """Where a folder lies."""

    items: list[FolderLink]


class FoldersQuery(PageQuery):
    """Which folders."""

    parent: Annotated[
        str | None, Field(max_length=64, description="Those in this one; empty: those at the top; left out: all")
    ] = None
    q: Words = ""
    owner: Owner = ""
    sort: Literal["name", "created"] = "name"
    order: Literal["asc", "desc"] = "asc"


class FolderRequest(Strict):
    """A new folder: a name, or a path of names."""

    name: FolderName | None = None
    path: FolderPath | None = None
    parent: Parent = ""


class FolderChange(Strict):
    """What is to be different; what is left out stays."""

    name: FolderName | None = None
    parent: Parent | None = None


@files_bp.get("/folders")
@Operation("List folders", TAG, answer=FoldersAnswer, query=FoldersQuery, curl='curl "$SITE/folders?parent="')
@route_act(Acts.FILES_LIST, Acts.FILES_LIST_ALL)
def list_folders() -> Response:
    """Your own; with `owner` those of somebody else, for who may see everybody's files."""
    wanted = query(FoldersQuery, request)
    owner = one_owner(wanted.owner)
    asked = Query(
        sort=wanted.sort,
        descending=wanted.order == "desc",
        search=wanted.q,
        limit=wanted.limit,
        cursor=wanted.cursor,
    )
    found = services().folders.page_in(actor(), wanted.parent, asked, owner)
    return send_page(FoldersAnswer, found, owner_context((one.owner for one in found.items), actor()))


@files_bp.post("/folders")
@Operation(
    "Make a folder",
    TAG,
    status=201,
    answer=FolderAnswer,
    body={JSON: FolderRequest},
    sends=ETAG,
    raises=(NameTaken, Conflict, QuotaExceeded),
    curl=('curl -H "Content-Type: application/json" -d \'{"name": "Holiday"}\' "$SITE/folders"'),
)
@route_act(Acts.FOLDER_CREATE, max_body=None)
def create_folder() -> Response:
    """With `name` a new one, refused with 409 where something has that name. With `path` the folders of all its names,
    each in the one before, made where they are not there yet; the answer is the last one, also when it is asked for
    again."""
    wanted = json_body(FolderRequest, request)
    if (wanted.name is None) == (wanted.path is None):
        raise Invalid("Give either name or path.", field="name")
    folders = services().folders
    if wanted.path is not None:
        return _send(folders.make_path(actor(), wanted.path, wanted.parent), 201)
    return _send(folders.create(actor(), name=wanted.name or "", parent=wanted.parent), 201)


@files_bp.get("/folders/<folder_id>")
@Operation("One folder", TAG, answer=FolderAnswer, sends=ETAG, raises=(NotFound,), curl='curl "$SITE/folders/$FOLDER"')
@route_act(Acts.FOLDER_READ)
def get_folder(folder_id: str) -> Response:
    """Its record; what lies in it `GET /files?folder=` and `GET /folders?parent=` list."""
    return _send(services().folders.get(actor(), folder_id))


@files_bp.get("/folders/<folder_id>/path")
@Operation("Where a folder lies", TAG, answer=PathAnswer, raises=(NotFound,), curl='curl "$SITE/folders/$FOLDER/path"')
@route_act(Acts.FOLDER_READ)
def folder_path(folder_id: str) -> Response:
    """The folders that it lies in, the outermost first, and itself."""
    folders = services().folders
    folder = folders.get(actor(), folder_id)
    return send(PathAnswer.model_validate({"items": [*folders.above(actor(), folder), folder]}))


@files_bp.patch("/folders/<folder_id>")
@Operation(
    "Rename or move a folder",
    TAG,
    answer=FolderAnswer,
    body={JSON: FolderChange},
    headers=IF_MATCH,
    sends=ETAG,
    raises=CHANGES,
    curl=(
        """curl -X PATCH -H "Content-Type: application/json" -d '{"name": "Summer"}' """
        '"$SITE/folders/$FOLDER"'
    ),
)
@route_act(Acts.FOLDER_RENAME, Acts.FOLDER_MOVE, max_body=None)
def change_folder(folder_id: str) -> Response:
    """Everything in it goes with it. It cannot be moved into itself, nor deeper than 100."""
    wanted = json_body(FolderChange, request)
    if wanted == FolderChange():
        raise Invalid("Give name or parent.")
    version = demanded_folder_version(folder_id)
    changed = services().folders.update(actor(), folder_id, name=wanted.name, parent=wanted.parent, version=version)
    return _send(changed)


@files_bp.delete("/folders/<folder_id>")
@Operation(
    "Delete an empty folder",
    TAG,
    status=204,
    headers=IF_MATCH,
    raises=(NotFound, InUse, VersionMismatch),
    curl='curl -X DELETE "$SITE/folders/$FOLDER"',
)
@route_act(Acts.FOLDER_DELETE)
def delete_folder(folder_id: str) -> ResponseReturnValue:
    """Refused with 409 while files or folders lie in it. A file of it that is in the trash comes back to the top."""
    services().folders.delete(actor(), folder_id, demanded_folder_version(folder_id))
    return "", 204


def one_owner(text: str) -> str:
    """The identifier of one user. Raises Invalid."""
    owner = wanted_owner(text)
    if owner == EVERYBODY:
        raise field_error("owner", "has to be one user, for folders")
    return owner


def demanded_folder_version(folder_id: str) -> int | None:
    """What `If-Match` demands of a folder outside the trash."""
    return demanded_of(services().folders.get(actor(), folder_id)) if demands_version() else None


def demanded_of(folder: Folder) -> int | None:
    """The same of one that was read. That what lies in it has followed is no change that anybody made: who read it
    before may go on. Raises VersionMismatch."""
    before = replace(folder, version=folder.unchanged_since)
    return demanded_version(folder, record_etag(before).strip('"'))


def _send(folder: Folder, status: int = 200) -> Response:
    return send_record(FolderAnswer, folder, status, owner_context([folder.owner], actor()))
