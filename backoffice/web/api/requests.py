"""Requests for files (upload-only links), for programs; what came by them is in `deliveries.py`."""

from __future__ import annotations

from typing import Annotated, Any, Final

from flask import Response, request
from pydantic import Field

from backoffice.domain.acts import Acts
from backoffice.domain.deliveries import RequestTerms
from backoffice.domain.limits import (
    DEFAULT_REQUEST_BYTES,
    DEFAULT_REQUEST_FILES,
    MAX_PASSWORD,
    MAX_REQUEST_FILES,
    MAX_REQUEST_MESSAGE,
    MAX_REQUEST_NAME,
    MAX_REQUEST_TYPES,
)
from backoffice.errors import Conflict, Invalid, NotFound
from backoffice.services.link_requests import TERMS
from backoffice.web.api.blueprints import files_bp
from backoffice.web.api.links import MOST_DAYS, LinkAnswer
from backoffice.web.api.operation import Operation
from backoffice.web.api.parsing import (
    JSON,
    MAX_BYTES,
    Strict,
    changes_of,
    given,
    json_body,
)
from backoffice.web.api.responses import send
from backoffice.web.api.versions import demanded_version, record_etag
from backoffice.web.context import services
from backoffice.web.identity import actor
from backoffice.web.route_access import route_act
from backoffice.web.share_link import share_link

TAG: Final = "File requests"
CURL: Final = """curl -H "Content-Type: application/json" -d '{"name": "Reports", "max_files": 20}' "$SITE/requests\""""


class RequestAnswer(LinkAnswer):
    """A request for files: a link of the kind `request`."""

    message: str
    max_files: int
    max_bytes: Annotated[int, Field(description="Of all files together; 0: any number")]
    max_file_size: Annotated[int, Field(description="Of one file; 0: as large as the site takes")]
    types: Annotated[list[str], Field(description="Endings (`.pdf`) and types (`image/*`); none: any")]
    review: Annotated[bool, Field(description="What comes waits until you accept it")]
    delivered: Annotated[int, Field(description="Files that came and were not refused or taken back")]
    delivered_bytes: int


class NewRequestAnswer(RequestAnswer):
    """A new request."""

    url: Annotated[str, Field(description="What to send to somebody; shown only here")]


class RequestFields(Strict):
    """What can be said of one."""

    name: Annotated[str, Field(max_length=4 * MAX_REQUEST_NAME, description="The title that guests read")]
    message: Annotated[str, Field(max_length=2 * MAX_REQUEST_MESSAGE)]
    days: Annotated[int, Field(ge=1, description=f"How long it is open from now on; {MOST_DAYS}")]
    password: Annotated[str, Field(max_length=4 * MAX_PASSWORD, description="Empty: none")]
    max_files: Annotated[int, Field(ge=1, le=MAX_REQUEST_FILES, description="In all")]
    max_bytes: Annotated[int, Field(ge=0, le=MAX_BYTES, description="Of all files together; 0: any number")]
    max_file_size: Annotated[int, Field(ge=0, le=MAX_BYTES, description="Of one file; 0: as large as the site takes")]
    types: Annotated[
        list[Annotated[str, Field(max_length=130)]],
        Field(max_length=MAX_REQUEST_TYPES, description="Endings (`.pdf`) and types (`image/*`); none: any"),
    ]
    review: Annotated[bool, Field(description="What comes waits until you accept it")]


class NewRequest(Strict):
    """A new one."""

    name: Annotated[str, Field(max_length=4 * MAX_REQUEST_NAME, description="The title that guests read")]
    folder: Annotated[
        str, Field(max_length=64, description="Identifier of the folder for what comes; empty: one is made for it")
    ] = ""
    message: Annotated[str, Field(max_length=2 * MAX_REQUEST_MESSAGE)] = ""
    days: Annotated[int, Field(ge=1, description=f"How long it is open; {MOST_DAYS}")] | None = None
    password: Annotated[str, Field(max_length=4 * MAX_PASSWORD, description="Empty: none")] = ""
    max_files: Annotated[int, Field(ge=1, le=MAX_REQUEST_FILES, description="In all")] = DEFAULT_REQUEST_FILES
    max_bytes: Annotated[int, Field(ge=0, le=MAX_BYTES, description="Together; 0: any")] = DEFAULT_REQUEST_BYTES
    max_file_size: Annotated[int, Field(ge=0, le=MAX_BYTES, description="Of one; 0: as the site takes")] = 0
    types: Annotated[
        list[Annotated[str, Field(max_length=130)]],
        Field(max_length=MAX_REQUEST_TYPES, default_factory=list, description="`.pdf`, `image/*`; none: any"),
    ]
    review: Annotated[bool, Field(description="What comes waits until you accept it")] = True


