"""Users, for programs."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from flask import Response, request
from flask.typing import ResponseReturnValue
from pydantic import Field

from backoffice.domain.acts import Acts
from backoffice.domain.lifecycle import DAY_MS
from backoffice.domain.limits import MAX_INACTIVE_DAYS, MAX_SEARCH, UNLIMITED_QUOTA
from backoffice.domain.paging import Query
from backoffice.errors import Conflict, InUse, LastAdmin, NameTaken, NotFound, ReauthRequired, WeakPassword
from backoffice.web.api.blueprints import admin_bp
from backoffice.web.api.operation import Operation
from backoffice.web.api.parsing import (
    JSON,
    MAX_BYTES,
    BoolFromText,
    Id,
    IntFromText,
    PageQuery,
    Strict,
    changes_of,
    given,
    json_body,
    moment,
    query,
)
from backoffice.web.api.responses import Answer, OptionalTime, PageOf, Time, redirect_browsers, send, send_page
from backoffice.web.api.sessions import SessionAnswer
from backoffice.web.api.versions import demanded_version, demands_version, send_record
from backoffice.web.context import services
from backoffice.web.identity import actor
from backoffice.web.route_access import route_act
from backoffice.web.setup_link import setup_link

TAG: Final = "Administration"

_QUOTA = f"`null`: the default quota; `{UNLIMITED_QUOTA}`: unlimited"
_INACTIVE = "Days without signing in after which nobody gets in; `0`: never, `null`: what the roles or the site say"
_EXPIRES = "Time (RFC 3339) or day from which on nobody gets in; empty: never"
Status = Literal["invited", "active", "disabled"]


class UserAnswer(Answer):
    """A user."""

    id: Id
    username: str
    email: str
    status: Status
    roles: list[str]
    quota_bytes: int | None
    expires_at: Annotated[OptionalTime, Field(description="From then on nobody gets in by this account")]
    inactive_days: Annotated[int | None, Field(description=_INACTIVE)]
    created_at: Time
    updated_at: Time
    last_login_at: OptionalTime
    version: int


class NewUserAnswer(UserAnswer):
    """A new user."""

    setup_url: Annotated[str | None, Field(description="One-time link to set the password; shown only here")]


class UsersAnswer(PageOf[UserAnswer]):
    """A page of users."""


class SessionsAnswer(Answer):
    """All sessions of a user, the one used last first."""

    items: list[SessionAnswer]


class EndedAnswer(Answer):
    """What was ended."""

    ended: Annotated[int, Field(description="How many sessions there were")]


class UsersQuery(PageQuery):
    """Which users."""

    q: Annotated[str, Field(max_length=MAX_SEARCH, description="Words of the name or address")] = ""
    role: Annotated[str, Field(max_length=64)] = ""
    status: Literal["", Status] = ""
    expires_within: (
        Annotated[
            int, Field(ge=1, le=MAX_INACTIVE_DAYS, description="Those whose date is within so many days"), IntFromText
        ]
        | None
    ) = None
    inactive_within: (
        Annotated[
            int,
            Field(ge=1, le=MAX_INACTIVE_DAYS, description="Those whose account ends so soon unless they sign in"),
            IntFromText,
        ]
        | None
    ) = None
    quota: Annotated[
        Literal["", "near"], Field(description="`near`: those with more than 90 % of their quota taken")
    ] = ""
    never_signed_in: Annotated[bool, Field(description="1: those who never did"), BoolFromText] = False


_SPANS: Final = (("expires_within", "expires"), ("inactive_within", "inactive"))
"""What asks for it, and the order by which it is found."""


class UserRequest(Strict):
    """A new user. Without `password` the answer has a one-time link to set one."""

    username: Annotated[str, Field(max_length=256)]
    email: Annotated[str, Field(max_length=1024)] = ""
    password: Annotated[str, Field(max_length=1024, json_schema_extra={"format": "password"})] = ""
    roles: Annotated[
        list[str],
        Field(max_length=100, default_factory=lambda: ["user"], description="Names of roles; `user` when left out"),
    ]
    quota_bytes: Annotated[int, Field(ge=0, le=MAX_BYTES, description=_QUOTA), IntFromText] | None = None
    expires_at: Annotated[str, Field(max_length=40, description=_EXPIRES)] = ""
    inactive_days: Annotated[int, Field(ge=0, le=MAX_INACTIVE_DAYS, description=_INACTIVE), IntFromText] | None = None


class UserFields(Strict):
    """What can be changed of a user."""

    username: Annotated[str, Field(max_length=256)]
    email: Annotated[str, Field(max_length=1024)]
    roles: Annotated[list[str], Field(max_length=100, description="All that the user has then")]
    quota_bytes: Annotated[int | None, Field(ge=0, le=MAX_BYTES, description=_QUOTA)]
    expires_at: Annotated[str, Field(max_length=40, description=_EXPIRES)]
    inactive_days: Annotated[int | None, Field(ge=0, le=MAX_INACTIVE_DAYS, description=_INACTIVE)]


UserChange = changes_of(UserFields)


@admin_bp.get("/users")
@Operation("List users", TAG, answer=UsersAnswer, query=UsersQuery, curl='curl "$SITE/admin/users?q=ann"')
@route_act(Acts.USER_READ)
@redirect_browsers
def list_users() -> Response:
    """By name; with `expires_within` or `inactive_within` by that moment, with `never_signed_in` the oldest first."""
    wanted = query(UsersQuery, request)
    filters = tuple((name, value) for name in ("role", "status", "quota") if (value := getattr(wanted, name)))
    now = services().users.now()
    days = [(order, getattr(wanted, name)) for name, order in _SPANS]
    ranges = [(order, now, now + count * DAY_MS) for order, count in days if count is not None]
    ranges += [("signed_in", 0, 0)] if wanted.never_signed_in else []
    sort = ranges[0][0] if ranges else "username"
    asked = Query(sort, False, filters, tuple(ranges), wanted.q, limit=wanted.limit, cursor=wanted.cursor)
    return send_page(UsersAnswer, services().users.page(actor(), asked))


@admin_bp.post("/users")
@Operation(
    "Create a user",
    TAG,
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
@route_act(Acts.USER_CREATE, Acts.USER_CREATE_WITH_ROLES, max_body=None)
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
        expires_at=moment(wanted.expires_at, "expires_at"),
        inactive_days=wanted.inactive_days,
    )
    link = setup_link(secret) if secret else None
    answer = NewUserAnswer.extending(UserAnswer.model_validate(user), setup_url=link)
    return send(answer, 201, {"Location": f"/admin/users/{user.id}"})


@admin_bp.get("/users/<user_id>")
@Operation("One user", TAG, answer=UserAnswer, raises=(NotFound,), versioned=True)
@route_act(Acts.USER_READ)
def get_user(user_id: str) -> Response:
    """By identifier."""
    return send_record(UserAnswer, services().users.get(actor(), user_id))


@admin_bp.patch("/users/<user_id>")
@Operation(
    "Change a user",
    TAG,
    answer=UserAnswer,
    body={JSON: UserChange},
    raises=(NotFound, NameTaken, LastAdmin, ReauthRequired),
    versioned=True,
    curl=(
        """curl -X PATCH -H "Content-Type: application/json" -d '{"quota_bytes": 1073741824}' """
        '"$SITE/admin/users/$USER"'
    ),
)
@route_act(Acts.USER_UPDATE, also=(Acts.USER_READ,), max_body=None)
def update_user(user_id: str) -> Response:
    """What is left out stays. Other roles end the user's sessions and tokens. A token changes the quota alone: for the
    rest a password has to be given."""
    wanted = given(json_body(UserChange, request))
    if "roles" in wanted:
        wanted["roles"] = tuple(dict.fromkeys(wanted["roles"]))
    if "expires_at" in wanted:
        wanted["expires_at"] = moment(wanted["expires_at"], "expires_at")
    return send_record(UserAnswer, services().users.update(actor(), user_id, version=_demanded(user_id), **wanted))


@admin_bp.delete("/users/<user_id>")
@Operation("Delete a user", TAG, status=204, raises=(NotFound, LastAdmin, InUse, ReauthRequired), versioned=True)
@route_act(Acts.USER_DELETE, also=(Acts.USER_READ,))
def delete_user(user_id: str) -> ResponseReturnValue:
    """For good, and not while there are files or uploads of the user; see what hangs on the account. A token cannot: a
    password has to be given."""
    services().users.delete(actor(), user_id, _demanded(user_id))
    return "", 204


def _demanded(user_id: str) -> int | None:
    """The version that `If-Match` demands, None where it demands none. Raises VersionMismatch, NotFound."""
    return demanded_version(services().users.get(actor(), user_id)) if demands_version() else None


@admin_bp.get("/users/<user_id>/sessions")
@Operation("Sessions of a user", TAG, answer=SessionsAnswer, raises=(NotFound,))
@route_act(Acts.SESSION_READ_ALL)
def list_sessions(user_id: str) -> Response:
    """Where the user is signed in."""
    return send(SessionsAnswer.model_validate({"items": services().sessions.of_user(actor(), user_id)}))


@admin_bp.delete("/users/<user_id>/sessions")
@Operation("End all sessions of a user", TAG, answer=EndedAnswer, raises=(NotFound,))
@route_act(Acts.SESSION_END_ALL)
def end_sessions(user_id: str) -> Response:
    """The user is signed out everywhere at once. Not of a user who holds more than you."""
    return send(EndedAnswer(ended=services().sessions.end_all(actor(), user_id)))
