"""Stored files: finding, downloading, renaming, deleting, restoring."""

from __future__ import annotations

from contextlib import suppress
from typing import Final

from flask import Blueprint, Response, request
from flask.typing import ResponseReturnValue

from backoffice.domain.files import clean_mime_type, clean_tags
from backoffice.domain.ids import is_id
from backoffice.domain.paging import Query
from backoffice.domain.permissions import Permissions
from backoffice.errors import NameTaken, NotFound, VersionMismatch
from backoffice.web.api.answer_schemas import FileAnswer, FilesAnswer
from backoffice.web.api.answers import (
    file_answer,
    owner_names,
    send_file_record,
    send_page,
    version_wanted,
)
from backoffice.web.api.operation import BYTES, IF_MATCH, Operation, operation
from backoffice.web.api.parsing import JSON, field_error, json_body, query
from backoffice.web.api.schemas import FilesQuery, PurgeQuery, RenameRequest
from backoffice.web.context import services
from backoffice.web.download import send_file
from backoffice.web.identity import actor
from backoffice.web.routes import route_permission

TAG: Final = "Files"
EVERYBODY: Final = "*"
ETAG: Final = {"ETag": "Entity tag of the metadata, for `If-Match`"}

bp = Blueprint("files", __name__)


@bp.get("/files")
@operation(
    Operation(
        summary="List files",
        tag=TAG,
        answer=FilesAnswer,
        query=FilesQuery,
        sends={"Link": "`rel=next`: the page after this one"},
        curl='curl "$SITE/files?limit=20&sort=size"',
    )
)
@route_permission(Permissions.FILES_READ, Permissions.FILES_ALL_READ)
def list_files() -> Response:
    """Your own; with `owner` those of somebody else, or with `owner=*` everybody's, for who may see them. Conditions
    hold together. A cursor goes with the conditions and the order it came with."""
    wanted = query(FilesQuery, request)
    asking = actor()
    filters = [("tag", tag) for tag in clean_tags(wanted.tag)]
    if wanted.mime_type:
        filters.append(("mime_type", _mime_type(wanted.mime_type)))
    owner = _owner(wanted.owner)
    trashed = wanted.state == "trashed"
    if owner not in {asking.id, EVERYBODY}:
        filters.append(("trash" if trashed else "owner", owner))
    sort = "purge" if trashed else wanted.sort
    asked = Query(
        sort=sort,
        descending=wanted.order == "desc" if wanted.order else sort != "name",
        filters=tuple(filters),
        search=wanted.q,
        limit=wanted.limit,
        cursor=wanted.cursor,
    )
    files = services().files
    found = (files.trash_page if trashed else files.page)(asking, asked, everybody=owner != asking.id)
    names = owner_names((file.owner for file in found.items), asking)
    answer = FilesAnswer(
        items=[file_answer(file, names) for file in found.items],
        next_cursor=found.next_cursor or None,
        total=found.total,
        total_exact=found.exact,
    )
    return send_page(answer, found.next_cursor)


@bp.get("/files/<file_id>")
@operation(
    Operation(
        summary="Download a file",
        tag=TAG,
        answer=BYTES,
        also={206: "The part that `Range` asks for", 304: "You have it already"},
        headers={
            "Range": "One range of bytes, such as `bytes=0-499`, `bytes=500-` or `bytes=-500`; several: the whole is sent",
            "If-Range": "Send the range only if the file is still this one",
            "If-None-Match": "Answer 304 if it is this one",
            "If-Match": "Answer 412 unless it is this one",
        },
        sends={
            "ETag": "Strong; the bytes behind an identifier never change",
            "Repr-Digest": "SHA-256 of the whole file (RFC 9530), once it is known",
            "Content-Disposition": "Always `attachment`, with the name",
            "Accept-Ranges": "`bytes`",
        },
        raises=(NotFound, VersionMismatch),
        curl='curl -OJ "$SITE/files/$ID"',
    )
)
@route_permission(Permissions.FILES_READ, Permissions.FILES_ALL_READ)
def download(file_id: str) -> Response:
    """Every chunk is checked before it is sent; a damaged one cuts the answer short of its Content-Length. Sent as an
    attachment and under a harmless type, whatever the file says it is."""
    return send_file(services().files.open(actor(), file_id), request)


