"""Names that are taken: asked for many files at once, before any of them is sent."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from flask import Response, request
from pydantic import Field

from backoffice.domain.acts import Acts
from backoffice.domain.limits import MAX_FOLDER_DEPTH, MAX_LIMIT
from backoffice.errors import TooLarge
from backoffice.services.folder_tree import HeldBy
from backoffice.web.api.blueprints import files_bp
from backoffice.web.api.files import FileName
from backoffice.web.api.folders import TAG
from backoffice.web.api.operation import Operation
from backoffice.web.api.parsing import JSON, Strict, json_body
from backoffice.web.api.responses import Answer, send
from backoffice.web.context import services
from backoffice.web.identity import actor
from backoffice.web.route_access import route_act


class WantedName(Strict):
    """A name, and where."""

    name: FileName
    folder_path: Annotated[
        list[Annotated[str, Field(max_length=1024)]],
        Field(max_length=MAX_FOLDER_DEPTH, default_factory=list, description="As for an upload"),
    ]


class TakenRequest(Strict):
    """Names that are wanted."""

    folder: Annotated[str, Field(max_length=64, description="Identifier of the folder; empty: the top")] = ""
    files: Annotated[list[WantedName], Field(max_length=MAX_LIMIT)]


class TakenAnswer(Answer):
    """Which of them are taken."""

    taken: Annotated[list[int], Field(description="Their places in `files`, from 0 on")]
    folders: Annotated[list[int], Field(description="Those of them whose name a folder has, which is never replaced")]


@files_bp.post("/files/taken")
@Operation(
    "Which names are taken",
    TAG,
    answer=TakenAnswer,
    body={JSON: TakenRequest},
    raises=(TooLarge,),
    curl=(
        """curl -H "Content-Type: application/json" -d '{"files": [{"name": "report.pdf"}]}' """
        '"$SITE/files/taken"'
    ),
)
@route_act(Acts.FILE_CREATE, max_body=None)
def taken() -> Response:
    """Of your own files and folders, by the rules by which a name is one only. Nothing is held, so an upload can still
    meet one: `on_conflict` says what it does then."""
    wanted = json_body(TakenRequest, request)
    names = [(one.folder_path, one.name) for one in wanted.files]
    return send(taken_answer(services().folders.taken(actor(), wanted.folder, names)))


def taken_answer(found: Sequence[HeldBy]) -> TakenAnswer:
    """Of what has each of the names that were asked for."""
    taken_ones = [at for at, one in enumerate(found) if one]
    return TakenAnswer(taken=taken_ones, folders=[at for at in taken_ones if found[at] == "folder"])
