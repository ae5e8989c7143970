"""Stored files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from backoffice.domain.actions import Actions
from backoffice.domain.audit import AuditEvent, ObjectRef
from backoffice.domain.files import TOP, File, FileState, OnConflict, Piece
from backoffice.domain.folders import Folder
from backoffice.domain.uploads import CarriedChunk, Chunk, Intent
from backoffice.errors import BackofficeError, NameTaken, NotFound, QuotaExceeded, Unavailable, VersionMismatch
from backoffice.stores import file_lists
from backoffice.stores.bounds import UNBOUNDED, Bounds
from backoffice.stores.chunks.staging import keep_carried
from backoffice.stores.client import Db
from backoffice.stores.file_indexes import SHORT, entry, is_live
from backoffice.stores.file_lists import FileLists
from backoffice.stores.file_names import _FolderGone, _FolderInTheWay, _Leaving, _Unplaced, in_order, telling_name
from backoffice.stores.keys import Keys
from backoffice.stores.log.reads import RedisReads
from backoffice.stores.quotas import check_quota, move_quota, release_keys, take_quota
from backoffice.stores.recent import Recent
from backoffice.stores.records.commit import Commit

NOUN = file_lists.NOUN
NAME_ATTEMPTS = 100
"""How often a free name is looked for again when others take it at the same moment. One of them wins each time, so
this many can ask for one name at once."""

REMEMBERED = 4_096
"""Files of one chunk whose record and map a process remembers, at about 1 kB."""


class RedisFiles(FileLists):
    """Files and what they use of a quota (port `FileStore`)."""

    def __init__(self, db: Db, keys: Keys, bounds: Bounds = UNBOUNDED) -> None:
        super().__init__(db, keys, bounds)
        self._reads = RedisReads(db, keys)
        self._remembered = Recent[tuple[File, bytes]](REMEMBERED)

    def get_with_map(self, file_id: str) -> tuple[File | None, bytes]:
        row, packed_map = self._db.many(
            [("HGETALL", self._keys.record(NOUN, file_id)), ("GET", self._keys.chunk_map(file_id))]
        )
        file, packed_map = self.collection.decode(file_id, row), packed_map or b""
        if file is not None and is_live(file) and file.total_chunks <= 1:
            self._remembered.put(file_id, (file, packed_map))
        else:
            self._remembered.pop(file_id)
        return file, packed_map

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
        return self._reads.record(event, start, stop, piece=piece, acts=acts, version=version, chunk=place)

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
        purge_at: int,
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
                commit.check("equal", self._keys.intents, file.id, intent.until, error=NotFound())
                commit.write("HDEL", self._keys.intents, file.id)

        try:
            return self.insert_named(file, add, on_conflict=on_conflict, purge_at=purge_at, event=event)
        except BackofficeError as error:
            # After a failure of the way nobody knows whether it still comes; then they go by themselves.
            if carried is not None and carried.staging and not isinstance(error, Unavailable):
                self._db.call("UNLINK", carried.staging)
            raise

    def insert_named(
        self,
        file: File,
        add: Callable[[Commit], None],
        *,
        on_conflict: OnConflict,
        purge_at: int,
        event: AuditEvent,
    ) -> File:
        """Insert `file`, in one commit with what `add` adds to it, under the name that it should get and nobody has by
        then; the file as stored. One that it replaces goes into the trash until `purge_at`.

        Raises NameTaken (with OnConflict.FAIL), and what `add` checks.
        """
        first, above = True, None
        for attempt in range(NAME_ATTEMPTS):
            named, replaced = self._choose_name(file, on_conflict, first=first)
            commit = Commit(self._keys, replace(event, object=replace(event.object, name=named.name)))
            add(commit)
            commit.charge("acts", event, self.bounds.acts)
            self.check_number(commit, file.owner, replaced=replaced is not None)
            self._claim_name(commit, named, replaced, purge_at, event)
            self.names.check_stays(commit, named, above)
            try:
                commit.run(self._db)
            except _Unplaced:
                file = replace(file, folder=TOP)
                continue
            except _Leaving:
                above = self.names.above(named.folder_id)
                continue
            except (NameTaken, VersionMismatch) as error:
                # VersionMismatch: the file to be replaced was changed meanwhile.
                hopeless = replaced is None if isinstance(error, VersionMismatch) else on_conflict is OnConflict.FAIL
                hopeless |= isinstance(error, _FolderInTheWay) and on_conflict is OnConflict.REPLACE
                if hopeless or attempt == NAME_ATTEMPTS - 1:
                    raise
                first = False
                continue
            return named
        raise NameTaken

    def check_number(self, commit: Commit, owner: str, *, replaced: bool = False, whose: str = "You") -> None:
        """Let the commit add a file of the owner, if there may be one more. It then raises QuotaExceeded."""
        most = self.bounds.files
        if most is None:
            return
        error = QuotaExceeded(f"{whose} may have {most} files, and as many in the trash.", files=most)
        commit.check("fewer", self._keys.index(NOUN, "owner", owner), most + replaced, error=error)
        commit.check("fewer", self._keys.index(NOUN, "trash", owner), most, error=error)

    def _choose_name(self, file: File, on_conflict: OnConflict, *, first: bool) -> tuple[File, File | None]:
        """`file` under the name that it should get, and the file of that name that it replaces. Others may take the
        name before it is claimed. The `first` time it is its own: nearly always that is free, and the commit says."""
        if on_conflict is OnConflict.RENAME and not first:
            return replace(file, name=self.names.free(file.owner, file.name, file.folder)), None
        if on_conflict is not OnConflict.REPLACE:
            return file, None
        return file, self.names.holder(file.owner, file.name, file.folder)

    def _claim_name(self, commit: Commit, file: File, replaced: File | None, purge_at: int, event: AuditEvent) -> None:
        """Let the commit insert `file`, unless its name is taken by then; what it replaces goes into the trash until
        `purge_at`. The commit then raises NameTaken, or VersionMismatch where `replaced` was changed meanwhile."""
        if replaced is not None:
            trashed = replace(
                replaced,
                state=FileState.TRASHED,
                alone=1,
                changed_at=event.at,
                purge_at=purge_at,
                version=replaced.version + 1,
            )
            self.collection.replace(commit, replaced, trashed)
            ref = ObjectRef("file", replaced.id, replaced.name)
            commit.add_event(AuditEvent(Actions.FILE_TRASH, event.actor, ref, data={"replaced_by": file.id}))
        self.names.check_vacant(commit, file, 0 if replaced is None else 1)
        self.collection.insert(commit, file)

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
            move_quota(commit, self._keys, old, owner, quota)
            self.check_number(commit, owner, whose="The new owner")

        new = replace(old, owner=owner, folder="", changed_at=event.at, restored_at=event.at)
        return self._claimed(new, old, event, add)

    def amend(self, old: File, new: File, event: AuditEvent, more: Sequence[AuditEvent], quota: int) -> File:
        handed_over = new.owner != old.owner
        event, *others = in_order((event, *more), named_by_owner=handed_over and new.name == old.name)

        def add(commit: Commit) -> None:
            for one in others:
                commit.add_event(one)
            if handed_over:
                move_quota(commit, self._keys, old, new.owner, quota)
                self.check_number(commit, new.owner, whose="The new owner")

        new = replace(new, changed_at=event.at)
        if handed_over:
            new = replace(new, folder="", restored_at=event.at)
        if handed_over and new.name == old.name:
            return self._claimed(new, old, event, add)
        return self._change(old, new, event, claim=handed_over or entry(old) != entry(new), add=add)

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
        for old, new, _ in changes:
            self.collection.replace(commit, old, replace(new, version=old.version + 1))
            if is_live(new):
                self.names.check_vacant(commit, new)
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

    def purge(self, old: File, event: AuditEvent) -> File:
        return self._change(old, replace(old, state=FileState.GONE, changed_at=event.at), event, makes_room=True)

    def forget(self, file: File) -> None:
        args = [self.collection.ref(file.id), FileState.GONE.value, SHORT["size"], "used"]
        args += [file.owner, str(self.bounds.default_quota)]
        self._db.script("delete_and_release", release_keys(self._keys, NOUN, file.id, file.owner), args, allow_oom=True)
