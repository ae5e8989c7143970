"""Changing what is known of a file."""

from __future__ import annotations

from typing import Annotated

from flask import Response, request
from pydantic import Field

from backoffice.domain.acts import Act, Acts
from backoffice.domain.ids import ID_LENGTH, is_id
from backoffice.domain.limits import MAX_TAGS
from backoffice.errors import Invalid, NameTaken, NotFound, QuotaExceeded, VersionMismatch
from backoffice.web.api.blueprints import files_bp
from backoffice.web.api.files import IF_MATCH, TAG, FileAnswer, FileName, demanded_file_version, send_file_record
from backoffice.web.api.operation import Operation
from backoffice.web.api.parsing import JSON, Strict, field_error, json_body
from backoffice.web.api.versions import ETAG
from backoffice.web.context import services
from backoffice.web.identity import actor, may
from backoffice.web.route_access import route_act


class FileChange(Strict):
    """What is to be different; what is left out stays."""

    name: FileName | None = None
    tags: Annotated[list[str] | None, Field(max_length=10 * MAX_TAGS, description="Instead of those that it has")] = (
        None
    )
    folder: Annotated[
        str | None, Field(max_length=64, description="Identifier of the folder to put it into; empty: the top")
    ] = None
    owner: Annotated[
        str | None,
        Field(max_length=320, description="Name or identifier of an active user, whose quota counts it from then on"),
    ] = None


@files_bp.patch("/files/<file_id>")
@Operation(
    "Change a file's name, tags, folder or owner",
    TAG,
    answer=FileAnswer,
    body={JSON: FileChange},
    headers=IF_MATCH,
    sends=ETAG,
    raises=(NotFound, NameTaken, QuotaExceeded, VersionMismatch),
    curl=(
        """curl -X PATCH -H "Content-Type: application/json" -d '{"tags": ["contract", "2026"]}' """
        '"$SITE/files/$ID"'
    ),
)
@route_act(Acts.FILE_RENAME, Acts.FILE_TAG, Acts.FILE_MOVE, Acts.FILE_TRANSFER, max_body=None)
def change(file_id: str) -> Response:
    """All of it is done, or nothing; each field has an entry of its own in the log. Where the new owner has a file of
    that name, this one gets another unless `name` is a new one. Who may not read the file is answered with its `id` and
    `version` alone."""
    wanted = json_body(FileChange, request)
    if wanted == FileChange():
        raise Invalid("Give at least one of name, tags, folder and owner.")
    owner = None if wanted.owner is None else _owner_id(wanted.owner)
    version = demanded_file_version(file_id, actor(), _first_act(wanted))
    file = services().files.amend(
        actor(), file_id, name=wanted.name, tags=wanted.tags, folder=wanted.folder, owner=owner, version=version
    )
    return send_file_record(file, actor())


def _first_act(wanted: FileChange) -> Act:
    """Of several acts that one that everybody with a file of their own may do, if it is among them."""
    if wanted.tags is not None:
        return Acts.FILE_TAG
    if wanted.folder is not None:
        return Acts.FILE_MOVE
    return Acts.FILE_TRANSFER if wanted.name is None else Acts.FILE_RENAME


def _owner_id(text: str) -> str:
    """The identifier of the user that is named; the text itself where nobody may be looked up by it."""
    asking = actor()
    if text in {asking.id, asking.name}:
        return asking.id
    if not may(Acts.USER_READ):
        return text
    try:
        return services().users.find(asking, text).id
    except NotFound:
        if is_id(text) and len(text) == ID_LENGTH:
            return text  # which the service looks for
        raise field_error("owner", "is not a user") from None
