"""What the services need of the store of folders."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from backoffice.domain.audit import AuditEvent
from backoffice.domain.folders import Folder
from backoffice.domain.paging import Page, Query
from backoffice.services.ports import RecordStore


class FolderStore(RecordStore[Folder], Protocol):
    """Folders. Orders: `name`, `created`. `remove` raises InUse where something lies in it."""

    def named(self, owner: str, parent: str, name: str) -> Folder | None:
        """The owner's folder of that name in a folder ("": at the top), outside of the trash."""

    def page_in(self, owner: str, parent: str | None, query: Query) -> Page[Folder]:
        """The owner's folders in one, ("": at the top; None: all). Raises Invalid where there is no such one."""

    def add(self, folder: Folder, above: Sequence[Folder], event: AuditEvent) -> None:
        """Keep a new one. `above`: those that it lies in, as they were read.

        Raises NameTaken, Invalid (its parent is gone), QuotaExceeded (too many), NotSignedIn (the owner is no more),
        VersionMismatch: one of `above` has changed.
        """

    def put(self, old: Folder, new: Folder, above: Sequence[Folder], event: AuditEvent) -> None:
        """Put `new`, with another name or parent, in the place of `old`. `above`: where the parent is another one,
        those that it comes to lie in. Raises as `add` does; VersionMismatch also unless it is still `old`."""
