"""Stored files: finding, downloading, renaming, the trash."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import suppress
from dataclasses import dataclass, replace

from backoffice.domain.access import Actor, system_actor
from backoffice.domain.actions import Actions
from backoffice.domain.acts import Act, Acts
from backoffice.domain.audit import AuditEvent
from backoffice.domain.effective import effective_quota
from backoffice.domain.files import File, FileSpec, FileState, OnConflict
from backoffice.domain.ids import is_id
from backoffice.domain.limits import MAX_LIMIT
from backoffice.domain.paging import Page, Query
from backoffice.domain.uploads import ChunkMap
from backoffice.errors import IntegrityError, Invalid, NameTaken, NotFound, QuotaExceeded, VersionMismatch
from backoffice.services.authorization import authorize, is_authorized
from backoffice.services.file_changes import expect_version
from backoffice.services.file_reading import SMALL_FILE, OpenedFile, file_ref, record_counted_reads
from backoffice.services.file_versioning import FileVersioning
from backoffice.services.quota_refusals import records_quota_refusals
from backoffice.services.records import again
from backoffice.services.uploads.reader import expect_whole, read_digest

SORTS = ("created", "size", "name")
WORKER = system_actor("worker", "worker")


@dataclass(frozen=True, slots=True)
class Usage:
    """Bytes that a user's files use and unfinished uploads reserve; `limit` None = unlimited."""

    used: int
    reserved: int
    limit: int | None


