"""How files are kept: what their fields are called, and the indexes that find them."""

from __future__ import annotations

from collections.abc import Sequence

from backoffice.domain.files import TOP, File, FileState
from backoffice.stores.records.indexes import Facet, Index, Lexical, Sorted, Unique, Words, text_range

IN_FOLDER = "\2"
"""Between a name and its folder. No name has it; it is above what ends a text, and below what can go on in a name."""
BEHIND_FOLDERS = "\3"
"""A name with this is behind that name in all places, and before any other."""
NEVER_ALONE = 2**50
"""Later than any time in ms; with one added it is still exact as a score."""
Above = Sequence[tuple[str, str]]
"""A folder and those that it lies in, each with its version."""


def placed_name(name: str, folder: str) -> str:
    """How a name stands in indexes, where those in one place are different: at the top as it is, in a folder with its
    identifier behind it. So names in all places are in one order, and those in one place are one stretch of it."""
    return name if folder in {"", TOP} else f"{name}{IN_FOLDER}{folder}"


def entry(file: File) -> tuple[str, str]:
    """Where a file's name stands in the index: two of one entry are in each other's way."""
    return text_range(placed_name(file.name, file.folder))


def place(owner: str, folder: str) -> str:
    """What files of one place have in common: a folder, or the top of an owner's."""
    return f"{owner}.{'' if folder == TOP else folder}"


def is_live(file: File) -> bool:
    """Whether it is in lists, and not in the trash."""
    return file.state is FileState.READY


def is_waiting(file: File) -> bool:
    """Whether its owner has yet to accept it."""
    return file.state is FileState.WAITING


def _delivered(file: File) -> bool:
    """Whether it came by a request and is there still."""
    return bool(file.request) and file.state is not FileState.GONE


def _trashed(file: File) -> bool:
    return file.state is FileState.TRASHED


def is_version(file: File) -> bool:
    """Whether it is an earlier version of a file."""
    return file.state is FileState.VERSION


def _created(file: File) -> float:
    return file.created_at


def _has_bytes(file: File) -> bool:
    return is_live(file) or is_version(file) or is_waiting(file)


def _purged(file: File) -> float:
    """When it goes by itself. What went with a folder never does: it stands behind all that do, so what looks for those
    that are due does not come upon it, however many there are."""
    return file.purge_at + (NEVER_ALONE if file.with_folder else 0)


SHORT = {
    "name": "n",
    "mime_type": "m",
    "owner": "o",
    "created_at": "c",
    "changed_at": "u",
    "total_chunks": "t",
    "digest": "h",
    "size": "s",
    "tags": "g",
    "version": "v",
    "restored_at": "r",
    "folder": "f",
    "with_folder": "w",
    "alone": "a",
    "content": "b",
    "number": "i",
    "content_at": "d",
    "content_by": "y",
    "version_of": "p",
    "delivered_by": "j",
    "sent_name": "e",
    "sent_by": "k",
}
"""Names of the fields in the hash. `state` keeps its own: `delete_and_release.lua` looks at it, in uploads too."""


NAME: Lexical[File] = Lexical(
    "name", lambda one: placed_name(one.name, one.folder) if is_live(one) else None, within=("owner", "folder")
)
INDEXES: tuple[Index[File], ...] = (
    Sorted("created", lambda one: one.created_at if is_live(one) else None),
    Sorted("size", lambda one: one.size if is_live(one) else None, within=("owner", "folder")),
    NAME,
    Words(
        "words",
        lambda one: one.name if is_live(one) else None,
        first=NAME,
        compared=lambda one: one.name,
        fields=("name",),
    ),
    Facet("owner", lambda one: [one.owner] if is_live(one) else [], _created, "created"),
    Facet(
        "folder",
        lambda one: [place(one.owner, one.folder)] if is_live(one) and one.folder else [],
        _created,
        "created",
    ),
    Facet("placed", lambda one: [one.owner] if is_live(one) and one.folder else [], _created, "created"),
    Facet("mime_type", lambda one: [one.mime_type] if is_live(one) else [], _created, "created", listed=True),
    Facet("tag", lambda one: one.tags if is_live(one) else (), _created, "created", listed=True),
    # Of those whose bytes lie under another identifier; also of those that are gone, as long as there are bytes. Who
    # gives a record another content holds the one that has it by its version.
    Unique("content", lambda one: one.content, asked=False),
    Facet("versions", lambda one: [one.version_of] if is_version(one) else [], _created, "created"),
    Facet("earlier", lambda one: [one.owner] if is_version(one) else [], _created, "created"),
    Sorted("undigested", lambda one: one.created_at if _has_bytes(one) and not one.digest else None),
    Sorted("purge", lambda one: _purged(one) if _trashed(one) else None),
    Facet("trash", lambda one: [one.owner] if _trashed(one) else [], _purged, "purge"),
    # Those that were there before there was this list are in neither: see `FileLists.page_alone`.
    Facet("alone", lambda one: [one.owner] if _trashed(one) and one.alone else [], _purged, "purge"),
    Facet("with", lambda one: [one.owner] if _trashed(one) and one.with_folder else [], _purged, "purge"),
    Facet(
        "went",
        lambda one: [place(one.owner, one.folder)] if _trashed(one) and one.with_folder else [],
        _purged,
        "purge",
    ),
    Sorted("gc", lambda one: one.updated_at if one.state is FileState.GONE else None),
    # What guests have delivered, whatever its owner has done with it since: by request, and by guest.
    Sorted("delivered", lambda one: one.created_at if _delivered(one) else None),
    Facet("request", lambda one: [one.request] if _delivered(one) else [], _created, "delivered"),
    Facet("guest", lambda one: [one.delivered_by] if _delivered(one) else [], _created, "delivered"),
    Facet("waiting", lambda one: [one.owner] if is_waiting(one) else [], _created, "delivered"),
)
