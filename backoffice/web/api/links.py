"""Share links, for programs."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from flask import Response, request
from flask.typing import ResponseReturnValue
from pydantic import Field

from backoffice.domain.acts import Acts
from backoffice.domain.limits import MAX_LIMIT, MAX_LINK_DOWNLOADS, MAX_PASSWORD, MAX_SEARCH
from backoffice.domain.link_uses import UseKind
from backoffice.domain.paging import Query
from backoffice.errors import Conflict, Invalid, NotFound
from backoffice.services.links import USES
from backoffice.web.api.blueprints import files_bp
from backoffice.web.api.operation import Operation
from backoffice.web.api.parsing import (
    JSON,
    MAX_CURSOR,
    BoolFromText,
    Id,
    PageQuery,
    Strict,
    changes_of,
    given,
    json_body,
    query,
)
from backoffice.web.api.responses import Answer, CursorPageOf, OptionalText, OptionalTime, PageOf, Time, send, send_page
from backoffice.web.api.versions import demanded_version, record_etag, send_record
from backoffice.web.context import services
from backoffice.web.identity import actor, may
from backoffice.web.route_access import route_act
from backoffice.web.share_link import share_link

TAG: Final = "Share links"
MOST_DAYS: Final = "at most as many days as `GET /links/rule` says"
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

    days: Annotated[int, Field(ge=1, description=f"How long it is open from now on; {MOST_DAYS}")]
    password: Annotated[str, Field(max_length=4 * MAX_PASSWORD, description="Empty: none")]
    max_downloads: Annotated[int, Field(ge=0, le=MAX_LINK_DOWNLOADS, description="0: any number")]


class LinkRequest(Strict):
    """A new link."""

    file: Annotated[str, Field(max_length=64, description="Identifier of a file of one's own")] = ""
    folder: Annotated[str, Field(max_length=64, description="Or of a folder of one's own")] = ""
    days: Annotated[int, Field(ge=1, description=f"How long it is open; {MOST_DAYS}")] | None = None
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


class LinkRuleAnswer(Answer):
    """What roles and the site demand of your links."""

    days: Annotated[int, Field(description="How long one lives at most, from when it was made or opened again")]
    default_days: Annotated[int, Field(description="Where nothing is chosen")]
    password: Annotated[bool, Field(description="Whether each needs a password")]
    days_role: Annotated[OptionalText, Field(description="The role that says how long; `null`: the site")]
    password_role: Annotated[OptionalText, Field(description="The role that demands a password; `null`: the site")]


class LinkUseAnswer(Answer):
    """What became of a link once."""

    at: Time
    kind: Annotated[
        UseKind, Field(description="`open`: its page was looked at, noted once an hour; `download`: one was begun")
    ]
    name: Annotated[OptionalText, Field(description="Of the file of a folder")]
    size: Annotated[int, Field(description="Bytes of a download")]
    because: Annotated[OptionalText, Field(description="Why it was refused or closed")]


class LinkUsesAnswer(CursorPageOf[LinkUseAnswer]):
    """The newest first. A page may have fewer than there are further on."""


class UsesQuery(Strict):
    """Which part."""

    limit: Annotated[int, Field(ge=1, le=MAX_LIMIT, description="Entries of the log that are looked through")] = USES
    cursor: Annotated[str, Field(max_length=MAX_CURSOR, description="`next_cursor` of the page before")] = ""


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
    "Share a file or a folder by a link",
    TAG,
    status=201,
    answer=NewLinkAnswer,
    body={JSON: LinkRequest},
    raises=(NotFound, Conflict, Invalid),
    curl=CURL,
)
@route_act(Acts.LINK_CREATE, max_body=None)
def create_link() -> Response:
    """Whoever has the address can download the file, or what lies in the folder: all of it, and nothing else. The link
    stays bound to this one, whatever that is called later."""
    wanted = given(json_body(LinkRequest, request))
    links = services().links
    link, token = links.create(actor(), **wanted)
    held = links.held_one(actor(), link.id)
    answer = NewLinkAnswer.extending(LinkAnswer.model_validate(held), url=share_link(token))
    return send(answer, 201, {"Location": f"/links/{link.id}", "ETag": record_etag(link)})


@files_bp.get("/links/rule")
@Operation("What your share links have to meet", TAG, answer=LinkRuleAnswer, curl='curl "$SITE/links/rule"')
@route_act(Acts.LINK_LIST)
def get_link_rule() -> Response:
    """The strictest of what your roles and the site say. It holds for links that are there already, too."""
    return send(LinkRuleAnswer.model_validate(services().links.rule(actor())))


@files_bp.get("/links/<link_id>/uses")
@Operation(
    "When a share link was used",
    TAG,
    answer=LinkUsesAnswer,
    query=UsesQuery,
    raises=(NotFound,),
    curl='curl "$SITE/links/$LINK/uses"',
)
@route_act(Acts.LINK_LIST)
def get_link_uses(link_id: str) -> Response:
    """Of your own: when it was looked at, refused or closed, and what was downloaded. By whom is in the log, which
    auditors see."""
    wanted = query(UsesQuery, request)
    return send_page(LinkUsesAnswer, services().links.uses(actor(), link_id, wanted.cursor, wanted.limit))


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