RequestChange = changes_of(RequestFields)


def _request_answer(link_id: str) -> RequestAnswer:
    held = services().links.held_one(actor(), link_id)
    terms: dict[str, Any] = {name: getattr(held.link, name) for name in TERMS}
    terms |= {"types": list(terms["types"]), "review": bool(terms["review"])}
    return RequestAnswer.extending(
        LinkAnswer.model_validate(held),
        message=held.link.message,
        delivered=held.link.delivered,
        delivered_bytes=held.link.delivered_bytes,
        **terms,
    )


@files_bp.post("/requests")
@Operation(
    "Request files by a link",
    TAG,
    status=201,
    answer=NewRequestAnswer,
    body={JSON: NewRequest},
    raises=(NotFound, Conflict, Invalid),
    curl=CURL,
)
@route_act(Acts.REQUEST_CREATE, max_body=None)
def create_request() -> Response:
    """Whoever has the address can deliver files into one of your folders, without an account, and sees nothing but what
    they delivered. It is a link of the kind `request`: listed, looked at and revoked under `/links`."""
    wanted = given(json_body(NewRequest, request))
    terms = RequestTerms(
        wanted.pop("max_files", DEFAULT_REQUEST_FILES),
        wanted.pop("max_bytes", DEFAULT_REQUEST_BYTES),
        wanted.pop("max_file_size", 0),
        tuple(wanted.pop("types", ())),
        int(wanted.pop("review", True)),
    )
    link, token = services().requests.create(actor(), terms=terms, **wanted)
    answer = NewRequestAnswer.extending(_request_answer(link.id), url=share_link(token))
    return send(answer, 201, {"Location": f"/requests/{link.id}", "ETag": record_etag(link)})


@files_bp.get("/requests/<link_id>")
@Operation(
    "One request for files",
    TAG,
    answer=RequestAnswer,
    raises=(NotFound,),
    versioned=True,
    curl='curl "$SITE/requests/$LINK"',
)
@route_act(Acts.REQUEST_LIST, Acts.LINK_READ)
def get_request(link_id: str) -> Response:
    """Your own, or with `links:read` anybody's: with what it takes, which `/links` does not tell."""
    link = services().requests.get(actor(), link_id)
    return send(_request_answer(link.id), 200, {"ETag": record_etag(link)})


@files_bp.patch("/requests/<link_id>")
@Operation(
    "Change a request for files",
    TAG,
    answer=RequestAnswer,
    body={JSON: RequestChange},
    raises=(NotFound, Conflict, Invalid),
    versioned=True,
    curl="""curl -X PATCH -H "Content-Type: application/json" -d '{"days": 90}' "$SITE/requests/$LINK\"""",
)
@route_act(Acts.REQUEST_UPDATE, max_body=None)
def update_request(link_id: str) -> Response:
    """Your own. What is left out stays; the address stays in any case. With `days` one that ended is open again."""
    wanted, requests = given(json_body(RequestChange, request)), services().requests
    if "review" in wanted:
        wanted["review"] = int(wanted["review"])
    if "types" in wanted:
        wanted["types"] = tuple(wanted["types"])
    link = requests.update(actor(), link_id, version=demanded_version(requests.get(actor(), link_id)), **wanted)
    return send(_request_answer(link.id), 200, {"ETag": record_etag(link)})


@files_bp.post("/requests/<link_id>/end")
@Operation(
    "Close a request for files",
    TAG,
    answer=RequestAnswer,
    raises=(NotFound, Conflict),
    versioned=True,
    curl='curl -X POST "$SITE/requests/$LINK/end"',
)
@route_act(Acts.REQUEST_UPDATE)
def end_request(link_id: str) -> Response:
    """It takes nothing more from the next request on. What came stays, and what waits goes on waiting."""
    requests = services().requests
    link = requests.end(actor(), link_id, demanded_version(requests.get(actor(), link_id)))
    return send(_request_answer(link.id), 200, {"ETag": record_etag(link)})
