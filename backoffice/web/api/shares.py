"""Shares with people and roles, for who makes them and for operators; what those do by them with whom something is
shared is in `shared.py`."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from flask import Response, request
from flask.typing import ResponseReturnValue
from pydantic import Field

from backoffice.domain.acts import Acts
from backoffice.domain.ids import is_id
from backoffice.domain.limits import MAX_LOGIN, MAX_ROLE_NAME, MAX_SEARCH
from backoffice.domain.paging import Query
from backoffice.domain.shares import ShareAccess
from backoffice.errors import Conflict, Invalid, NameTaken, NotFound, TooMany
from backoffice.web.api.blueprints import files_bp
from backoffice.web.api.operation import Operation
from backoffice.web.api.parsing import JSON, BoolFromText, Id, PageQuery, Strict, json_body, query
from backoffice.web.api.responses import Answer, OptionalText, PageOf, Time, send_page
from backoffice.web.api.versions import demanded_version, send_record
from backoffice.web.context import services
from backoffice.web.identity import actor, may
from backoffice.web.route_access import route_act

TAG: Final = "Shares"
CURL: Final = (
    """curl -H "Content-Type: application/json" -d '{"folder": "'"$FOLDER"'", "user": "ada"}' "$SITE/shares\""""
)

Kind = Annotated[Literal["file", "folder"], Field(description="What is shared")]
Access = Annotated[
    Literal["read", "write"],
    Field(description="`read`: see and download; `write`: also put files into the folder, and give them other content"),
]


class ShareAnswer(Answer):
    """A share."""

    id: Id
    kind: Kind
    object: Annotated[Id, Field(description="Of the file or folder")]
    name: Annotated[str, Field(description="Of that now; of one that is gone as it was when it was shared")]
    owner: Id
    username: Annotated[str, Field(description="The owner's")]
    to: Annotated[Literal["user", "role"], Field(description="With whom")]
    grantee: Annotated[str, Field(description="Identifier of the user, or name of the role")]
    grantee_name: str
    access: Access
    state: Annotated[
        Literal["open", "blocked", "closed"],
        Field(
            description="`blocked` by its owner's account, its file or folder, or the role; `closed` by that "
            "until somebody reopens it"
        ),
    ]
    because: Annotated[OptionalText, Field(description="Why it is not open")]
    created_at: Time
    updated_at: Time
    version: int


class SharesAnswer(PageOf[ShareAnswer]):
    """A page of shares, the newest first."""


class ShareRequest(Strict):
    """A new share: of one `file` or one `folder`, with one `user` or one `role`."""

    file: Annotated[str, Field(max_length=64, description="Identifier of a file of one's own")] = ""
    folder: Annotated[str, Field(max_length=64, description="Identifier of a folder of one's own")] = ""
    user: Annotated[str, Field(max_length=MAX_LOGIN, description="User name, written out")] = ""
    role: Annotated[str, Field(max_length=MAX_ROLE_NAME, description="Name of a role that one has")] = ""
    access: Access = "read"


class ShareChange(Strict):
    """What is to be different."""

    access: Access


class SharesQuery(PageQuery):
    """Which shares."""

    all: Annotated[bool, Field(description="1: everybody's"), BoolFromText] = False
    object: Annotated[str, Field(max_length=64, description="Identifier of a file or folder")] = ""
    owner: Annotated[str, Field(max_length=64, description="Identifier of a user, with `all`")] = ""
    user: Annotated[str, Field(max_length=64, description="With this user, by identifier")] = ""
    role: Annotated[str, Field(max_length=64, description="With this role")] = ""
    q: Annotated[str, Field(max_length=MAX_SEARCH, description="Words of its name, and of with whom")] = ""


@files_bp.get("/shares")
@Operation("List shares", TAG, answer=SharesAnswer, query=SharesQuery, curl='curl "$SITE/shares"')
@route_act(Acts.SHARE_LIST, Acts.SHARE_READ)
def list_shares() -> Response:
    """Those that you made, the newest first; with `all` everybody's, which takes `links:read`. What others share with
    you is at `/shares/received`."""
    wanted = query(SharesQuery, request)
    # Who sees everybody's and may share nothing sees the own ones, too: none.
    everybody = wanted.all or not may(Acts.SHARE_LIST)
    owner = wanted.owner if wanted.all else actor().id
    filters = (("object", wanted.object), ("owner", owner), ("user", wanted.user), ("role", wanted.role))
    asked = Query(
        sort="created",
        descending=True,
        filters=tuple((name, value) for name, value in filters if value),
        search=wanted.q,
        limit=wanted.limit,
        cursor=wanted.cursor,
    )
    return send_page(SharesAnswer, services().shares.held(actor(), asked, everybody=everybody))


