"""The list of an admin view: what its address asks for, the query made of it, and the addresses beside it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from math import ceil
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl, urlencode

from flask import url_for
from werkzeug.datastructures import MultiDict

from backoffice.domain.limits import MAX_FILTERS, MAX_LIMIT, MAX_SEARCH
from backoffice.domain.paging import Page, Query
from backoffice.errors import Invalid
from backoffice.web.admin.applied_filters import AppliedFilter, FiltersByName, applied_filters, sizes_of_search
from backoffice.web.admin.zones import reader_zone

if TYPE_CHECKING:
    from backoffice.web.admin.base import ServiceView

MAX_PAGE: Final = 10**6
ZONE: Final = "tz"
"""The argument that names the time zone of the days in an address. Without it they are in UTC."""
_UNQUOTED: Final = "!$'()*,/:;?@"
"""What `url_for` leaves as it is in a query, so that the list has one address."""


@dataclass(frozen=True, slots=True)
class ListOptions:
    """What a list can do, the same for every request. Columns are named as the records' attributes are."""

    columns: tuple[str, ...]
    sortable: Mapping[str, str]
    """Column -> index of the collection."""
    default_order: tuple[str, bool]
    """Column or index, and whether the last comes first."""
    filters: FiltersByName
    page_size: int
    page_sizes: tuple[int, ...]
    searchable: bool = True

    @classmethod
    def of(cls, view: ServiceView) -> ListOptions:
        """Those that a view declares, as Flask-Admin has sorted them out."""
        [default_order] = view._get_default_order() or [("", False)]  # noqa: SLF001 - Flask-Admin's names
        return cls(
            columns=tuple(column for column, _ in view._list_columns),  # noqa: SLF001
            sortable=view._sortable_columns,  # noqa: SLF001
            default_order=default_order,
            filters=view._filter_args or {},  # noqa: SLF001
            page_size=view.page_size,
            page_sizes=view.page_size_options,
            searchable=view.searchable,
        )


@dataclass(frozen=True, slots=True)
class Chip:
    """A filter in use, in words, and the address without it."""

    label: str
    value: str
    url: str
    problem: str = ""


@dataclass(frozen=True, slots=True)
class PageInfo:
    """What part of how many records a page shows. `exact` false: there are at least `total`."""

    first: int
    last: int
    total: int
    exact: bool
    more: bool


