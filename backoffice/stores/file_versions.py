"""What files held before: kept, dropped and taken again, in the commit that changes the file.

What a file holds and what it held are records that name the bytes, each other ones (`File.content`). The commit that
adds to the earlier versions of a file checks the file's own version, and one that takes of them that of each; so who
has read a file and its versions, in this order, changes all of them or nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from backoffice.domain.access import Actor
from backoffice.domain.audit import AuditEvent
from backoffice.domain.file_versions import earlier, gone, handed_over, with_content
from backoffice.domain.files import File, FileState
from backoffice.domain.ids import new_id
from backoffice.errors import Conflict, QuotaExceeded
from backoffice.stores.file_indexes import is_version
from backoffice.stores.file_lists import NOUN, FileLists
from backoffice.stores.quotas import VERSIONS, move_quota
from backoffice.stores.records.commit import Commit

FULL: Final = (
    "As many earlier versions of this file are kept as there may be, and only its owner may let one go."
    " Store it under another name, or ask its owner."
)


class FileVersions(FileLists):
    """The part of the store of files that knows their earlier versions."""

    def versions(self, file: File) -> list[File]:
        """Two round trips, none for a file that holds what it came with."""
        if file.number == 1:
            return []
        members = self._db.call("ZRANGE", self._keys.index(NOUN, "versions", file.id), 0, -1)
        found = self.collection.get_many([self.collection.member_id(one) for one in members])
        kept = [one for one in found if one is not None and is_version(one) and one.version_of == file.id]
        return sorted(kept, key=lambda one: one.number, reverse=True)

    def versions_held(self, user_id: str) -> int:
        # Less than nothing as long as those from before there was this number are not in it.
        return max(0, int(self._db.call("HGET", self._keys.quota(user_id), VERSIONS) or 0))

    def of_upload(self, upload_id: str) -> tuple[File | None, File | None]:
        """One round trip where the upload is a file of its own, else three."""
        own = self.get(upload_id)
        if own is not None and not own.content:
            return own, own
        holder = self.collection.find("content", upload_id)
        if own is None and holder is not None:
            own = self.get(holder.version_of) if holder.version_of else holder
        return own, holder

    def restore_version(self, file: File, version: File, tags: tuple[str, ...], event: AuditEvent) -> File:
        new = replace(with_content(file, version, event.at, version.stored_by), tags=tags)
        commit = Commit(self._keys, event)
        self.collection.replace(commit, file, new)
        self.collection.remove(commit, version)
        self.collection.insert(commit, earlier(file, new_id()))
        commit.charge("acts", event, self.bounds.acts)
        commit.run(self._db, when_full=True)
        return new

    def drop_version(self, version: File, event: AuditEvent) -> File:
        commit, dropped = Commit(self._keys, event), gone(version, event.at)
        self.collection.replace(commit, version, dropped)
        commit.run(self._db, when_full=True)
        return dropped

    def put_content(self, commit: Commit, old: File, new: File, event: AuditEvent) -> None:
        """Let the commit put `new` in the place of `old`, whose content it does not hold, and keep that as an earlier
        version, as far as these are kept. Raises Conflict where one would go that its actor may not drop. It then
        raises QuotaExceeded; VersionMismatch where the file, or a version that goes, was changed meanwhile."""
        before, most, at = earlier(old, new_id()), self.bounds.versions, event.at
        versions = [before, *self.versions(old)]
        dropped = versions_to_drop(versions, most, event.actor)
        self.collection.replace(commit, old, new)
        kept = before not in dropped
        self.collection.insert(commit, before if kept else replace(before, state=FileState.GONE, changed_at=at))
        others = [one for one in dropped if one is not before]
        self.drop(commit, others, at)
        if most:
            self.check_versions(commit, old.owner, int(kept) - len(others))

    def drop(self, commit: Commit, versions: Sequence[File], at: int) -> None:
        """Let the commit drop these: their bytes are freed next."""
        for one in versions:
            self.collection.replace(commit, one, gone(one, at))

    def hand_over(self, commit: Commit, file: File, owner: str, quota: int) -> None:
        """Let the commit give the earlier versions of a file to its new owner, and count the bytes of all there. It
        then raises QuotaExceeded, Invalid: that user is not active."""
        versions = self.versions(file)
        move_quota(commit, self._keys, file.owner, owner, file.size + sum(one.size for one in versions), quota)
        for one in versions:
            self.collection.replace(commit, one, replace(handed_over(one, owner), version=one.version + 1))
        if versions:
            self.check_versions(commit, owner, len(versions), "The new owner")

    def check_versions(self, commit: Commit, owner: str, more: int, whose: str = "You") -> None:
        """Let the commit add so many versions of the owner's, if there may be. It then raises QuotaExceeded."""
        most = self.bounds.files
        if most is None:
            return
        error = QuotaExceeded(f"{whose} may have {most} earlier versions of files.", files=most)
        commit.check("fewer", self._keys.index(NOUN, "earlier", owner), most - more + 1, error=error)


def versions_to_drop(versions: Sequence[File], most: int, actor: Actor) -> Sequence[File]:
    """Those of the earlier versions, the newest first, that have to go for `most` of them to stay: the oldest. Who acts
    for another drops what they brought themselves, and nothing of anybody else. Raises Conflict."""
    if not actor.acts_for:
        return versions[most:]
    more = max(0, len(versions) - most)
    theirs = [one for one in versions if most and one.stored_by == (actor.id or actor.credential)]
    if len(theirs) < more:
        raise Conflict(FULL)
    return theirs[len(theirs) - more :]
