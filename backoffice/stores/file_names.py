"""Names of files and folders: unique within a folder, or within the top of what an owner has outside the trash."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from backoffice.domain.actions import Actions
from backoffice.domain.audit import AuditEvent
from backoffice.domain.files import File, numbered
from backoffice.domain.folders import Folder, FolderState
from backoffice.domain.limits import MAX_FOLDER_DEPTH
from backoffice.errors import Invalid, NameTaken, VersionMismatch
from backoffice.stores.client import Db
from backoffice.stores.file_indexes import BEHIND_FOLDERS, Above, is_live, placed_name
from backoffice.stores.keys import Keys
from backoffice.stores.records.collection import Collection
from backoffice.stores.records.commit import Commit
from backoffice.stores.records.indexes import text_range

FOLDERS = "folders"
"""The noun in keys."""


class _Unplaced(NameTaken):
    """The owner has folders by now, so a file at the top has to say that it is there."""


class _FolderInTheWay(NameTaken):
    """A folder has the name, and no file can be put in its place."""


class _FolderGone(Invalid):
    """There is no such folder."""


class _Leaving(VersionMismatch):
    """One of the owner's folders is in the trash and others have yet to follow it, so those above a place have to be
    looked at; or one of these has changed since."""


class FileNames:
    """What the indexes of names say, and what a commit checks in them."""

    def __init__(self, db: Db, keys: Keys, collection: Collection[File]) -> None:
        self._db, self._keys, self._collection = db, keys, collection

    def _names(self, owner: str) -> bytes:
        return self._keys.index(self._collection.noun, "name", f"owner={owner}")

    def holder(self, owner: str, name: str, folder: str) -> File | None:
        """The owner's file of that name in that place."""
        least, below = text_range(placed_name(name, folder))
        row = self._db.call("ZRANGE", self._names(owner), f"[{least}", f"({below}", "BYLEX", "LIMIT", 0, 1)
        file = self._collection.get(self._collection.member_id(bytes(row[0]))) if row else None
        # Between the two looks it may have been trashed, renamed or moved; then it is not the holder any more.
        still = file is not None and is_live(file) and text_range(placed_name(file.name, file.folder))[0] == least
        return file if still else None

    def free(self, owner: str, name: str, folder: str) -> str:
        """`name`, or the first of `name (2)`, `name (3)` … that nothing of the owner's has in that place. One round
        trip for 32; beyond them not always the first, but found in as many steps as its number has bits."""
        tried = [name if number == 1 else numbered(name, number) for number in range(1, 33)]
        ends = [end for one in tried for end in _ends(one, folder)]
        keys = [self._names(owner), folder_names(self._keys, owner)]
        free = int(self._db.script("free_name", keys, ends, allow_oom=True))
        if free:
            return tried[free - 1]
        low, high = 32, 64
        while self.taken(owner, numbered(name, high), folder):
            low, high = high, high * 2
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if self.taken(owner, numbered(name, middle), folder) else (low, middle)
        return numbered(name, high)

    def taken(self, owner: str, name: str, folder: str) -> bool:
        """Whether something of the owner's has the name in that place. One round trip."""
        ends, keys = _ends(name, folder), (self._names(owner), folder_names(self._keys, owner))
        return any(self._db.many([("ZLEXCOUNT", key, *ends) for key in keys]))

    def taken_anywhere(self, owner: str, name: str) -> bool:
        """Whether a file of the owner's has the name, in whatever place."""
        least, _ = text_range(name)
        return bool(self._db.call("ZLEXCOUNT", self._names(owner), f"[{least}", f"({least[:-1]}{BEHIND_FOLDERS}"))

    def taken_of(self, owner: str, names: Sequence[tuple[str, str]]) -> list[bool]:
        """The same of each (name, folder). One round trip."""
        keys = (self._names(owner), folder_names(self._keys, owner))
        asked = [("ZLEXCOUNT", key, *ends) for ends in (_ends(*one) for one in names) for key in keys]
        counts = self._db.many(asked)
        return [any(counts[at : at + 2]) for at in range(0, len(counts), 2)]

    def check_vacant(self, commit: Commit, file: File) -> None:
        """Check that nobody takes the name in the meantime, and that the folder is still there. The commit then raises
        NameTaken (_Unplaced), _FolderGone."""
        what = "You have a file of this name." if not file.folder_id else "The folder has something of this name."
        taken = NameTaken(what, field="name")
        least, below = text_range(placed_name(file.name, file.folder))
        commit.check("vacant", self._names(file.owner), least, below, 0, error=taken)
        if not file.folder:
            commit.check("absent", folders_of(self._keys, file.owner), error=_Unplaced())
            return
        there = _FolderInTheWay("There is a folder of this name.", field="name")
        commit.check("vacant", folder_names(self._keys, file.owner), least, below, 0, error=there)
        self.check_there(commit, file)

    def check_there(self, commit: Commit, file: File) -> None:
        """Check that the folder of a file is still there. The commit then raises _FolderGone."""
        if file.folder_id:
            check_folder(commit, self._keys, file.owner, file.folder)

    def check_stays(self, commit: Commit, file: File, above: Above | None) -> None:
        """Check that the file's folder has not to follow one above it into the trash. `above`: as `above` found these,
        None: as long as nothing of the owner's is on the way there, which costs nothing to know. The commit then raises
        _Leaving."""
        if file.folder_id and above is None:
            commit.check("absent", leaving_of(self._keys, file.owner), error=_Leaving())
        for folder, version in above or ():
            commit.check("equal", self._keys.record(FOLDERS, folder), "version", version, error=_Leaving())

    def check_state(self, commit: Commit, folder: Folder) -> None:
        """Check that the folder is still in the state it is in. The commit then raises VersionMismatch."""
        commit.check("equal", self._keys.record(FOLDERS, folder.id), "state", folder.state, error=VersionMismatch())

    def above(self, folder: str) -> Above:
        """A folder and those that it lies in, each with its version. Raises _FolderGone where one of them is in the
        trash. A round trip for each."""
        found = list[tuple[str, str]]()
        while folder and len(found) < 2 * MAX_FOLDER_DEPTH:
            row = self._db.call("HMGET", self._keys.record(FOLDERS, folder), "state", "version", "parent")
            state, version, parent = ((one or b"").decode() for one in row)
            if state != FolderState.READY:
                raise _FolderGone(field="folder")
            found.append((folder, version))
            folder = parent
        return found


