"""What the services need of the store of files for their earlier versions; a part of `FileStore`."""

from __future__ import annotations

from typing import Protocol

from backoffice.domain.audit import AuditEvent
from backoffice.domain.files import File


class FileVersionStore(Protocol):
    """What files held before."""

    def versions(self, file: File) -> list[File]:
        """The earlier versions of a file, the newest first. No round trip for one that holds what it came with."""

    def versions_held(self, user_id: str) -> int:
        """Bytes of a user's quota that earlier versions of files take. One round trip."""

    def of_upload(self, upload_id: str) -> tuple[File | None, File | None]:
        """The file that this upload has become, or has brought the content of, now or before; and the record of its
        bytes, that file or an earlier version of it: None where they are kept no more. One round trip where the upload
        is a file of its own."""

    def restore_version(self, file: File, version: File, tags: tuple[str, ...], event: AuditEvent) -> File:
        """Let a file hold what an earlier version holds, and that be an earlier version what it held: one commit, no
        byte is copied; the file, with these tags, as it is then. Raises VersionMismatch."""

    def drop_version(self, version: File, event: AuditEvent) -> File:
        """An earlier version for good; waits for collection. Raises VersionMismatch."""
