"""Roles, for programs."""

from __future__ import annotations

from typing import Annotated

from flask import Response, request
from pydantic import Field

from backoffice.domain.access import parse_permissions
from backoffice.domain.acts import Acts
from backoffice.errors import Conflict, NameTaken
from backoffice.web.api.blueprints import admin_bp
from backoffice.web.api.operation import Operation
from backoffice.web.api.parsing import JSON, Strict, field_error, json_body
from backoffice.web.api.responses import Answer, OptionalTime, SortedTexts, redirect_browsers, send
from backoffice.web.api.users import TAG
from backoffice.web.context import services
from backoffice.web.identity import actor
from backoffice.web.route_access import route_act


class RoleAnswer(Answer):
    """A role."""

    name: str
    description: str
    permissions: SortedTexts
    built_in: bool
    created_at: OptionalTime
    updated_at: OptionalTime
    version: int


class RolesAnswer(Answer):
    """All roles."""

    items: list[RoleAnswer]


class RoleRequest(Strict):
    """A new role."""

    name: Annotated[str, Field(max_length=256)]
    description: Annotated[str, Field(max_length=1000)] = ""
    permissions: Annotated[list[str], Field(max_length=200, description="Such as `files:read`")]


@admin_bp.get("/roles")
@Operation("List roles", TAG, answer=RolesAnswer)
@route_act(Acts.ROLE_READ)
@redirect_browsers
def list_roles() -> Response:
    """All of them, with the permissions of each."""
    return send(RolesAnswer.model_validate({"items": services().roles.all(actor())}))


@admin_bp.post("/roles")
@Operation(
    "Create a role",
    TAG,
    status=201,
    answer=RoleAnswer,
    body={JSON: RoleRequest},
    raises=(NameTaken, Conflict),
    curl=(
        'curl -H "Content-Type: application/json"'
        """ -d '{"name": "archivist", "permissions": ["files:read", "files.all:read"]}' "$SITE/admin/roles\""""
    ),
)
@route_act(Acts.ROLE_CREATE, max_body=None)
def create_role() -> Response:
    """You can put only permissions into it that you hold yourself."""
    wanted = json_body(RoleRequest, request)
    try:
        permissions = parse_permissions(wanted.permissions)
    except ValueError as error:
        raise field_error("permissions", str(error)) from None
    role = services().roles.create(actor(), name=wanted.name, description=wanted.description, permissions=permissions)
    return send(RoleAnswer.model_validate(role), 201)
