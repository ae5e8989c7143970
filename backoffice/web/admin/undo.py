"""The button *Undo*: in a toast right after an act, and in entries of the log.

A toast names the request in which something was done, an entry itself. Both are forms that work without a script. What
is refused because it was changed since is told on a page of its own, with both values.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from markupsafe import Markup
from werkzeug.urls import iri_to_uri

from backoffice.domain.acts import Acts, Whose
from backoffice.domain.ids import ID_LENGTH
from backoffice.domain.jobs import Job
from backoffice.domain.undo import OPPOSITES, WHOLES, Entry, Opposite, is_recent, offered
from backoffice.domain.views import VIEWS
from backoffice.errors import Conflict, Invalid, TooLarge, TooMany
from backoffice.services.undo import UndoneAll
from backoffice.web.admin.actions import apply_to_each
from backoffice.web.admin.log_row import Row, shown_value
from backoffice.web.admin.messages import flash_done
from backoffice.web.context import services
from backoffice.web.csrf import csrf_token
from backoffice.web.formats import icon
from backoffice.web.identity import actor, may
from backoffice.web.pages.landing import landing
from backoffice.web.redirects import safe_next
from backoffice.web.route_access import route_act

MEND: Final = (Conflict, Invalid, TooLarge, TooMany)
"""Refusals that are told; others go up to the table of errors."""
_FORM: Final = Markup(
    '<form method="post" action="%s" class="undo"><input type="hidden" name="csrf_token" value="%s">'
    '<input type="hidden" name="%s" value="%s"><input type="hidden" name="url" value="%s">'
    '<button class="btn btn-sm"%s>%sUndo</button></form>'
)


@dataclass(frozen=True, slots=True)
class Refused:
    """Why an entry is not undone. `values`: field, what undoing would make of it, what the act left, what it is."""

    entry: Row
    why: str
    by: str
    at: str
    values: Sequence[tuple[str, Any, Any, Any]]


def make_blueprint() -> Blueprint:
    """The address of the forms, and what templates make them with."""
    bp = Blueprint("undo", __name__, url_prefix="/admin/undo")
    bp.add_url_rule("/", "undo", undo, methods=["POST"])
    bp.record_once(lambda state: state.app.jinja_env.globals.update(undo_form=undo_form, undo_of=entry_form))
    return bp


@route_act(*OPPOSITES, Acts.JOB_START)
def undo() -> ResponseReturnValue:
    """Undo an entry, a job, or all that was done in a request."""
    back = safe_next(request.form.get("url"), landing(actor()))
    if "entry" in request.form:
        return _undo_entry(request.form["entry"], back)
    if "job" in request.form:
        return _undo_job(request.form["job"], back)
    entries = services().undo.of_request(actor(), request.form.get("request", ""))
    if not entries:
        flash("There is nothing to undo.", "warning")
    elif len(entries) == 1:
        return _undo_entry(entries[0].id, back)
    else:
        done = apply_to_each([one.id for one in entries], lambda key: services().undo.entry(actor(), key), "act")
        if done:
            flash_done("1 act is undone." if done == 1 else f"{done} acts are undone.", undoable=True)
    return redirect(back, 303)


def undo_form(name: str, value: str, label: str = "", symbol: str = "restore") -> Markup:
    """The button as a form: `name` is `entry`, `job` or `request`. `label`: what it undoes, for who does not see
    where it stands."""
    here = iri_to_uri(request.script_root + request.full_path).rstrip("?")
    spoken = Markup(' aria-label="%s"') % f"Undo: {label}" if label else ""
    drawing = icon(symbol) if symbol else ""
    return _FORM % (url_for("undo.undo"), csrf_token(), name, value, here, spoken, drawing)


def entry_forms(entries: Sequence[Entry], now: int) -> dict[str, Markup]:
    """The buttons for entries that follow each other, the newest first: id -> form, of those that the person may
    undo, as far as their rights alone say."""
    return {key: undo_form("entry", key) for key, one in offered(entries, now).items() if _may_undo(one)}


def entry_form(entry: Entry) -> Markup | str:
    """The same of one entry, whatever came after it; "" for none."""
    event = entry.event
    if event.get("action") in WHOLES and event.get("outcome") == "ok":
        at, now = int(entry.id.partition("-")[0]), services().undo.records.now()
        whole = Acts.USER_ENABLE if event["action"] == "user.leave" else Acts.JOB_START
        return undo_form("entry", entry.id) if is_recent(at, now) and may(whole) else ""
    return entry_forms([entry], services().undo.records.now()).get(entry.id, "")


def job_form(job: Job) -> Markup | str:
    """For a job that is over; "" where it cannot be undone."""
    undoing = services().undo
    lasting = job.kind in undoing.acts.final or job.kind in services().jobs.checks.kinds
    if not job.over or not job.done or lasting or not may(Acts.JOB_START):
        return ""
    return undo_form("job", job.id) if is_recent(job.created_at, undoing.records.now()) else ""


def _may_undo(one: Opposite) -> bool:
    if one.act.whose is Whose.OWN:  # what one's own only is, nearly always by its owner; views of others by some
        return one.by == actor().id or (one.type == VIEWS.name and may(Acts.VIEW_CHANGE_ALL))
    return may(one.act, everybody=one.key != actor().id)


def _undo_entry(entry_id: str, back: str) -> ResponseReturnValue:
    try:
        done = services().undo.entry(actor(), entry_id)
    except MEND as error:
        # Who was told this much may see the entry.
        entry = services().undo.records.entry(entry_id)
        refused = _refused(Row.of(entry), error)
        return render_template("admin/undo_refused.html", refused=refused, return_url=back), 409
    if not done.jobs:
        flash_done(_said(done), undoable=True)
        return redirect(back, 303)
    flash(_said(done), "success")
    return redirect(url_for("jobs.details_view", id=done.jobs[-1].id, url=back), 303)


def _undo_job(job_id: str, back: str) -> ResponseReturnValue:
    try:
        job = services().undo.job(actor(), job_id)
    except MEND as error:
        flash(str(error), "error")
        return redirect(back, 303)
    return redirect(url_for("jobs.details_view", id=job.id, url=back), 303)


def _said(done: UndoneAll) -> str:
    names = [one.object.name or one.object.id for one in done.done]
    said = [
        f"Undone: {name} {'is gone again' if one.gone else 'is as it was before'}."
        for name, one in zip(names, done.done, strict=True)
    ]
    if done.jobs:
        said.append("The rest is undone by a job." if names else "It is undone by a job.")
    if done.stays:
        said.append(f"What ended for good stays so: {', '.join(done.stays)}.")
    return " ".join(said)


def _refused(entry: Row, error: Any) -> Refused:
    changed: Mapping[str, Any] = error.details.get("changed", {})
    ids = {one for pair in changed.values() for one in pair.values() if isinstance(one, str) and len(one) == ID_LENGTH}
    names = services().users.names(ids) if "owner" in changed and ids else {}

    def shown(value: Any) -> Any:
        return shown_value(names.get(value, value) if isinstance(value, str) else value)

    values = [
        (field.replace("_", " "), shown(pair["before"]), shown(pair["left"]), shown(pair["now"]))
        for field, pair in changed.items()
    ]
    return Refused(entry, str(error), error.details.get("by", ""), error.details.get("at", ""), values)
