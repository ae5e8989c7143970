"""How a file comes: under a name that nobody has by then, or as the new content of one that is there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from backoffice.domain.actions import Actions
from backoffice.domain.audit import AuditEvent, ObjectRef
from backoffice.domain.file_versions import changed_meanwhile, content_changes, with_content
from backoffice.domain.files import TOP, File, OnConflict, Target
from backoffice.errors import Gone, NameTaken, QuotaExceeded, VersionMismatch
from backoffice.stores.deliveries import counted, insert_waiting
from backoffice.stores.file_indexes import is_live, is_waiting
from backoffice.stores.file_lists import NOUN
from backoffice.stores.file_names import _FolderInTheWay, _Leaving, _Unplaced
from backoffice.stores.file_versions import FileVersions
from backoffice.stores.records.commit import Commit

NAME_ATTEMPTS = 100
"""How often a free name is looked for again when others take it at the same moment. One of them wins each time, so
this many can ask for one name at once."""


class NewFiles(FileVersions):
    """The part of the store of files that takes them in."""

    def insert_named(
        self,
        file: File,
        add: Callable[[Commit], None],
        *,
        on_conflict: OnConflict,
        into: Target | None,
        event: AuditEvent,
    ) -> File:
        """Insert `file`, in one commit with what `add` adds to it, under the name that it should get and nobody has by
        then; or give its content to the file of that name, or to `into`, which keeps what it held as far as that is
        done. The file as stored.

        Raises NameTaken (with OnConflict.FAIL), and what `add` checks; Gone where there is no `into`,
        VersionMismatch where that holds something else. One that waits to be accepted gets no name yet.
        """
        add = counted(self._db, self._keys, file, event, add)
        if is_waiting(file):
            return insert_waiting(self, file, add, event)
        return self._insert_named(file, add, on_conflict=on_conflict, into=into, event=event)

    def _insert_named(
        self,
        file: File,
        add: Callable[[Commit], None],
        *,
        on_conflict: OnConflict,
        into: Target | None,
        event: AuditEvent,
    ) -> File:
        first, above = True, None
        for attempt in range(NAME_ATTEMPTS):
            old = self._target(file.owner, into) if into is not None else self._replaced(file, on_conflict)
            named = file if old is not None else self._named(file, on_conflict, first=first)
            stored, entry = taken_in(named, old, event)
            commit = Commit(self._keys, entry)
            add(commit)
            commit.charge("acts", event, self.bounds.acts)
            self._take_in(commit, named, old, stored, event)
            if into is None:
                self.names.check_stays(commit, named, above)
            if into is None and old is not None:
                self.names.check_there(commit, named)
            try:
                commit.run(self._db)
            except _Unplaced:
                file = replace(file, folder=TOP)
                continue
            except _Leaving:
                above = self.names.above(named.folder_id)
                continue
            except (NameTaken, VersionMismatch) as error:
                # VersionMismatch: the file that gets it, or an earlier version that goes, was changed meanwhile.
                hopeless = old is None if isinstance(error, VersionMismatch) else on_conflict is OnConflict.FAIL
                hopeless |= isinstance(error, _FolderInTheWay) and on_conflict is OnConflict.REPLACE
                if hopeless or attempt == NAME_ATTEMPTS - 1:
                    raise
                first = False
                continue
            return stored
        raise NameTaken

    def check_number(self, commit: Commit, owner: str, *, whose: str = "You") -> None:
        """Let the commit add a file of the owner, if there may be one more. It then raises QuotaExceeded."""
        most = self.bounds.files
        if most is None:
            return
        error = QuotaExceeded(f"{whose} may have {most} files, and as many in the trash.", files=most)
        commit.check("fewer", self._keys.index(NOUN, "owner", owner), most, error=error)
        commit.check("fewer", self._keys.index(NOUN, "trash", owner), most, error=error)

    def _take_in(self, commit: Commit, file: File, old: File | None, stored: File, event: AuditEvent) -> None:
        """Let the commit insert `file`, or put `stored` in the place of `old`, which is that file or its target."""
        if old is not None:
            self.put_content(commit, old, stored, event)
            return
        self.check_number(commit, file.owner)
        self.names.check_vacant(commit, file)
        self.collection.insert(commit, file)

    def _named(self, file: File, on_conflict: OnConflict, *, first: bool) -> File:
        """`file` under the name that it should get. Others may take that before it is claimed. The `first` time it is
        its own: nearly always that is free, and the commit says."""
        if on_conflict is OnConflict.RENAME and not first:
            return replace(file, name=self.names.free(file.owner, file.name, file.folder))
        return file

    def _replaced(self, file: File, on_conflict: OnConflict) -> File | None:
        """The file that gets the content by its name, if there is one."""
        if on_conflict is not OnConflict.REPLACE:
            return None
        return self.names.holder(file.owner, file.name, file.folder)

    def _target(self, owner: str, into: Target) -> File:
        """Raises Gone, VersionMismatch."""
        found = self.get(into.file)
        if found is None or not is_live(found) or found.owner != owner:
            raise Gone("The file is not there any more.")
        if into.content and found.content_id != into.content:
            raise changed_meanwhile(found)
        return found


def taken_in(file: File, old: File | None, event: AuditEvent) -> tuple[File, AuditEvent]:
    """A file that comes as it is stored, or `old` with its content; and the entry of that. `event`: of one that comes
    under its own name."""
    if old is None:
        return file, replace(event, object=replace(event.object, name=file.name))
    new = with_content(old, file, event.at, event.actor.id or event.actor.credential)
    ref, data = ObjectRef("file", old.id, old.name), {**event.data, "number": new.number}
    changes = content_changes(old, new)
    return new, replace(event, action=Actions.FILE_REPLACE, object=ref, data=data, changes=changes)
