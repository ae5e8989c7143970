"""Everybody's API tokens, for programs."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from flask import Response, request
from pydantic import Field

from backoffice.domain.acts import Acts
from backoffice.domain.limits import MAX_SEARCH
from backoffice.domain.paging import Query
from backoffice.errors import NotFound
from backoffice.web.api.blueprints import admin_bp
from backoffice.web.api.operation import Operation
from backoffice.web.api.parsing import Id, PageQuery, query
from backoffice.web.api.responses import (
    Answer,
    OptionalTexts,
    OptionalTime,
    PageOf,
    Time,
    redirect_browsers,
    send,
    send_page,
)
from backoffice.web.context import services
from backoffice.web.identity import actor
from backoffice.web.route_access import route_act

TAG: Final = "Administration"


class TokenAnswer(Answer):
    """A token, without its secret."""

    id: Id
    user: Id
    username: str
    name: str
    scopes: Annotated[OptionalTexts, Field(description="`null`: all that the user holds")]
    state: Annotated[
        Literal["active", "expired", "ended", "blocked"],
        Field(description="`ended`: by a new password, other roles or disabling; `blocked`: the user cannot sign in"),
    ]
    created_at: Time
    expires_at: OptionalTime
    used_at: OptionalTime


class TokensAnswer(PageOf[TokenAnswer]):
    """A page of tokens, the newest first."""


class RevokedAnswer(Answer):
    """What was revoked."""

    revoked: Annotated[int, Field(description="How many tokens there were")]


class TokensQuery(PageQuery):
    """Which tokens."""

    q: Annotated[str, Field(max_length=MAX_SEARCH, description="Words of the name")] = ""
    user: Annotated[str, Field(max_length=64, description="Identifier of a user")] = ""


@admin_bp.get("/tokens")
@Operation("List everybody's tokens", TAG, answer=TokensAnswer, query=TokensQuery)
@route_act(Acts.TOKEN_READ)
@redirect_browsers
def list_tokens() -> Response:
    """The newest first."""
    wanted = query(TokensQuery, request)
    filters = (("user", wanted.user),) if wanted.user else ()
    asked = Query(
        sort="created", descending=True, filters=filters, search=wanted.q, limit=wanted.limit, cursor=wanted.cursor
    )
    return send_page(TokensAnswer, services().tokens.held(actor(), asked))


@admin_bp.delete("/tokens/<token_id>")
@Operation("Revoke a token", TAG, status=204, raises=(NotFound,))
@route_act(Acts.TOKEN_REVOKE)
def revoke_token(token_id: str) -> Response:
    """What uses it is refused from the next request on. One's own, or that of a user who holds no more than you."""
    services().tokens.revoke(actor(), token_id)
    return Response(status=204)


@admin_bp.delete("/users/<user_id>/tokens")
@Operation("Revoke all tokens of a user", TAG, answer=RevokedAnswer, raises=(NotFound,))
@route_act(Acts.TOKEN_REVOKE)
def revoke_tokens(user_id: str) -> Response:
    """One's own, or those of a user who holds no more than you."""
    return send(RevokedAnswer(revoked=services().tokens.revoke_all(actor(), user_id)))
