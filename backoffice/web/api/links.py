"""Share links, for programs."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from flask import Response, request
from flask.typing import ResponseReturnValue
from pydantic import Field

from backoffice.domain.acts import Acts
from backoffice.domain.limits import MAX_LINK_DOWNLOADS, MAX_PASSWORD, MAX_SEARCH, MAX_SHARE_DAYS
from backoffice.domain.paging import Query
from backoffice.errors import Conflict, Invalid, NotFound
from backoffice.web.api.blueprints import files_bp
from backoffice.web.api.operation import Operation
from backoffice.web.api.parsing import JSON, BoolFromText, Id, PageQuery, Strict, changes_of, given, json_body, query
from backoffice.web.api.responses import Answer, OptionalText, OptionalTime, PageOf, Time, send, send_page
from backoffice.web.api.versions import demanded_version, record_etag, send_record
from backoffice.web.context import services
from backoffice.web.identity import actor, may
from backoffice.web.route_access import route_act
from backoffice.web.share_link import share_link

TAG: Final = "Share links"
CURL: Final = """curl -H "Content-Type: application/json" -d '{"file": "'"$FILE"'", "days": 7}' "$SITE/links\""""


class LinkAnswer(Answer):
    """A share link, without its secret."""

    id: Id
    kind: Annotated[Literal["file", "folder", "request"], Field(description="What it leads to")]
    file: Annotated[OptionalText, Field(description="Identifier of a file, of kind `file`")]
    folder: Annotated[OptionalText, Field(description="Identifier of a folder, else")]
    name: Annotated[str, Field(description="Of that now; of what is gone as it was when the link was made")]
    owner: Id
    username: Annotated[str, Field(description="The owner's")]
    state: Annotated[
        Literal["open", "expired", "used_up", "unprotected", "blocked", "closed"],
        Field(
            description="`unprotected`: links of its owner need a password; `blocked` by its owner's account or its "
            "file; `closed` by that until an operator reopens it"
        ),
    ]
    has_password: bool
    max_downloads: Annotated[int, Field(description="0: any number")]
    downloads: Annotated[int, Field(description="How many were begun")]
    created_at: Time
    expires_at: Annotated[Time, Field(description="At the latest when roles and site let it live no longer")]
    last_used_at: OptionalTime
    closed_because: OptionalText
    because: Annotated[OptionalText, Field(description="Why it is not open, besides its own end and number")]
    version: int


class NewLinkAnswer(LinkAnswer):
    """A new share link."""

    url: Annotated[str, Field(description="What to send to somebody; shown only here")]


class LinksAnswer(PageOf[LinkAnswer]):
    """A page of share links, the newest first."""


class LinkFields(Strict):
    """What can be changed of one."""

    days: Annotated[int, Field(ge=1, le=MAX_SHARE_DAYS, description="How long it is open from now on")]
    password: Annotated[str, Field(max_length=4 * MAX_PASSWORD, description="Empty: none")]
    max_downloads: Annotated[int, Field(ge=0, le=MAX_LINK_DOWNLOADS, description="0: any number")]


class LinkRequest(Strict):
    """A new link."""

    file: Annotated[str, Field(max_length=64, description="Identifier of a file of one's own")]
    days: Annotated[int, Field(ge=1, le=MAX_SHARE_DAYS, description="How long it is open")] | None = None
    password: Annotated[str, Field(max_length=4 * MAX_PASSWORD, description="Empty: none")] = ""
    max_downloads: Annotated[int, Field(ge=0, le=MAX_LINK_DOWNLOADS, description="0: any number")] = 0


class LinksQuery(PageQuery):
    """Which links."""

    all: Annotated[bool, Field(description="1: everybody's"), BoolFromText] = False
    kind: Annotated[Literal["file", "folder", "request"] | None, Field(description="What it leads to")] = None
    file: Annotated[str, Field(max_length=64, description="Identifier of a file")] = ""
    folder: Annotated[str, Field(max_length=64, description="Identifier of a folder")] = ""
    owner: Annotated[str, Field(max_length=64, description="Identifier of a user, with `all`")] = ""
    q: Annotated[str, Field(max_length=MAX_SEARCH, description="Words of the name that it had")] = ""


LinkChange = changes_of(LinkFields)


