"""What the services need of the store of folders."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from backoffice.domain.audit import AuditEvent
from backoffice.domain.folders import Folder, FolderState
from backoffice.domain.paging import Page, Query
from backoffice.domain.versions import Version
from backoffice.services.ports import RecordStore


class FolderStore(RecordStore[Folder], Protocol):
    """Folders. Orders: `name`, `created`. `remove` raises InUse where something lies in it."""

    def named(self, owner: str, parent: str, name: str) -> Folder | None:
        """The owner's folder of that name in a folder ("": at the top), outside of the trash."""

    def ids_named(self, owner: str, names: Sequence[tuple[str, str]]) -> list[str]:
        """The identifier of the folder of each (name, parent), as the indexes have it; "" where there is none. One
        round trip."""

    def page_in(self, owner: str, parent: str | None, query: Query) -> Page[Folder]:
        """The owner's folders in one, ("": at the top; None: all). Raises Invalid where there is no such one."""

    def add(self, folder: Folder, above: Sequence[Folder], event: AuditEvent) -> None:
        """Keep a new one. `above`: those that it lies in, as they were read.

        Raises NameTaken, Invalid (its parent is gone), QuotaExceeded (too many), NotSignedIn (the owner is no more),
        VersionMismatch: one of `above` has changed.
        """

    def put(
        self,
        old: Folder,
        new: Folder,
        above: Sequence[Folder],
        event: AuditEvent,
        *,
        follows: FolderState | None = None,
        returning: int = 0,
    ) -> None:
        """Put `new`, with another name, parent or state, in the place of `old`. `above`: where it comes to a place,
        those that it comes to lie in. Raises as `add` does; VersionMismatch also unless it is still `old`, and unless
        the folder that it lies in is in the state `follows`; TooMany. `returning`: how many records it brings back
        out of the trash, which are counted by the day. Into a full store nothing follows but into the trash."""

    def within(self, folder: Folder, query: Query, *, live: bool) -> Page[Folder]:
        """Of the folders that lie in one, whatever state it is in; or of those that went into the trash with it."""

    def stays(self, folders: Sequence[Folder]) -> dict[str, int | None]:
        """Since when each was not in the trash, nor in a folder that is, as with `FileStore.stays`; None: also where it
        is there itself. A round trip for each level above them."""

    def as_read(self, record: Folder) -> Version:
        """What its key held when it was read: another one where it was changed or removed since."""

    def below(self, folders: Sequence[Folder]) -> tuple[list[Folder], int]:
        """The folders that lie in these, whatever state they are in, and how many records went into the trash with
        these. Two round trips for 500."""

    def settle(self, folder: Folder) -> bool:
        """Note that nothing in it has to follow it any more, and drop a purged one; whether that is so. Not an act."""

    def moving(self, limit: int) -> list[Folder]:
        """Those that something has to follow, the oldest such act first."""

    def due(self, now: int, limit: int) -> list[Folder]:
        """Those in the trash by themselves whose time is over."""