@files_bp.post("/shares")
@Operation(
    "Share a file or folder with a person or a role",
    TAG,
    status=201,
    answer=ShareAnswer,
    body={JSON: ShareRequest},
    raises=(NotFound, NameTaken, Conflict, Invalid, TooMany),
    curl=CURL,
)
@route_act(Acts.SHARE_CREATE, max_body=None)
def create_share() -> Response:
    """They find it under what is shared with them, and nowhere else. A folder is shared with whatever lies in it,
    also later. Whoever names users that are not there again and again has to wait."""
    wanted = json_body(ShareRequest, request)
    share = services().shares.create(
        actor(),
        file=_key(wanted.file),
        folder=_key(wanted.folder),
        user=wanted.user,
        role=wanted.role,
        access=ShareAccess(wanted.access),
    )
    answer = send_record(ShareAnswer, services().shares.held_one(actor(), share.id), 201)
    answer.headers["Location"] = f"{request.script_root}/shares/{share.id}"
    return answer


@files_bp.get("/shares/<share_id>")
@Operation("One share", TAG, answer=ShareAnswer, raises=(NotFound,), versioned=True, curl='curl "$SITE/shares/$SHARE"')
@route_act(Acts.SHARE_LIST, Acts.SHARE_READ)
def get_share(share_id: str) -> Response:
    """One that you made, or with `links:read` anybody's."""
    return send_record(ShareAnswer, services().shares.held_one(actor(), share_id))


@files_bp.patch("/shares/<share_id>")
@Operation(
    "Change a share",
    TAG,
    answer=ShareAnswer,
    body={JSON: ShareChange},
    raises=(NotFound, Conflict, Invalid),
    versioned=True,
    curl="""curl -X PATCH -H "Content-Type: application/json" -d '{"access": "read"}' "$SITE/shares/$SHARE\"""",
)
@route_act(Acts.SHARE_UPDATE, max_body=None)
def update_share(share_id: str) -> Response:
    """Let them write as well, or only read, from their next request on. One that you made."""
    wanted, shares = json_body(ShareChange, request), services().shares
    version = demanded_version(shares.get(actor(), share_id))
    shares.update(actor(), share_id, access=ShareAccess(wanted.access), version=version)
    return send_record(ShareAnswer, shares.held_one(actor(), share_id))


@files_bp.post("/shares/<share_id>/reopen")
@Operation(
    "Open a share again",
    TAG,
    answer=ShareAnswer,
    raises=(NotFound, Conflict),
    versioned=True,
    curl='curl -X POST "$SITE/shares/$SHARE/reopen"',
)
@route_act(Acts.SHARE_REOPEN)
def reopen_share(share_id: str) -> Response:
    """One that was closed by what barred it, when that bars it no more. Takes `links:write`; who made it revokes it and
    shares anew."""
    shares = services().shares
    shares.reopen(actor(), share_id, demanded_version(shares.get(actor(), share_id)))
    return send_record(ShareAnswer, shares.held_one(actor(), share_id))


@files_bp.delete("/shares/<share_id>")
@Operation(
    "Revoke a share",
    TAG,
    status=204,
    raises=(NotFound,),
    versioned=True,
    curl='curl -X DELETE "$SITE/shares/$SHARE"',
)
@route_act(Acts.SHARE_REVOKE)
def revoke_share(share_id: str) -> ResponseReturnValue:
    """Nobody reaches anything by it from the next request on. One that you made, or with `links:write` anybody's."""
    shares = services().shares
    shares.revoke(actor(), share_id, demanded_version(shares.get(actor(), share_id)))
    return "", 204


def _key(text: str) -> str:
    """The identifier; what cannot be one names nothing. Raises NotFound."""
    if text and not is_id(text):
        raise NotFound
    return text
