"""Folders in one that somebody else shares to be written into: making them, and which names are taken there."""

from __future__ import annotations

from typing import Annotated

from flask import Response, request
from pydantic import Field

from backoffice.domain.acts import Acts
from backoffice.domain.limits import MAX_LIMIT
from backoffice.errors import Conflict, Invalid, NameTaken, NotFound, QuotaExceeded, TooLarge, TooMany
from backoffice.web.api.blueprints import files_bp
from backoffice.web.api.folders import FolderName, FolderPath
from backoffice.web.api.operation import Operation
from backoffice.web.api.parsing import JSON, Strict, json_body
from backoffice.web.api.responses import send
from backoffice.web.api.shared import TAG, SharedFolderAnswer, WithinFolder
from backoffice.web.api.taken import TakenAnswer, WantedName, taken_answer
from backoffice.web.context import services
from backoffice.web.identity import actor
from backoffice.web.route_access import route_act


class SharedFolderRequest(Strict):
    """A new folder: a name, or a path of names."""

    name: FolderName | None = None
    path: FolderPath | None = None
    parent: WithinFolder = ""


class SharedTakenRequest(Strict):
    """Names that are wanted."""

    folder: WithinFolder = ""
    files: Annotated[list[WantedName], Field(max_length=MAX_LIMIT)]


@files_bp.post("/shares/<share_id>/folders")
@Operation(
    "Make a folder in a shared folder",
    TAG,
    status=201,
    answer=SharedFolderAnswer,
    body={JSON: SharedFolderRequest},
    raises=(NotFound, NameTaken, Conflict, QuotaExceeded, TooMany),
    curl='curl -H "Content-Type: application/json" -d \'{"name": "Drafts"}\' "$SITE/shares/$SHARE/folders"',
)
@route_act(Acts.SHARE_WRITE, max_body=None)
def create_shared_folder(share_id: str) -> Response:
    """Where the share gives `write`; with `name` or `path` as `POST /folders`. It belongs to the owner of the shared
    folder and counts among theirs; the log names you, and on whose behalf it was."""
    wanted = json_body(SharedFolderRequest, request)
    if (wanted.name is None) == (wanted.path is None):
        raise Invalid("Give either name or path.", field="name")
    shared = services().shared
    if wanted.path is not None:
        made = shared.make_path(actor(), share_id, wanted.path, wanted.parent)
    else:
        made = shared.create_folder(actor(), share_id, wanted.name or "", wanted.parent)
    return send(SharedFolderAnswer.model_validate(made), 201)


@files_bp.post("/shares/<share_id>/files/taken")
@Operation(
    "Which names are taken in a shared folder",
    TAG,
    answer=TakenAnswer,
    body={JSON: SharedTakenRequest},
    raises=(NotFound, TooLarge),
    curl=(
        """curl -H "Content-Type: application/json" -d '{"files": [{"name": "report.pdf"}]}' """
        '"$SITE/shares/$SHARE/files/taken"'
    ),
)
@route_act(Acts.SHARE_WRITE, max_body=None)
def taken_in_share(share_id: str) -> Response:
    """As `/files/taken`, where the share gives `write`."""
    wanted = json_body(SharedTakenRequest, request)
    names = [(one.folder_path, one.name) for one in wanted.files]
    return send(taken_answer(services().shared.taken(actor(), share_id, wanted.folder, names)))
