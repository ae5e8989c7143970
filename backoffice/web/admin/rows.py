"""The rows of a list, ready for its template: whatever is the same for all of them is worked out once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from backoffice.web.url_pattern import UrlPattern

if TYPE_CHECKING:
    from backoffice.web.admin.base import ServiceView


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a list. `numeric`: set flush right."""

    name: str
    label: str
    numeric: bool


@dataclass(frozen=True, slots=True)
class Row:
    """A record in a list. `title` is what it is called, `url` its own page, `edit_url` that of its form ("": the person
    may not change it), `head` its first cell."""

    id: str
    title: str
    url: str
    edit_url: str
    deletable: bool
    selectable: bool
    head: Any
    cells: tuple[tuple[Column, Any], ...]


def rows(view: ServiceView, records: Iterable[Any], back: str) -> list[Row]:
    """The records as the list of `view` shows them; from their pages one comes back to `back`."""
    can_edit, can_delete = view.can_edit, view.can_delete
    # A page that was not told where to go back to goes to the list as it is without being asked for anything.
    there = {} if back == view.get_url(".index_view") else {"url": back}
    page_of = UrlPattern(lambda key: view.get_url(".details_view", id=key, **there))
    form_of = UrlPattern(lambda key: view.get_url(".edit_view", id=key, **there))
    first, *others = view.columns

    def row(record: Any) -> Row:
        key = view.get_pk_value(record)
        editable, deletable = view.may_edit(record), view.may_delete(record)
        return Row(
            id=key,
            title=view.record_title(record),
            url=page_of(key),
            edit_url=form_of(key) if can_edit and editable else "",
            deletable=can_delete and deletable,
            selectable=editable or deletable,
            head=view.get_list_value(None, record, first.name),
            cells=tuple([(column, view.get_list_value(None, record, column.name)) for column in others]),
        )

    return [row(record) for record in records]
