"""Files and folders as rows of the page of one's own files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from flask import url_for
from markupsafe import Markup

from backoffice.domain.files import File
from backoffice.web.formats import remembered, size_tag, time_tag, when_tag
from backoffice.web.names import kind_of, name_with_icon
from backoffice.web.pages.my_files import Listing, ListParams
from backoffice.web.url_pattern import UrlPattern

_KIND: Final = Markup('<span title="%s">%s</span>')
_TOP: Final = Markup('<a href="%s" data-visit>My files</a>')
_PLACE: Final = Markup('<a href="%s" data-visit title="%s"><bdi>%s</bdi></a>')


class Row(NamedTuple):
    """`label`: its name as a list shows it; `about`: what kind it is, or, in a search, where it lies; `moment`: when it
    was added, in the trash when it was deleted, and `gone` when it is gone for good. The addresses: `link` where its
    name leads, `ask` the same list with the row as a form, `act` where its button sends to (into the trash; out of it),
    `move`, `share` and `download` pages and bytes of it, "" where there are none."""

    folder: bool
    id: str
    name: str
    label: Markup
    size: Markup
    bytes: int
    about: Markup
    moment: Markup
    gone: Markup
    link: str
    ask: str
    act: str
    move: str = ""
    share: str = ""
    download: str = ""


def rows_of(listing: Listing, asked: ListParams) -> list[Row]:
    """What is listed, as the page shows it."""
    if asked.trash:
        return [*_trashed_folders(listing, asked), *_trashed(listing, asked)]
    return [*_folders(listing, asked), *_files(listing, asked)]


def _folders(listing: Listing, asked: ListParams) -> Iterator[Row]:
    link, ask, act = (
        UrlPattern(lambda key: asked.url(folder=key)),
        UrlPattern(lambda key: asked.url(rename=key)),
        _pattern("folder_trash", "folder_id"),
    )
    move = UrlPattern(lambda key: url_for("pages.move", folder=key, back=asked.url()))
    share = _pattern("folder_share", "folder_id")
    nothing, about = Markup(), Markup("Folder")
    for one in listing.folders:
        label, moment = name_with_icon(one.name, "folder"), when_tag(one.created_at)
        yield Row(
            True, one.id, one.name, label, nothing, 0, about, moment, nothing,
            link(one.id), ask(one.id), act(one.id), move(one.id), share(one.id),
        )  # fmt: skip


def _files(listing: Listing, asked: ListParams) -> Iterator[Row]:
    back = asked.url()
    link = UrlPattern(lambda key: url_for("pages.file_page", file_id=key, back=back))
    ask, act = UrlPattern(lambda key: asked.url(rename=key)), _pattern("file_trash", "file_id")
    move = UrlPattern(lambda key: url_for("pages.move", file=key, back=back))
    share = _pattern("file_share", "file_id")
    download = UrlPattern(lambda key: url_for("api.files.download", file_id=key))
    for one in listing.items:
        icon, kind = kind_of(one.mime_type)
        label, size, moment = name_with_icon(one.name, icon), size_tag(one.size), when_tag(one.created_at)
        about = _kind(one.mime_type, kind) if listing.places is None else _place(one, listing.places, asked)
        yield Row(
            False, one.id, one.name, label, size, one.size, about, moment, Markup(),
            link(one.id), ask(one.id), act(one.id), move(one.id), share(one.id), download(one.id),
        )  # fmt: skip


def _trashed_folders(listing: Listing, asked: ListParams) -> Iterator[Row]:
    ask, act = UrlPattern(lambda key: asked.url(purge=key)), _pattern("folder_restore", "folder_id")
    nothing, about = Markup(), Markup("Folder")
    for one in listing.folders:
        label, moment, gone = name_with_icon(one.name, "folder"), when_tag(one.updated_at), time_tag(one.purge_at)
        yield Row(
            True, one.id, one.name, label, nothing, 0, about, moment, gone, "", ask(one.id), act(one.id)
        )  # fmt: skip


def _trashed(listing: Listing, asked: ListParams) -> Iterator[Row]:
    ask, act = UrlPattern(lambda key: asked.url(purge=key)), _pattern("file_restore", "file_id")
    for one in listing.items:
        icon, kind = kind_of(one.mime_type)
        label, size, moment = name_with_icon(one.name, icon), size_tag(one.size), when_tag(one.updated_at)
        about, gone = _kind(one.mime_type, kind), time_tag(one.purge_at)
        yield Row(
            False, one.id, one.name, label, size, one.size, about, moment, gone, "", ask(one.id), act(one.id)
        )  # fmt: skip


def _pattern(page: str, name: str) -> UrlPattern:
    def address_of(key: str) -> str:
        values: dict[str, Any] = {name: key}
        return url_for(f"pages.{page}", **values)

    return UrlPattern(address_of)


@remembered
def _kind(mime_type: str, words: str) -> Markup:
    return _KIND % (mime_type, words)


def _place(file: File, places: Mapping[str, tuple[str, ...]], asked: ListParams) -> Markup:
    names = places.get(file.folder_id, ())
    if not names:
        return _TOP % asked.url(search="", folder="")
    return _PLACE % (asked.url(search="", folder=file.folder_id), " / ".join(names), names[-1])
