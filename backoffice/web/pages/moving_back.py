"""Undo of what was moved on the page of one's own files: a button in the message after a move, without a script, too.

What undoes a move is worked out of its entry in the log (`services/undo.py`); what was changed again since stays.
"""

from __future__ import annotations

from typing import Final

from flask import Blueprint, flash, request, url_for
from flask.typing import ResponseReturnValue
from markupsafe import Markup
from werkzeug.urls import iri_to_uri

from backoffice.domain.acts import Acts
from backoffice.web.context import request_id, services
from backoffice.web.csrf import csrf_token
from backoffice.web.identity import actor
from backoffice.web.pages.forms import Tally, go_back
from backoffice.web.route_access import route_act

MOVED: Final = "moved:"
"""How the category of a message begins that offers to move back what this request moved."""
_FORM: Final = Markup(
    '<form method="post" action="%s" class="undo" data-visit><input type="hidden" name="csrf_token" value="%s">'
    '<input type="hidden" name="request" value="%s"><input type="hidden" name="back" value="%s">'
    '<button class="btn btn-sm" id="undo">Undo</button></form>'
)


def register(bp: Blueprint) -> None:
    """Add the route, and what the messages make their button with."""
    bp.add_url_rule("/my/move/undo", "move_back", move_back, methods=["POST"])
    bp.record_once(lambda state: state.app.jinja_env.globals.update(move_back_form=move_back_form))


def moved_here() -> str:
    """The category of a message about what this request moved."""
    return f"{MOVED}{request_id()}"


def move_back_form(moved_by: str) -> Markup:
    """The button as a form. `moved_by`: the request that moved something."""
    here = iri_to_uri(request.script_root + request.full_path).rstrip("?")
    return _FORM % (url_for("pages.move_back"), csrf_token(), moved_by, here)


@route_act(Acts.FILE_MOVE, Acts.FOLDER_MOVE)
def move_back() -> ResponseReturnValue:
    """All that `request` moved, which was made a moment ago by the same person."""
    undo, tally = services().undo, Tally()
    entries = {one.id: one for one in undo.of_request(actor(), request.form.get("request", ""))}
    if not entries:
        flash("There is nothing to undo.", "warning")
    tally.each(
        entries,
        lambda key: undo.entry(actor(), key),
        lambda key: str(entries[key].event.get("object", {}).get("name", "")),
    )
    tally.say("{} back where " + ("it was." if len(tally.done) == 1 else "they were."))
    return go_back()
