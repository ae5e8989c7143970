"""Users, roles and everybody's files, for programs."""

from __future__ import annotations

from typing import Final

from flask import Blueprint, Response, redirect, request, url_for
from flask.typing import ResponseReturnValue

from backoffice.domain.access import parse_permissions
from backoffice.domain.paging import Query
from backoffice.domain.permissions import Permissions
from backoffice.errors import Conflict, NameTaken, NotFound, VersionMismatch, WeakPassword
from backoffice.web.api.answer_schemas import NewUserAnswer, RoleAnswer, RolesAnswer, UserAnswer, UsersAnswer
from backoffice.web.api.answers import role_answer, send, send_page, user_answer
from backoffice.web.api.files import delete_file
from backoffice.web.api.operation import IF_MATCH, Operation, operation
from backoffice.web.api.parsing import JSON, field_error, json_body, query
from backoffice.web.api.schemas import PurgeQuery, RoleRequest, UserRequest, UsersQuery
from backoffice.web.context import services, settings
from backoffice.web.identity import actor
from backoffice.web.routes import route_permission

TAG: Final = "Administration"

bp = Blueprint("admin", __name__, url_prefix="/admin")


@bp.get("/users")
@operation(
    Operation(
        summary="List users",
        tag=TAG,
        answer=UsersAnswer,
        query=UsersQuery,
        sends={"Link": "`rel=next`: the page after this one"},
        curl='curl "$SITE/admin/users?q=ann"',
    )
)
@route_permission(Permissions.USERS_READ)
def list_users() -> ResponseReturnValue:
    """By name."""
    if _in_browser():
        return _to_page()
    wanted = query(UsersQuery, request)
    filters = tuple((name, value) for name, value in (("role", wanted.role), ("status", wanted.status)) if value)
    found = services().users.page(
        actor(), Query(sort="username", filters=filters, search=wanted.q, limit=wanted.limit, cursor=wanted.cursor)
    )
    answer = UsersAnswer(
        items=[user_answer(user) for user in found.items],
        next_cursor=found.next_cursor or None,
        total=found.total,
        total_exact=found.exact,
    )
    return send_page(answer, found.next_cursor)


@bp.post("/users")
@operation(
    Operation(
        summary="Create a user",
        tag=TAG,
        status=201,
        answer=NewUserAnswer,
        body={JSON: UserRequest},
        sends={"Location": "Where the user is"},
        raises=(WeakPassword, NameTaken, Conflict, NotFound),
        curl=(
            """curl -H "Content-Type: application/json" -d '{"username": "ann", "roles": ["user"]}' """
            '"$SITE/admin/users"'
        ),
    )
)
@route_permission(Permissions.USERS_WRITE, max_body=None)
def create_user() -> Response:
    """Without `password` the answer has a one-time link under which the person sets one. You can give only roles whose
    every permission you hold yourself."""
    wanted = json_body(UserRequest, request)
    user, secret = services().users.create(
        actor(),
        username=wanted.username,
        email=wanted.email,
        password=wanted.password,
        roles=tuple(dict.fromkeys(wanted.roles)),
        quota_bytes=wanted.quota_bytes,
    )
    response = send(NewUserAnswer(**dict(user_answer(user)), setup_url=_setup_url(secret) if secret else None), 201)
    response.headers["Location"] = f"/admin/users/{user.id}"
    return response


@bp.get("/users/<user_id>")
@operation(
    Operation(
        summary="One user",
        tag=TAG,
        answer=UserAnswer,
        raises=(NotFound,),
        curl='curl "$SITE/admin/users/$USER_ID"',
    )
)
@route_permission(Permissions.USERS_READ)
def get_user(user_id: str) -> Response:
    """By identifier."""
    return send(user_answer(services().users.get(actor(), user_id)))


@bp.get("/roles")
@operation(Operation(summary="List roles", tag=TAG, answer=RolesAnswer, curl='curl "$SITE/admin/roles"'))
@route_permission(Permissions.ROLES_READ)
def list_roles() -> ResponseReturnValue:
    """All of them, with the permissions of each."""
    if _in_browser():
        return _to_page()
    return send(RolesAnswer(items=[role_answer(role) for role in services().roles.all(actor())]))


@bp.post("/roles")
@operation(
    Operation(
        summary="Create a role",
        tag=TAG,
        status=201,
        answer=RoleAnswer,
        body={JSON: RoleRequest},
        raises=(NameTaken, Conflict),
        curl=(
            'curl -H "Content-Type: application/json"'
            """ -d '{"name": "archivist", "permissions": ["files:read", "files.all:read"]}' "$SITE/admin/roles\""""
        ),
    )
)
@route_permission(Permissions.ROLES_WRITE, max_body=None)
def create_role() -> Response:
    """You can put only permissions into it that you hold yourself."""
    wanted = json_body(RoleRequest, request)
    try:
        permissions = parse_permissions(wanted.permissions)
    except ValueError as error:
        raise field_error("permissions", str(error)) from None
    role = services().roles.create(actor(), name=wanted.name, description=wanted.description, permissions=permissions)
    return send(role_answer(role), 201)


@bp.delete("/files/<file_id>")
@operation(
    Operation(
        summary="Delete anybody's file",
        tag=TAG,
        status=204,
        query=PurgeQuery,
        headers=IF_MATCH,
        raises=(NotFound, VersionMismatch),
        curl='curl -X DELETE "$SITE/admin/files/$ID?purge=1"',
    )
)
@route_permission(Permissions.FILES_ALL_DELETE)
def delete_any_file(file_id: str) -> ResponseReturnValue:
    """Into the trash; with `purge=1` for good, from the trash or not."""
    delete_file(file_id)
    return "", 204


def _setup_url(secret: str) -> str:
    """The one-time link. Where no public address is set, the host asked for is one that the site answers to
    (CVE-2026-26747)."""
    base = settings().public_url or request.host_url
    return base.rstrip("/") + url_for("pages.setup", secret=secret)


def _in_browser() -> bool:
    """Whether somebody typed the address of the admin page without its last slash."""
    return request.headers.get("Sec-Fetch-Dest") == "document" or request.accept_mimetypes.best == "text/html"


def _to_page() -> ResponseReturnValue:
    response = redirect(f"{request.path}/", 303)
    response.vary.update(("Accept", "Sec-Fetch-Dest"))
    return response
