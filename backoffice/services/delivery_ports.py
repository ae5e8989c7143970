"""What the services need of the store of files for what guests deliver."""

from __future__ import annotations

from typing import Protocol

from backoffice.domain.audit import AuditEvent
from backoffice.domain.files import File
from backoffice.services.file_ports import FileStore


class DeliveryStore(FileStore, Protocol):
    """Facets of files that came by a request, whatever their owner has done with them since: `request` (the link),
    `guest` (the credential); of those that wait `waiting` (the owner). Order: `delivered`."""

    def count_waiting(self, owner: str) -> int:
        """How many files wait for this owner. One round trip."""

    def accept(self, old: File, folder: str, event: AuditEvent) -> File:
        """A file like any other, in that folder of the owner's ("" or where that is gone: at the top) under a free
        name. Raises VersionMismatch, QuotaExceeded (too many files)."""

    def discard(self, old: File, event: AuditEvent) -> File:
        """Gone for good; waits for collection, and counts in its request no more. Raises VersionMismatch."""
