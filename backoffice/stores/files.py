"""Stored files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from backoffice.domain.audit import AuditEvent
from backoffice.domain.file_versions import gone, handed_over
from backoffice.domain.files import TOP, File, FileState, OnConflict, Piece, Target
from backoffice.domain.folders import Folder
from backoffice.domain.text import fold
from backoffice.domain.uploads import CarriedChunk, Chunk, Intent
from backoffice.errors import BackofficeError, LeaseLost, NameTaken, Unavailable, VersionMismatch
from backoffice.stores import file_lists
from backoffice.stores.bounds import UNBOUNDED, Bounds
from backoffice.stores.chunks.staging import keep_carried
from backoffice.stores.client import Db
from backoffice.stores.file_indexes import SHORT, entry, is_live
from backoffice.stores.file_names import _FolderGone, _Leaving, _Unplaced, in_order, telling_name
from backoffice.stores.keys import Keys
from backoffice.stores.log.reads import RedisReads
from backoffice.stores.new_files import NAME_ATTEMPTS, NewFiles
from backoffice.stores.quotas import check_quota, release_keys, take_quota
from backoffice.stores.recent import Recent
from backoffice.stores.records.commit import Commit

NOUN = file_lists.NOUN
REMEMBERED = 4_096
"""Files of one chunk whose record and map a process remembers, at about 1 kB."""


class RedisFiles(NewFiles):
    """Files and what they use of a quota (port `FileStore`)."""

    def __init__(self, db: Db, keys: Keys, bounds: Bounds = UNBOUNDED) -> None:
        super().__init__(db, keys, bounds)
        self._reads = RedisReads(db, keys)
        self._remembered = Recent[tuple[File, bytes]](REMEMBERED)

    def get_with_map(self, file_id: str) -> tuple[File | None, bytes]:
        file, packed_map = self._with_map(file_id)
        if file is not None and is_live(file) and file.total_chunks <= 1:
            self._remembered.put(file_id, (file, packed_map))
        else:
            self._remembered.pop(file_id)
        return file, packed_map

    def _with_map(self, file_id: str) -> tuple[File | None, bytes]:
        """One round trip; two where its bytes lie under another identifier than its own. The map of what it held
        before is not read for it."""
        content = file_id
        while True:
            row, packed_map = self._db.many(
                [("HGETALL", self._keys.record(NOUN, file_id)), ("GET", self._keys.chunk_map(content))]
            )
            file = self.collection.decode(file_id, row)
            if file is None or file.content_id == content:
                return file, packed_map or b""
            content = file.content_id

    def remembered(self, file_id: str) -> tuple[File, bytes] | None:
        return self._remembered.get(file_id)

    def record_read(
        self,
        file: File,
        event: AuditEvent,
        start: int,
        stop: int,
        chunk: object | None = None,
        *,
        unchanged: bool = False,
    ) -> bytes | None:
        version = (self._keys.record(NOUN, file.id), *self.collection.version(file)) if unchanged else None
        piece = Piece.of(file.size, start, stop)
        place = chunk if isinstance(chunk, bytes) else None
        acts = self.bounds.acts
        return self._reads.record(
            event, start, stop, piece=piece, acts=acts, version=version, chunk=place, content=file.content
        )

    # -- changes

    def create(
        self,
        file: File,
        chunk: Chunk | None,
        carried: CarriedChunk | None,
        *,
        intent: Intent | None = None,
        quota: int,
        on_conflict: OnConflict,
        into: Target | None = None,
        event: AuditEvent,
    ) -> File:
        def add(commit: Commit) -> None:
            check_quota(commit, self._keys, file.owner, file.size, quota)
            take_quota(commit, self._keys, file.owner, "used", file.size, quota)
            if chunk is not None:
                commit.write("SET", self._keys.chunk_map(file.id), chunk.pack())
            if carried is not None:
                keep_carried(commit, carried)
            if intent is not None:
                commit.check("equal", self._keys.intents, file.id, intent.until, error=LeaseLost())
                commit.write("HDEL", self._keys.intents, file.id)

        try:
            return self.insert_named(file, add, on_conflict=on_conflict, into=into, event=event)
        except BackofficeError as error:
            # After a failure of the way nobody knows whether it still comes; then they go by themselves.
            if carried is not None and carried.staging and not isinstance(error, Unavailable):
                self._db.call("UNLINK", carried.staging)
            raise

    def _change(
        self,
        old: File,
        new: File,
        event: AuditEvent,
        *,
        claim: bool = False,
        makes_room: bool = False,
        add: Callable[[Commit], None] | None = None,
    ) -> File:
        """Also in a full store: no file is added, and how often somebody can do it in a day is bounded. What makes room
        is not counted. `add`: what else the commit does."""
        above = None
        for _ in range(NAME_ATTEMPTS):
            new, commit = replace(new, version=old.version + 1), Commit(self._keys, event)
            if add is not None:
                add(commit)
            self.collection.replace(commit, old, new)
            if claim:
                self.names.check_vacant(commit, new)
                self.names.check_stays(commit, new, above)
            if not makes_room:
                commit.charge("acts", event, self.bounds.acts)
            try:
                commit.run(self._db, when_full=True)
            except _Unplaced:
                new = replace(new, folder=TOP)
            except _Leaving:
                above = self.names.above(new.folder_id)
            else:
                return new
        raise VersionMismatch

    def rename(self, old: File, name: str, event: AuditEvent) -> File:
        # The same name in other capitals is this file's own entry, so one may be there.
        new = replace(old, name=name, changed_at=event.at)
        return self._change(old, new, event, claim=entry(old) != entry(new))

    def set_tags(self, old: File, tags: tuple[str, ...], event: AuditEvent) -> File:
        return self._change(old, replace(old, tags=tags, changed_at=event.at), event)

    def transfer(self, old: File, owner: str, quota: int, event: AuditEvent) -> File:
        def add(commit: Commit) -> None:
            self.hand_over(commit, old, owner, quota)
            self.check_number(commit, owner, whose="The new owner")

        new = replace(handed_over(old, owner), folder="", changed_at=event.at, restored_at=event.at, delivered_by="")
        return self._claimed(new, old, event, add)

    def amend(self, old: File, new: File, event: AuditEvent, more: Sequence[AuditEvent], quota: int) -> File:
        elsewhere = new.owner != old.owner
        event, *others = in_order((event, *more), named_by_owner=elsewhere and new.name == old.name)

        def add(commit: Commit) -> None:
            for one in others:
                commit.add_event(one)
            if elsewhere:
                self.hand_over(commit, old, new.owner, quota)
                self.check_number(commit, new.owner, whose="The new owner")

        new = replace(new, changed_at=event.at)
        if elsewhere:
            brought_by = handed_over(old, new.owner).content_by
            new = replace(new, folder="", restored_at=event.at, content_by=brought_by, delivered_by="")
        if elsewhere and new.name == old.name:
            return self._claimed(new, old, event, add)
        return self._change(old, new, event, claim=elsewhere or entry(old) != entry(new), add=add)

    def set_digest(self, old: File, digest: bytes, event: AuditEvent) -> File:
        return self._change(old, replace(old, digest=digest), event)

    def trash(self, old: File, purge_at: int, event: AuditEvent) -> File:
        new = replace(old, state=FileState.TRASHED, alone=1, purge_at=purge_at, changed_at=event.at)
        return self._change(old, new, event, makes_room=True)

    def restore(self, old: File, event: AuditEvent) -> File:
        return self._claimed(old.restored(event.at), old, event)

    def follow(self, folder: Folder, changes: Sequence[tuple[File, File, AuditEvent]]) -> None:
        commit = Commit(self._keys, *(event for *_, event in changes))
        self.names.check_state(commit, folder)
        coming = [new for _, new, _ in changes if is_live(new)]
        if len({entry(new) for new in coming}) < len(coming):
            raise NameTaken
        for old, new, event in changes:
            self.collection.replace(commit, old, replace(new, version=old.version + 1))
            if is_live(new):
                self.names.check_vacant(commit, new)
            elif new.state is FileState.GONE:
                self.drop(commit, self.versions(old), event.at)
        commit.run(self._db, when_full=not folder.live)

    def _claimed(self, new: File, old: File, event: AuditEvent, add: Callable[[Commit], None] | None = None) -> File:
        """Put `new` in the place of `old`, under its name or another that its owner has not used by then."""
        for attempt in range(NAME_ATTEMPTS):
            named = replace(new, name=self.names.free(new.owner, new.name, new.folder))
            try:
                return self._change(old, named, telling_name(event, old, named), claim=True, add=add)
            except _FolderGone:
                new = replace(new, folder=TOP)
            except NameTaken:
                if attempt == NAME_ATTEMPTS - 1:
                    raise
        raise NameTaken

    def purge(self, old: File, event: AuditEvent) -> list[File]:
        versions, new = self.versions(old), gone(old, event.at)
        if versions:
            event = replace(event, data={**event.data, "versions": len(versions)})
        self._change(old, new, event, makes_room=True, add=lambda commit: self.drop(commit, versions, event.at))
        return [new, *(gone(one, event.at) for one in versions)]

    def forget(self, file: File) -> None:
        keys = release_keys(self._keys, NOUN, file.id, file.owner, file.content)
        args = [self.collection.ref(file.id), FileState.GONE.value, SHORT["size"], "used"]
        args += [file.owner, str(self.bounds.default_quota)]
        if file.content:
            args += [fold(file.content), file.id]
        self._db.script("delete_and_release", keys, args, allow_oom=True)
