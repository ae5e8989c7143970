"""Notes, for programs."""

from __future__ import annotations

from typing import Annotated, Final

from flask import Blueprint, Response, request
from flask.typing import ResponseReturnValue
from pydantic import Field

from backoffice.domain.acts import act_on
from backoffice.domain.paging import Query
from backoffice.errors import NameTaken, NotFound
from backoffice.web.api.operation import Operation
from backoffice.web.api.parsing import JSON, Id, PageQuery, Strict, changes_of, given, json_body, query
from backoffice.web.api.responses import Answer, PageOf, Time, send_page
from backoffice.web.api.versions import demanded_version, send_record
from backoffice.web.context import services
from backoffice.web.identity import actor
from backoffice.web.route_access import route_act
from tests.noun.domain.notes import NOTES, Color

TAG: Final = "Notes"
ERRORS: Final = (NotFound, NameTaken)
bp = Blueprint("notes", __name__, url_prefix="/notes")


class NoteAnswer(Answer):
    """A note."""

    id: Id
    title: str
    color: Color
    created_at: Time
    version: int


class NoteRequest(Strict):
    """A new note."""

    title: Annotated[str, Field(max_length=320)]
    color: Annotated[Color, Field(strict=False)] = Color.YELLOW


NoteChange = changes_of(NoteRequest)


@bp.get("")
@Operation("List notes", TAG, answer=PageOf[NoteAnswer], query=PageQuery)
@route_act(act_on(NOTES, "read"))
def list_notes() -> Response:
    """By title."""
    asked = query(PageQuery, request)
    found = services().notes.page(actor(), Query(sort="title", limit=asked.limit, cursor=asked.cursor))
    return send_page(PageOf[NoteAnswer], found)


@bp.post("")
@Operation("Write a note", TAG, status=201, answer=NoteAnswer, body={JSON: NoteRequest}, raises=ERRORS)
@route_act(act_on(NOTES, "create"), max_body=None)
def create_note() -> Response:
    """Under a title of its own."""
    return send_record(NoteAnswer, services().notes.create(actor(), **given(json_body(NoteRequest, request))), 201)


@bp.get("/<note_id>")
@Operation("One note", TAG, answer=NoteAnswer, raises=(NotFound,), versioned=True)
@route_act(act_on(NOTES, "read"))
def get_note(note_id: str) -> Response:
    """By identifier."""
    return send_record(NoteAnswer, services().notes.get(actor(), note_id))


@bp.patch("/<note_id>")
@Operation("Change a note", TAG, answer=NoteAnswer, body={JSON: NoteChange}, raises=ERRORS, versioned=True)
@route_act(act_on(NOTES, "update"), max_body=None)
def update_note(note_id: str) -> Response:
    """What is left out stays."""
    wanted, notes = given(json_body(NoteChange, request)), services().notes
    version = demanded_version(notes.get(actor(), note_id))
    return send_record(NoteAnswer, notes.update(actor(), note_id, version=version, **wanted))


@bp.delete("/<note_id>")
@Operation("Remove a note", TAG, status=204, raises=(NotFound,), versioned=True)
@route_act(act_on(NOTES, "delete"))
def delete_note(note_id: str) -> ResponseReturnValue:
    """For good."""
    notes = services().notes
    notes.delete(actor(), note_id, demanded_version(notes.get(actor(), note_id)))
    return "", 204
