"""Folders: a tree of one's own. Whose a folder is decides who reaches it, as with files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from backoffice.domain.access import Actor
from backoffice.domain.actions import Action, Actions
from backoffice.domain.acts import Acts
from backoffice.domain.files import clean_name
from backoffice.domain.folders import NO_FOLDER, Folder, Place, check_depth, clean_path
from backoffice.domain.ids import is_id, new_id
from backoffice.errors import Conflict, Invalid, NameTaken, NotFound
from backoffice.services.authorization import authorize
from backoffice.services.folder_trash import FolderTrash
from backoffice.services.records import again, expect


@dataclass(frozen=True, kw_only=True)
class Folders(FolderTrash):
    """Folders of one's own; holders of `files.all:…` reach everybody's. A name is free where neither a file nor a
    folder of the same place has it; a file never gives way to a folder, nor a folder to a file."""

    # -- changing

    def create(self, actor: Actor, *, name: str, parent: str = "") -> Folder:
        """A new one of one's own. Raises NotAllowed, NameTaken; Invalid: also where there is no such parent; Conflict:
        too deep; QuotaExceeded: too many."""
        authorize(self.audit, actor, Acts.FOLDER_CREATE)
        clean = clean_name(name)
        return again(None, lambda: self._create(actor, clean, parent))

    def make_path(self, actor: Actor, names: Sequence[str], parent: str = "") -> Folder:
        """The folder at the end of a path of names that begins in `parent`; those that are not there are made. Done
        again, it gives the same one. Raises as `create` does; NameTaken where a file has one of the names."""
        authorize(self.audit, actor, Acts.FOLDER_CREATE)
        path = clean_path(names)
        folder: Folder | None = self._parent(actor, parent) if parent else None
        for name in path:
            folder = self._made(actor, name, "" if folder is None else folder.id)
        if folder is None:
            raise Invalid(NO_FOLDER, field="parent")
        return folder

    def at(self, actor: Actor, place: Place) -> str:
        """The identifier of the folder that a place is, made where it has to be; "": the top. Raises as `make_path`."""
        return self.make_path(actor, place.path, place.folder).id if place.path else place.folder

    def _made(self, actor: Actor, name: str, parent: str) -> Folder:
        found = self.store.named(actor.owner, parent, name)
        if found is not None:
            return found
        try:
            return again(None, lambda: self._create(actor, name, parent))
        except NameTaken:
            # Somebody has made it since, or a file has the name.
            found = self.store.named(actor.owner, parent, name)
            if found is None:
                raise
            return found

    def bring_back(self, actor: Actor, record_id: str, /, *, name: str, parent: str) -> Folder:
        """One's own that was deleted, as it was; links to it from before stay shut. Raises as `create` does; Conflict
        where it is there."""
        authorize(self.audit, actor, Acts.FOLDER_CREATE)
        return again(None, lambda: self._create(actor, name, parent, record_id))

    def _create(self, actor: Actor, name: str, parent: str, record_id: str = "") -> Folder:
        above = self._place(actor.owner, parent) if parent else ()
        check_depth(len(above) + 1)
        now = self.now()
        folder = Folder(record_id or new_id(), actor.owner, name, created_at=now, updated_at=now, parent=parent)
        if record_id:
            folder = replace(folder, back_at=now)
        changes = {"name": (None, name)} | ({"parent": (None, parent)} if parent else {})
        self.store.add(folder, above, self._event(Actions.FOLDER_CREATE, actor, folder, changes))
        if not parent:
            self.files.place(folder.owner)
        return folder

    def update(
        self,
        actor: Actor,
        record_id: str,
        /,
        *,
        name: str | None = None,
        parent: str | None = None,
        version: int | None = None,
    ) -> Folder:
        """With another name, or in another folder of the same owner ("": at the top); both are one act, the move.
        Raises as `create` does, VersionMismatch; Conflict: into itself, or too deep."""
        clean = None if name is None else clean_name(name)

        def change() -> Folder:
            old = self.store.get(record_id) if is_id(record_id) else None
            if old is None or not old.live:
                raise NotFound
            for given, act in ((name, Acts.FOLDER_RENAME), (parent, Acts.FOLDER_MOVE)):
                if given is not None:
                    authorize(self.audit, actor, act, old.owner, self.ref(old))
            expect(old, version)
            new = replace(old, name=old.name if clean is None else clean)
            above: tuple[Folder, ...] = ()
            if parent is not None and parent != old.parent:
                new, above = replace(new, parent=parent), self._above_moved(old, parent)
            if new == old:
                return old
            return self._put(actor, old, new, above)

        return again(version, change)

    def delete(self, actor: Actor, record_id: str, /, version: int | None = None) -> None:
        """An empty one, for good. Raises NotFound, NotAllowed, VersionMismatch; InUse: something lies in it."""

        def change() -> None:
            old = self._reach(actor, record_id, Acts.FOLDER_DELETE)
            expect(old, version)
            changes = {"name": (old.name, None)} | ({"parent": (old.parent, None)} if old.parent else {})
            if old.owner != actor.id:
                changes["owner"] = (old.owner, None)
            self.store.remove(old, self._event(Actions.FOLDER_DELETE, actor, old, changes))

        again(version, change)

    def _put(self, actor: Actor, old: Folder, new: Folder, above: Sequence[Folder]) -> Folder:
        action: Action = Actions.FOLDER_MOVE if new.parent != old.parent else Actions.FOLDER_RENAME
        stamped, event = self._stamped(actor, old, new, action)
        self.store.put(old, stamped, above, replace(event, object=self.ref(old)))
        return stamped

    def _above_moved(self, old: Folder, parent: str) -> tuple[Folder, ...]:
        """The folders that it comes to lie in, the nearest first. Raises Invalid, Conflict."""
        if not parent:
            return ()
        above = self._place(old.owner, parent)
        if old.id in {one.id for one in above}:
            raise Conflict("A folder cannot lie in itself.", field="parent")
        check_depth(len(above) + self._measured(old)[0])
        return above
