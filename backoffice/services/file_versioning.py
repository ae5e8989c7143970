"""What a file held before: looking at it, taking it again, deleting it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from backoffice.domain.access import Actor
from backoffice.domain.actions import Actions
from backoffice.domain.acts import Acts
from backoffice.domain.audit import AuditEvent
from backoffice.domain.file_versions import content_changes
from backoffice.domain.files import File, FileState, clean_tags
from backoffice.errors import NotFound
from backoffice.services.file_amending import FileAmending
from backoffice.services.file_changes import expect_version
from backoffice.services.file_reading import FileReader, OpenedFile, file_ref
from backoffice.services.records import again


@dataclass(frozen=True, slots=True)
class History:
    """A file, and what it held before, the newest first."""

    file: File
    earlier: Sequence[File]

    @property
    def size(self) -> int:
        """Bytes that the earlier versions take of the quota."""
        return sum(one.size for one in self.earlier)


@dataclass(frozen=True, slots=True)
class FileVersioning(FileAmending):
    """An earlier version is reached by its file alone: whoever may do something to the file may do it to what it
    held."""

    def history(self, actor: Actor, file_id: str) -> History:
        """Raises NotFound, also where the file is not for this actor."""
        file = self._reach(actor, file_id, Acts.FILE_READ)
        return History(file, self.files.versions(file))

    def open_version(self, actor: Actor, file_id: str, version_id: str) -> OpenedFile:
        """An earlier version, to be read as a file is. Raises NotFound."""
        file = self._reach(actor, file_id, Acts.FILE_DOWNLOAD)
        self._version(file, version_id)
        version, packed_map = self.files.get_with_map(version_id)
        if version is None or version.version_of != file.id or version.state is not FileState.VERSION:
            raise NotFound  # it went at this moment
        return self._reader.open(actor, version, packed_map)

    def restore_version(
        self,
        actor: Actor,
        file_id: str,
        version_id: str,
        version: int | None = None,
        tags: Sequence[str] | None = None,
    ) -> File:
        """Let the file hold that again, under a new number; what it holds now becomes an earlier version, whatever
        number of them the site keeps. `tags`: instead of those that it has. Raises NotFound, VersionMismatch."""

        def change() -> File:
            file = self._reach(actor, file_id, Acts.FILE_REVERT)
            expect_version(file, version)
            if tags is not None:
                self._authorized(actor, file, Acts.FILE_TAG)
            earlier = self._version(file, version_id)
            wanted = file.tags if tags is None else clean_tags(tags)
            changes = content_changes(file, replace(earlier, tags=wanted))
            data = {"size": earlier.size, "number": file.number + 1, "restored": earlier.number}
            event = AuditEvent(Actions.FILE_REVERT, actor, file_ref(file), changes=changes, data=data, at=self.now())
            return self.files.restore_version(file, earlier, wanted, event)

        return again(version, change)

    def restore_content(
        self,
        actor: Actor,
        file_id: str,
        content: str,
        version: int | None = None,
        tags: Sequence[str] | None = None,
    ) -> File:
        """The same of the version that holds this content. Raises NotFound where it is not kept any more,
        VersionMismatch."""
        file = self._reach(actor, file_id, Acts.FILE_REVERT)
        found = next((one for one in self.files.versions(file) if one.content_id == content), None)
        if found is None:
            raise NotFound("The version before is not kept any more.")
        return self.restore_version(actor, file_id, found.id, version, tags)

    def delete_version(self, actor: Actor, file_id: str, version_id: str) -> None:
        """For good; its bytes are free and the quota released when this returns. Raises NotFound."""

        def change() -> File:
            file = self._reach(actor, file_id, Acts.FILE_PRUNE)
            earlier = self._version(file, version_id)
            data = {"number": earlier.number, "size": earlier.size, "sha256": earlier.sha256}
            data = {name: value for name, value in data.items() if value != ""}
            event = AuditEvent(Actions.FILE_PRUNE, actor, file_ref(file), data=data, at=self.now())
            return self.files.drop_version(earlier, event)

        self._collect([again(None, change)])

    def _version(self, file: File, version_id: str) -> File:
        """Raises NotFound."""
        found = next((one for one in self.files.versions(file) if one.id == version_id), None)
        if found is None:
            raise NotFound
        return found

    def _collect(self, files: Iterable[File]) -> None:
        """Free the bytes of what is gone, and forget it."""
        for one in files:
            self.chunks.delete(one.content_id, one.total_chunks)
            self.files.forget(one)

    @property
    def _reader(self) -> FileReader:
        return FileReader(self.files, self.chunks, self.audit, self.now)
