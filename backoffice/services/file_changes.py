"""What is changed of a stored file in its place: its name, its tags, its owner."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from backoffice.domain.access import Actor
from backoffice.domain.actions import Actions
from backoffice.domain.acts import Act, Acts, Whose
from backoffice.domain.audit import AuditEvent
from backoffice.domain.files import File, FileState, clean_name, clean_tags
from backoffice.domain.ids import is_id
from backoffice.domain.limits import UNLIMITED_QUOTA
from backoffice.domain.times import now_ms
from backoffice.errors import Invalid, NotFound, QuotaExceeded, VersionMismatch
from backoffice.services.authorization import authorize, record_denial, user_ref
from backoffice.services.chunk_ports import ChunkStore
from backoffice.services.file_ports import FileStore, UploadStore
from backoffice.services.file_reading import file_ref
from backoffice.services.log_ports import AuditLog
from backoffice.services.ports import UserStore
from backoffice.services.records import again


@dataclass(frozen=True, slots=True)
class FileChanges:
    """Who reaches a file, and what of its record is changed."""

    files: FileStore
    uploads: UploadStore
    chunks: ChunkStore
    users: UserStore
    audit: AuditLog
    quota: int | None
    trash_seconds: int
    now: Callable[[], int] = now_ms

    def _reach(self, actor: Actor, file_id: str, act: Act, *, trashed: bool = False) -> File:
        file = self.files.get(file_id) if is_id(file_id) else None
        return self._authorized(actor, file, act, trashed=trashed)

    def _authorized(self, actor: Actor, file: File | None, act: Act, *, trashed: bool = False) -> File:
        """The file, where it is there (or in the trash) and this actor may do that. Raises NotFound, NotAllowed."""
        if file is None or file.state is not (FileState.TRASHED if trashed else FileState.READY):
            raise NotFound
        authorize(self.audit, actor, act, None if act.whose is Whose.SITE else file.owner, file_ref(file))
        return file

    def rename(self, actor: Actor, file_id: str, new_name: str, version: int | None = None) -> File:
        """Raises NotFound, Invalid, NameTaken, VersionMismatch. A name that the file has is no new one, whatever
        version took it."""
        try:
            name = clean_name(new_name)
        except Invalid:
            if self._reach(actor, file_id, Acts.FILE_RENAME).name != new_name:
                raise
            name = new_name

        def change() -> File:
            old = self._reach(actor, file_id, Acts.FILE_RENAME)
            expect_version(old, version)
            if old.name == name:
                return old
            event = AuditEvent(
                Actions.FILE_RENAME, actor, file_ref(old), changes={"name": (old.name, name)}, at=self.now()
            )
            return self.files.rename(old, name, event)

        return again(version, change)

    def tag(self, actor: Actor, file_id: str, tags: Iterable[str], version: int | None = None) -> File:
        """These tags instead of those it has. Raises NotFound, Invalid, VersionMismatch."""
        wanted = clean_tags(tags)
        return self.retag(actor, file_id, lambda _: wanted, version)

    def retag(
        self, actor: Actor, file_id: str, change: Callable[[tuple[str, ...]], Iterable[str]], version: int | None = None
    ) -> File:
        """What `change` makes of the tags it has by then. Raises as `tag` does."""

        def act() -> File:
            old = self._reach(actor, file_id, Acts.FILE_TAG)
            expect_version(old, version)
            tags = clean_tags(change(old.tags))
            if old.tags == tags:
                return old
            changes = {"tags": (list(old.tags), list(tags))}
            return self.files.set_tags(
                old, tags, AuditEvent(Actions.FILE_TAG, actor, file_ref(old), changes=changes, at=self.now())
            )

        return again(version, act)

    def transfer(self, actor: Actor, file_id: str, owner: str, version: int | None = None) -> File:
        """Hand a file over to the user of this id, under another name where that user has one of its own. Its bytes
        count there from then on. Raises NotAllowed, NotFound, VersionMismatch, QuotaExceeded (recorded), Invalid for
        somebody who is not active."""
        authorize(self.audit, actor, Acts.FILE_TRANSFER)
        user = self.users.get(owner) if is_id(owner) else None
        if user is None or not user.active:
            raise Invalid("There is no such active user.", field="owner")

        def act() -> File:
            old = self.files.get(file_id) if is_id(file_id) else None
            if old is None or old.state is not FileState.READY:
                raise NotFound
            authorize(self.audit, actor, Acts.FILE_TRANSFER, target=file_ref(old))
            expect_version(old, version)
            if old.owner == owner:
                return old
            changes = {"owner": (old.owner, owner)}
            event = AuditEvent(Actions.FILE_TRANSFER, actor, file_ref(old), changes=changes, at=self.now())
            return self.files.transfer(old, owner, UNLIMITED_QUOTA if self.quota is None else self.quota, event)

        try:
            return again(version, act)
        except QuotaExceeded:
            record_denial(self.audit, actor, Acts.FILE_TRANSFER.takes, user_ref(user), "over the quota")
            raise


def expect_version(file: File, version: int | None) -> None:
    """Raises VersionMismatch unless the file is at `version`, or none was named."""
    if version is not None and file.version != version:
        raise VersionMismatch(version=file.version)
