"""Stored files: finding, downloading, renaming."""

from __future__ import annotations

from contextlib import suppress
from typing import Annotated, Final, Literal

from flask import Response, request, url_for
from pydantic import Field

from backoffice.domain.access import Actor
from backoffice.domain.acts import Act, Acts, decide_act
from backoffice.domain.files import File, clean_tags
from backoffice.domain.ids import is_id
from backoffice.domain.limits import MAX_SEARCH
from backoffice.domain.mime_types import clean_mime_type
from backoffice.domain.paging import Query
from backoffice.errors import Invalid, NameTaken, NotFound, VersionMismatch
from backoffice.web.api.blueprints import files_bp
from backoffice.web.api.operation import BYTES, Operation
from backoffice.web.api.parsing import JSON, BoolFromText, Id, PageQuery, Strict, field_error, json_body, query
from backoffice.web.api.responses import (
    Answer,
    OptionalText,
    OptionalTime,
    OwnerName,
    PageOf,
    Time,
    owner_context,
    send_page,
)
from backoffice.web.api.versions import ETAG, demanded_version, demands_version, send_record
from backoffice.web.context import services
from backoffice.web.download import send_file, takes_all
from backoffice.web.identity import actor, may
from backoffice.web.route_access import route_act

TAG: Final = "Files"
EVERYBODY: Final = "*"
IF_MATCH: Final = {"If-Match": "ETag of the metadata: refuse with 412 when the file was changed since"}
CREATED: Final = {
    "Location": "Where the file can be downloaded",
    "ETag": "Entity tag of the metadata",
    "X-Durability": "How safe the file is by now: `memory`, `os`, `disk` or `replica:k`",
}

FileName = Annotated[
    str, Field(max_length=1024, description="File name: at most 255 bytes, no slash, no control character")
]

Words = Annotated[str, Field(max_length=MAX_SEARCH, description="Words of the name, each from its beginning")]
Owner = Annotated[
    str,
    Field(max_length=320, description="Name or identifier of a user, or `*` for everybody; left out: your own"),
]
MimeType = Annotated[str, Field(max_length=255)]
Tags = Annotated[tuple[str, ...], Field(max_length=5, description="Several times: all of them")]


class FileAnswer(Answer):
    """A stored file."""

    id: Id
    name: str
    size: int
    mime_type: str
    owner: OwnerName
    owner_id: Annotated[Id, Field(validation_alias="owner")]
    created_at: Time
    updated_at: Time
    sha256: Annotated[OptionalText, Field(description="Hexadecimal; `null` until it is computed")]
    total_chunks: int
    tags: list[str]
    state: Literal["ready", "trashed", "gone"]
    version: int
    folder: Annotated[
        OptionalText, Field(validation_alias="folder_id", description="The folder it lies in; `null` at the top")
    ]
    number: Annotated[int, Field(description="Of what it holds: 1 as it came, one more with each other content")]
    stored_at: Annotated[Time, Field(description="When the bytes came that it holds")]
    purge_at: Annotated[OptionalTime, Field(description="When a trashed file goes for good")]


class UnreadFileAnswer(Answer):
    """A file, for whoever may change it and not read it: what it takes to go on."""

    id: Id
    version: int


class FilesAnswer(PageOf[FileAnswer]):
    """A page of files."""

    total: Annotated[int, Field(description="How many match; with `total_exact` false at least so many")]


class FilesQuery(PageQuery):
    """Which files, in what order, which part."""

    sort: Annotated[
        Literal["created", "name", "size"], Field(description="Trashed files are always sorted by date")
    ] = "created"
    order: Annotated[Literal["asc", "desc"] | None, Field(description="`desc` unless sorted by name")] = None
    q: Words = ""
    owner: Owner = ""
    mime_type: MimeType = ""
    tag: Tags = ()
    folder: Annotated[
        str | None,
        Field(max_length=64, description="Only those in this folder; empty: only those at the top; left out: in all"),
    ] = None
    state: Annotated[
        Literal["ready", "trashed"],
        Field(description="`trashed`: what can be restored; with `folder`, what went with it"),
    ] = "ready"
    alone: Annotated[
        bool,
        Field(description="1: of your own trashed files, those that did not go there with a folder"),
        BoolFromText,
    ] = False


class RenameRequest(Strict):
    """A new name."""

    new_name: FileName


@files_bp.get("/files")
@Operation(
    "List files",
    TAG,
    answer=FilesAnswer,
    query=FilesQuery,
    curl='curl "$SITE/files?limit=20&sort=size"',
)
@route_act(Acts.FILES_LIST, Acts.FILES_LIST_ALL)
def list_files() -> Response:
    """Your own, wherever they lie; with `folder` those in one folder, not in others within it. With `owner` those of
    somebody else, or with `owner=*` everybody's, for who may see them. Conditions hold together. A cursor goes with the
    conditions and the order it came with."""
    wanted = query(FilesQuery, request)
    asking, owner = actor(), wanted_owner(wanted.owner)
    trashed = wanted.state == "trashed"
    inside = wanted.folder is not None
    if inside and owner == EVERYBODY:
        raise field_error("folder", "goes with the files of one user")
    sort = "purge" if trashed else wanted.sort
    whose = asking.id if inside else owner
    asked = Query(
        sort=sort,
        descending=wanted.order == "desc" if wanted.order else sort != "name",
        filters=wanted_filters(wanted.tag, wanted.mime_type, whose, "trash" if trashed else "owner"),
        search=wanted.q,
        limit=wanted.limit,
        cursor=wanted.cursor,
    )
    files = services().files
    if wanted.folder is not None:
        if trashed:
            inside_it = services().folders.trashed_files(asking, wanted.folder, asked, owner if wanted.owner else "")
        else:
            inside_it = files.page_in(asking, wanted.folder, asked, owner)
        return send_page(FilesAnswer, inside_it, owner_context((file.owner for file in inside_it.items), asking))
    if wanted.alone:
        if not trashed or owner != asking.id:
            raise field_error("alone", "goes with your own trashed files")
        found = files.trash_page(asking, asked, alone=True)
    else:
        found = (files.trash_page if trashed else files.page)(asking, asked, everybody=owner != asking.id)
    return send_page(FilesAnswer, found, owner_context((file.owner for file in found.items), asking))


