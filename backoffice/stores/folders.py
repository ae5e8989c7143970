"""Folders in the store."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from backoffice.domain.actions import Actions
from backoffice.domain.audit import AuditEvent
from backoffice.domain.folders import Folder, FolderState
from backoffice.domain.limits import MAX_FOLDERS, MAX_LIMIT
from backoffice.domain.paging import Page, Query
from backoffice.errors import InUse, NameTaken, NotSignedIn, QuotaExceeded, VersionMismatch
from backoffice.stores.bounds import UNBOUNDED, Bounds
from backoffice.stores.client import Db
from backoffice.stores.file_indexes import place, placed_name
from backoffice.stores.file_names import FOLDERS, _FolderGone, check_folder, folder_names, folders_of, leaving_of
from backoffice.stores.keys import Keys
from backoffice.stores.records.commit import Commit
from backoffice.stores.records.indexes import Facet, Lexical, Sorted, Words, text_range
from backoffice.stores.records.store import RedisRecords
from backoffice.stores.stays import stays
from backoffice.stores.users import NOUN as USERS

MAKES_ROOM = frozenset({Actions.FOLDER_TRASH, Actions.FOLDER_PURGE})
TAKEN = "There is something of this name."


def _made(folder: Folder) -> float:
    return folder.created_at


def _alone(folder: Folder) -> bool:
    """Whether it is in the trash by itself."""
    return folder.trashed and not folder.with_parent


def _leaving(folder: Folder) -> bool:
    """Whether something has yet to follow it into the trash, or from there for good."""
    return bool(folder.moving) and not folder.live


def _went(folder: Folder) -> bool:
    """Whether it is there with the folder that it lies in."""
    return folder.trashed and bool(folder.with_parent)


NAME: Lexical[Folder] = Lexical(
    "name", lambda one: placed_name(one.name, one.parent) if one.live else None, within=("owner", "parent")
)


class RedisFolders(RedisRecords[Folder]):
    """Port `FolderStore`. Their names stand in an index of their own, in the same form as those of files, and a commit
    looks into both."""

    noun, record, order = FOLDERS, Folder, "created"
    indexes = (
        Sorted("created", lambda one: one.created_at if one.live else None),
        NAME,
        Words("words", lambda one: one.name if one.live else None, first=NAME, compared=lambda one: one.name),
        Facet("owner", lambda one: (one.owner,) if one.live else (), _made, "created"),
        Facet("parent", lambda one: (place(one.owner, one.parent),) if one.live else (), _made, "created"),
        Sorted("purge", lambda one: one.purge_at if _alone(one) else None),
        Facet("trash", lambda one: (one.owner,) if _alone(one) else (), lambda one: one.purge_at, "purge"),
        Sorted("went", lambda one: one.created_at if _went(one) else None),
        Facet("with_parent", lambda one: (place(one.owner, one.parent),) if _went(one) else (), _made, "went"),
        Sorted("moving", lambda one: one.updated_at if one.moving else None),
        Facet("leaving", lambda one: (one.owner,) if _leaving(one) else (), lambda one: one.updated_at, "moving"),
        Facet("all", lambda one: (one.owner,), _made, "created"),
    )

    def __init__(self, db: Db, keys: Keys, bounds: Bounds = UNBOUNDED) -> None:
        super().__init__(db, keys)
        self._bounds = bounds

    def named(self, owner: str, parent: str, name: str) -> Folder | None:
        """The folder of that name in a place. Two round trips where there is one."""
        least, below = text_range(placed_name(name, parent))
        names = folder_names(self._keys, owner)
        row = self._db.call("ZRANGE", names, f"[{least}", f"({below}", "BYLEX", "LIMIT", 0, 1)
        found = self.get(self.collection.member_id(bytes(row[0]))) if row else None
        still = found is not None and found.live and text_range(placed_name(found.name, found.parent))[0] == least
        return found if still else None

    def ids_named(self, owner: str, names: Sequence[tuple[str, str]]) -> list[str]:
        key = folder_names(self._keys, owner)
        ranges = [text_range(placed_name(*one)) for one in names]
        rows = self._db.many(
            [("ZRANGE", key, f"[{least}", f"({below}", "BYLEX", "LIMIT", 0, 1) for least, below in ranges]
        )
        return [self.collection.member_id(bytes(row[0])) if row else "" for row in rows]

    def page_in(self, owner: str, parent: str | None, query: Query) -> Page[Folder]:
        """Two round trips."""
        facet = ("owner", owner) if parent is None else ("parent", place(owner, parent))
        inside = replace(query, filters=(facet, *query.filters))
        if not parent:
            return self._pager.page(inside)
        page: Page[Folder]
        row, page = self._db.together(
            lambda: self._db.call("HMGET", self._keys.record(FOLDERS, parent), "owner", "state"),
            lambda: self._pager.page(inside),
        )
        if list(row) != [owner.encode(), FolderState.READY.value.encode()]:
            raise _FolderGone(field="parent")
        return page

    def add(self, folder: Folder, above: Sequence[Folder], event: AuditEvent) -> None:
        commit = self._commit(event)
        commit.check("present", self._keys.record(USERS, folder.owner), error=NotSignedIn())
        full = QuotaExceeded(f"You may have {MAX_FOLDERS:,} folders.", folders=MAX_FOLDERS)
        commit.check("fewer", folders_of(self._keys, folder.owner), MAX_FOLDERS, error=full)
        self._check_place(commit, folder, above)
        self.collection.insert(commit, folder)
        commit.run(self._db)

    def put(
        self,
        old: Folder,
        new: Folder,
        above: Sequence[Folder],
        event: AuditEvent,
        *,
        follows: FolderState | None = None,
        returning: int = 0,
    ) -> None:
        commit = self._commit(event)
        if returning:
            commit.charge("returns", event, self._bounds.acts, returning)
        self.collection.replace(commit, old, new)
        if follows is not None:
            state = (self._keys.record(FOLDERS, old.parent), "state", follows.value)
            commit.check("equal", *state, error=VersionMismatch())
        moved = text_range(placed_name(old.name, old.parent)) != text_range(placed_name(new.name, new.parent))
        if new.live and (moved or not old.live):
            self._check_place(commit, new, above)
        commit.run(self._db, when_full=follows is not FolderState.READY)

    # -- the trash

    def within(self, folder: Folder, query: Query, *, live: bool) -> Page[Folder]:
        name, sort = ("parent", "created") if live else ("with_parent", "went")
        facet = (name, place(folder.owner, folder.id))
        page = self._pager.page(replace(query, sort=sort, filters=(facet, *query.filters)))
        return replace(page, items=tuple(one for one in page.items if one.parent == folder.id and one.live is live))

    def stays(self, folders: Sequence[Folder]) -> dict[str, int | None]:
        since = {one.id: max(one.back_at, one.restored_at) for one in folders}
        found = stays(self._db, self._keys, since, {one.id: one.parent for one in folders if one.live})
        return {one.id: found[one.id] if one.live else None for one in folders}

    def below(self, folders: Sequence[Folder]) -> tuple[list[Folder], int]:
        found, went = list[Folder](), 0
        for at in range(0, len(folders), MAX_LIMIT):
            some = {one.id for one in folders[at : at + MAX_LIMIT]}
            lists = [self._holding(one) for one in folders[at : at + MAX_LIMIT]]
            inside = [key for _, live, _, trashed in lists for key in (live, trashed)]
            asked = [("ZRANGE", key, 0, -1) for key in inside] + [("ZCARD", key) for _, _, key, _ in lists]
            answers = self._db.many(asked)
            members = answers[: len(inside)]
            went += sum(map(int, answers[len(inside) :])) + sum(map(len, members[1::2]))
            ids = sorted({self.collection.member_id(bytes(one)) for row in members for one in row})
            for start in range(0, len(ids), MAX_LIMIT):
                read = self.get_many(ids[start : start + MAX_LIMIT])
                found += [one for one in read if one is not None and one.parent in some]
        return found, went

    def settle(self, folder: Folder) -> bool:
        args = [str(folder.version), folder.state.value, folder.id]
        keys = [
            self._keys.record(FOLDERS, folder.id),
            self._keys.index(FOLDERS, "moving"),
            folders_of(self._keys, folder.owner),
            *self._holding(folder),
            leaving_of(self._keys, folder.owner),
        ]
        return bool(self._db.script("settle_folder", keys, args, allow_oom=True))

    def moving(self, limit: int) -> list[Folder]:
        return list(self.page(Query(sort="moving", limit=limit)).items)

    def due(self, now: int, limit: int) -> list[Folder]:
        return list(self.page(Query(sort="purge", ranges=(("purge", None, now),), limit=limit)).items)

    def _holding(self, folder: Folder) -> list[bytes]:
        """Lists of what lies in it, and of what went into the trash with it."""
        here = place(folder.owner, folder.id)
        lists = (("files", "folder"), (FOLDERS, "parent"), ("files", "went"), (FOLDERS, "with_parent"))
        return [self._keys.index(noun, facet, here) for noun, facet in lists]

    def _removing(self, commit: Commit, old: Folder) -> None:
        """Raises InUse. What went into the trash with it is on the way back while it is there."""
        for key in self._holding(old):
            commit.check("absent", key, error=InUse("The folder is not empty."))

    def _check_place(self, commit: Commit, folder: Folder, above: Sequence[Folder]) -> None:
        """That the name is free there, and that the folders above are still as they were read: so nobody has put one of
        them into this one, or deeper."""
        taken = NameTaken(TAKEN, field="name")
        least, below = text_range(placed_name(folder.name, folder.parent))
        for key in (self._keys.index("files", "name", f"owner={folder.owner}"), folder_names(self._keys, folder.owner)):
            commit.check("vacant", key, least, below, 0, error=taken)
        if folder.parent:
            check_folder(commit, self._keys, folder.owner, folder.parent)
        for one in above:
            self.collection.expect(commit, one)

    def _commit(self, event: AuditEvent) -> Commit:
        commit = Commit(self._keys, event)
        if event.action not in MAKES_ROOM:
            commit.charge("acts", event, self._bounds.acts)
        return commit
