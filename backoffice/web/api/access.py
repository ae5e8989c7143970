"""Who may do what and why, and what comes of a change, for programs."""

from __future__ import annotations

from typing import Annotated

from flask import Response
from pydantic import Field

from backoffice.domain.acts import Acts
from backoffice.errors import NotFound
from backoffice.services.consequences import Obstacle
from backoffice.web.api.blueprints import admin_bp
from backoffice.web.api.operation import Operation
from backoffice.web.api.responses import Answer, send
from backoffice.web.api.users import TAG
from backoffice.web.context import services
from backoffice.web.identity import actor
from backoffice.web.route_access import route_act


class ConsequencesAnswer(Answer):
    """What hangs on a user's account."""

    files: int
    trashed: int
    used_bytes: int
    uploads: int
    reserved_bytes: int
    sessions: Annotated[int, Field(description="That end when the user is disabled, deleted or gets other roles")]
    tokens: Annotated[int, Field(description="Likewise")]
    open_link: bool
    last_admin: bool
    obstacles: Annotated[list[Obstacle], Field(description="Why the user cannot be deleted now")]


@admin_bp.get("/users/<user_id>/consequences")
@Operation("What hangs on a user's account", TAG, answer=ConsequencesAnswer, raises=(NotFound,))
@route_act(Acts.USER_READ)
def get_consequences(user_id: str) -> Response:
    """Before disabling, deleting or giving other roles. Sessions and tokens that end do so for good: enabling brings
    none of them back."""
    return send(ConsequencesAnswer.model_validate(services().consequences.of(actor(), user_id)))
