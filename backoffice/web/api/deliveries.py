"""What guests have delivered by requests for files, for programs."""

from __future__ import annotations

from typing import Annotated, Final

from flask import Response, request
from flask.typing import ResponseReturnValue
from pydantic import Field

from backoffice.domain.acts import Acts
from backoffice.domain.paging import Query
from backoffice.errors import Conflict, NotFound
from backoffice.web.api.blueprints import files_bp
from backoffice.web.api.files import FileAnswer
from backoffice.web.api.operation import BYTES, Operation
from backoffice.web.api.parsing import BoolFromText, Id, PageQuery, query
from backoffice.web.api.responses import Answer, OptionalText, PageOf, Time, owner_context, send, send_page
from backoffice.web.api.versions import demanded_version, send_record
from backoffice.web.context import services
from backoffice.web.download import send_file
from backoffice.web.identity import actor
from backoffice.web.preview import send_preview
from backoffice.web.route_access import route_act

TAG: Final = "File requests"


class DeliveryAnswer(Answer):
    """A file that a guest has delivered."""

    id: Id
    name: Annotated[str, Field(validation_alias="sent_name", description="As the guest called it")]
    sent_by: Annotated[OptionalText, Field(description="What the guest calls themselves; nobody has checked it")]
    size: int
    mime_type: str
    sha256: Annotated[OptionalText, Field(description="Hexadecimal; `null` until it is computed")]
    created_at: Time
    state: Annotated[str, Field(description="`waiting` until it is accepted, then `ready`, or `trashed`")]
    version: int


class DeliveriesAnswer(PageOf[DeliveryAnswer]):
    """A page of them, the newest first."""


class DeliveriesQuery(PageQuery):
    """Which."""

    waiting: Annotated[bool, Field(description="1: only what is not accepted yet"), BoolFromText] = False


class AcceptedAnswer(Answer):
    """What came of accepting all."""

    accepted: int
    waiting: Annotated[int, Field(description="How many still wait: ask again")]


@files_bp.get("/links/<link_id>/deliveries")
@Operation(
    "What came by a request",
    TAG,
    answer=DeliveriesAnswer,
    query=DeliveriesQuery,
    raises=(NotFound,),
    curl='curl "$SITE/links/$LINK/deliveries"',
)
@route_act(Acts.DELIVERY_READ)
def list_deliveries(link_id: str) -> Response:
    """All that is there still, accepted or not, also when the request was revoked. Your own, or with `files.all:read`
    anybody's."""
    wanted = query(DeliveriesQuery, request)
    asked = Query(descending=True, limit=wanted.limit, cursor=wanted.cursor)
    page = services().deliveries.page(actor(), link_id, asked, waiting=wanted.waiting)
    return send_page(DeliveriesAnswer, page)


@files_bp.post("/links/<link_id>/deliveries/accept")
@Operation(
    "Accept all that waits",
    TAG,
    answer=AcceptedAnswer,
    raises=(NotFound, Conflict),
    curl='curl -X POST "$SITE/links/$LINK/deliveries/accept"',
)
@route_act(Acts.FILE_ACCEPT)
def accept_deliveries(link_id: str) -> Response:
    """The oldest hundred. They are files like any others then, in the folder of the request."""
    accepted, waiting = services().deliveries.accept_all(actor(), link_id)
    return send(AcceptedAnswer(accepted=accepted, waiting=waiting))


@files_bp.get("/deliveries/<file_id>")
@Operation("Read a delivery", TAG, answer=BYTES, raises=(NotFound, Conflict), curl='curl "$SITE/deliveries/$ID"')
@route_act(Acts.DELIVERY_READ)
def get_delivery(file_id: str) -> Response:
    """One that waits; always as an attachment. In the log this is a download. One that is accepted is a file."""
    return send_file(services().deliveries.open(actor(), file_id), request)


@files_bp.get("/deliveries/<file_id>/preview")
@Operation(
    "Look at a delivery",
    TAG,
    answer=BYTES,
    raises=(NotFound, Conflict),
    curl='curl "$SITE/deliveries/$ID/preview"',
)
@route_act(Acts.DELIVERY_READ)
def preview_delivery(file_id: str) -> Response:
    """As a file is looked at: nothing in it runs."""
    return send_preview(services().deliveries.open(actor(), file_id), request)


@files_bp.post("/deliveries/<file_id>/accept")
@Operation(
    "Accept a delivery",
    TAG,
    answer=FileAnswer,
    raises=(NotFound, Conflict),
    versioned=True,
    curl='curl -X POST "$SITE/deliveries/$ID/accept"',
)
@route_act(Acts.FILE_ACCEPT)
def accept_delivery(file_id: str) -> Response:
    """It is a file like any other from now on, in the folder of its request, under a name that is free there."""
    deliveries = services().deliveries
    version = demanded_version(deliveries.get(actor(), file_id))
    file = deliveries.accept(actor(), file_id, version)
    return send_record(FileAnswer, file, context=owner_context([file.owner], actor()))


@files_bp.delete("/deliveries/<file_id>")
@Operation(
    "Refuse a delivery",
    TAG,
    status=204,
    raises=(NotFound, Conflict),
    versioned=True,
    curl='curl -X DELETE "$SITE/deliveries/$ID"',
)
@route_act(Acts.FILE_REFUSE)
def refuse_delivery(file_id: str) -> ResponseReturnValue:
    """Gone for good, and no more counted in its request. Your own, or with `files.all:delete` anybody's."""
    deliveries = services().deliveries
    deliveries.refuse(actor(), file_id, demanded_version(deliveries.get(actor(), file_id)))
    return "", 204
