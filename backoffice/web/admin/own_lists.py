"""What a person keeps about the lists of the admin site: saved views, shown as tabs, and columns and density of rows.

Each is a form that works without a script. They act on one's own things, so being signed in opens the door; the
services ask for the list, and for what is somebody else's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from flask import Blueprint, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue

from backoffice.domain.views import PLAIN_LOOK, ListLook, SavedView
from backoffice.errors import Conflict, Invalid, NotFound
from backoffice.services.views import LISTS
from backoffice.web.admin.list_state import ListState
from backoffice.web.admin.messages import flash_done
from backoffice.web.admin.rows import Column
from backoffice.web.context import services
from backoffice.web.identity import actor
from backoffice.web.route_access import signed_in
from backoffice.web.sections import Section, canonical_query, list_view

if TYPE_CHECKING:
    from backoffice.web.admin.base import ServiceView

MAX_CHOSEN: Final = 40


@dataclass(frozen=True, slots=True)
class Arrangement:
    """A list as the person asking has arranged it: the saved views of it, the columns to show, the height of rows."""

    views: Sequence[SavedView]
    look: ListLook

    def columns(self, view: ServiceView) -> list[Column]:
        """Those chosen, in the list's own order; the first one is always there. One that the list does not have any
        more is forgotten."""
        if self.look.columns is None:
            return view.columns
        first, *others = [*view.columns, *view.more_columns]
        return [first, *(column for column in others if column.name in self.look.columns)]

    def choices(self, view: ServiceView) -> list[tuple[str, str, bool]]:
        """Name, label, and whether it is shown: of all columns but the first."""
        shown = {column.name for column in self.columns(view)}
        return [(one.name, one.label, one.name in shown) for one in [*view.columns, *view.more_columns][1:]]

    def tabs(self, state: ListState) -> list[Section]:
        """The saved views as tabs of the list."""
        here = self.current(state)
        return [Section(f"{state.root}?{one.query}", one.name, "", one is here) for one in self.views]

    def current(self, state: ListState) -> SavedView | None:
        """The view that the list shows just now."""
        query = state.saved_query()
        return next((one for one in self.views if one.query == query), None)

    def may_change(self, view: SavedView) -> bool:
        return services().views.may_change(actor(), view)


def arrangement(section: str) -> Arrangement:
    """Of the list of this name. One round trip, or two where there are saved views; it can share them."""
    found = services()
    if section not in LISTS:
        return Arrangement((), PLAIN_LOOK)
    views, look = found.together(
        lambda: found.views.for_section(actor(), section), lambda: found.lists.look(actor(), section)
    )
    return Arrangement(views, look)


def make_blueprint() -> Blueprint:
    """The addresses of the forms."""
    bp = Blueprint("own_lists", __name__, url_prefix="/admin/own")
    bp.add_url_rule("/<section>/views", "save_view", save_view, methods=["POST"])
    bp.add_url_rule("/<section>/look", "arrange", arrange, methods=["POST"])
    bp.add_url_rule("/views/<view_id>/delete", "delete_view", delete_view, methods=["POST"])
    return bp


@signed_in
def save_view(section: str) -> ResponseReturnValue:
    """What the list shows, under a name."""
    query, form = request.form.get("query", ""), request.form
    try:
        saved = services().views.create(
            actor(),
            section=section,
            name=form.get("name", ""),
            query=canonical_query(section, query),
            shared=bool(form.get("shared")),
        )
    except (Invalid, Conflict) as error:
        if list_view(section) is None:
            raise NotFound from error
        flash(str(error), "error")
        return redirect(_list_url(section, _query(section, query)))
    flash_done(f"{saved.name} is saved.", undoable=True)
    return redirect(_list_url(section, saved.query))


@signed_in
def delete_view(view_id: str) -> ResponseReturnValue:
    """One's own, or a shared one with the right for it."""
    views = services().views
    view = views.get(actor(), view_id)
    views.delete(actor(), view_id)
    flash_done(f"{view.name} is deleted.", undoable=True)
    return redirect(_list_url(view.section, ""))


@signed_in
def arrange(section: str) -> ResponseReturnValue:
    """Columns and density, or as the list comes."""
    view = list_view(section)
    if view is None:
        raise NotFound
    services().lists.arrange(actor(), section, PLAIN_LOOK if request.form.get("reset") else _look(view, request.form))
    return redirect(_list_url(section, _query(section, request.form.get("query", ""))))


def _query(section: str, text: str) -> str:
    """What the form says the list was asked for, where that fits it."""
    try:
        return canonical_query(section, text)
    except Invalid:
        return ""


def _look(view: ServiceView, form: Any) -> ListLook:
    known = {column.name for column in [*view.columns, *view.more_columns]}
    chosen = tuple(dict.fromkeys(name for name in form.getlist("column")[:MAX_CHOSEN] if name in known))
    usual = tuple(column.name for column in view.columns[1:])
    return ListLook(None if chosen == usual else chosen, bool(form.get("compact")))


def _list_url(section: str, query: str) -> str:
    view = list_view(section)
    if view is None:
        return url_for("admin.index")
    return f"{view.list_url()}?{query}" if query else str(view.list_url())
