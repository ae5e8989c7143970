"""Everybody's sessions, for programs."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from flask import Response, request
from pydantic import Field

from backoffice.domain.acts import Acts
from backoffice.domain.paging import Query
from backoffice.errors import NotFound
from backoffice.web.api.blueprints import admin_bp
from backoffice.web.api.operation import Operation
from backoffice.web.api.parsing import Id, PageQuery, query
from backoffice.web.api.responses import Answer, PageOf, Time, redirect_browsers, send_page
from backoffice.web.context import services
from backoffice.web.identity import actor
from backoffice.web.route_access import route_act

TAG: Final = "Administration"


class SessionAnswer(Answer):
    """Where a user is signed in."""

    ip: str
    agent: str
    created_at: Time
    seen_at: Time
    auth_at: Annotated[Time, Field(description="When the password was given last")]
    expires_at: Time


class HeldSessionAnswer(SessionAnswer):
    """The same, with whose it is."""

    id: Id
    user: Id
    username: str
    state: Annotated[
        Literal["active", "ended"],
        Field(description="`ended`: it lets nobody in any more"),
    ]


class HeldSessionsAnswer(PageOf[HeldSessionAnswer]):
    """A page of sessions, the one used last first."""


class SessionsQuery(PageQuery):
    """Which sessions."""

    user: Annotated[str, Field(max_length=64, description="Identifier of a user")] = ""
    ip: Annotated[str, Field(max_length=64, description="Address")] = ""


@admin_bp.get("/sessions")
@Operation("List everybody's sessions", TAG, answer=HeldSessionsAnswer, query=SessionsQuery)
@route_act(Acts.SESSION_READ_ALL)
@redirect_browsers
def list_everybodys_sessions() -> Response:
    """The one used last first."""
    wanted = query(SessionsQuery, request)
    filters = tuple((name, value) for name, value in (("user", wanted.user), ("ip", wanted.ip)) if value)
    asked = Query(sort="expires", descending=True, filters=filters, limit=wanted.limit, cursor=wanted.cursor)
    return send_page(HeldSessionsAnswer, services().sessions.page(actor(), asked))


@admin_bp.delete("/sessions/<session_id>")
@Operation("End a session", TAG, status=204, raises=(NotFound,))
@route_act(Acts.SESSION_END_ALL)
def end_session(session_id: str) -> Response:
    """Whoever is signed in by it is nobody with the next request. Not that of a user who holds more than you."""
    services().sessions.end(actor(), session_id)
    return Response(status=204)
