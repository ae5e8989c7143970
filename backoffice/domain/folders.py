"""Folders: a tree of names for each owner, in which files lie.

A folder is a record of its own, and what lies in it names it by its identifier; so a name has no slash, and renaming or
moving a folder changes nothing of what is in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from backoffice.domain.actions import Actions
from backoffice.domain.files import clean_name
from backoffice.domain.ids import is_id
from backoffice.domain.limits import MAX_FOLDER_DEPTH
from backoffice.domain.nouns import Noun
from backoffice.domain.permissions import Permissions
from backoffice.errors import Conflict, Invalid

FOLDERS: Final = Noun(
    "folder",
    read=Permissions.FILES_READ,
    write=Permissions.FILES_WRITE,
    create=Actions.FOLDER_CREATE,
    delete=Actions.FOLDER_DELETE,
    recorded=("name", "parent"),
)


NO_FOLDER: Final = "There is no such folder."


class FolderState(StrEnum):
    READY = "ready"
    TRASHED = "trashed"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class Folder:
    """`parent` is the identifier of the folder that it lies in, "" at the top. Times in ms.

    with_parent  1: it went into the trash with the folder that it lies in, and comes back with it
    restored_at  when it last came out of the trash before all in it had followed it there; 0: never
    back_at      when it last came out of the trash: links to it from before stay shut; 0: never
    moving       1: what lies in it has yet to follow it into its state; `moved_by`, `moved_by_name` say whose act that
                 is
    settled      the version that it got when all in it had followed; no act of anybody made that one
    """

    id: str
    owner: str
    name: str
    created_at: int
    updated_at: int
    parent: str = ""
    state: FolderState = FolderState.READY
    version: int = 1
    purge_at: int = 0
    with_parent: int = 0
    moving: int = 0
    moved_by: str = ""
    moved_by_name: str = ""
    restored_at: int = 0
    back_at: int = 0
    settled: int = 0

    @property
    def unchanged_since(self) -> int:
        """The version from which on nobody has changed it: the one before, where all in it has followed since."""
        return self.version - 1 if self.version == self.settled else self.version

    @property
    def live(self) -> bool:
        """Whether it is in lists, and not in the trash."""
        return self.state is FolderState.READY

    @property
    def trashed(self) -> bool:
        """Whether it is in the trash, by itself or with another."""
        return self.state is FolderState.TRASHED

    @property
    def complete(self) -> bool:
        """Whether all that lies in it is in the state that it is in."""
        return not self.moving


@dataclass(frozen=True, slots=True)
class Place:
    """Where a file is to lie: below a folder, by its identifier ("": the top), at the end of a path of names; those of
    them that are not there are made when the file is."""

    folder: str = ""
    path: tuple[str, ...] = ()

    @classmethod
    def of(cls, folder: str, path: Sequence[str] = ()) -> Place:
        """Of what a client says. Raises Invalid where it can be no place."""
        if folder and not is_id(folder):
            raise Invalid(NO_FOLDER, field="folder")
        return cls(folder, clean_path(path, "folder_path") if path else ())


TOP: Final = Place()


def clean_path(names: Sequence[str], field: str = "path") -> tuple[str, ...]:
    """The names of folders, each in the next. Raises Invalid: none, too many, or one that cannot be a name."""
    if not 0 < len(names) <= MAX_FOLDER_DEPTH:
        raise Invalid(f"A path has 1 to {MAX_FOLDER_DEPTH} names.", field=field)
    return tuple(clean_name(name) for name in names)


def check_depth(depth: int) -> None:
    """Raises Conflict where a folder would lie so deep."""
    if depth > MAX_FOLDER_DEPTH:
        raise Conflict(f"Folders lie at most {MAX_FOLDER_DEPTH} deep.", limit=MAX_FOLDER_DEPTH)
