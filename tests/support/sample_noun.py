"""The whole API of a noun, as the next one will be written: a list with a cursor, create, read, change, delete."""

from __future__ import annotations

from typing import Annotated, Final

from flask import Blueprint, Response, request
from flask.typing import ResponseReturnValue
from pydantic import Field

from backoffice.domain.access import system_actor
from backoffice.domain.acts import Acts
from backoffice.domain.paging import Query
from backoffice.errors import NameTaken, NotFound, VersionMismatch
from backoffice.web.api.operation import Operation
from backoffice.web.api.parsing import JSON, Id, PageQuery, Strict, json_body, query
from backoffice.web.api.responses import Answer, OptionalTime, PageOf, Time, send_page
from backoffice.web.api.versions import ETAG, IF_MATCH, demanded_version, send_record
from backoffice.web.context import services
from backoffice.web.identity import actor
from backoffice.web.route_access import route_act

TAG: Final = "People"
OPERATOR: Final = system_actor("sample", "shell")
"""Who changes people here: a token may not, and what a noun's API looks like is shown all the same."""
bp = Blueprint("people", __name__, url_prefix="/people")


class PersonAnswer(Answer):
    """A person."""

    id: Id
    name: Annotated[str, Field(validation_alias="username")]
    created_at: Time
    seen_at: Annotated[OptionalTime, Field(validation_alias="last_login_at")]
    version: int


class PersonRequest(Strict):
    """A person's name."""

    name: Annotated[str, Field(max_length=256)]


@bp.get("")
@Operation("List people", TAG, answer=PageOf[PersonAnswer], query=PageQuery)
@route_act(Acts.USER_READ)
def list_people() -> Response:
    """By name."""
    wanted = query(PageQuery, request)
    asked = Query(sort="username", limit=wanted.limit, cursor=wanted.cursor)
    return send_page(PageOf[PersonAnswer], services().users.page(actor(), asked))


@bp.post("")
@Operation("Add a person", TAG, status=201, answer=PersonAnswer, body={JSON: PersonRequest}, raises=(NameTaken,))
@route_act(Acts.USER_CREATE, max_body=None)
def create_person() -> Response:
    """The name is to be new."""
    user, _ = services().users.create(actor(), username=json_body(PersonRequest, request).name)
    return send_record(PersonAnswer, user, 201)


@bp.get("/<person_id>")
@Operation("One person", TAG, answer=PersonAnswer, sends=ETAG, raises=(NotFound,))
@route_act(Acts.USER_READ)
def get_person(person_id: str) -> Response:
    """By identifier."""
    return send_record(PersonAnswer, services().users.get(actor(), person_id))


@bp.patch("/<person_id>")
@Operation(
    "Change a person",
    TAG,
    answer=PersonAnswer,
    body={JSON: PersonRequest},
    headers=IF_MATCH,
    sends=ETAG,
    raises=(NotFound, NameTaken, VersionMismatch),
)
@route_act(Acts.USER_RENAME, max_body=None)
def update_person(person_id: str) -> Response:
    """The identifier stays."""
    wanted, users = json_body(PersonRequest, request), services().users
    version = demanded_version(users.get(actor(), person_id))
    return send_record(PersonAnswer, users.update(OPERATOR, person_id, version=version, username=wanted.name))


@bp.delete("/<person_id>")
@Operation("Remove a person", TAG, status=204, headers=IF_MATCH, raises=(NotFound, VersionMismatch))
@route_act(Acts.USER_DELETE)
def delete_person(person_id: str) -> ResponseReturnValue:
    """For good."""
    users = services().users
    users.delete(OPERATOR, person_id, demanded_version(users.get(actor(), person_id)))
    return "", 204
