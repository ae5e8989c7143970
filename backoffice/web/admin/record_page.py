"""A record's own page: what belongs to it in tabs at the left, what is known of it at the right.

def panels(self, record: Group) -> Sequence[Panel]:
    return [Panel("members", "Members", "admin/group_members.html", lambda: {"members": members_of(record)}, count=3)]
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from flask import request

if TYPE_CHECKING:
    from backoffice.web.admin.base import ServiceView


@dataclass(frozen=True, slots=True)
class Panel:
    """One of the tabs. `load` makes the context of its template, as `panel`; it is called for the open tab alone.

    `count`: how many things are in it, where that is known without looking further.
    """

    key: str
    title: str
    template: str
    load: Callable[[], Mapping[str, Any]]
    count: int | None = None


@dataclass(frozen=True, slots=True)
class PanelTab:
    """A tab as the page shows it."""

    url: str
    name: str
    count: int | None
    current: bool


def record_context(view: ServiceView, record: Any) -> dict[str, Any]:
    """What the template of the page is given. A tab that is not there is the first."""
    panels = view.panels(record)
    asked = request.args.get("tab", "")
    shown = next((one for one in panels if one.key == asked), panels[0] if panels else None)
    key, back = view.get_pk_value(record), view.return_url()
    there = {} if back == view.get_url(".index_view") else {"url": back}
    return {
        "model": record,
        "details_columns": view.get_details_columns(),
        "get_value": view.get_detail_value,
        "return_url": back,
        "tabs": [
            PanelTab(
                view.get_url(".details_view", id=key, tab=one.key if at else None, **there),
                one.title,
                one.count,
                one is shown,
            )
            for at, one in enumerate(panels)
        ],
        "shown_panel": shown,
        "panel": shown.load() if shown else {},
    }
