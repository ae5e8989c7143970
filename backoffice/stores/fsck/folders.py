"""Whether what lies in a folder lies in one that is there, and no folder lies in itself. What does not comes to the
top, under a name that is free there; what went into the trash with a folder that is not there, stays there by
itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from backoffice.domain.audit import ObjectRef
from backoffice.domain.files import TOP, File, FileState
from backoffice.domain.folders import Folder
from backoffice.domain.limits import MAX_FOLDER_DEPTH
from backoffice.domain.maintenance import Invariant
from backoffice.stores.file_indexes import is_live, placed_name
from backoffice.stores.file_names import folder_names
from backoffice.stores.files import NOUN as FILES
from backoffice.stores.files import RedisFiles
from backoffice.stores.folders import RedisFolders
from backoffice.stores.fsck.repair import Changed, Fault, Repairer
from backoffice.stores.records.commit import Commit
from backoffice.stores.records.indexes import text_range


class FolderCheck:
    """Looks at each batch of records as it comes; nothing is kept of it."""

    def __init__(self, repairer: Repairer, files: RedisFiles, folders: RedisFolders) -> None:
        self._repairer, self._files, self._folders = repairer, files, folders

    def files(self, files: Sequence[File]) -> None:
        """Those in the trash that came there by themselves come to the top by themselves."""
        inside = [one for one in files if one.folder_id and (is_live(one) or _went(one))]
        if not inside:
            return
        self._repairer.count(Invariant.FOLDER, len(inside))
        ids = sorted({one.folder_id for one in inside})
        there = dict(zip(ids, self._folders.get_many(ids), strict=True))
        for file in inside:
            holds = _holds if is_live(file) else _keeps
            if not holds(there[file.folder_id], file.owner):
                recheck = self._recheck_file if is_live(file) else self._recheck_trashed_file
                self._repairer.verify_and_repair(partial(recheck, file.id))

    def folders(self, folders: Sequence[Folder]) -> None:
        known: dict[str, Folder] = {one.id: one for one in folders}
        inside = [one for one in folders if one.live and one.parent]
        went = [one for one in folders if one.trashed and one.with_parent]
        self._repairer.count(Invariant.FOLDER, len(inside) + len(went))
        for folder in went:
            if not _keeps(known.get(folder.parent) or self._folders.get(folder.parent), folder.owner):
                self._repairer.verify_and_repair(partial(self._recheck_trashed_folder, folder.id))
        for folder in inside:
            if not self._reaches_top(folder, known):
                self._repairer.verify_and_repair(partial(self._recheck_folder, folder.id))

    def _reaches_top(self, folder: Folder, known: dict[str, Folder]) -> bool:
        above = folder
        for _ in range(2 * MAX_FOLDER_DEPTH):
            if not above.parent:
                return True
            found = known.get(above.parent) or self._folders.get(above.parent)
            if found is None or not _holds(found, folder.owner):
                return False
            if not found.live:
                return True  # it follows that one into the trash
            known[found.id] = above = found
        return False

    def _recheck_file(self, file_id: str) -> Fault | None:
        file = self._files.get(file_id)
        if file is None or not is_live(file) or not file.folder_id:
            return None
        if _holds(self._folders.get(file.folder_id), file.owner):
            return None
        name = self._files.names.free(file.owner, file.name, TOP)

        def repair(commit: Commit) -> None:
            self._files.collection.expect(commit, file, Changed())
            self._check_free(commit, file.owner, name)
            new = replace(file, folder=TOP, name=name, version=file.version + 1)
            self._files.collection.replace(commit, file, new)

        what = f"file {file_id} lies in {file.folder_id}, which is no folder of its owner's"
        return Fault(Invariant.FOLDER, ObjectRef("file", file_id), what, repair)

    def _recheck_folder(self, folder_id: str) -> Fault | None:
        folder = self._folders.get(folder_id)
        if folder is None or not folder.live or self._reaches_top(folder, {}):
            return None
        # What lies below one that does not lead to the top comes there with it; of a circle the first one is cut off.
        above = self._folders.get(folder.parent)
        if above is not None and _holds(above, folder.owner) and not self._in_circle(folder):
            return None
        name = self._files.names.free(folder.owner, folder.name, "")

        def repair(commit: Commit) -> None:
            self._folders.collection.expect(commit, folder, Changed())
            self._check_free(commit, folder.owner, name)
            new = replace(folder, parent="", name=name, version=folder.version + 1)
            self._folders.collection.replace(commit, folder, new)

        what = f"folder {folder_id} lies in {folder.parent}, which does not lead to the top"
        return Fault(Invariant.FOLDER, ObjectRef("folder", folder_id), what, repair)

    def _recheck_trashed_file(self, file_id: str) -> Fault | None:
        file = self._files.get(file_id)
        if file is None or not _went(file) or _keeps(self._folders.get(file.folder_id), file.owner):
            return None

        def repair(commit: Commit) -> None:
            new = replace(file, with_folder=0, alone=1, version=file.version + 1)
            self._files.collection.expect(commit, file, Changed())
            self._files.collection.replace(commit, file, new)

        what = f"file {file_id} went into the trash with {file.folder_id}, which is not there"
        return Fault(Invariant.FOLDER, ObjectRef("file", file_id), what, repair)

    def _recheck_trashed_folder(self, folder_id: str) -> Fault | None:
        folder = self._folders.get(folder_id)
        if folder is None or not (folder.trashed and folder.with_parent):
            return None
        if _keeps(self._folders.get(folder.parent), folder.owner):
            return None

        def repair(commit: Commit) -> None:
            new = replace(folder, with_parent=0, version=folder.version + 1)
            self._folders.collection.expect(commit, folder, Changed())
            self._folders.collection.replace(commit, folder, new)

        what = f"folder {folder_id} went into the trash with {folder.parent}, which is not there"
        return Fault(Invariant.FOLDER, ObjectRef("folder", folder_id), what, repair)

    def _in_circle(self, folder: Folder) -> bool:
        above: Folder | None = folder
        for _ in range(2 * MAX_FOLDER_DEPTH):
            above = self._folders.get(above.parent) if above is not None and above.parent else None
            if above is not None and above.id == folder.id:
                return True
        return False

    def _check_free(self, commit: Commit, owner: str, name: str) -> None:
        least, below = text_range(placed_name(name, TOP))
        keys = self._repairer.keys
        for key in (keys.index(FILES, "name", f"owner={owner}"), folder_names(keys, owner)):
            commit.check("vacant", key, least, below, 0, error=Changed())


def _went(file: File) -> bool:
    """Whether it went into the trash with its folder."""
    return file.state is FileState.TRASHED and bool(file.with_folder)


def _holds(folder: Folder | None, owner: str) -> bool:
    """Whether something can lie in it, or has yet to follow it."""
    return folder is not None and folder.owner == owner and (folder.live or bool(folder.moving))


def _keeps(folder: Folder | None, owner: str) -> bool:
    """Whether something can have gone into the trash with it, or has yet to follow it out of there."""
    return folder is not None and folder.owner == owner and (folder.trashed or bool(folder.moving))
