"""The list of a view: as a page, as the person asking has arranged it, and as a file."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, ClassVar, Final

from flask import g, request
from flask.typing import ResponseReturnValue
from flask_admin import expose

from backoffice.domain.paging import Page, Query
from backoffice.web.admin.export import export_answer
from backoffice.web.admin.filter_bar import FilterBar
from backoffice.web.admin.list_state import ListState, every_record, list_arguments
from backoffice.web.admin.own_lists import Arrangement, arrangement
from backoffice.web.admin.record_forms import RecordForms
from backoffice.web.admin.rows import rows
from backoffice.web.context import services

MOST_WIDTH: Final = 46
"""Rem that the columns with widths may take together, so that something is left for the first one; else all share."""
MOST_WIDTH_ON_TABLET: Final = 28
"""The same of those that a screen without room for the sidebar shows."""


class ListPages(RecordForms):
    """The part of `ServiceView` that has lists; it calls `get_page`."""

    arranged: ClassVar[bool] = True
    """Whether its rows have columns, which people choose."""
    column_more: ClassVar[Sequence[str]] = ()
    """Columns that a list has for who chooses them."""
    shares_trips: ClassVar[bool] = False
    """`get_page` does nothing but read, so that its round trips can be those of other reads (`Services.together`)."""
    bulk_all: ClassVar[bool] = False
    """Whether its actions take everything that the list matches: `all=1`, and in `query` what the list is asked for."""
    weighed: ClassVar[bool] = False
    """Whether its records have a `size` in bytes, of which a selection tells the sum."""

    @expose("/")  # type: ignore[untyped-decorator]
    def index_view(self) -> str:
        state = ListState.read(self.list_options, request.args)
        found, g.arrangement = self._read(state)
        return str(self.render(self.list_template, **self.list_context(state, found)))

    def _read(self, state: ListState) -> tuple[Page[Any], Arrangement]:
        """The page, and how the person has arranged the list; in the same round trips where that goes."""
        if state.problem:
            return Page((), 0), arrangement(self.section)
        read = self.shared_page(state.query)
        if read is None:
            return self.get_page(state.query), arrangement(self.section)
        found, own = services().together(read, lambda: arrangement(self.section))
        return found, own

    def shared_page(self, query: Query) -> Callable[[], Page[Any]] | None:
        """What reads the page and does nothing else, so that it may run several times (`Services.together`); None where
        there is no such thing."""
        return (lambda: self.get_page(query)) if self.shares_trips else None

    def canonical_query(self, text: str) -> str:
        """`text` as this list writes it in a saved view. Raises Invalid."""
        args = list_arguments(text)
        return ListState.read(self.list_options, args, root=self.list_url(), strict=True).saved_query()

    def list_context(self, state: ListState, found: Page[Any]) -> dict[str, Any]:
        """What the template of the list is given."""
        here, own = state.url(), g.arrangement
        columns = own.columns(self)
        widths = {one.name: self.column_widths.get(one.name, 0) for one in columns}
        kept = sum(width for name, width in widths.items() if name not in self.column_low)
        return {
            "state": state,
            "shown": state.page_info(found),
            "columns": columns,
            "wide": sum(widths.values()) > MOST_WIDTH,
            "full": kept > MOST_WIDTH_ON_TABLET,
            "own": own,
            "rows": rows(self, found.items, here, columns),
            "filters": FilterBar.of(state) if self._filters else None,
            "actions": self.actions.permitted(),
            "return_url": here,
        }

    def exported_records(self) -> tuple[int, Iterable[Any]]:
        """How many records an export has, and all of them. Raises Invalid for a filter that does not fit: a file must
        not have more than was asked for."""
        query = ListState.read(self.list_options, request.args, strict=True).query
        exported: tuple[int, Iterable[Any]] = self.access.exported(*every_record(self.get_page, query))
        return exported

    @expose("/export/<export_type>/")  # type: ignore[untyped-decorator]
    def export(self, export_type: str) -> ResponseReturnValue:
        """CSV or JSON Lines. Raises NotFound for any other type."""
        return export_answer(self, export_type)
