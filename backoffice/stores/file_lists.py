"""Lists of files: all of an owner's, and those of one place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Final

from backoffice.domain.files import TOP, File
from backoffice.domain.folders import Folder, FolderState
from backoffice.domain.paging import Page, Query
from backoffice.domain.versions import Version
from backoffice.stores.bounds import UNBOUNDED, Bounds
from backoffice.stores.client import Arg, Db
from backoffice.stores.file_indexes import INDEXES, NAME, SHORT, is_live, place
from backoffice.stores.file_names import FOLDERS, FileNames, _FolderGone, folders_of
from backoffice.stores.keys import Keys
from backoffice.stores.quotas import count_versions
from backoffice.stores.recent import Recent
from backoffice.stores.records.collection import Collection, score
from backoffice.stores.records.paging import Pager
from backoffice.stores.stays import stays

NOUN = "files"
ROWS_REMEMBERED = 2_048
"""Files whose record a process remembers for lists, by what is stored of it."""
OWNERS_REMEMBERED = 4_096
"""Of whom a process remembers whether they had folders."""
PLACED_AT_ONCE: Final = 200


class FileLists:
    """The part of the store of files that finds them."""

    def __init__(self, db: Db, keys: Keys, bounds: Bounds = UNBOUNDED) -> None:
        self._db, self._keys, self.bounds = db, keys, bounds
        self.collection = Collection(
            db,
            keys,
            NOUN,
            File,
            INDEXES,
            sparse=True,
            short=SHORT,
            dense=True,
            remembered=ROWS_REMEMBERED,
            also=partial(count_versions, keys),
        )
        self.names = FileNames(db, keys, self.collection)
        self._pager = Pager(self.collection, "created")
        self._with_folders = Recent[bool](OWNERS_REMEMBERED)

    def get(self, file_id: str) -> File | None:
        return self.collection.get(file_id)

    def get_many(self, ids: Sequence[str]) -> list[File | None]:
        return self.collection.get_many(ids)

    def as_read(self, file: File) -> Version:
        name, text = self.collection.version(file)
        return Version(self._keys.record(NOUN, file.id), name, text.encode())

    def page(self, query: Query) -> Page[File]:
        return self._pager.page(query)

    def page_in(self, owner: str, folder: str, query: Query) -> Page[File]:
        """Two round trips; more where the owner has made the first folder, or deleted the last one, since this process
        asked before."""
        inside = replace(query, filters=(("folder", place(owner, folder)), *query.filters))
        if folder:
            row, page = self._db.together(
                lambda: self._db.call("HMGET", self._keys.record(FOLDERS, folder), "owner", "state"),
                lambda: self._pager.page(inside),
            )
            if list(row) != [owner.encode(), FolderState.READY.value.encode()]:
                raise _FolderGone(field="folder")
            inside_it: Page[File] = page
            return inside_it
        anywhere = replace(query, filters=(("owner", owner), *query.filters))
        known = bool(self._with_folders.get(owner))
        there: Page[File]
        (has, placed), there = self._db.together(
            lambda: self._has_folders(owner), lambda: self._pager.page(inside if known else anywhere)
        )
        if has and not placed:
            self.place(owner)
        if has != known:
            self._with_folders.put(owner, has)
        if has != known or (has and not placed):
            return self._pager.page(inside if has else anywhere)
        return there

    def page_alone(self, owner: str, query: Query) -> Page[File]:
        """Two round trips; one more while something is in the trash that came there before there was this list."""
        lists = [self._keys.index(NOUN, facet, owner) for facet in ("trash", "alone", "with")]
        counts, page = self._db.together(
            lambda: self._db.many([("ZCARD", key) for key in lists]),
            lambda: self._pager.page(replace(query, filters=(("alone", owner), *query.filters))),
        )
        whole, *parts = map(int, counts)
        if whole != sum(parts):
            return self._pager.page(replace(query, filters=(("trash", owner), *query.filters)))
        alone: Page[File] = page
        return alone

    def _has_folders(self, owner: str) -> tuple[bool, bool]:
        """Whether somebody has folders, and whether all files that lie at the top say so."""
        keys = (
            folders_of(self._keys, owner),
            self._keys.index(NOUN, "owner", owner),
            self._keys.index(NOUN, "placed", owner),
        )
        folders, files, placed = self._db.many([("ZCARD", key) for key in keys])
        return int(folders) > 0, int(files) == int(placed)

    def place(self, owner: str) -> None:
        """Note of the owner's files at the top that they lie there, as those do that come after the first folder.
        Where it is stopped half way, the list of the top goes on with it."""
        has, placed = self._has_folders(owner)
        cursor = ""
        while has and not placed:
            page = self._pager.page(Query(filters=(("owner", owner),), limit=PLACED_AT_ONCE, cursor=cursor))
            self._place([file for file in page.items if not file.folder], owner)
            cursor = page.next_cursor
            if not cursor:
                return

    def _place(self, files: Sequence[File], owner: str) -> None:
        if not files:
            return
        top, collection = f"folder={place(owner, '')}", self.collection
        keys = [
            self._keys.index(NOUN, "folder", place(owner, "")),
            self._keys.index(NOUN, "name", top),
            self._keys.index(NOUN, "size", top),
            self._keys.index(NOUN, "placed", owner),
        ]
        args: list[Arg] = [collection.codec.stored("version"), collection.codec.stored("folder"), TOP]
        for file in files:
            ref = collection.ref(file.id)
            [(name, _)] = NAME.members(file, ref)
            keys.append(self._keys.record(NOUN, file.id))
            args += [collection.version(file)[1], ref, score(file.created_at), name, score(file.size)]
        self._db.script("place_files", keys, args)

    def mime_types(self) -> list[tuple[str, int]]:
        return self.collection.facet_values("mime_type")

    def usage(self, user_id: str) -> tuple[int, int]:
        used, reserved = self._db.call("HMGET", self._keys.quota(user_id), "used", "reserved")
        return int(used or 0), int(reserved or 0)

    def has_name(self, owner: str, name: str, folder: str = "") -> bool:
        return self.names.taken(owner, name, folder)

    def has_name_anywhere(self, owner: str, name: str) -> bool:
        return self.names.taken_anywhere(owner, name)

    def free_name(self, owner: str, name: str, folder: str) -> str:
        return self.names.free(owner, name, folder)

    def within(self, folder: Folder, query: Query, *, live: bool) -> Page[File]:
        name, sort = ("folder", "created") if live else ("went", "purge")
        facet = (name, place(folder.owner, folder.id))
        page = self._pager.page(replace(query, sort=sort, filters=(facet, *query.filters)))
        return replace(page, items=tuple(one for one in page.items if one.folder == folder.id and is_live(one) is live))

    def stays(self, files: Sequence[File]) -> dict[str, int | None]:
        since = {file.id: file.restored_at for file in files}
        return stays(self._db, self._keys, since, {file.id: file.folder_id for file in files})

    def have_names(self, owner: str, names: Sequence[tuple[str, str]]) -> list[bool]:
        return self.names.taken_of(owner, names)

    # -- what the worker looks for

    def due(self, now: int, limit: int) -> list[File]:
        return list(self._pager.page(Query(sort="purge", ranges=(("purge", None, now),), limit=limit)).items)

    def purged(self, limit: int) -> list[File]:
        return list(self._pager.page(Query(sort="gc", limit=limit)).items)

    def undigested(self, limit: int) -> list[File]:
        return list(self._pager.page(Query(sort="undigested", limit=limit)).items)
