"""What the services need of the store of files in order to change a record in its place; a part of `FileStore`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from backoffice.domain.audit import AuditEvent
from backoffice.domain.files import File
from backoffice.domain.versions import Version


class FileChangeStore(Protocol):
    """Each change is one commit with its event."""

    def as_read(self, file: File) -> Version:
        """What its key held when it was read: another one where it was changed or removed since."""

    def rename(self, old: File, name: str, event: AuditEvent) -> File:
        """Raises VersionMismatch, NameTaken."""

    def set_tags(self, old: File, tags: tuple[str, ...], event: AuditEvent) -> File:
        """Raises VersionMismatch."""

    def transfer(self, old: File, owner: str, quota: int, event: AuditEvent) -> File:
        """Another owner, under a name that is free there; what both use of their quotas moves with it. `quota` as with
        `UploadStore.insert`. Raises VersionMismatch, QuotaExceeded, Invalid: that user is not active any more."""

    def amend(self, old: File, new: File, event: AuditEvent, more: Sequence[AuditEvent], quota: int) -> File:
        """Name, tags, folder and owner of `new`, each that differs with its event: the first, and `more`. A name that
        is not a new one becomes another where a new owner has it. Raises what the others raise, and Invalid where
        there is no such folder."""

    def set_digest(self, old: File, digest: bytes, event: AuditEvent) -> File:
        """The SHA-256, where it was not known. Raises VersionMismatch."""

    def trash(self, old: File, purge_at: int, event: AuditEvent) -> File:
        """Out of all lists but the trash. Raises VersionMismatch."""

    def restore(self, old: File, event: AuditEvent) -> File:
        """Back, under a free name. Raises VersionMismatch."""
