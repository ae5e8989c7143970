"""Whether each earlier version has its file, and the file's owner. One without a file becomes a file of its own, for
nobody has deleted what it holds; one of somebody else's goes to the owner of the file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from backoffice.domain.audit import ObjectRef
from backoffice.domain.file_versions import handed_over
from backoffice.domain.files import TOP, File, FileState
from backoffice.domain.maintenance import Invariant
from backoffice.stores.file_indexes import is_version, placed_name
from backoffice.stores.file_names import folder_names
from backoffice.stores.files import NOUN, RedisFiles
from backoffice.stores.fsck.repair import Changed, Fault, Repairer
from backoffice.stores.records.commit import Commit
from backoffice.stores.records.indexes import text_range


class VersionCheck:
    """Looks at each batch of records as it comes; nothing is kept of it."""

    def __init__(self, repairer: Repairer, files: RedisFiles) -> None:
        self._repairer, self._files = repairer, files

    def files(self, files: Sequence[File]) -> None:
        """Those among them that are earlier versions."""
        versions = [one for one in files if is_version(one)]
        if not versions:
            return
        self._repairer.count(Invariant.VERSION, len(versions))
        ids = sorted({one.version_of for one in versions})
        there = dict(zip(ids, self._files.get_many(ids), strict=True))
        for one in versions:
            file = there[one.version_of]
            if not _has(file) or file is None or file.owner != one.owner:
                self._repairer.verify_and_repair(partial(self._recheck, one.id))

    def _recheck(self, version_id: str) -> Fault | None:
        version = self._files.get(version_id)
        if version is None or not is_version(version):
            return None
        # The version first: it goes, and changes hands, in one commit with its file.
        file = self._files.get(version.version_of)
        if file is None or not _has(file):
            return self._orphan(version) if self._still(version) else None
        return self._strange(version, file) if file.owner != version.owner and self._still(version) else None

    def _still(self, version: File) -> bool:
        return self._files.get(version.id) == version

    def _orphan(self, version: File) -> Fault:
        name = self._files.names.free(version.owner, version.name, TOP)

        def repair(commit: Commit) -> None:
            self._files.collection.expect(commit, version, Changed())
            least, below = text_range(placed_name(name, TOP))
            keys = self._repairer.keys
            for key in (keys.index(NOUN, "name", f"owner={version.owner}"), folder_names(keys, version.owner)):
                commit.check("vacant", key, least, below, 0, error=Changed())
            new = replace(version, state=FileState.READY, version_of="", number=1, name=name, folder=TOP)
            self._files.collection.replace(commit, version, replace(new, version=version.version + 1))

        what = f"{version.id} is an earlier version of {version.version_of}, which is not there"
        return Fault(Invariant.VERSION, ObjectRef("file", version.id, version.name), what, repair)

    def _strange(self, version: File, file: File) -> Fault:
        def repair(commit: Commit) -> None:
            for one in (version, file):
                self._files.collection.expect(commit, one, Changed())
            new = replace(handed_over(version, file.owner), version=version.version + 1)
            self._files.collection.replace(commit, version, new)
            # Its bytes count where its record says, and that is elsewhere now.
            for owner, size in ((version.owner, -version.size), (file.owner, version.size)):
                commit.write("HINCRBY", self._repairer.keys.quota(owner), "used", size)
                self._repairer.note_quota(commit, owner)

        what = f"{version.id} is an earlier version of {file.id} and belongs to somebody else"
        return Fault(Invariant.VERSION, ObjectRef("file", file.id, file.name), what, repair)


def _has(file: File | None) -> bool:
    """Whether it is there, in the trash or not, and can have earlier versions."""
    return file is not None and file.state in {FileState.READY, FileState.TRASHED}
