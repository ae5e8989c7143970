"""Whom sign-ins are slowed for, for programs."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from flask import Response, request
from pydantic import Field

from backoffice.domain.acts import Acts
from backoffice.domain.paging import Query
from backoffice.errors import NotFound
from backoffice.web.api.blueprints import admin_bp
from backoffice.web.api.operation import Operation
from backoffice.web.api.parsing import Limit, Strict, query
from backoffice.web.api.responses import Answer, OptionalText, PageOf, Time, redirect_browsers, send_page
from backoffice.web.context import services
from backoffice.web.identity import actor
from backoffice.web.route_access import route_act

TAG: Final = "Administration"


class BlockedAnswer(Answer):
    """An address or a name with more failed sign-ins than are free."""

    id: Annotated[str, Field(description="For `DELETE`")]
    kind: Literal["address", "name"]
    who: Annotated[str, Field(description="The address (of IPv6 the network of 64 bits); of a name its hash")]
    username: Annotated[OptionalText, Field(description="Who has the name, where somebody does")]
    failures: int
    until: Annotated[Time, Field(description="Waits until then; past: waits after the next failure")]
    forgotten_at: Time


class BlockedPage(PageOf[BlockedAnswer]):
    """Who waits, the longest first."""


class BlockedQuery(Strict):
    """How many of them; there are at most 400."""

    limit: Limit = 500


@admin_bp.get("/blocked")
@Operation("Who has to wait before signing in", TAG, answer=BlockedPage, query=BlockedQuery)
@route_act(Acts.BLOCK_READ)
@redirect_browsers
def list_blocked() -> Response:
    """Those that wait now first."""
    return send_page(BlockedPage, services().blocks.page(actor(), Query(limit=query(BlockedQuery, request).limit)))


@admin_bp.delete("/blocked/<block_id>")
@Operation("Let somebody try again", TAG, status=204, raises=(NotFound,))
@route_act(Acts.BLOCK_LIFT)
def lift_block(block_id: str) -> Response:
    """The failures are forgotten, by every process at once."""
    services().blocks.lift(actor(), block_id)
    return Response(status=204)
