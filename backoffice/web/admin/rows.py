"""The rows of a list, ready for its template: whatever is the same for all of them is worked out once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from markupsafe import Markup

from backoffice.web.url_pattern import UrlPattern

if TYPE_CHECKING:
    from backoffice.web.admin.base import ServiceView

_CELL = Markup('<td role="cell">')
_CELL_OF_CLASSES = Markup('<td role="cell" class="%s">')


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a list. `classes`: its width and place, for its head; `cell`: the tag that its cells begin with."""

    name: str
    label: str
    classes: str
    cell: Markup

    @classmethod
    def of(cls, view: ServiceView, name: str, label: str) -> Column:
        """As the view declares it."""
        place = " ".join([*["numeric"] * (name in view.column_numeric), *["low"] * (name in view.column_low)])
        width = view.column_widths.get(name)
        classes = " ".join(filter(None, (place, f"w{width}" if width else "")))
        return cls(name, label, classes, _CELL_OF_CLASSES % place if place else _CELL)


class Row(NamedTuple):
    """A record in a list. `title` is what it is called, `url` its own page, `edit_url` that of its form ("": the person
    may not change it), `head` its first cell; the others follow the tag that each begins with. `size`: its bytes,
    "" where it has none; `button`: it has that of the view."""

    id: str
    title: str
    url: str
    edit_url: str
    deletable: bool
    selectable: bool
    size: str
    head: Any
    cells: list[tuple[Markup, Any]]
    button: bool


def rows(view: ServiceView, records: Iterable[Any], back: str, columns: Sequence[Column] = ()) -> list[Row]:
    """The records as the list of `view` shows them, in its columns or in these; from their pages one comes back to
    `back`."""
    can_edit, can_delete = view.can_edit, view.can_delete
    # A page that was not told where to go back to goes to the list as it is without being asked for anything.
    there = {} if back == view.get_url(".index_view") else {"url": back}
    page_of = UrlPattern(lambda key: view.get_url(".details_view", id=key, **there))
    form_of = UrlPattern(lambda key: view.get_url(".edit_view", id=key, **there))
    quick = view.actions.act_of(view.row_button.name) if view.row_button is not None else None
    head, *others = [(column.cell, value_of(view, column.name)) for column in columns or view.columns]

    def row(record: Any) -> Row:
        key = view.get_pk_value(record)
        editable, deletable = view.may_edit(record), view.may_delete(record)
        return Row(
            key,
            view.record_title(record),
            page_of(key),
            form_of(key) if can_edit and editable else "",
            can_delete and deletable,
            editable or deletable,
            str(getattr(record, "size", "")) if view.weighed else "",
            head[1](record),
            [(cell, show(record)) for cell, show in others],
            quick is not None and view.permits(quick, record),
        )

    return [row(record) for record in records]


def value_of(view: ServiceView, name: str) -> Callable[[Any], Any]:
    """What shows the value of a column, chosen once for all rows (`ServiceView._get_list_value` chooses for each)."""
    own, by_kind = view.column_formatters.get(name), view.column_type_formatters[object]
    if own is not None:
        return lambda record: own(view, None, record, name)
    return lambda record: by_kind(view, getattr(record, name), name)
