"""Deleting files, and taking them out of the trash."""

from __future__ import annotations

from typing import Annotated

from flask import Response, request
from flask.typing import ResponseReturnValue
from pydantic import Field

from backoffice.domain.acts import Acts
from backoffice.errors import NotFound, VersionMismatch
from backoffice.web.api.blueprints import admin_bp, files_bp
from backoffice.web.api.files import IF_MATCH, TAG, FileAnswer, demanded_file_version, send_file_record
from backoffice.web.api.operation import Operation
from backoffice.web.api.parsing import BoolFromText, Strict, query
from backoffice.web.api.users import TAG as ADMINISTRATION
from backoffice.web.api.versions import ETAG
from backoffice.web.context import services
from backoffice.web.identity import actor
from backoffice.web.route_access import route_act


class PurgeQuery(Strict):
    """How to delete."""

    purge: Annotated[bool, Field(description="1: for good, past the trash"), BoolFromText] = False


@files_bp.delete("/files/<file_id>")
@Operation(
    "Delete a file",
    TAG,
    status=204,
    query=PurgeQuery,
    headers=IF_MATCH,
    raises=(NotFound, VersionMismatch),
    curl='curl -X DELETE "$SITE/files/$ID"',
)
@route_act(Acts.FILE_TRASH, Acts.FILE_PURGE)
def delete(file_id: str) -> ResponseReturnValue:
    """Into the trash, from where it can be restored; with `purge=1` for good, from the trash or not."""
    _delete(file_id)
    return "", 204


@files_bp.post("/files/<file_id>/restore")
@Operation(
    "Take a file out of the trash",
    TAG,
    answer=FileAnswer,
    headers=IF_MATCH,
    sends=ETAG,
    raises=(NotFound, VersionMismatch),
    curl='curl -X POST "$SITE/files/$ID/restore"',
)
@route_act(Acts.FILE_RESTORE)
def restore(file_id: str) -> Response:
    """Under another name when its own was taken meanwhile. Who may not read the file is answered with its `id` and
    `version` alone."""
    version = demanded_file_version(file_id, actor(), Acts.FILE_RESTORE)
    return send_file_record(services().files.restore(actor(), file_id, version), actor())


@admin_bp.delete("/files/<file_id>")
@Operation(
    "Delete anybody's file",
    ADMINISTRATION,
    status=204,
    query=PurgeQuery,
    headers=IF_MATCH,
    raises=(NotFound, VersionMismatch),
    curl='curl -X DELETE "$SITE/admin/files/$ID?purge=1"',
)
@route_act(Acts.FILE_TRASH, Acts.FILE_PURGE, everybody=True)
def delete_any_file(file_id: str) -> ResponseReturnValue:
    """Into the trash; with `purge=1` for good, from the trash or not."""
    _delete(file_id)
    return "", 204


def _delete(file_id: str) -> None:
    """Purge, or put into the trash unless `If-Match` forbids."""
    wanted = query(PurgeQuery, request)
    act = Acts.FILE_PURGE if wanted.purge else Acts.FILE_TRASH
    version = demanded_file_version(file_id, actor(), act)
    if wanted.purge:
        services().files.purge(actor(), file_id, version)
    else:
        services().files.trash(actor(), file_id, version)