@bp.get("/files/<file_id>/metadata")
@operation(
    Operation(
        summary="What is known of a file",
        tag=TAG,
        answer=FileAnswer,
        sends=ETAG,
        raises=(NotFound,),
        curl='curl "$SITE/files/$ID/metadata"',
    )
)
@route_permission(Permissions.FILES_READ, Permissions.FILES_ALL_READ)
def metadata(file_id: str) -> Response:
    """Its record, without the bytes."""
    return send_file_record(services().files.get(actor(), file_id), actor())


@bp.post("/files/<file_id>/rename")
@operation(
    Operation(
        summary="Rename a file",
        tag=TAG,
        answer=FileAnswer,
        body={JSON: RenameRequest},
        headers=IF_MATCH,
        sends=ETAG,
        raises=(NotFound, NameTaken, VersionMismatch),
        curl='curl -H "Content-Type: application/json" -d \'{"new_name": "holiday.mp4"}\' "$SITE/files/$ID/rename"',
    )
)
@route_permission(Permissions.FILES_WRITE, Permissions.FILES_ALL_WRITE, max_body=None)
def rename(file_id: str) -> Response:
    """Links and the identifier stay."""
    wanted = json_body(RenameRequest, request)
    version = version_wanted(file_id, actor())
    return send_file_record(services().files.rename(actor(), file_id, wanted.new_name, version), actor())


@bp.delete("/files/<file_id>")
@operation(
    Operation(
        summary="Delete a file",
        tag=TAG,
        status=204,
        query=PurgeQuery,
        headers=IF_MATCH,
        raises=(NotFound, VersionMismatch),
        curl='curl -X DELETE "$SITE/files/$ID"',
    )
)
@route_permission(Permissions.FILES_DELETE, Permissions.FILES_ALL_DELETE)
def delete(file_id: str) -> ResponseReturnValue:
    """Into the trash, from where it can be restored; with `purge=1` for good, from the trash or not."""
    delete_file(file_id)
    return "", 204


@bp.post("/files/<file_id>/restore")
@operation(
    Operation(
        summary="Take a file out of the trash",
        tag=TAG,
        answer=FileAnswer,
        sends=ETAG,
        raises=(NotFound,),
        curl='curl -X POST "$SITE/files/$ID/restore"',
    )
)
@route_permission(Permissions.FILES_DELETE, Permissions.FILES_ALL_DELETE)
def restore(file_id: str) -> Response:
    """Under another name when its own was taken meanwhile."""
    return send_file_record(services().files.restore(actor(), file_id), actor())


def delete_file(file_id: str) -> None:
    """What both ways to delete do: purge, or put into the trash unless `If-Match` forbids."""
    wanted = query(PurgeQuery, request)
    version = version_wanted(file_id, actor())
    if wanted.purge:
        services().files.purge(actor(), file_id)
    else:
        services().files.trash(actor(), file_id, version)


def _mime_type(text: str) -> str:
    if clean_mime_type(text) != text.lower():
        raise field_error("mime_type", "is not of the form type/subtype")
    return text.lower()


def _owner(text: str) -> str:
    """The identifier of the user that `owner` names, or `*`."""
    asking = actor()
    if text in {"", asking.id, asking.name}:
        return asking.id
    if text == EVERYBODY or Permissions.FILES_ALL_READ not in asking.permissions:
        return text  # which the service refuses before it looks for anybody
    if Permissions.USERS_READ in asking.permissions:
        with suppress(NotFound):
            return services().users.find(asking, text).id
    if not is_id(text):
        raise field_error("owner", "is not a user that you can see")
    return text
