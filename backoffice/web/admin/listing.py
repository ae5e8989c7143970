"""The list of an admin view: what the address asks for, the page of records that answers it, and the CSV of all."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from flask import flash, request
from flask_admin.model import BaseModelView
from flask_admin.model.base import ViewArgs

from backoffice.domain.paging import MAX_LIMIT, MAX_SEARCH, Page, Query
from backoffice.errors import Invalid
from backoffice.web.admin.filters import ServiceFilter, Unfit
from backoffice.web.admin.formats import EXPORT_TYPES, PAGE_TYPES, csv_cell, exact_time
from backoffice.web.admin.gate import GatedView
from backoffice.web.admin.source import Source

MAX_PAGE = 10**6
MAX_FILTERS = 20
TIMES = ("created_at", "updated_at", "last_login_at", "expires_at", "purge_at")

FilterValue = tuple[int, str, str]
"""Flask-Admin's form of a filter in use: its index, its name, the text entered."""


@dataclass(frozen=True, slots=True)
class Shown:
    """What part of how many records a page shows. `exact` false: there are at least `total`."""

    first: int
    last: int
    total: int
    exact: bool
    more: bool


@dataclass(frozen=True, slots=True)
class Chip:
    """A filter in use, and the address without it."""

    label: str
    value: str
    url: str


