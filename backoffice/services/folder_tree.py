"""The tree of somebody's folders: who reaches one, what lies above it and within it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal

from backoffice.domain.access import Actor
from backoffice.domain.acts import Act, Acts
from backoffice.domain.files import File, is_name
from backoffice.domain.folders import FOLDERS, NO_FOLDER, Folder, Place
from backoffice.domain.ids import is_id
from backoffice.domain.limits import MAX_FOLDER_DEPTH, MAX_LIMIT
from backoffice.domain.paging import Page, Query
from backoffice.errors import Invalid, NotFound
from backoffice.services.authorization import authorize
from backoffice.services.file_ports import FileStore
from backoffice.services.folder_ports import FolderStore
from backoffice.services.records import Records

HeldBy = Literal["", "file", "folder"]
"""What has a name in a place; "": nothing."""


@dataclass(frozen=True, kw_only=True)
class FolderTree(Records[Folder]):
    """What is read of it."""

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

    def trash_page(self, actor: Actor, query: Query, *, everybody: bool = False) -> Page[Folder]:
        """Folders in the trash that were put there by themselves, not with one that they lay in; what goes first first.
        Order: purge. Raises NotAllowed, Invalid."""
        authorize(self.audit, actor, Acts.FILES_LIST_ALL if everybody else Acts.FILES_LIST)
        query = replace(query, sort=query.sort or "purge")
        if not everybody:
            query = replace(query, filters=(*(one for one in query.filters if one[0] != "trash"), ("trash", actor.id)))
        return self.store.page(query)

    def trashed(self, actor: Actor, record_id: str) -> Folder:
        """A folder in the trash, by itself or with another. Raises NotFound."""
        return self._in_trash(actor, record_id, Acts.FOLDER_READ)

    def trash_page_in(self, actor: Actor, record_id: str, query: Query, owner: str = "") -> Page[Folder]:
        """Folders that went into the trash with the one that they lie in. Raises NotAllowed; Invalid: also where that
        one is not there, or not of this `owner` ("": of whom it may be)."""
        return self.store.within(self._named_in_trash(actor, record_id, "parent", owner), query, live=False)

    def trashed_files(self, actor: Actor, record_id: str, query: Query, owner: str = "") -> Page[File]:
        """Files likewise."""
        return self.files.within(self._named_in_trash(actor, record_id, "folder", owner), query, live=False)

    def page_in(self, actor: Actor, parent: str | None, query: Query, owner: str = "") -> Page[Folder]:
        """The folders in one ("": at the top; None: all of them) of one's own, or of another's for who may see
        everybody's. Orders: name, created; words of the name. Raises NotAllowed, Invalid: also where there is
        no such folder."""
        owner = owner or actor.owner
        authorize(self.audit, actor, Acts.FILES_LIST if owner == actor.owner else Acts.FILES_LIST_ALL)
        if (parent and not is_id(parent)) or not is_id(owner):
            raise Invalid(NO_FOLDER, field="parent")
        return self.store.page_in(owner, parent, query)

    def tree(self, actor: Actor, owner: str, folder: str) -> Iterator[str]:
        """The identifiers of a folder ("": the top) and of all within it, each before those in it. Raises Invalid,
        NotAllowed."""
        authorize(self.audit, actor, Acts.FILES_LIST if owner == actor.owner else Acts.FILES_LIST_ALL)
        yield from self._tree(owner, folder)

    def _tree(self, owner: str, folder: str) -> Iterator[str]:
        left = [folder]
        while left:
            yield left[-1]
            left += [one.id for one in self._within(owner, left.pop())]

    def paths(self, ids: Iterable[str], within: str = "") -> dict[str, tuple[str, ...]]:
        """For each folder the names that lead to it from the top, or from `within`, which is left out. For who may see
        what lies in them. A round trip for each level. Raises NotFound where a path does not meet `within`: one was
        moved out meanwhile, and names outside of it are not for everybody."""
        known: dict[str, Folder] = {}
        ids = tuple(ids)
        wanted = {one for one in ids if one}
        while wanted:
            some = sorted(wanted)
            read = [
                one for at in range(0, len(some), MAX_LIMIT) for one in self.store.get_many(some[at : at + MAX_LIMIT])
            ]
            known |= {one.id: one for one in read if one is not None}
            wanted = {one.parent for one in read if one is not None and one.parent} - known.keys()
        return {one: _path(known, one, within) for one in ids}

    def taken(self, actor: Actor, parent: str, wanted: Sequence[tuple[Sequence[str], str]]) -> list[HeldBy]:
        """For each path from a folder of one's own ("": the top) on and name, what there has the name: for who asks
        before sending files. What can be no name is free. A round trip for each level of the paths, and one, and
        another where a name is taken. Raises NotAllowed; Invalid: there is no such folder."""
        authorize(self.audit, actor, Acts.FILE_CREATE)
        places: dict[tuple[str, ...], str] = {(): self._parent(actor, parent).id if parent else ""}
        paths = {tuple(path) for path, name in wanted if all(map(is_name, (*path, name)))}
        for depth in range(1, max(map(len, paths), default=0) + 1):
            level = sorted({path[:depth] for path in paths if len(path) >= depth and path[: depth - 1] in places})
            found = self.store.ids_named(actor.owner, [(path[-1], places[path[:-1]]) for path in level])
            places |= {path: one for path, one in zip(level, found, strict=True) if one}
        asked = [
            (at, (name, places[tuple(path)]))
            for at, (path, name) in enumerate(wanted)
            if tuple(path) in paths and tuple(path) in places and is_name(name)
        ]
        answers = self.files.have_names(actor.owner, [one for _, one in asked])
        held = [one for one, answer in zip(asked, answers, strict=True) if answer]
        folders = self.store.ids_named(actor.owner, [one for _, one in held]) if held else []
        by: dict[int, HeldBy] = {at: "folder" if one else "file" for (at, _), one in zip(held, folders, strict=True)}
        return [by.get(at, "") for at in range(len(wanted))]

    def check_place(self, actor: Actor, place: Place) -> None:
        """Refuse now what would be refused at the end: one of one's own folders, or the top. Raises Invalid."""
        folder = self.store.get(place.folder) if place.folder else None
        if place.folder and (folder is None or not folder.live or folder.owner != actor.owner):
            raise Invalid(NO_FOLDER, field="folder")

    # -- the tree

    def _reach(self, actor: Actor, folder_id: str, act: Act) -> Folder:
        folder = self.store.get(folder_id) if is_id(folder_id) else None
        if folder is None or not folder.live:
            raise NotFound
        authorize(self.audit, actor, act, folder.owner, self.ref(folder))
        return folder

    def _named_in_trash(self, actor: Actor, folder_id: str, field: str, owner: str) -> Folder:
        try:
            folder = self.trashed(actor, folder_id)
        except NotFound:
            raise Invalid(NO_FOLDER, field=field) from None
        if owner and folder.owner != owner:
            raise Invalid(NO_FOLDER, field=field)
        return folder

    def _in_trash(self, actor: Actor, folder_id: str, act: Act) -> Folder:
        folder = self.store.get(folder_id) if is_id(folder_id) else None
        if folder is None or not folder.trashed:
            raise NotFound
        authorize(self.audit, actor, act, folder.owner, self.ref(folder))
        return folder

    def _parent(self, actor: Actor, folder_id: str) -> Folder:
        return self._of_owner(actor.owner, folder_id)

    def _of_owner(self, owner: str, folder_id: str) -> Folder:
        """Somebody else's is none, and nothing is refused that could be recorded: it is only named."""
        folder = self.store.get(folder_id) if is_id(folder_id) else None
        if folder is None or not folder.live or folder.owner != owner:
            raise Invalid(NO_FOLDER, field="parent")
        return folder

    def _place(self, owner: str, folder_id: str) -> tuple[Folder, ...]:
        """A folder and those that it lies in, the nearest first. Raises Invalid: also where one of them is in the
        trash, and this one has yet to follow it."""
        above = tuple(self._upwards(self._of_owner(owner, folder_id).id))
        if not all(one.live for one in above):
            raise Invalid(NO_FOLDER, field="parent")
        return above

    def _upwards(self, folder_id: str) -> Iterator[Folder]:
        """This folder and those that it lies in, the nearest first; no more than there can be."""
        for _ in range(2 * MAX_FOLDER_DEPTH):
            folder = self.store.get(folder_id) if folder_id else None
            if folder is None:
                return
            yield folder
            folder_id = folder.parent

    def _measured(self, folder: Folder) -> tuple[int, int]:
        """How deep the folders in it go, itself counted, with those that went into the trash with it or are on the way
        there or back; and how many records went there with it."""
        height, went, level = 0, 0, [folder]
        while level and height <= MAX_FOLDER_DEPTH:
            level, with_them = self.store.below(level)
            height, went = height + 1, went + with_them
        return height, went

    def _within(self, owner: str, parent: str) -> Iterator[Folder]:
        return self._all(partial(self.store.page_in, owner, parent))

    @staticmethod
    def _all(read: Callable[[Query], Page[Folder]]) -> Iterator[Folder]:
        cursor = ""
        while True:
            page = read(Query(limit=MAX_LIMIT, cursor=cursor))
            yield from page.items
            cursor = page.next_cursor
            if not cursor:
                return


def _path(known: Mapping[str, Folder], folder_id: str, within: str) -> tuple[str, ...]:
    """Raises NotFound."""
    names: list[str] = []
    while folder_id in known and folder_id != within and len(names) < 2 * MAX_FOLDER_DEPTH:
        names.append(known[folder_id].name)
        folder_id = known[folder_id].parent
    if within and folder_id != within:
        raise NotFound("Something was moved out of this folder at this moment.")
    return tuple(reversed(names))