@files_bp.get("/files/<file_id>")
@Operation(
    "Download a file",
    TAG,
    answer=BYTES,
    also={206: "The part that `Range` asks for", 304: "You have it already"},
    headers={
        "Range": "One range of bytes, such as `bytes=0-499`, `bytes=500-` or `bytes=-500`; several: the whole is sent",
        "If-Range": "Send the range only if the file is still this one",
        "If-None-Match": "Answer 304 if it is this one",
        "If-Match": "Answer 412 unless it is this one",
    },
    sends={
        "ETag": "Strong: another one for each content of the file",
        "Repr-Digest": "SHA-256 of the whole file (RFC 9530), once it is known",
        "Content-Disposition": "Always `attachment`, with the name",
        "Accept-Ranges": "`bytes`",
    },
    raises=(NotFound, VersionMismatch),
    curl='curl -OJ "$SITE/files/$ID"',
)
@route_act(Acts.FILE_DOWNLOAD)
def download(file_id: str) -> Response:
    """Every chunk is checked before it is sent; a damaged one cuts the answer short of its Content-Length. Sent as an
    attachment and under a harmless type, whatever the file says it is."""
    return send_file(services().files.open(actor(), file_id, whole=takes_all(request)), request)


@files_bp.get("/files/<file_id>/metadata")
@Operation(
    "What is known of a file",
    TAG,
    answer=FileAnswer,
    sends=ETAG,
    raises=(NotFound,),
    curl='curl "$SITE/files/$ID/metadata"',
)
@route_act(Acts.FILE_READ)
def metadata(file_id: str) -> Response:
    """Its record, without the bytes."""
    return send_file_record(services().files.get(actor(), file_id), actor())


@files_bp.post("/files/<file_id>/rename")
@Operation(
    "Rename a file",
    TAG,
    answer=FileAnswer,
    body={JSON: RenameRequest},
    headers=IF_MATCH,
    sends=ETAG,
    raises=(NotFound, NameTaken, VersionMismatch),
    curl='curl -H "Content-Type: application/json" -d \'{"new_name": "holiday.mp4"}\' "$SITE/files/$ID/rename"',
)
@route_act(Acts.FILE_RENAME, max_body=None)
def rename(file_id: str) -> Response:
    """Links and the identifier stay. Who may not read the file is answered with its `id` and `version` alone."""
    wanted = json_body(RenameRequest, request)
    version = demanded_file_version(file_id, actor(), Acts.FILE_RENAME)
    return send_file_record(services().files.rename(actor(), file_id, wanted.new_name, version), actor())


def send_file_record(file: File, asking: Actor, status: int = 200) -> Response:
    """The metadata of a file with its entity tag; for who may not read it, what it takes to go on."""
    if not decide_act(asking, Acts.FILE_READ, file.owner).allowed:
        return send_record(UnreadFileAnswer, file, status)
    return _send_metadata(file, asking, status)


def _send_metadata(file: File, asking: Actor, status: int) -> Response:
    return send_record(FileAnswer, file, status, owner_context([file.owner], asking))


def send_created(file: File, asking: Actor, *, just_sent: bool = False) -> Response:
    """201 with where the file is and how safe it is by now. `just_sent`: all of it came with this request."""
    response = (_send_metadata if just_sent else send_file_record)(file, asking, 201)
    response.headers["Location"] = url_for("api.files.download", file_id=file.id)
    response.headers["X-Durability"] = services().system.durability_level
    return response


def demanded_file_version(file_id: str, asking: Actor, act: Act) -> int | None:
    """The version that `If-Match` demands for `act`, None where it demands none. Raises VersionMismatch, NotFound.

    The tag of the metadata names a version; that of the bytes any that has these: the one at which they are looked at.
    """
    if not demands_version():
        return None
    file = services().files.target(asking, file_id, act)
    return demanded_version(file, file.etag)


def _mime_type(text: str) -> str:
    try:
        essence = clean_mime_type(text)
    except Invalid:
        essence = ""
    if essence != text.lower():
        raise field_error("mime_type", "is not of the form type/subtype")
    return essence


def wanted_filters(
    tags: tuple[str, ...], mime_type: str, owner: str, facet: str = "owner"
) -> tuple[tuple[str, str], ...]:
    """The conditions of a query. Raises Invalid."""
    filters = [("tag", tag) for tag in clean_tags(tags)]
    if mime_type:
        filters.append(("mime_type", _mime_type(mime_type)))
    if owner not in {actor().id, EVERYBODY}:
        filters.append((facet, owner))
    return tuple(filters)


def wanted_owner(text: str) -> str:
    """The identifier of the user that `owner` names, or `*`."""
    asking = actor()
    if text in {"", asking.id, asking.name}:
        return asking.id
    if text == EVERYBODY or not may(Acts.FILES_LIST_ALL):
        return text  # which the service refuses before it looks for anybody
    if may(Acts.USER_READ):
        with suppress(NotFound):
            return services().users.find(asking, text).id
    if not is_id(text):
        raise field_error("owner", "is not a user that you can see")
    return text
