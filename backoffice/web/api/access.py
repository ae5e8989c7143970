"""Who may do what and why, and what hangs on an account, for programs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Final, Literal

from flask import Response, request
from pydantic import Field

from backoffice.domain.acts import Act, Acts
from backoffice.domain.effective import Source, Unit
from backoffice.domain.explanations import Explanation, Reach
from backoffice.errors import NotFound
from backoffice.services.access import Way
from backoffice.services.consequences import Obstacle
from backoffice.web.api.blueprints import admin_bp
from backoffice.web.api.operation import Operation
from backoffice.web.api.parsing import MAX_CURSOR, Id, Strict, query
from backoffice.web.api.responses import Answer, OptionalText, send
from backoffice.web.api.users import TAG, Status
from backoffice.web.context import services
from backoffice.web.identity import actor, may
from backoffice.web.route_access import route_act

ActName = Annotated[str, Field(description="As in the table of acts, such as `file.rename`")]
ALSO: Final = (Acts.ROLE_READ,)
"""Whoever asks who may what sees both users and roles."""


class ConsequencesAnswer(Answer):
    """What hangs on a user's account."""

    files: int
    trashed: int
    waiting: Annotated[int, Field(description="Delivered files that nobody has accepted yet")]
    used_bytes: int
    uploads: int
    reserved_bytes: int
    sessions: Annotated[int, Field(description="That end when the user is disabled, deleted or gets other roles")]
    tokens: Annotated[int, Field(description="Likewise")]
    links: Annotated[int, Field(description="Share links and requests that are open: shut when the user is disabled")]
    shares: Annotated[int, Field(description="Shares with people and roles; likewise")]
    open_link: bool
    last_admin: bool
    obstacles: Annotated[list[Obstacle], Field(description="Why the user cannot be deleted now")]


class ActAnswer(Answer):
    """One act on one kind of object, and why it is allowed or not."""

    act: ActName
    on: Annotated[
        Reach, Field(description="`own`: something of one's own; `others`: of somebody else; `site`: neither")
    ]
    allowed: Annotated[bool, Field(description="As far as rights say; `rank` and `proof` are asked when it is done")]
    because: str
    permission: Annotated[OptionalText, Field(description="What it takes; `null`: to be signed in")]
    roles: Annotated[list[str], Field(description="Those of the user that grant it")]
    rank: Annotated[str, Field(description="What one has to hold compared with the person: `any`, `no_less`, `more`")]
    proof: Annotated[str, Field(description="What has to stand behind the request: `any`, `person`, `fresh`, …")]


class EffectiveAnswer(Answer):
    """A value that holds for the user, and where it comes from."""

    name: str
    value: Annotated[int | None, Field(description="`null`: without limit")]
    unit: Unit
    source: Source
    setting: Annotated[OptionalText, Field(description="By which the site sets it, or the role")]


class UserAccessAnswer(Answer):
    """What a user may do, and why."""

    id: Id
    username: str
    status: Status
    roles: list[str]
    acts: list[ActAnswer]
    effective: list[EffectiveAnswer]


class HolderAnswer(Answer):
    """Somebody, and what they may do to the object; nothing for who cannot sign in."""

    id: Id
    username: str
    status: Status
    acts: list[ActName]


class WayAnswer(Answer):
    """One way to the object."""

    through: Annotated[str | None, Field(description="The role; `null`: its owner")]
    acts: list[ActName]
    holders: Annotated[int, Field(description="How many users have the role")]
    people: Annotated[list[HolderAnswer], Field(description="Some of them")]
    next_cursor: Annotated[OptionalText, Field(description="For more of them, with `role`")]


class WhoAnswer(Answer):
    """Who gets at an object, and through what."""

    ways: list[WayAnswer]


class SharedWithAnswer(Answer):
    """An open share by which a file is reached."""

    id: Annotated[Id, Field(description="Of the share")]
    kind: Annotated[Literal["file", "folder"], Field(description="Whether the file itself is shared, or one above it")]
    name: Annotated[str, Field(description="Of what is shared")]
    to: Literal["user", "role"]
    grantee: Annotated[str, Field(description="Identifier of the user, or name of the role")]
    grantee_name: str
    access: Literal["read", "write"]


