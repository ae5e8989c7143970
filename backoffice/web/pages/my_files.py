"""Which part of one's own files the page shows: what its address asks for, and the answer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, NamedTuple, Self
from urllib.parse import urlencode

from flask import url_for
from markupsafe import Markup

from backoffice.domain.access import Actor
from backoffice.domain.acts import Acts, decide_act
from backoffice.domain.files import File
from backoffice.domain.ids import is_id
from backoffice.domain.limits import MAX_SEARCH
from backoffice.domain.paging import Query
from backoffice.services.container import Services
from backoffice.web.formats import size_tag, time_tag, when_tag
from backoffice.web.url_pattern import UrlPattern, page_url

ROWS: Final = 50
MAX_PAGE: Final = 1_000_000
FALLING: Final = {"name": False, "size": True, "created": True}
"""Orders, and whether each begins with the largest."""
RECENT: Final = 20


@dataclass(frozen=True, slots=True)
class ListParams:
    """What the address asks for. What it does not say, or says wrongly, is the default.

    `rename` and `purge` name the one file whose row is a form just now; `undo` the one that was just deleted.
    """

    trash: bool = False
    search: str = ""
    sort: str = ""
    descending: bool = True
    page: int = 0
    rename: str = ""
    purge: str = ""
    undo: str = ""

    @classmethod
    def of(cls, args: Mapping[str, str]) -> Self:
        sort = args.get("sort", "")
        sort = sort if sort in FALLING else ""
        order = args.get("order", "")
        page = args.get("page", "")
        return cls(
            trash=args.get("show") == "trash",
            search="".join(char for char in args.get("q", "") if char.isprintable())[:MAX_SEARCH].strip(),
            sort=sort,
            descending=order == "desc" if order in {"asc", "desc"} else FALLING.get(sort, True),
            page=min(int(page), MAX_PAGE) if page.isascii() and page.isdigit() and len(page) < 9 else 0,
            **{name: args[name] for name in ("rename", "purge", "undo") if is_id(args.get(name, ""))},
        )

    def url(self, **changes: Any) -> str:
        """The address of this list with `changes`, as short as it can be; a change of order or search begins at the
        first page, and no row of it is a form."""
        first = (
            {} if "page" in changes or not changes.keys() & {"sort", "search", "trash", "descending"} else {"page": 0}
        )
        wanted = replace(self, **{"rename": "", "purge": "", "undo": "", **first, **changes})
        parts = {
            "show": "trash" if wanted.trash else "",
            "q": wanted.search,
            "sort": wanted.sort,
            "order": ("desc" if wanted.descending else "asc") if wanted.sort else "",
            "page": str(wanted.page or ""),
            "rename": wanted.rename,
            "purge": wanted.purge,
            "undo": wanted.undo,
        }
        query = urlencode({name: value for name, value in parts.items() if value})
        return page_url("pages.upload") + (f"?{query}" if query else "")

    def sort_url(self, sort: str) -> str:
        """The list by this column: its natural order first, then the other way round."""
        falling = not self.descending if self.sort == sort else FALLING[sort]
        return self.url(sort=sort, descending=falling)

    def sorted_by(self, sort: str) -> str:
        """What `aria-sort` says of a column, "" when it does not decide the order."""
        chosen = self.sort or ("" if self.search else "created")
        return ("descending" if self.descending else "ascending") if sort == chosen else ""


class FileRow(NamedTuple):
    """A file as a row of the page. `moment`: when it was added, in the trash when it is gone for good. `download` leads
    to its bytes, `ask` to the same list with the row as a form (a new name; in the trash, deleting for good), `act`
    is where its button sends to (into the trash; out of it), `share` to a page that makes a link."""

    id: str
    name: str
    size: Markup
    mime_type: str
    moment: Markup
    download: str
    ask: str
    act: str
    share: str


def file_rows(files: Iterable[File], asked: ListParams) -> list[FileRow]:
    """The files as the page shows them."""
    download = UrlPattern(lambda key: url_for("api.files.download", file_id=key))
    if asked.trash:
        ask = UrlPattern(lambda key: asked.url(purge=key))
        act = UrlPattern(lambda key: url_for("pages.file_restore", file_id=key))
    else:
        ask = UrlPattern(lambda key: asked.url(rename=key))
        act = UrlPattern(lambda key: url_for("pages.file_trash", file_id=key))
    share = UrlPattern(lambda key: url_for("pages.file_share", file_id=key))
    return [
        FileRow(
            file.id,
            file.name,
            size_tag(file.size),
            file.mime_type,
            time_tag(file.purge_at) if asked.trash else when_tag(file.created_at),
            download(file.id),
            ask(file.id),
            act(file.id),
            share(file.id),
        )
        for file in files
    ]


@dataclass(frozen=True, slots=True)
class Listing:
    """Some files of how many. `exact` false: there are at least `total`."""

    items: tuple[File, ...]
    first: int
    total: int
    exact: bool

    @property
    def last(self) -> int:
        return self.first + len(self.items) - 1

    @property
    def more(self) -> bool:
        return self.last < self.total if self.exact else len(self.items) == ROWS

    @property
    def pages(self) -> int:
        return -(-self.total // ROWS)


def list_files(services: Services, actor: Actor, asked: ListParams) -> Listing:
    """The files asked for. The trash has no other order than by date, and no search."""
    start = asked.page * ROWS
    if asked.trash:
        page = services.files.trash_page(actor, Query(descending=True, limit=ROWS, offset=start))
    else:
        wanted = Query(sort=asked.sort, descending=asked.descending, search=asked.search, limit=ROWS, offset=start)
        page = services.files.page(actor, wanted)
    total = page.total if page.exact else max(page.total, start + len(page.items))
    return Listing(page.items, start + 1, total, page.exact)


def just_deleted(services: Services, actor: Actor, asked: ListParams) -> File | None:
    """The file whose deletion can be taken back from the top of the page, if it is still in the trash."""
    if not asked.undo or not decide_act(actor, Acts.FILE_RESTORE, actor.id).allowed:
        return None
    recent = services.files.trash_page(actor, Query(descending=True, limit=RECENT))
    return next((file for file in recent.items if file.id == asked.undo), None)