@dataclass(frozen=True, slots=True)
class ListState:
    """What the address of a list asks for, within bounds. `sort` is the place of a column.

    Arguments that are not its own are forgotten: `url_for` would take `_scheme` and `_external` among them.
    """

    options: ListOptions
    root: str
    """The address of the list as it is without being asked for anything."""
    page: int = 0
    page_size: int = 0
    sort: int | None = None
    descending: bool = False
    search: str = ""
    filters: tuple[AppliedFilter, ...] = ()
    zone: str = ""
    """Of the days that it is filtered by, as the address says it; "" is UTC."""

    @classmethod
    def read(
        cls, options: ListOptions, args: MultiDict[str, str], *, root: str = "", strict: bool = False
    ) -> ListState:
        """A wrong filter makes it a list of nothing (`problem`). Raises Invalid for what is too long or too much; where
        it is `strict`, for a wrong filter too: a file must not have more than was asked for."""
        size, zone = args.get("page_size", 0, type=int), args.get(ZONE, "")
        asked = _search_text(args.get("search", "")) if options.searchable else ""
        search, args = sizes_of_search(options.filters, asked, args)
        return cls(
            options,
            root or url_for(".index_view"),
            page=min(max(args.get("page", 0, type=int), 0), MAX_PAGE),
            page_size=size if size in options.page_sizes else options.page_size,
            sort=_sort_column(options, args.get("sort", None, type=int)),
            descending=bool(args.get("desc", 0, type=int)),
            search=search,
            filters=applied_filters(options.filters, args, zone, strict=strict),
            zone=zone,
        )

    # The records

    @property
    def order(self) -> tuple[str, bool]:
        """The column (or index) that the list is ordered by, and whether the last comes first."""
        return self.options.default_order if self.sort is None else (self.options.columns[self.sort], self.descending)

    @property
    def query(self) -> Query:
        """What to ask a service for."""
        column, descending = self.order
        sort = self.options.sortable.get(column, column)
        start = self.page * self.page_size
        query = Query(sort=sort, descending=descending, search=self.search, limit=self.page_size, offset=start)
        for used in self.filters:
            query = used.filter.apply(query, used.value)
        return query

    @property
    def problem(self) -> str:
        """Why the list is empty whatever there is: one of the filters does not fit. "" where all do."""
        return next((used.problem for used in self.filters if used.problem), "")

    def page_info(self, found: Page[Any]) -> PageInfo:
        """Where in the whole the records of a page stand."""
        start = self.page * self.page_size
        last = start + len(found.items)
        total = found.total if found.exact else max(found.total, last if found.items else 0)
        more = last < total if found.exact else len(found.items) == self.page_size
        return PageInfo(start + 1, last, total, found.exact, more)

    def last_page(self, total: int) -> int:
        """The number of the last page, from 0."""
        return max(ceil(total / self.page_size) - 1, 0)

    @property
    def has_days(self) -> bool:
        """Whether it is filtered by days, so that the zone counts."""
        return any(used.filter.zoned for used in self.filters)

    # Addresses

    def url(self, **changes: Any) -> str:
        """The address of the list with these fields changed, without what is the default anyway."""
        state = replace(self, **changes)
        size = state.page_size if state.page_size != self.options.page_size else None
        asked = {"page": state.page or None, **state._asked(), "page_size": size, **state._filter_args()}  # noqa: SLF001
        query = urlencode([(name, value) for name, value in asked.items() if value is not None], safe=_UNQUOTED)
        return f"{self.root}?{query}" if query else self.root

    def saved_query(self) -> str:
        """What a saved view of it remembers: all but the page, and the number of rows on one."""
        return replace(self, page=0, page_size=self.options.page_size).url().partition("?")[2]

    def export_url(self, kind: str = "csv") -> str:
        """The file of what the list shows, all pages of it."""
        return url_for(".export", export_type=kind, **self._asked(), **self._filter_args())

    def page_url(self, page: int) -> str:
        """The list at another page, from 0."""
        return self.url(page=page)

    def clear_url(self) -> str:
        """The list without search and filters."""
        return self.url(filters=(), search="", page=0)

    def unsearched_url(self) -> str:
        """The list without the search."""
        return self.url(search="", page=0)

    def order_url(self, column: int, descending: bool) -> str:
        """The list by the column at this place, from its first page."""
        return self.url(sort=column, descending=descending, page=0)

    def size_url(self, size: int) -> str:
        """The list with so many rows on a page, from its first one."""
        return self.url(page_size=size, page=0)

    def chips(self) -> list[Chip]:
        """The filters in use, for the page."""
        return [
            Chip(
                used.filter.label,
                self._words(used),
                self.url(filters=tuple(other for other in self.filters if other is not used), page=0),
                used.problem,
            )
            for used in self.filters
        ]

    def _words(self, used: AppliedFilter) -> str:
        """The value as people read it; of a day, whose day it is where it is not the reader's."""
        if used.problem:
            return used.text
        shown = used.filter.display(used.text)
        return f"{shown} ({self.zone or 'UTC'})" if used.filter.zoned and self.zone != reader_zone() else shown

    def _asked(self) -> dict[str, Any]:
        return {"sort": self.sort, "desc": 1 if self.descending else None, "search": self.search or None}

    def _filter_args(self) -> dict[str, Any]:
        args = {f"flt{at}_{used.name}": used.text for at, used in enumerate(self.filters)}
        return {**args, ZONE: self.zone} if self.zone and self.has_days else args


def list_arguments(text: str) -> MultiDict[str, str]:
    """What a list is asked for, as text behind a question mark. Raises Invalid."""
    try:
        return MultiDict(parse_qsl(text, max_num_fields=MAX_FILTERS * 2))
    except ValueError as exc:
        raise Invalid("This is not what a list is asked for.", field="query") from exc


def every_record(fetch: Callable[[Query], Page[Any]], query: Query) -> tuple[int, Iterator[Any]]:
    """How many there are, and each of them, `MAX_LIMIT` at a time: memory does not grow with their number.

    The first page is fetched at once, so that its errors are raised before an answer begins.
    """
    query = replace(query, limit=MAX_LIMIT, offset=0)
    first = fetch(query)
    return first.total, _walk(fetch, query, first)


def _walk(fetch: Callable[[Query], Page[Any]], query: Query, page: Page[Any]) -> Iterator[Any]:
    offset = 0
    while page.items:
        yield from page.items
        offset += len(page.items)
        if not page.next_cursor and page.exact and offset >= page.total:
            return
        page = fetch(replace(query, offset=offset, cursor=page.next_cursor))


def _sort_column(options: ListOptions, column: int | None) -> int | None:
    """The place of a column that the list can be ordered by."""
    if column is None or not 0 <= column < len(options.columns):
        return None
    return column if options.columns[column] in options.sortable else None


def _search_text(text: str) -> str:
    if not text.strip():
        return ""
    if len(text) > MAX_SEARCH:
        raise Invalid(f"At most {MAX_SEARCH} characters can be searched for.")
    return text.strip()