class ListingView(GatedView, BaseModelView):  # type: ignore[misc]
    """Lists a `Source`: search, filters, order, pages, CSV."""

    source: Source
    can_set_page_size = True
    page_size = 50
    page_size_options = (20, 50, 100)
    named_filter_urls = True
    column_sortable_list: ClassVar[Sequence[str | tuple[str, str]]] = ()
    column_type_formatters = PAGE_TYPES
    column_type_formatters_detail = PAGE_TYPES
    column_type_formatters_export = EXPORT_TYPES
    column_formatters_export: ClassVar[dict[str, Any]] = dict.fromkeys(TIMES, exact_time)
    """Own formatters for CSV; those of pages make markup and are not used there."""
    column_numeric: ClassVar[Sequence[str]] = ()
    """Columns set flush right, in figures of one width."""
    searchable = False
    search_hint = "Search"
    empty_hint = "Nothing here yet."

    def scaffold_list_columns(self) -> list[str]:
        """What details and CSV show unless told otherwise."""
        return list(self.column_list or ())

    def _prettify_name(self, name: str) -> str:
        """`last_login_at` -> `Last login at`, where `column_labels` says nothing."""
        return name.replace("_", " ").capitalize()

    def init_search(self) -> bool:
        return self.searchable

    def search_placeholder(self) -> str:
        return self.search_hint

    def _get_list_extra_args(self) -> ViewArgs:
        """The address, made safe. Read once, because reading it flashes what is wrong with it."""
        known: ViewArgs | None = self._template_args.get("list_args")
        if known is None:
            known = super()._get_list_extra_args()
            known.page = min(max(known.page or 0, 0), MAX_PAGE)
            column = self._get_column_by_idx(known.sort)
            known.sort = known.sort if column and column[0] in self._sortable_columns else None
            known.search = _search_text(known.search)
            # Flask-Admin would hand unknown arguments to `url_for`, which takes `_scheme` and `_external`.
            known.extra_args = {}
            self._template_args["list_args"] = known
        return known

    def _get_list_filter_args(self) -> list[FilterValue]:
        """The filters in use. Empty controls are not; wrong values are said to be ignored."""
        found: list[FilterValue] = []
        cleaned = self._template_args.setdefault("cleaned", {})
        for argument, value in request.args.items():
            key = argument.removeprefix("flt").partition("_")[2] if argument.startswith("flt") else ""
            if key not in (self._filter_args or {}) or not value.strip():
                continue
            index, flt = self._filter_args[key]
            try:
                cleaned[index, value] = flt.clean(value)
            except Unfit as exc:
                flash(f"{exc} The filter {flt.label} was ignored.", "warning")
            except ValueError:
                flash(f"{value[:60]} does not fit {flt.label}; this filter was ignored.", "warning")
            else:
                found.append((index, flt.name, value))
        if len(found) > MAX_FILTERS:
            raise Invalid(f"At most {MAX_FILTERS} filters at a time.")
        return sorted(found)

    def _get_list_url(self, view_args: ViewArgs) -> str:
        """The address of a list, without what is the default anyway."""
        size = self.get_safe_page_size(view_args.page_size)
        return str(
            self.get_url(
                ".index_view",
                page=view_args.page or None,
                sort=view_args.sort,
                desc=1 if view_args.sort_desc else None,
                search=view_args.search,
                page_size=size if size != self.page_size else None,
                **self._get_filters(view_args.filters),
            )
        )

    def chips(self) -> list[Chip]:
        """The filters in use, for the page."""
        args = self._get_list_extra_args()
        chips: list[Chip] = []
        for used in args.filters or ():
            others = [other for other in args.filters if other is not used]
            flt: ServiceFilter = self._filters[used[0]]
            chips.append(Chip(flt.label, flt.shown(used[2]), self._get_list_url(args.clone(filters=others, page=0))))
        return chips

    def clear_url(self) -> str:
        """The list without search and filters."""
        return self._get_list_url(self._get_list_extra_args().clone(filters=None, search=None, page=0))

    def unsearched_url(self) -> str:
        """The list without the search."""
        return self._get_list_url(self._get_list_extra_args().clone(search=None, page=0))

    def order_url(self, column: int, desc: bool) -> str:
        """The list by the column of this index, from its first page."""
        return self._get_list_url(self._get_list_extra_args().clone(sort=column, sort_desc=desc, page=0))

    def size_url(self, size: int) -> str:
        """The list with so many rows on a page, from its first one."""
        return self._get_list_url(self._get_list_extra_args().clone(page_size=size, page=0))

    def export_url(self) -> str:
        """The CSV of what the list shows, all pages of it."""
        args = self._get_list_extra_args()
        desc = 1 if args.sort_desc else None
        used = self._get_filters(args.filters)
        return str(self.get_url(".export", export_type="csv", sort=args.sort, desc=desc, search=args.search, **used))

    def get_list(
        self,
        page: int | None,
        sort_field: str | None,
        sort_desc: bool,
        search: str | None,
        filters: Sequence[FilterValue] | None,
        page_size: int | None = None,
    ) -> tuple[int, Iterable[Any]]:
        """Flask-Admin's way to ask for records; `page_size` 0 means all of them, one after another."""
        order = self._order(sort_field, sort_desc)
        query = self._query(order, search, filters or ())
        if page_size == 0:
            first = self.source.page(replace(query, limit=MAX_LIMIT))
            return first.total, self._all(query, first)
        size = page_size or self.page_size
        start = (page or 0) * size
        found = self.source.page(replace(query, limit=size, offset=start))
        last = start + len(found.items)
        total = found.total if found.exact else max(found.total, last if found.items else 0)
        more = last < total if found.exact else len(found.items) == size
        self._template_args["order"] = order
        self._template_args["shown"] = Shown(start + 1, last, total, found.exact, more)
        return total, found.items

    def _order(self, sort_field: str | None, desc: bool) -> tuple[str, bool]:
        """The column asked for, if the list can be ordered by it; else the view's own order."""
        if sort_field in self._sortable_columns:
            return str(sort_field), desc
        [(column, descending)] = self._get_default_order() or [("", False)]
        return column, descending

    def _query(self, order: tuple[str, bool], search: str | None, filters: Sequence[FilterValue]) -> Query:
        sort = self._sortable_columns.get(order[0], order[0])
        query = Query(sort=sort, descending=order[1], search=search or "")
        for index, _, value in filters:
            query = self._filters[index].narrow(query, self._template_args["cleaned"][index, value])
        return query

    def _all(self, query: Query, page: Page[Any]) -> Iterator[Any]:
        """Every record, `MAX_LIMIT` at a time: memory does not grow with their number."""
        offset = 0
        while page.items:
            yield from page.items
            offset += len(page.items)
            if not page.next_cursor and page.exact and offset >= page.total:
                return
            page = self.source.page(replace(query, limit=MAX_LIMIT, offset=offset, cursor=page.next_cursor))

    def get_export_value(self, model: Any, name: str) -> str:
        return csv_cell(super().get_export_value(model, name))


def _search_text(text: str | None) -> str | None:
    if text is None or not text.strip():
        return None
    if len(text) > MAX_SEARCH:
        raise Invalid(f"At most {MAX_SEARCH} characters can be searched for.")
    return text.strip()