class WhoOfFileAnswer(WhoAnswer):
    """Who gets at a file, and through what."""

    shares: Annotated[
        list[SharedWithAnswer] | None, Field(description="With whom it is shared; `null`: that takes `links:read`")
    ]


class AccessQuery(Strict):
    """Of what."""

    token: Annotated[str, Field(max_length=64, description="One of the user's tokens: within its scopes")] = ""


class WhoQuery(Strict):
    """Which part."""

    role: Annotated[str, Field(max_length=64, description="Those who have this role alone")] = ""
    cursor: Annotated[str, Field(max_length=MAX_CURSOR, description="`next_cursor` of that way")] = ""


@admin_bp.get("/users/<user_id>/consequences")
@Operation("What hangs on a user's account", TAG, answer=ConsequencesAnswer, raises=(NotFound,))
@route_act(Acts.USER_READ)
def get_consequences(user_id: str) -> Response:
    """Before disabling, deleting or giving other roles. Sessions and tokens that end do so for good: enabling brings
    none of them back."""
    return send(ConsequencesAnswer.model_validate(services().consequences.of(actor(), user_id)))


@admin_bp.get("/users/<user_id>/access")
@Operation("What a user may do, and why", TAG, answer=UserAccessAnswer, query=AccessQuery, raises=(NotFound,))
@route_act(Acts.USER_ACCESS, also=ALSO)
def get_user_access(user_id: str) -> Response:
    """Every act, with the roles that grant it; and the limits that hold, with their sources. It takes the rights to see
    users and to see roles."""
    found = services().access.why(actor(), user_id, query(AccessQuery, request).token)
    user, roles = found.user, {role.name: role for role in found.roles}
    effective = services().effective.of_record(user, roles)
    answer = UserAccessAnswer(
        id=user.id,
        username=user.username,
        status=user.status.value,
        roles=list(user.roles),
        acts=[_explained(one) for one in found.explanations],
        effective=[EffectiveAnswer.model_validate(one) for one in effective],
    )
    return send(answer)


@admin_bp.get("/users/<user_id>/access/who")
@Operation("Who may act on a user's account", TAG, answer=WhoAnswer, query=WhoQuery, raises=(NotFound,))
@route_act(Acts.USER_ACCESS, also=ALSO)
def get_user_reached(user_id: str) -> Response:
    """On the account, its sessions and tokens; through which role."""
    wanted = query(WhoQuery, request)
    return _send_ways(services().access.who_reaches_user(actor(), user_id, wanted.role, wanted.cursor))


@admin_bp.get("/files/<file_id>/access")
@Operation("Who can reach a file", TAG, answer=WhoOfFileAnswer, query=WhoQuery, raises=(NotFound,))
@route_act(Acts.USER_ACCESS, also=ALSO)
def get_file_access(file_id: str) -> Response:
    """Its owner first, then who has a role that reaches everybody's files; and with whom it is shared, by itself or
    with a folder that it lies in."""
    wanted = query(WhoQuery, request)
    ways = services().access.who_reaches_file(actor(), file_id, wanted.role, wanted.cursor)
    shares = services().shares.reaching(actor(), file_id) if may(Acts.SHARE_READ) else None
    shown = None if shares is None else [SharedWithAnswer.model_validate(one) for one in shares]
    return send(WhoOfFileAnswer(ways=_ways(ways), shares=shown))


def _explained(one: Explanation) -> ActAnswer:
    act = one.act
    return ActAnswer(
        act=act.name,
        on=one.reach,
        allowed=one.allowed,
        because=one.reason,
        permission=one.needed,
        roles=list(one.roles),
        rank=act.rank.name.lower(),
        proof=act.proof.name.lower(),
    )


def _names(acts: Iterable[Act]) -> list[str]:
    return [act.name for act in acts]


def _send_ways(ways: Iterable[Way]) -> Response:
    return send(WhoAnswer(ways=_ways(ways)))


def _ways(ways: Iterable[Way]) -> list[WayAnswer]:
    return [
        WayAnswer(
            through=way.role.name if way.role is not None else None,
            acts=_names(way.acts),
            holders=way.holders,
            people=[
                HolderAnswer(
                    id=one.user.id,
                    username=one.user.username,
                    status=one.user.status.value,
                    acts=_names(one.acts),
                )
                for one in way.people
            ],
            next_cursor=way.next_cursor,
        )
        for way in ways
    ]
