"""Folders into the trash with all that is in them, and back."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Literal

from flask import Response, request
from flask.typing import ResponseReturnValue
from pydantic import Field

from backoffice.domain.acts import Acts
from backoffice.domain.folders import Folder
from backoffice.domain.paging import Query
from backoffice.errors import NotFound, VersionMismatch
from backoffice.web.api.blueprints import files_bp
from backoffice.web.api.files import EVERYBODY, Owner, Words, wanted_owner
from backoffice.web.api.folders import TAG, FolderAnswer, demanded_folder_version, demanded_of
from backoffice.web.api.operation import Operation
from backoffice.web.api.parsing import PageQuery, query
from backoffice.web.api.responses import OptionalTime, PageOf, owner_context, send_page
from backoffice.web.api.versions import ETAG, IF_MATCH, demands_version, send_record
from backoffice.web.context import services
from backoffice.web.identity import actor
from backoffice.web.route_access import route_act


class TrashedFolderAnswer(FolderAnswer):
    """A folder on its way into the trash or out of it, or there."""

    state: Literal["ready", "trashed", "gone"]
    purge_at: Annotated[OptionalTime, Field(description="When a trashed folder goes for good")]
    complete: Annotated[bool, Field(description="Whether all that is in it has followed it")]


class TrashedFoldersAnswer(PageOf[TrashedFolderAnswer]):
    """A page of folders in the trash."""


class TrashQuery(PageQuery):
    """Whose folders."""

    parent: Annotated[
        str, Field(max_length=64, description="Those that went there with this one, which is in the trash")
    ] = ""
    q: Words = ""
    owner: Owner = ""


@files_bp.post("/folders/<folder_id>/trash")
@Operation(
    "Put a folder into the trash",
    TAG,
    answer=TrashedFolderAnswer,
    headers=IF_MATCH,
    sends=ETAG,
    raises=(NotFound, VersionMismatch),
    curl='curl -X POST "$SITE/folders/$FOLDER/trash"',
)
@route_act(Acts.FOLDER_TRASH)
def trash_folder(folder_id: str) -> Response:
    """With all that is in it. It is in no list at once; of what is in it what does not follow before the answer does so
    soon, and `complete` says whether all has. Until then nothing comes into it, and it can be restored already."""
    return _send_trashed(services().folders.trash(actor(), folder_id, demanded_folder_version(folder_id)))


@files_bp.get("/folders/trash")
@Operation(
    "List folders in the trash",
    TAG,
    answer=TrashedFoldersAnswer,
    query=TrashQuery,
    curl='curl "$SITE/folders/trash"',
)
@route_act(Acts.FILES_LIST, Acts.FILES_LIST_ALL)
def list_trashed_folders() -> Response:
    """Those that were put there by themselves, not with one that they lay in; what goes first first. What went with
    them is restored and purged with them; `parent` lists it, and the files of it are in the list of trashed files."""
    wanted = query(TrashQuery, request)
    asking, owner = actor(), wanted_owner(wanted.owner)
    filters = () if owner == EVERYBODY else (("trash", owner),)
    asked = Query(filters=filters, search=wanted.q, limit=wanted.limit, cursor=wanted.cursor)
    folders = services().folders
    if wanted.parent:
        named = "" if owner == EVERYBODY or not wanted.owner else owner
        found = folders.trash_page_in(asking, wanted.parent, replace(asked, filters=()), named)
    else:
        found = folders.trash_page(asking, asked, everybody=owner != asking.id)
    return send_page(TrashedFoldersAnswer, found, owner_context((one.owner for one in found.items), asking))


@files_bp.post("/folders/<folder_id>/restore")
@Operation(
    "Take a folder out of the trash",
    TAG,
    answer=TrashedFolderAnswer,
    headers=IF_MATCH,
    sends=ETAG,
    raises=(NotFound, VersionMismatch),
    curl='curl -X POST "$SITE/folders/$FOLDER/restore"',
)
@route_act(Acts.FOLDER_RESTORE)
def restore_folder(folder_id: str) -> Response:
    """With all that went there with it, the tree as it was; what was in the trash before stays. To where it was, or to
    the top where that is gone; under another name when its own was taken meanwhile."""
    return _send_trashed(services().folders.restore(actor(), folder_id, _demanded_in_trash(folder_id)))


@files_bp.post("/folders/<folder_id>/purge")
@Operation(
    "Delete a folder in the trash for good",
    TAG,
    status=204,
    headers=IF_MATCH,
    raises=(NotFound, VersionMismatch),
    curl='curl -X POST "$SITE/folders/$FOLDER/purge"',
)
@route_act(Acts.FOLDER_PURGE)
def purge_folder(folder_id: str) -> ResponseReturnValue:
    """With all that went there with it. Of many files the last ones go a little later."""
    services().folders.purge(actor(), folder_id, _demanded_in_trash(folder_id))
    return "", 204


def _demanded_in_trash(folder_id: str) -> int | None:
    return demanded_of(services().folders.trashed(actor(), folder_id)) if demands_version() else None


def _send_trashed(folder: Folder) -> Response:
    return send_record(TrashedFolderAnswer, folder, 200, owner_context([folder.owner], actor()))
