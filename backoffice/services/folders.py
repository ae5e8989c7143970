"""Folders: a tree of one's own. Whose a folder is decides who reaches it, as with files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from backoffice.domain.access import Actor
from backoffice.domain.actions import Action, Actions
from backoffice.domain.acts import Act, Acts
from backoffice.domain.files import clean_name
from backoffice.domain.folders import FOLDERS, Folder, check_depth, clean_path
from backoffice.domain.ids import is_id, new_id
from backoffice.domain.limits import MAX_FOLDER_DEPTH, MAX_LIMIT
from backoffice.domain.paging import Page, Query
from backoffice.errors import Conflict, Invalid, NameTaken, NotFound
from backoffice.services.authorization import authorize
from backoffice.services.file_ports import FileStore
from backoffice.services.folder_ports import FolderStore
from backoffice.services.records import Records, again, expect

NO_FOLDER: Final = "There is no such folder."


@dataclass(frozen=True, kw_only=True)
class Folders(Records[Folder]):
    """Folders of one's own; holders of `files.all:…` reach everybody's. A name is free where neither a file nor a
    folder of the same place has it; a file never gives way to a folder, nor a folder to a file."""

    noun = FOLDERS
    store: FolderStore
    files: FileStore

    # -- finding

    def get(self, actor: Actor, record_id: str, /) -> Folder:
        """Raises NotFound, also where it is in the trash, or not for this actor."""
        return self._reach(actor, record_id, Acts.FOLDER_READ)

    def above(self, actor: Actor, folder: Folder) -> tuple[Folder, ...]:
        """The folders that it lies in, the outermost first. A round trip for each."""
        authorize(self.audit, actor, Acts.FOLDER_READ, folder.owner, self.ref(folder))
        return tuple(reversed(tuple(self._upwards(folder.parent))))

    def page_in(self, actor: Actor, parent: str | None, query: Query, owner: str = "") -> Page[Folder]:
        """The folders in one ("": at the top; None: all of them) of one's own, or of another's for who may see
        everybody's. Orders: name, created. Raises NotAllowed, Invalid: also where there is
        no such folder."""
        owner = owner or actor.id
        authorize(self.audit, actor, Acts.FILES_LIST if owner == actor.id else Acts.FILES_LIST_ALL)
        if (parent and not is_id(parent)) or not is_id(owner):
            raise Invalid(NO_FOLDER, field="parent")
        return self.store.page_in(owner, parent, query)

    # -- changing

    def tree(self, actor: Actor, owner: str, folder: str) -> Iterator[str]:
        """The identifiers of a folder ("": the top) and of all within it, each before those in it. Raises Invalid,
        NotAllowed."""
        authorize(self.audit, actor, Acts.FILES_LIST if owner == actor.id else Acts.FILES_LIST_ALL)
        left = [folder]
        while left:
            yield left[-1]
            left += [one.id for one in self._within(owner, left.pop())]

    def paths(self, ids: Iterable[str], within: str = "") -> dict[str, tuple[str, ...]]:
        """For each folder the names that lead to it from the top, or from `within`, which is left out. For who may see
        what lies in them. A round trip for each level."""
        known: dict[str, Folder] = {}
        wanted = {one for one in ids if one}
        while wanted:
            some = sorted(wanted)
            read = [
                one for at in range(0, len(some), MAX_LIMIT) for one in self.store.get_many(some[at : at + MAX_LIMIT])
            ]
            known |= {one.id: one for one in read if one is not None}
            wanted = {one.parent for one in read if one is not None and one.parent} - known.keys()
        return {one: _path(known, one, within) for one in ids}

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

    def _made(self, actor: Actor, name: str, parent: str) -> Folder:
        found = self.store.named(actor.id, parent, name)
        if found is not None:
            return found
        try:
            return again(None, lambda: self._create(actor, name, parent))
        except NameTaken:
            # Somebody has made it since, or a file has the name.
            found = self.store.named(actor.id, parent, name)
            if found is None:
                raise
            return found

    def _create(self, actor: Actor, name: str, parent: str) -> Folder:
        above = tuple(self._upwards(self._parent(actor, parent).id)) if parent else ()
        check_depth(len(above) + 1)
        now = self.now()
        folder = Folder(id=new_id(), owner=actor.id, name=name, parent=parent, created_at=now, updated_at=now)
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
        above = tuple(self._upwards(self._of_owner(old.owner, parent).id))
        if old.id in {one.id for one in above}:
            raise Conflict("A folder cannot lie in itself.", field="parent")
        check_depth(len(above) + self._height(old))
        return above

    # -- the tree

    def _reach(self, actor: Actor, folder_id: str, act: Act) -> Folder:
        folder = self.store.get(folder_id) if is_id(folder_id) else None
        if folder is None or not folder.live:
            raise NotFound
        authorize(self.audit, actor, act, folder.owner, self.ref(folder))
        return folder

    def _parent(self, actor: Actor, folder_id: str) -> Folder:
        return self._of_owner(actor.id, folder_id)

    def _of_owner(self, owner: str, folder_id: str) -> Folder:
        """Somebody else's is none, and nothing is refused that could be recorded: it is only named."""
        folder = self.store.get(folder_id) if is_id(folder_id) else None
        if folder is None or not folder.live or folder.owner != owner:
            raise Invalid(NO_FOLDER, field="parent")
        return folder

    def _upwards(self, folder_id: str) -> Iterator[Folder]:
        """This folder and those that it lies in, the nearest first; no more than there can be."""
        for _ in range(2 * MAX_FOLDER_DEPTH):
            folder = self.store.get(folder_id) if folder_id else None
            if folder is None:
                return
            yield folder
            folder_id = folder.parent

    def _height(self, folder: Folder) -> int:
        """How deep the folders in it go, itself counted."""
        height, level = 0, [folder.id]
        while level and height <= MAX_FOLDER_DEPTH:
            height, level = height + 1, [one.id for key in level for one in self._within(folder.owner, key)]
        return height

    def _within(self, owner: str, parent: str) -> Iterator[Folder]:
        cursor = ""
        while True:
            page = self.store.page_in(owner, parent, Query(limit=MAX_LIMIT, cursor=cursor))
            yield from page.items
            cursor = page.next_cursor
            if not cursor:
                return


def _path(known: Mapping[str, Folder], folder_id: str, within: str) -> tuple[str, ...]:
    names: list[str] = []
    while folder_id in known and folder_id != within and len(names) < 2 * MAX_FOLDER_DEPTH:
        names.append(known[folder_id].name)
        folder_id = known[folder_id].parent
    return tuple(reversed(names))
