"""Folders into the trash with all that is in them, and back.

The folder goes first, in one commit: it is in no list any more, its name is free and nothing comes into it. What lies
in it follows record by record, folders before files. Of a small tree that is done when the act returns. Of a larger one
the worker goes on: the record says that something has to follow (`Folder.moving`), so what stops half way, by whatever
cause, is gone on with, and no list of what is left has to be kept. Each record that follows says with which folder it
went (`with_folder`, `with_parent`) and has an entry of its own in the log; out of the trash comes what went with the
folder, and what was there before by itself stays.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Final, TypeVar

from backoffice.domain.access import Actor, system_actor
from backoffice.domain.actions import Action, Actions
from backoffice.domain.acts import Acts
from backoffice.domain.audit import AuditEvent
from backoffice.domain.files import File, FileState
from backoffice.domain.folders import Folder, FolderState
from backoffice.domain.limits import MAX_FOLDER_DEPTH, MAX_LIMIT
from backoffice.domain.paging import Page, Query
from backoffice.errors import BackofficeError, Invalid, NameTaken, StoreFull, Unavailable, VersionMismatch
from backoffice.services.chunk_ports import ChunkStore
from backoffice.services.file_reading import file_ref
from backoffice.services.folder_tree import FolderTree
from backoffice.services.records import again, expect

WORKER: Final = system_actor("worker", "worker")
AT_ONCE: Final = 200
"""Records that follow before the act returns, and chunks that are freed: well below a second."""
STEP: Final = 300
"""That follow in a turn of the worker, likewise."""
TOGETHER: Final = 10
"""Files in one commit: some milliseconds in which nobody else is served."""
MOVING: Final = 50
"""Folders that the worker looks at in a turn."""
NAME_ATTEMPTS: Final = 20
_FOLLOWING: Final = {
    FolderState.TRASHED: (Actions.FOLDER_TRASH, Actions.FILE_TRASH),
    FolderState.READY: (Actions.FOLDER_RESTORE, Actions.FILE_RESTORE),
    FolderState.GONE: (Actions.FOLDER_PURGE, Actions.FILE_PURGE),
}
"""What is done to folders and to files that follow into a state."""

_Change = tuple[File, File, AuditEvent]
_Kept = TypeVar("_Kept", File, Folder)


@dataclass(frozen=True, kw_only=True)
class FolderTrash(FolderTree):
    """`trash_seconds`: how long something stays there."""

    chunks: ChunkStore
    trash_seconds: int

    def trash(self, actor: Actor, record_id: str, version: int | None = None) -> Folder:
        """Into the trash with all that is in it; the folder as it is then, `complete` or with something that the worker
        lets follow. Raises NotFound, NotAllowed, VersionMismatch."""

        def change() -> Folder:
            old = self._reach(actor, record_id, Acts.FOLDER_TRASH)
            expect(old, version)
            until = self.now() + self.trash_seconds * 1000
            return self._turn(actor, old, replace(old, state=FolderState.TRASHED, purge_at=until))

        return self._followed(actor, again(version, change))

    def restore(self, actor: Actor, record_id: str, version: int | None = None) -> Folder:
        """Out of the trash with what went there with it, to where it was or, where that is gone, to the top; under
        another name where its own was taken meanwhile. The folder as it is then, `complete` or not. What went there
        with another folder can be taken out by itself. Raises NotFound, NotAllowed, VersionMismatch;
        TooMany: too much came back today."""

        def change() -> Folder:
            old = self._in_trash(actor, record_id, Acts.FOLDER_RESTORE)
            expect(old, version)
            height, went = self._measured(old)
            for _ in range(NAME_ATTEMPTS):
                with suppress(Invalid):  # a folder above went at this moment
                    return self._come_back(actor, old, self._above_before(old, height), returning=went)
            raise VersionMismatch

        return self._followed(actor, again(version, change))

    def purge(self, actor: Actor, record_id: str, version: int | None = None) -> None:
        """Out of the trash for good, with what went there with it; bytes are free and the quota released as it goes,
        of large files a little later.
        Raises NotFound (also where it is not in the trash), NotAllowed, VersionMismatch."""

        def change() -> Folder:
            old = self._in_trash(actor, record_id, Acts.FOLDER_PURGE)
            expect(old, version)
            return self._turn(actor, old, replace(old, state=FolderState.GONE, purge_at=0))

        self._follow_some(again(version, change), actor, AT_ONCE)

    # -- what the worker does

    def follow(self) -> bool:
        """Let some of what lies in folders follow them, in each its share; whether there is more to do at once."""
        left, failed = STEP, None
        found = self.store.moving(MOVING)
        for number, folder in enumerate(found):
            by = Actor(folder.moved_by, folder.moved_by_name, via="worker")
            try:
                left -= self._follow_some(folder, by, max(left // (len(found) - number), 1))
            except Unavailable:
                raise
            except BackofficeError as error:  # of one of them, which keeps no other from its turn
                failed = failed or error
            if left <= 0:
                break
        if failed is not None:
            raise failed
        return left < STEP

    def purge_due(self, limit: int = 100) -> bool:
        """Purge what has been in the trash long enough; whether more is left."""
        due = self.store.due(self.now(), limit)
        for folder in due:
            with suppress(VersionMismatch):  # restored or purged by somebody at this moment
                self._turn(
                    WORKER, folder, replace(folder, state=FolderState.GONE, purge_at=0), {"because": "trash time over"}
                )
        return len(due) == limit

    # -- the folder itself

    def _turn(
        self,
        actor: Actor,
        old: Folder,
        new: Folder,
        data: dict[str, Any] | None = None,
        *,
        above: Sequence[Folder] = (),
        follows: FolderState | None = None,
        returning: int = 0,
    ) -> Folder:
        """Put `new`, which is in another state, in the place of `old`; what lies in it has to follow."""
        with_parent = int(follows is FolderState.TRASHED)
        new = replace(new, with_parent=with_parent, moving=1, moved_by=actor.id, moved_by_name=actor.name)
        if new.live:
            now = self.now()
            new = replace(new, back_at=now, restored_at=now if old.moving else new.restored_at)
        action: Action = _FOLLOWING[new.state][0]
        stamped, event = self._stamped(actor, old, new, action)
        event = replace(event, object=self.ref(old), data=data or {})
        self.store.put(old, stamped, above, event, follows=follows, returning=returning)
        return stamped

    def _come_back(
        self,
        actor: Actor,
        old: Folder,
        above: Sequence[Folder],
        data: dict[str, Any] | None = None,
        follows: FolderState | None = None,
        returning: int = 0,
    ) -> Folder:
        """Restore it into the first of `above`, under a name that is free there."""
        parent = above[0].id if above else ""
        for _ in range(NAME_ATTEMPTS):
            name = self.files.free_name(old.owner, old.name, parent)
            new = replace(old, state=FolderState.READY, purge_at=0, name=name, parent=parent)
            with suppress(NameTaken):  # by somebody at this moment
                return self._turn(actor, old, new, data, above=above, follows=follows, returning=returning)
        raise NameTaken

    def _above_before(self, old: Folder, height: int) -> tuple[Folder, ...]:
        """The folders that it lay in, the nearest first; none where they are gone, or it would lie too deep."""
        above = tuple(self._upwards(old.parent))
        whole = bool(above) and not above[-1].parent and all(one.live and one.owner == old.owner for one in above)
        return above if whole and len(above) + height <= MAX_FOLDER_DEPTH else ()

    # -- what lies in it

    def _followed(self, actor: Actor, folder: Folder) -> Folder:
        with suppress(StoreFull):  # the worker goes on with it when there is room, and says so until then
            self._follow_some(folder, actor, AT_ONCE)
        return self.store.get(folder.id) or folder

    def _follow_some(self, top: Folder, actor: Actor, limit: int) -> int:
        """Let up to so many records follow; how many did, with the chunks that this freed and the folders that have
        nothing left. The right to it was
        asked for the folder, and what follows is no further act of that day."""
        by = replace(actor, credential="", ground=None, job=None, undoes="")
        found, left = [top], limit
        above = {top.id: tuple(self._upwards(top.id)) if top.live else ()}
        for folder in found:
            coming = self._folders_follow(folder, by, left, above[folder.id])
            found += coming
            left -= len(coming)
            above |= {one.id: (one, *above[folder.id]) if top.live else () for one in coming}
        for folder in found:
            left -= self._files_follow(folder, by, left)
            if left <= 0:
                break
            left -= self.store.settle(folder)
        return limit - left

    def _folders_follow(self, folder: Folder, by: Actor, limit: int, above: Sequence[Folder]) -> list[Folder]:
        """Those that followed, up to so many; `above`: where they come back to. What is changed by somebody at this
        moment stays for another time."""
        done = list[Folder]()
        while len(done) < limit and (some := self._left(self.store.within, folder, limit - len(done))):
            for one in some:
                try:
                    done.append(self._folder_follows(folder, one, by, above))
                except (VersionMismatch, NameTaken, Invalid):
                    return done
        return done

    def _folder_follows(self, folder: Folder, one: Folder, by: Actor, above: Sequence[Folder]) -> Folder:
        data, state = {"with": folder.id}, folder.state
        if folder.live:
            return self._come_back(by, one, above, data, state)
        new = replace(one, state=state, purge_at=folder.purge_at)
        return self._turn(by, one, new, data, follows=state)

    def _files_follow(self, folder: Folder, by: Actor, limit: int) -> int:
        """How many followed, up to so many; likewise."""
        done = 0
        while done < limit and (some := self._left(self.files.within, folder, min(TOGETHER, limit - done))):
            changes = [self._file_follows(folder, one, by) for one in some]
            followed = self._write(folder, changes)
            done += len(followed)
            if not followed:
                break
            if folder.state is FolderState.GONE:
                done += self._free(followed, limit - done)
        return done

    def _free(self, files: Sequence[File], limit: int) -> int:
        """Free the bytes of purged ones, up to so many chunks; how many. The other files wait for collection."""
        freed = 0
        for one in files:
            if freed + one.total_chunks <= limit:
                self.chunks.delete(one.content_id, one.total_chunks)
                self.files.forget(one)
                freed += one.total_chunks
        return freed

    def _write(self, folder: Folder, changes: Sequence[_Change]) -> list[File]:
        """The files that followed: all in one commit, or each in its own where one of them stands against that."""
        with suppress(VersionMismatch, NameTaken):
            self.files.follow(folder, changes)
            return [new for _, new, _ in changes]
        done = list[File]()
        for old, new, event in changes:
            with suppress(VersionMismatch, NameTaken, Invalid):
                if folder.live:
                    name = self.files.free_name(old.owner, old.name, old.folder)
                    if name != old.name:
                        new, event = replace(new, name=name), replace(event, changes={"name": (old.name, name)})
                self.files.follow(folder, [(old, new, event)])
                done.append(new)
        return done

    def _file_follows(self, folder: Folder, old: File, by: Actor) -> _Change:
        event = AuditEvent(_FOLLOWING[folder.state][1], by, file_ref(old), data={"with": folder.id}, at=self.now())
        if folder.live:
            return old, old.restored(event.at), event
        if folder.trashed:
            new = replace(old, state=FileState.TRASHED, purge_at=folder.purge_at, with_folder=1, changed_at=event.at)
            return old, new, event
        return old, replace(old, state=FileState.GONE, changed_at=event.at), event

    def _left(self, within: Callable[..., Page[_Kept]], folder: Folder, limit: int) -> Sequence[_Kept]:
        """Some of what has yet to follow."""
        asked = Query(limit=min(limit, MAX_LIMIT))
        found = within(folder, asked, live=not folder.live).items
        if not found and folder.state is FolderState.GONE:
            return within(folder, asked, live=False).items
        return found
