"""What would come of a change of a role, for programs."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Literal

from flask import Response, request
from pydantic import Field

from backoffice.domain.acts import Acts
from backoffice.domain.explanations import Reach
from backoffice.domain.limits import MAX_SHARE_DAYS
from backoffice.domain.nouns import all_permissions
from backoffice.domain.roles import Role
from backoffice.errors import NotFound
from backoffice.services.access_effects import WhatIf
from backoffice.services.link_effects import HIT_KINDS, HitKind, LinksIf
from backoffice.services.share_effects import SHARE_HIT_KINDS, ShareHitKind, SharesIf
from backoffice.web.api.access import ActName
from backoffice.web.api.blueprints import admin_bp
from backoffice.web.api.operation import Operation
from backoffice.web.api.parsing import JSON, Id, Strict, json_body
from backoffice.web.api.responses import Answer, Time, send
from backoffice.web.api.users import TAG
from backoffice.web.context import services
from backoffice.web.identity import actor, may
from backoffice.web.route_access import route_act


class DoneAnswer(Answer):
    """An act on one kind of object."""

    act: ActName
    on: Reach


class EffectAnswer(Answer):
    """What a change makes of some people."""

    gained: list[DoneAnswer]
    lost: list[DoneAnswer]
    users: Annotated[list[str], Field(description="User names")]


class LinkHitAnswer(Answer):
    """A share link that is hit."""

    id: Id
    name: Annotated[str, Field(description="What it led to was called so when it was made")]
    username: Annotated[str, Field(description="The owner's")]
    kind: HitKind
    ends_at: Annotated[Time, Field(description="After the change")]


class LinkCounts(Answer):
    """How many links of each kind."""

    closed: Annotated[int, Field(description="Shut for good: who made it may not share any more")]
    ended: Annotated[int, Field(description="Over at once")]
    password: Annotated[int, Field(description="Open nothing until they get a password")]
    shorter: Annotated[int, Field(description="Over earlier")]
    opened: Annotated[int, Field(description="Open again")]


class LinksIfAnswer(Answer):
    """What becomes of share links."""

    looked_at: int
    exact: Annotated[bool, Field(description="`false`: of many people or links the first were looked at")]
    counts: LinkCounts
    sample: Annotated[list[LinkHitAnswer], Field(description="Some of those that are hit, the worst first")]


class ShareHitAnswer(Answer):
    """A share with a person or a role that is hit."""

    id: Id
    name: Annotated[str, Field(description="Of what is shared")]
    username: Annotated[str, Field(description="The owner's")]
    to: Annotated[Literal["user", "role"], Field(description="With whom")]
    grantee_name: str
    kind: ShareHitKind


class ShareCounts(Answer):
    """How many shares of each kind."""

    closed: Annotated[int, Field(description="Shut for good: who made it may not share any more")]
    read_only: Annotated[int, Field(description="Nobody puts anything there any more: its owner may not")]


class SharesIfAnswer(Answer):
    """What becomes of shares with people and roles."""

    looked_at: int
    exact: Annotated[bool, Field(description="`false`: of many people or shares the first were looked at")]
    counts: ShareCounts
    sample: Annotated[list[ShareHitAnswer], Field(description="Some of those that are hit, the worst first")]


class RolePreviewAnswer(Answer):
    """What would come of a change. Nothing was changed."""

    holders: Annotated[int, Field(description="How many users it is about; 0 where the rights stay as they are")]
    exact: Annotated[bool, Field(description="`false`: `effects` speak of the first of them")]
    unchanged: Annotated[int, Field(description="Who neither gain nor lose anything")]
    effects: list[EffectAnswer]
    links: Annotated[LinksIfAnswer | None, Field(description="`null`: it takes `links:read`")] = None
    shares: Annotated[SharesIfAnswer | None, Field(description="`null`: it takes `links:read`")] = None


class PreviewRequest(Strict):
    """What the role would grant and demand of share links; all of it left out: nothing, as when it is deleted."""

    permissions: Annotated[list[str], Field(max_length=200, description="With a rule for links: left out, as now")] | (
        None
    ) = None
    share_days: Annotated[int, Field(ge=0, le=MAX_SHARE_DAYS, description="Left out: as now")] | None = None
    share_password: Annotated[int, Field(ge=0, le=1, description="Left out: as now")] | None = None

    def put_into(self, role: Role) -> Role | None:
        """The role as it would be. What is no permission is left to who refuses it."""
        if self.permissions is None and self.share_days is None and self.share_password is None:
            return None
        names = frozenset(self.permissions) if self.permissions is not None else role.permissions
        granted = frozenset(one for one in all_permissions() if one in names)
        days = role.share_days if self.share_days is None else self.share_days
        password = role.share_password if self.share_password is None else self.share_password
        return replace(role, permissions=granted, share_days=days, share_password=password)


@admin_bp.post("/roles/<name>/preview")
@Operation(
    "What a change of a role would do",
    TAG,
    answer=RolePreviewAnswer,
    body={JSON: PreviewRequest},
    raises=(NotFound,),
    curl=(
        """curl -H "Content-Type: application/json" -d '{}' """
        '"$SITE/admin/roles/$ROLE/preview"'
    ),
)
@route_act(Acts.ROLE_UPDATE, also=(Acts.USER_ACCESS, Acts.ROLE_READ), max_body=None)
def preview_role(name: str) -> Response:
    """Who would gain and lose what, and which share links and shares would be hit. Nothing is changed."""
    wanted = json_body(PreviewRequest, request)
    role = services().roles.get(actor(), name)
    then = wanted.put_into(role)
    asked = then.permissions if then is not None and wanted.permissions is None else wanted.permissions
    found = services().access.if_role(actor(), name, asked)
    links = services().link_effects.if_roles(actor(), {name: then}) if may(Acts.LINK_READ) else None
    shares = services().share_effects.if_roles(actor(), {name: then}) if may(Acts.SHARE_READ) else None
    return _send_preview(found, links, shares)


def _links(found: LinksIf) -> LinksIfAnswer:
    return LinksIfAnswer(
        looked_at=found.looked_at,
        exact=found.exact,
        counts=LinkCounts(**{kind: found.counts.get(kind, 0) for kind in HIT_KINDS}),
        sample=[LinkHitAnswer.model_validate(one) for one in found.sample],
    )


def _shares(found: SharesIf) -> SharesIfAnswer:
    return SharesIfAnswer(
        looked_at=found.looked_at,
        exact=found.exact,
        counts=ShareCounts(**{kind: found.counts.get(kind, 0) for kind in SHARE_HIT_KINDS}),
        sample=[ShareHitAnswer.model_validate(one) for one in found.sample],
    )


def _send_preview(found: WhatIf, links: LinksIf | None, shares: SharesIf | None) -> Response:
    effects = [
        EffectAnswer(
            gained=[DoneAnswer(act=act.name, on=reach) for act, reach in one.gained],
            lost=[DoneAnswer(act=act.name, on=reach) for act, reach in one.lost],
            users=[user.username for user in one.people],
        )
        for one in found.effects
    ]
    answer = RolePreviewAnswer(
        holders=found.holders,
        exact=found.exact,
        unchanged=found.unchanged,
        effects=effects,
        links=_links(links) if links is not None else None,
        shares=_shares(shares) if shares is not None else None,
    )
    return send(answer)