def check_folder(commit: Commit, keys: Keys, owner: str, folder: str) -> None:
    """Check that there is this folder of the owner's, outside of the trash. The commit then raises _FolderGone."""
    key, gone = keys.record(FOLDERS, folder), _FolderGone(field="folder")
    commit.check("equal", key, "state", FolderState.READY.value, error=gone)
    commit.check("equal", key, "owner", owner, error=gone)


def folder_names(keys: Keys, owner: str) -> bytes:
    """Names of the owner's folders outside of the trash, as `placed_name` has them."""
    return keys.index(FOLDERS, "name", f"owner={owner}")


def folders_of(keys: Keys, owner: str) -> bytes:
    """All folders of an owner, also those in the trash."""
    return keys.index(FOLDERS, "all", owner)


def leaving_of(keys: Keys, owner: str) -> bytes:
    """Folders of an owner that went into the trash, or from there for good, and that others have yet to follow."""
    return keys.index(FOLDERS, "leaving", owner)


def _ends(name: str, folder: str) -> tuple[str, str]:
    least, below = text_range(placed_name(name, folder))
    return f"[{least}", f"({below}"


def in_order(events: Iterable[AuditEvent], *, named_by_owner: bool) -> list[AuditEvent]:
    """The entry of a new owner first, where that decides under which name the file comes there: it says so."""
    return sorted(events, key=lambda event: named_by_owner and event.action != Actions.FILE_TRANSFER)


def telling_name(event: AuditEvent, old: File, new: File) -> AuditEvent:
    """The event of an act by which a file got another name because its own was taken."""
    if new.name == old.name:
        return event
    return replace(event, changes={**event.changes, "name": (old.name, new.name)})
