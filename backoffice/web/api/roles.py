"""Roles, for programs."""

from __future__ import annotations

from typing import Annotated, Final

from flask import Response, request
from flask.typing import ResponseReturnValue
from pydantic import Field

from backoffice.domain.access import parse_permissions
from backoffice.domain.acts import Acts
from backoffice.domain.limits import MAX_INACTIVE_DAYS, MAX_SHARE_DAYS
from backoffice.domain.permissions import Permission
from backoffice.errors import Conflict, InUse, NameTaken, NotFound, ReauthRequired
from backoffice.web.api.blueprints import admin_bp
from backoffice.web.api.operation import Operation
from backoffice.web.api.parsing import JSON, IntFromText, Strict, changes_of, field_error, given, json_body
from backoffice.web.api.responses import Answer, OptionalText, OptionalTime, SortedTexts, redirect_browsers, send
from backoffice.web.api.users import TAG
from backoffice.web.api.versions import demanded_version, demands_version, send_record
from backoffice.web.context import services
from backoffice.web.identity import actor
from backoffice.web.route_access import route_act

_INACTIVE: Final = (
    "Days without signing in after which the accounts of those who have it end, unless they have days of their own; "
    "`0`: as the site says"
)

_SHARE_DAYS: Final = (
    "Days that share links of those who have it live at most, counted from when a link was made or opened again; of "
    "several roles and the site the least counts; `0`: it says nothing"
)
_SHARE_GUARDED: Final = "`1`: share links of those who have it need a password; `0`: it says nothing"


class RoleAnswer(Answer):
    """A role."""

    name: str
    description: str
    permissions: SortedTexts
    built_in: bool
    inactive_days: Annotated[int, Field(description=_INACTIVE)]
    share_days: Annotated[int, Field(description=_SHARE_DAYS)]
    share_password: Annotated[int, Field(description=_SHARE_GUARDED)]
    copied_from: Annotated[OptionalText, Field(description="The role that it was made like")]
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
    inactive_days: Annotated[int, Field(ge=0, le=MAX_INACTIVE_DAYS, description=_INACTIVE), IntFromText] = 0
    share_days: Annotated[int, Field(ge=0, le=MAX_SHARE_DAYS, description=_SHARE_DAYS), IntFromText] = 0
    share_password: Annotated[int, Field(ge=0, le=1, description=_SHARE_GUARDED), IntFromText] = 0
    copied_from: Annotated[str, Field(max_length=256, description="The role that it is made like")] = ""


class RoleFields(Strict):
    """What can be changed of a role."""

    description: Annotated[str, Field(max_length=1000)]
    permissions: Annotated[list[str], Field(max_length=200, description="All that it grants then")]
    inactive_days: Annotated[int, Field(ge=0, le=MAX_INACTIVE_DAYS, description=_INACTIVE)]
    share_days: Annotated[int, Field(ge=0, le=MAX_SHARE_DAYS, description=_SHARE_DAYS)]
    share_password: Annotated[int, Field(ge=0, le=1, description=_SHARE_GUARDED)]


RoleChange = changes_of(RoleFields)


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
    permissions = _permissions(wanted.permissions)
    role = services().roles.create(
        actor(),
        name=wanted.name,
        description=wanted.description,
        permissions=permissions,
        inactive_days=wanted.inactive_days,
        share_days=wanted.share_days,
        share_password=wanted.share_password,
        copied_from=wanted.copied_from,
    )
    return send(RoleAnswer.model_validate(role), 201)


@admin_bp.get("/roles/<name>")
@Operation("One role", TAG, answer=RoleAnswer, raises=(NotFound,), versioned=True)
@route_act(Acts.ROLE_READ)
def get_role(name: str) -> Response:
    """By name."""
    return send_record(RoleAnswer, services().roles.get(actor(), name))


@admin_bp.patch("/roles/<name>")
@Operation(
    "Change a role",
    TAG,
    answer=RoleAnswer,
    body={JSON: RoleChange},
    raises=(NotFound, Conflict, ReauthRequired),
    versioned=True,
    curl=(
        """curl -X PATCH -H "Content-Type: application/json" -d '{"description": "Who keeps old files"}' """
        '"$SITE/admin/roles/$ROLE"'
    ),
)
@route_act(Acts.ROLE_UPDATE, also=(Acts.ROLE_READ,), max_body=None)
def update_role(name: str) -> Response:
    """What is left out stays. It holds from the next request of everybody who has the role; a built-in one stays as it
    is. You need every permission that it grants before and after."""
    wanted = given(json_body(RoleChange, request))
    if "permissions" in wanted:
        wanted["permissions"] = _permissions(wanted["permissions"])
    return send_record(RoleAnswer, services().roles.update(actor(), name, version=_demanded(name), **wanted))


@admin_bp.delete("/roles/<name>")
@Operation("Delete a role", TAG, status=204, raises=(NotFound, Conflict, InUse, ReauthRequired), versioned=True)
@route_act(Acts.ROLE_DELETE, also=(Acts.ROLE_READ,))
def delete_role(name: str) -> ResponseReturnValue:
    """Not while somebody has it."""
    services().roles.delete(actor(), name, _demanded(name))
    return "", 204


def _permissions(names: list[str]) -> frozenset[Permission]:
    try:
        return parse_permissions(names)
    except ValueError as error:
        raise field_error("permissions", str(error)) from None


def _demanded(name: str) -> int | None:
    """The version that `If-Match` demands, None where it demands none. Raises VersionMismatch, NotFound."""
    return demanded_version(services().roles.get(actor(), name)) if demands_version() else None
