"""The parts of the admin site that somebody may open: the menu, and the tabs above a list."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from flask import current_app, g

from backoffice.errors import Invalid


class Section(NamedTuple):
    """One of them. `current`: the page is of it, or of one of its tabs."""

    url: str
    name: str
    icon: str
    current: bool


def admin_sections() -> list[Section]:
    """The entries of the menu, without the overview. One whose own list is not for the person asking leads to the
    first of its tabs that is."""
    here = g.get("_admin_view")
    found = []
    for main in _views():
        if main.tab_of:
            continue
        open_ones = [view for view in _with_tabs(main.section) if view.is_accessible()]
        if open_ones:
            current = any(view is here for view in open_ones)
            found.append(Section(open_ones[0].list_url(), main.section_title, main.icon, current))
    return found


def sections_of(section: str) -> list[Section]:
    """The tabs of a section."""
    here = g.get("_admin_view")
    return [
        Section(view.list_url(), view.tab or view.section_title, view.icon, view is here)
        for view in _with_tabs(section)
        if view.is_accessible()
    ]


def _with_tabs(section: str) -> Iterator[Any]:
    return (view for view in _views() if section in (view.section, view.tab_of))


def _views() -> Iterator[Any]:
    """Those of `ServiceView`; the overview is none."""
    return (
        view
        for admin in current_app.extensions.get("admin", ())
        for view in admin._views  # noqa: SLF001 - there is no other way to the views
        if hasattr(view, "tab_of")
    )


def canonical_query(section: str, text: str) -> str:
    """What a list is asked for (its address behind the question mark), as the list itself writes it: without what it
    does not know, and without a page. Raises Invalid where there is no such list, or a filter does not fit."""
    view = list_view(section)
    if view is None or not view.is_accessible():
        raise Invalid(f"There is no list {section[:40]!r}.", field="section")
    return str(view.canonical_query(text))


def list_view(section: str) -> Any:
    """The view of a list; None where there is none of that name."""
    return next((view for view in _views() if view.section == section), None)
