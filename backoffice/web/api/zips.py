"""Many files in one answer."""

from __future__ import annotations

from typing import Annotated

from flask import Response, request
from pydantic import Field

from backoffice.domain.acts import Acts
from backoffice.domain.limits import MAX_NAME_BYTES, MAX_ZIPPED
from backoffice.domain.paging import Query
from backoffice.errors import NotFound, VersionMismatch
from backoffice.web.api.blueprints import files_bp
from backoffice.web.api.files import TAG, MimeType, Owner, Tags, Words, wanted_filters, wanted_owner
from backoffice.web.api.folders import one_owner
from backoffice.web.api.operation import BYTES, Operation
from backoffice.web.api.parsing import Strict, field_error, query
from backoffice.web.context import services
from backoffice.web.download import send_file
from backoffice.web.identity import actor
from backoffice.web.route_access import route_act


class ZipQuery(Strict):
    """Which files: these, or those that the conditions find."""

    id: Annotated[
        tuple[str, ...],
        Field(max_length=MAX_ZIPPED, description="Several times: these files, as many as fit into the address"),
    ] = ()
    q: Words = ""
    owner: Owner = ""
    mime_type: MimeType = ""
    tag: Tags = ()
    folder: Annotated[
        tuple[Annotated[str, Field(max_length=64)], ...],
        Field(
            max_length=MAX_ZIPPED,
            description="All that lies in this folder and in those within it; empty: all that you have. Several times, "
            "or beside `id`: all of them",
        ),
    ] = ()
    name: Annotated[str, Field(max_length=MAX_NAME_BYTES, description="What the archive is called")] = ""


@files_bp.get("/files.zip")
@Operation(
    "Download many files as a ZIP archive",
    TAG,
    answer=BYTES,
    also={206: "The part that `Range` asks for", 304: "You have it already"},
    query=ZipQuery,
    headers={
        "Range": "One range of bytes. Where too much had to be read besides it, the whole is sent",
        "If-Range": "Send the range only if the archive is still this one",
        "If-None-Match": "Answer 304 if it is this one",
        "If-Match": "Answer 412 unless it is this one",
    },
    sends={
        "ETag": "Strong: the same for the same files under the same names",
        "Content-Disposition": "Always `attachment`, with the name",
        "Accept-Ranges": "`bytes`",
    },
    raises=(NotFound, VersionMismatch),
    curl='curl -OJ "$SITE/files.zip?tag=holiday"',
)
@route_act(Acts.FILE_DOWNLOAD)
def download_zip() -> Response:
    """The files with `id`; with `folder` all that lies in it and in those within it, empty folders, too, under names
    that begin in it, or at the top where `folder` comes several times or beside `id`; without, those
    that the conditions find, as the list of files has them: your own, or with `owner` those of somebody else or of
    everybody. At most 10,000, stored as they are, under their names within their folders; the length is known before.

    Where one of them is not there, nothing is sent, and `ids` of the answer names it. Each file takes the right to
    download it, and is recorded as downloaded, when its turn comes; one that is damaged or taken away meanwhile cuts
    the answer short of its Content-Length."""
    wanted = query(ZipQuery, request)
    conditions = wanted.q or wanted.mime_type or wanted.tag
    if wanted.id:
        if conditions or wanted.owner:
            raise field_error("id", "goes with no conditions")
        if "" in wanted.folder:
            raise field_error("folder", "beside id names folders")
        opened = services().zips.open(actor(), wanted.id, wanted.folder, wanted.name)
    elif wanted.folder:
        if conditions:
            raise field_error("folder", "goes with no other conditions")
        if len(wanted.folder) > 1 and (wanted.owner or "" in wanted.folder):
            raise field_error("folder", "several times names folders, and goes with no owner")
        zips, [first, *others] = services().zips, wanted.folder
        if others:
            opened = zips.open(actor(), (), wanted.folder, wanted.name)
        else:
            opened = zips.open_folder(actor(), first, one_owner(wanted.owner), wanted.name)
    else:
        owner = wanted_owner(wanted.owner)
        filters = wanted_filters(wanted.tag, wanted.mime_type, owner)
        asked = Query(search=wanted.q, filters=filters)
        opened = services().zips.open_matching(actor(), asked, everybody=owner != actor().id, name=wanted.name)
    return send_file(opened, request, opened.affords)