@dataclass(frozen=True, slots=True)
class Files(FileVersioning):
    """Files of one's own; holders of `files.all:…` reach everybody's."""

    # -- finding

    def page(self, actor: Actor, query: Query, *, everybody: bool = False) -> Page[File]:
        """Own files, or everybody's. Orders: created, size, name; filters: owner, mime_type, tag; range: size,
        created. Raises Invalid."""
        return self._page(actor, query, everybody, "owner", SORTS)

    def page_in(self, actor: Actor, folder: str, query: Query, owner: str = "") -> Page[File]:
        """What lies in a folder of one's own, or of another's for who may see everybody's; "" = at the top.
        Likewise."""
        owner = owner or actor.owner
        authorize(self.audit, actor, Acts.FILES_LIST if owner == actor.owner else Acts.FILES_LIST_ALL)
        self._check_sort(query, SORTS)
        if (folder and not is_id(folder)) or not is_id(owner):
            raise Invalid("There is no such folder.", field="folder")
        return self.files.page_in(owner, folder, query)

    def trash_page(self, actor: Actor, query: Query, *, everybody: bool = False, alone: bool = False) -> Page[File]:
        """What is in the trash, what is purged first first. `alone`: of one's own, without those that went there with a
        folder, which brings them back."""
        query = replace(query, sort=query.sort or "purge")
        if alone:
            authorize(self.audit, actor, Acts.FILES_LIST)
            self._check_sort(query, ("purge",))
            return self.files.page_alone(actor.id, query)
        return self._page(actor, query, everybody, "trash", ("purge",))

    def _page(self, actor: Actor, query: Query, everybody: bool, facet: str, sorts: tuple[str, ...]) -> Page[File]:
        authorize(self.audit, actor, Acts.FILES_LIST_ALL if everybody else Acts.FILES_LIST)
        self._check_sort(query, sorts)
        if not everybody:
            query = replace(query, filters=(*(one for one in query.filters if one[0] != facet), (facet, actor.id)))
        return self.files.page(query)

    def _check_sort(self, query: Query, sorts: tuple[str, ...]) -> None:
        if query.sort and query.sort not in sorts:
            raise Invalid(f"sort is one of {', '.join(sorts)}.", field="sort")

    def get(self, actor: Actor, file_id: str) -> File:
        """Raises NotFound, also where the file is not for this actor."""
        return self._reach(actor, file_id, Acts.FILE_READ)

    def trashed(self, actor: Actor, file_id: str) -> File:
        """A file in the trash. Raises NotFound."""
        return self._reach(actor, file_id, Acts.FILE_READ, trashed=True)

    def target(self, actor: Actor, file_id: str, act: Act) -> File:
        """The file as `act` would find it now, for whoever may do that; they need not be allowed to read it. Raises
        NotFound, NotAllowed."""
        if act is Acts.FILE_PURGE:
            return self._to_purge(actor, file_id)
        return self._reach(actor, file_id, act, trashed=act is Acts.FILE_RESTORE)

    def mime_types(self, actor: Actor) -> list[tuple[str, int]]:
        """The commonest types of all files, with their numbers."""
        authorize(self.audit, actor, Acts.FILES_LIST_ALL)
        return self.files.mime_types()

    def usage(self, actor: Actor, user_id: str = "") -> Usage:
        """Of oneself, or of another for who may see users."""
        owner = user_id or actor.id
        if owner != actor.id:
            authorize(self.audit, actor, Acts.USER_READ)
        used, reserved = self.files.usage(owner)
        user = self.users.get(owner)
        own = user.quota_bytes if user is not None else None
        return Usage(used, reserved, effective_quota(own, self.quota)[0])

    def versions_held(self, actor: Actor) -> int:
        """Bytes that earlier versions of one's own files take; they are among those used."""
        return self.files.versions_held(actor.id)

    @records_quota_refusals
    def foresee(self, actor: Actor, size: int, spec: FileSpec | None = None) -> None:
        """Refuse now what the commit would refuse as things stand: for a client that asks before it sends `size` bytes.
        Nothing is held for it, and the commit decides. Raises NotAllowed, QuotaExceeded, NameTaken."""
        authorize(self.audit, actor, Acts.FILE_CREATE)
        usage = self.usage(actor)
        if usage.limit is not None and usage.used + usage.reserved + size > usage.limit:
            raise QuotaExceeded(limit=usage.limit)
        if (
            spec is not None
            and spec.on_conflict is OnConflict.FAIL
            and self.files.has_name(actor.id, spec.name, spec.folder)
        ):
            raise NameTaken("You have a file of this name.", field="name")

    # -- reading

    def open(self, actor: Actor, file_id: str, *, whole: bool = False) -> OpenedFile:
        """The file, to be read. One round trip, and access is decided once. Raises NotFound, also where the file is not
        for this actor.

        `whole`: all of it will be read, now. Then a small file is here with its bytes when this returns, and its entry
        in the log is written: in one round trip where its record is remembered, else in two. Raises IntegrityError
        (ChunkLost).
        """
        known = self.files.remembered(file_id) if whole else None
        if known is not None and known[0].size <= SMALL_FILE and self._may_read(actor, known[0]):
            with suppress(VersionMismatch):  # it was renamed, or is in the trash: read anew
                return self._reader.fetch(actor, *known)
        file, packed_map = self.files.get_with_map(file_id) if is_id(file_id) else (None, b"")
        file = self._authorized(actor, file, Acts.FILE_DOWNLOAD)
        if whole and file.size <= SMALL_FILE and file.total_chunks <= 1:
            with suppress(VersionMismatch):  # changed at this moment; it could be read before
                return self._reader.fetch(actor, file, packed_map)
        return self._reader.open(actor, file, packed_map)

    def read_unsent(self, actor: Actor, file_id: str, content: str) -> Generator[memoryview, None, None]:
        """All bytes of a file that holds this content, for something that is worked out of them. Nothing is recorded,
        for none of them leaves the site. Raises as `open`; while iterating IntegrityError (ChunkLost)."""
        file, packed_map = self.files.get_with_map(file_id) if is_id(file_id) else (None, b"")
        file = self._authorized(actor, file, Acts.FILE_DOWNLOAD)
        if file.content_id != content:
            raise NotFound
        return self._reader.parts(actor, file, ChunkMap.unpack(packed_map, file.total_chunks), 0, file.size)

    def _may_read(self, actor: Actor, file: File) -> bool:
        return is_authorized(self.audit, actor, Acts.FILE_DOWNLOAD, file.owner)

    # -- changing

    def trash(self, actor: Actor, file_id: str, version: int | None = None) -> None:
        """Into the trash, from where it can be restored until its time is over. Raises NotFound, VersionMismatch."""

        def change() -> None:
            old = self._reach(actor, file_id, Acts.FILE_TRASH)
            expect_version(old, version)
            event = AuditEvent(Actions.FILE_TRASH, actor, file_ref(old), at=self.now())
            self.files.trash(old, event.at + self.trash_seconds * 1000, event)

        again(version, change)

    def restore(self, actor: Actor, file_id: str, version: int | None = None) -> File:
        """Out of the trash; under another name where its own was taken meanwhile. Raises NotFound, VersionMismatch."""

        def change() -> File:
            old = self._reach(actor, file_id, Acts.FILE_RESTORE, trashed=True)
            expect_version(old, version)
            return self.files.restore(old, AuditEvent(Actions.FILE_RESTORE, actor, file_ref(old), at=self.now()))

        return again(version, change)

    def purge(self, actor: Actor, file_id: str, version: int | None = None) -> None:
        """Gone for good, from the trash or not, with its earlier versions; their bytes are free and the quota released
        when this returns. Raises NotFound, VersionMismatch."""

        def change() -> list[File]:
            old = self._to_purge(actor, file_id)
            expect_version(old, version)
            return self.files.purge(old, AuditEvent(Actions.FILE_PURGE, actor, file_ref(old), at=self.now()))

        self._collect(again(version, change))

    def _to_purge(self, actor: Actor, file_id: str) -> File:
        old = self.files.get(file_id) if is_id(file_id) else None
        if old is None or old.state in {FileState.WAITING, FileState.GONE, FileState.VERSION}:
            raise NotFound
        authorize(self.audit, actor, Acts.FILE_PURGE, old.owner, file_ref(old))
        return old

    # -- what the worker does

    def purge_due(self, limit: int = 100) -> bool:
        """Purge what has been in the trash long enough; whether more is left."""
        due = self.files.due(self.now(), limit)
        for file in due:
            try:
                event = AuditEvent(Actions.FILE_PURGE, WORKER, file_ref(file), data={"because": "trash time over"})
                self._collect(self.files.purge(file, event))
            except VersionMismatch:
                continue  # restored or purged by somebody at this moment
        return len(due) == limit

    def collect(self, limit: int = 100) -> bool:
        """Free the bytes of versions that were dropped, and finish purges that a crash interrupted; whether more is
        left."""
        left = self.files.purged(limit)
        self._collect(left)
        return len(left) == limit

    def close_counted(self, limit: int = 100) -> bool:
        """Write into the log what was counted of downloads that repeat themselves; whether more is left."""
        return record_counted_reads(self.audit, self.now(), limit)

    def digest_pending(self, damaged: set[str], alive: Callable[[], None], limit: int = 10) -> bool:
        """Take the SHA-256 of files that have none yet; whether more is left. A file that turns out damaged is added
        to `damaged`, and those in it are not read again. `alive` is called for each file and, while a long one is
        read, every 15 s."""
        undigested = self.files.undigested(min(limit + len(damaged) + 1, MAX_LIMIT))
        pending = [file for file in undigested if file.content_id not in damaged]
        for file in pending[:limit]:
            alive()
            chunk_map = self.uploads.chunk_map(file.content_id, file.total_chunks)
            try:
                expect_whole(chunk_map, file.size)
                digest = read_digest(self.chunks, file.content_id, chunk_map, alive)
                event = AuditEvent(Actions.FILE_DIGEST, WORKER, file_ref(file), data={"sha256": digest.hex()})
                self.files.set_digest(file, digest, event)
            except IntegrityError as error:
                damaged.add(file.content_id)
                self._reader.failure(WORKER, file, error)
            except VersionMismatch:
                continue  # renamed or deleted at this moment; next time
        return len(pending) > limit
