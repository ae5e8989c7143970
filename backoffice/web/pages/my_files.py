"""Which part of one's own files the page shows: what its address asks for, and the answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, Self
from urllib.parse import urlencode

from backoffice.domain.access import Actor
from backoffice.domain.acts import Acts, decide_act
from backoffice.domain.files import File
from backoffice.domain.folders import Folder
from backoffice.domain.ids import is_id
from backoffice.domain.limits import MAX_NAME_BYTES, MAX_SEARCH
from backoffice.domain.paging import Page, Query
from backoffice.errors import Invalid, NotFound
from backoffice.services.container import Services
from backoffice.web.url_pattern import page_url

ROWS: Final = 50
MAX_PAGE: Final = 1_000_000
FALLING: Final = {"name": False, "size": True, "created": True}
"""Orders, and whether each begins with the largest."""
RECENT: Final = 60
"""In the trash are looked through for what was just deleted: no less than a page can delete at once."""


@dataclass(frozen=True, slots=True)
class ListParams:
    """What the address asks for. What it does not say, or says wrongly, is the default.

    `folder` is the one that is listed, "" the top; a search looks everywhere. `rename` and `purge` name the one row
    that is a form just now, `new` asks for a form that makes a folder; `typed` is a name that did not do, for that
    form; `undo` names what was just deleted.
    """

    trash: bool = False
    folder: str = ""
    search: str = ""
    sort: str = ""
    descending: bool = True
    page: int = 0
    rename: str = ""
    purge: str = ""
    new: str = ""
    typed: str = ""
    undo: tuple[str, ...] = ()

    @classmethod
    def of(cls, args: Mapping[str, str]) -> Self:
        sort = args.get("sort", "")
        sort = sort if sort in FALLING else ""
        order = args.get("order", "")
        page = args.get("page", "")
        trash = args.get("show") == "trash"
        folder = args.get("folder", "")
        return cls(
            trash=trash,
            folder="" if trash else folder,
            search="".join(char for char in args.get("q", "") if char.isprintable())[:MAX_SEARCH].strip(),
            sort=sort,
            descending=order == "desc" if order in {"asc", "desc"} else FALLING.get(sort, True),
            page=min(int(page), MAX_PAGE) if page.isascii() and page.isdigit() and len(page) < 9 else 0,
            new="folder" if args.get("new") == "folder" and not trash else "",
            typed="".join(char for char in args.get("typed", "")[:MAX_NAME_BYTES] if char >= " "),
            undo=tuple(one for one in args.get("undo", "").split(".")[:ROWS] if is_id(one)),
            **{name: args[name] for name in ("rename", "purge") if is_id(args.get(name, ""))},
        )

    def url(self, **changes: Any) -> str:
        """The address of this list with `changes`, as short as it can be; a change of order, search or folder begins at
        the first page, and no row of it is a form."""
        anew = changes.keys() & {"sort", "search", "trash", "descending", "folder"}
        first = {"page": 0} if anew and "page" not in changes else {}
        wanted = replace(self, **{"rename": "", "purge": "", "undo": (), "new": "", "typed": "", **first, **changes})
        parts = {
            "show": "trash" if wanted.trash else "",
            "folder": "" if wanted.trash or wanted.search else wanted.folder,
            "q": wanted.search,
            "sort": wanted.sort,
            "order": ("desc" if wanted.descending else "asc") if wanted.sort else "",
            "page": str(wanted.page or ""),
            "rename": wanted.rename,
            "purge": wanted.purge,
            "new": wanted.new,
            "undo": ".".join(wanted.undo),
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

    @property
    def inside(self) -> bool:
        """Whether what lies in one place is listed, and not what lies anywhere."""
        return not self.trash and not self.search


@dataclass(frozen=True, slots=True)
class Listing:
    """Some folders and files of how many. `exact` false: there are at least `total`. `places`: for each folder in which
    one of the files lies, the names that lead to it, where the files come from anywhere."""

    items: tuple[File, ...]
    first: int
    total: int
    exact: bool
    folders: tuple[Folder, ...] = ()
    places: Mapping[str, tuple[str, ...]] | None = None

    @property
    def count(self) -> int:
        """Rows of this page."""
        return len(self.folders) + len(self.items)

    @property
    def last(self) -> int:
        return self.first + self.count - 1

    @property
    def more(self) -> bool:
        return self.last < self.total if self.exact else self.count == ROWS

    @property
    def pages(self) -> int:
        return -(-self.total // ROWS)


def list_files(services: Services, actor: Actor, asked: ListParams) -> Listing:
    """What is asked for. The trash has no other order than by date. Raises NotFound: there is no such folder."""
    start = asked.page * ROWS
    if asked.trash:
        return _trash(services, actor, asked, start)
    if asked.inside:
        try:
            return _inside(services, actor, asked, start)
        except Invalid:
            raise NotFound from None  # another's, or none
    wanted = Query(sort=asked.sort, descending=asked.descending, search=asked.search, limit=ROWS, offset=start)
    page = services.files.page(actor, wanted)
    total = page.total if page.exact else max(page.total, start + len(page.items))
    places = services.folders.paths({file.folder_id for file in page.items})
    return Listing(page.items, start + 1, total, page.exact, places=places)


def _trash(services: Services, actor: Actor, asked: ListParams, start: int) -> Listing:
    """What was put there by itself; what went with a folder comes back with it."""

    def folders(offset: int, limit: int) -> Page[Folder]:
        return services.folders.trash_page(actor, replace(wanted, offset=offset, limit=limit))

    def files(offset: int, limit: int) -> Page[File]:
        return services.files.trash_page(actor, replace(wanted, offset=offset, limit=limit), alone=True)

    wanted = Query(descending=True, search=asked.search)
    return _folders_first(services, folders, files, start)


def _inside(services: Services, actor: Actor, asked: ListParams, start: int) -> Listing:
    by = asked.sort if asked.sort in {"name", "created"} else "name"
    falling = asked.descending if by == asked.sort else False

    def folders(offset: int, limit: int) -> Page[Folder]:
        wanted = Query(sort=by, descending=falling, limit=limit, offset=offset)
        return services.folders.page_in(actor, asked.folder, wanted)

    def files(offset: int, limit: int) -> Page[File]:
        wanted = Query(sort=asked.sort, descending=asked.descending, limit=limit, offset=offset)
        return services.files.page_in(actor, asked.folder, wanted)

    return _folders_first(services, folders, files, start)


def _folders_first(
    services: Services,
    folders: Callable[[int, int], Page[Folder]],
    files: Callable[[int, int], Page[File]],
    start: int,
) -> Listing:
    """Where the files begin is known once it is known how many folders there are. The first page needs no such
    question. Each of the two is asked with an offset and a number of records."""
    if start:
        some = folders(start, ROWS)
        room = ROWS - len(some.items)
        page = files(max(0, start - some.total), max(room, 1))  # how many there are is asked in any case
    else:
        some, page = services.together(lambda: folders(0, ROWS), lambda: files(0, ROWS))
        room = ROWS - len(some.items)
    exact = some.exact and page.exact
    items = page.items[:room]
    total = some.total + page.total
    return Listing(
        items, start + 1, total if exact else max(total, start + len(some.items) + len(items)), exact, some.items
    )


def trail(services: Services, actor: Actor, folder_id: str) -> tuple[Folder, ...]:
    """The folder and those that it lies in, the outermost first. Raises NotFound."""
    if not folder_id:
        return ()
    folder = services.folders.get(actor, folder_id)
    if folder.owner != actor.id:
        raise NotFound
    return (*services.folders.above(actor, folder), folder)


def just_deleted(services: Services, actor: Actor, asked: ListParams) -> tuple[File | Folder, ...]:
    """What was deleted just now and can be taken back from the top of the page, as far as it is still in the trash."""
    if not asked.undo or not decide_act(actor, Acts.FILE_RESTORE, actor.id).allowed:
        return ()
    recent = Query(descending=True, limit=RECENT)
    found = services.together(
        lambda: services.folders.trash_page(actor, recent),
        lambda: services.files.trash_page(actor, recent),
    )
    return tuple(one for page in found for one in page.items if one.id in asked.undo)