@files_bp.get("/links")
@Operation("List share links", TAG, answer=LinksAnswer, query=LinksQuery, curl='curl "$SITE/links"')
@route_act(Acts.LINK_LIST, Acts.LINK_READ)
def list_links() -> Response:
    """Your own, the newest first; with `all` everybody's, which takes `links:read`."""
    wanted = query(LinksQuery, request)
    # Who sees everybody's and may share nothing sees the own ones, too: none.
    everybody = wanted.all or not may(Acts.LINK_LIST)
    owner = wanted.owner if wanted.all else actor().id
    conditions = (("kind", wanted.kind), ("file", wanted.file), ("folder", wanted.folder), ("owner", owner))
    filters = tuple((name, value) for name, value in conditions if value)
    asked = Query(
        sort="created", descending=True, filters=filters, search=wanted.q, limit=wanted.limit, cursor=wanted.cursor
    )
    return send_page(LinksAnswer, services().links.held(actor(), asked, everybody=everybody))


@files_bp.post("/links")
@Operation(
    "Share a file by a link",
    TAG,
    status=201,
    answer=NewLinkAnswer,
    body={JSON: LinkRequest},
    raises=(NotFound, Conflict, Invalid),
    curl=CURL,
)
@route_act(Acts.LINK_CREATE, max_body=None)
def create_link() -> Response:
    """Whoever has the address can download the file. It stays bound to this file, whatever that is called later."""
    wanted = given(json_body(LinkRequest, request))
    links = services().links
    link, token = links.create(actor(), **wanted)
    held = links.held_one(actor(), link.id)
    answer = NewLinkAnswer.extending(LinkAnswer.model_validate(held), url=share_link(token))
    return send(answer, 201, {"Location": f"/links/{link.id}", "ETag": record_etag(link)})


@files_bp.get("/links/<link_id>")
@Operation(
    "One share link", TAG, answer=LinkAnswer, raises=(NotFound,), versioned=True, curl='curl "$SITE/links/$LINK"'
)
@route_act(Acts.LINK_LIST, Acts.LINK_READ)
def get_link(link_id: str) -> Response:
    """Your own, or with `links:read` anybody's."""
    return send_record(LinkAnswer, services().links.held_one(actor(), link_id))


@files_bp.patch("/links/<link_id>")
@Operation(
    "Change a share link",
    TAG,
    answer=LinkAnswer,
    body={JSON: LinkChange},
    raises=(NotFound, Conflict, Invalid),
    versioned=True,
    curl="""curl -X PATCH -H "Content-Type: application/json" -d '{"days": 30}' "$SITE/links/$LINK\"""",
)
@route_act(Acts.LINK_UPDATE, max_body=None)
def update_link(link_id: str) -> Response:
    """Your own. What is left out stays; the address stays in any case."""
    wanted, links = given(json_body(LinkChange, request)), services().links
    links.update(actor(), link_id, version=demanded_version(links.get(actor(), link_id)), **wanted)
    return send_record(LinkAnswer, links.held_one(actor(), link_id))


@files_bp.post("/links/<link_id>/reopen")
@Operation(
    "Open a share link again",
    TAG,
    answer=LinkAnswer,
    raises=(NotFound, Conflict),
    versioned=True,
    curl='curl -X POST "$SITE/links/$LINK/reopen"',
)
@route_act(Acts.LINK_REOPEN)
def reopen_link(link_id: str) -> Response:
    """One that was closed by its owner's account or its file, when these bar it no more. Takes `links:write`."""
    links = services().links
    links.reopen(actor(), link_id, demanded_version(links.get(actor(), link_id)))
    return send_record(LinkAnswer, links.held_one(actor(), link_id))


@files_bp.delete("/links/<link_id>")
@Operation(
    "Revoke a share link",
    TAG,
    status=204,
    raises=(NotFound,),
    versioned=True,
    curl='curl -X DELETE "$SITE/links/$LINK"',
)
@route_act(Acts.LINK_REVOKE)
def revoke_link(link_id: str) -> ResponseReturnValue:
    """It opens nothing from the next request on. Your own, or with `links:write` anybody's."""
    links = services().links
    links.revoke(actor(), link_id, demanded_version(links.get(actor(), link_id)))
    return "", 204
