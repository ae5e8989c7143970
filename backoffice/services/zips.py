"""Many files as one ZIP archive, streamed: its length and every place in it are known before anything is read, so it
can be asked for in parts.

Each file is opened when its turn comes, as if it were downloaded by itself: with the same decision, the same entry in
the log and the same checks. One that was taken away meanwhile, or is damaged, cuts the answer short of its length.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Final, NamedTuple
from zlib import crc32

from backoffice.domain.access import Actor
from backoffice.domain.acts import Acts
from backoffice.domain.audit import NO_OBJECT
from backoffice.domain.files import File, FileState, clean_name
from backoffice.domain.ids import is_id
from backoffice.domain.limits import MAX_LIMIT, MAX_UNSENT, MAX_ZIPPED, MAX_ZIPPED_FOLDERS, MAX_ZIPPED_NAMES
from backoffice.domain.paging import Page, Query
from backoffice.domain.zip_format import Entry, Layout, unique_names
from backoffice.errors import Invalid, NotFound
from backoffice.services.authorization import authorize, is_authorized, record_denial
from backoffice.services.file_reading import file_ref
from backoffice.services.files import Files
from backoffice.services.folders import Folders
from backoffice.services.zip_checksums import Checksums

PIECE: Final = 64 * 1024
"""Bytes: what is less is sent together with what follows."""
RECORDED_REFUSALS: Final = 20
"""Of one request that have an entry of their own in the log; the others are counted in one."""


class _Held(NamedTuple):
    """Of an entry of an archive: the file, and the content that it held when the archive was opened; of an empty folder
    its identifier twice."""

    file: str
    content: str


@dataclass(frozen=True, slots=True)
class ZipFile:
    """What is said of an archive. It has no date of its own: its files are those of the moment."""

    name: str
    size: int
    etag: str
    mime_type: str = "application/zip"
    digest: bytes = b""
    stored_at: int = 0


@dataclass(frozen=True, slots=True)
class OpenedZip:
    """An archive that may be read, as it was when it was opened."""

    file: ZipFile
    _read: Callable[[int, int], Iterator[memoryview]]
    _unsent: Callable[[int, int], int]

    def affords(self, start: int, stop: int) -> bool:
        """Whether these bytes can be had without reading too many that are not among them."""
        return self._unsent(start, stop) <= MAX_UNSENT

    def read(self, start: int = 0, stop: int | None = None) -> Iterator[memoryview]:
        """Bytes [start, stop). Of each file that has bytes among them it is recorded when its turn comes. Raises while
        iterating what `Files.open` and `OpenedFile.read` raise."""
        return self._read(start, self.file.size if stop is None else stop)


def _collect(found: dict[str, File], query: Query, read: Callable[[Query], Page[File]]) -> None:
    """Add all that the query finds, page by page, by identifier. Raises Invalid: too many."""
    while True:
        page = read(query)
        found.update((file.id, file) for file in page.items)
        if len(found) > MAX_ZIPPED or (page.exact and page.total > MAX_ZIPPED):
            raise Invalid(f"An archive has at most {MAX_ZIPPED:,} files.", limit=MAX_ZIPPED)
        if not page.next_cursor:
            return
        query = replace(query, cursor=page.next_cursor)


@dataclass(frozen=True, slots=True)
class Zips:
    """Archives of files that one may download."""

    files: Files
    folders: Folders
    checksums: Checksums = field(default_factory=Checksums)

    def open(self, actor: Actor, ids: Sequence[str], folders: Sequence[str] = (), name: str = "") -> OpenedZip:
        """Of the files of these ids, in this order, and all that lies in these folders and in those within them, under
        their names from the top on. Raises Invalid: none, or too many; NotFound (`ids`: which are not there, also where
        they are not for this actor), NotAllowed."""
        wanted = tuple(dict.fromkeys(ids))
        if not 0 < len(wanted) + len(folders) <= MAX_ZIPPED:
            raise Invalid(f"An archive has 1 to {MAX_ZIPPED:,} files.", field="id", limit=MAX_ZIPPED)
        good = [key for key in wanted if is_id(key)]
        there = {file.id: file for file in self._read_records(good) if file.state is FileState.READY}
        self._authorize(actor, there.values(), [key for key in wanted if key not in there])
        found, places = {key: there[key] for key in wanted}, dict[str, None]()
        for folder in folders:
            if folder not in places:
                self._add_folder(actor, self.folders.get(actor, folder).owner, folder, found, places)
        files = [*found.values()]
        self._authorize(actor, files[len(wanted) :], [])
        return self._opened(actor, files, name, places=[*places])

    def open_matching(self, actor: Actor, query: Query, *, everybody: bool = False, name: str = "") -> OpenedZip:
        """Of the files that the query finds, oldest first, as `Files.page`. Raises Invalid: too many, or none."""
        found = dict[str, File]()
        asked = replace(query, sort="created", descending=False, limit=MAX_LIMIT)
        _collect(found, asked, lambda query: self.files.page(actor, query, everybody=everybody))
        return self._opened_whole(actor, [*found.values()], name)

    def open_folder(self, actor: Actor, folder: str, owner: str = "", name: str = "") -> OpenedZip:
        """Of all that lies in a folder and in those within it ("": of all that the owner has), called as the folder is.
        Their names begin within it. Raises Invalid: too many; NotFound: also where there are none, NotAllowed."""
        root = self.folders.get(actor, folder) if folder else None
        owner = root.owner if root is not None else owner or actor.id
        found, places = dict[str, File](), dict[str, None]()
        self._add_folder(actor, owner, folder, found, places)
        name = name or (root.name if root is not None else "")
        return self._opened_whole(actor, [*found.values()], name, folder, [*places])

    def _add_folder(
        self, actor: Actor, owner: str, folder: str, found: dict[str, File], places: dict[str, None]
    ) -> None:
        """Add what lies in a folder and in those within it, and these themselves, but for those that are among them
        already. Raises Invalid: too many."""
        for place in self.folders.tree(actor, owner, folder):
            if place in places:
                continue
            if len(places) > MAX_ZIPPED_FOLDERS:
                raise Invalid(f"An archive has at most {MAX_ZIPPED_FOLDERS:,} folders.", limit=MAX_ZIPPED_FOLDERS)
            places[place] = None
            asked = Query(sort="created", limit=MAX_LIMIT)
            _collect(found, asked, partial(self.files.page_in, actor, place, owner=owner))

    def _opened_whole(
        self, actor: Actor, found: Sequence[File], name: str, within: str = "", places: Sequence[str] = ()
    ) -> OpenedZip:
        """`places`: folders that are there whether something lies in them or not."""
        if not found and len(places) < 2:
            raise NotFound("There are no such files.")
        self._authorize(actor, found, [])
        return self._opened(actor, found, name, within, places)

    def _read_records(self, ids: Sequence[str]) -> Iterator[File]:
        for start in range(0, len(ids), MAX_LIMIT):
            records = self.files.files.get_many(ids[start : start + MAX_LIMIT])
            yield from (file for file in records if file is not None)

    def _authorize(self, actor: Actor, files: Iterable[File], missing: list[str]) -> None:
        """As a download of each. What is refused is recorded, and said no more of than that it is not there."""
        audit, act = self.files.audit, Acts.FILE_DOWNLOAD
        refused = [file for file in files if not is_authorized(audit, actor, act, file.owner)]
        for file in refused[:RECORDED_REFUSALS]:
            with suppress(NotFound):
                authorize(audit, actor, act, file.owner, file_ref(file))
        if more := refused[RECORDED_REFUSALS:]:
            record_denial(audit, actor, act.takes, NO_OBJECT, f"{len(more)} more files for one archive")
        if missing or refused:
            raise NotFound("Some of these files are not there.", ids=[*missing, *(file.id for file in refused)])

    def _opened(
        self, actor: Actor, files: Sequence[File], name: str, within: str = "", places: Sequence[str] = ()
    ) -> OpenedZip:
        """`within`: the folder in which the names of others begin."""
        paths = self.folders.paths({*places, *(file.folder_id for file in files)}, within)
        empty = _empty(paths, {file.folder_id for file in files}, places)
        lengths = {key: sum(len(part.encode()) + 1 for part in path) for key, path in paths.items()}
        lengths_of_files = (lengths[file.folder_id] + len(file.name.encode()) for file in files)
        if sum(lengths_of_files) + sum(lengths[one] for one in empty) > MAX_ZIPPED_NAMES:
            raise Invalid("The names in this archive are too long together.", limit=MAX_ZIPPED_NAMES)
        names = unique_names([(*paths[file.folder_id], file.name) for file in files], [paths[one] for one in empty])
        sizes = [*((file.size, file.stored_at) for file in files), *((0, 0) for _ in empty)]
        entries = [Entry(one, *size) for one, size in zip(names, sizes, strict=True)]
        layout = Layout(entries)
        held = (*(_Held(file.id, file.content_id) for file in files), *(_Held(one, one) for one in empty))
        about = ZipFile(archive_name(name), layout.size, f'"{layout.tag(one.content for one in held)}"')
        return OpenedZip(
            about,
            lambda start, stop: _gathered(self._stream(actor, layout, held, start, stop)),
            lambda start, stop: self._unsent(layout, held, start, stop),
        )

    def _unsent(self, layout: Layout, held: Sequence[_Held], start: int, stop: int) -> int:
        """Bytes of files that have to be read for their CRC-32 alone, where bytes [start, stop) are wanted."""
        total = 0
        for index in layout.checksums_within(start, stop):
            entry, at = layout.entries[index], layout.offsets[index] + layout.entries[index].header_size
            sent = start <= at and at + entry.size <= stop
            if not sent and self.checksums.get(held[index].content) is None:
                total += entry.size
        return total

    # -- bytes

    def _stream(
        self, actor: Actor, layout: Layout, held: Sequence[_Held], start: int, stop: int
    ) -> Iterator[memoryview]:
        for index in range(layout.first_at(start), len(held)):
            at = layout.offsets[index]
            if at >= stop:
                return
            yield from self._file(actor, layout.entries[index], held[index], start - at, stop - at)
        for index, at in layout.directory_within(start, stop):
            checksum = self._checksum(actor, layout.entries[index], held[index])
            yield from _cut(
                layout.entries[index].directory_entry(layout.offsets[index], checksum), start - at, stop - at
            )
        at = layout.directory_at + layout.directory_size
        yield from _cut(layout.end(), start - at, stop - at)

    def _file(self, actor: Actor, entry: Entry, held: _Held, start: int, stop: int) -> Iterator[memoryview]:
        """What bytes [start, stop), counted from its header, have of a file. Raises NotFound where that holds something
        else by now."""
        yield from _cut(entry.header(), start, stop)
        start, stop = start - entry.header_size, stop - entry.header_size
        low, high = max(0, start), min(entry.size, stop)
        if low < high or (not entry.size and not entry.folder and start <= 0 < stop):
            whole = (low, high) == (0, entry.size)
            opened = self.files.open(actor, held.file, whole=whole)
            if opened.file.content_id != held.content:
                raise NotFound
            parts = opened.read(low, high)
            yield from self._summed(parts, held.content) if whole else parts
        start, stop = start - entry.size, stop - entry.size
        if stop > 0 and start < entry.descriptor_size:
            yield from _cut(entry.descriptor(self._checksum(actor, entry, held)), start, stop)

    def _summed(self, parts: Iterator[memoryview], content: str) -> Iterator[memoryview]:
        """The parts of a whole file; its CRC-32 is known then."""
        checksum = 0
        try:
            for part in parts:
                checksum = crc32(part, checksum)
                yield part
                del part
        finally:
            close = getattr(parts, "close", None)
            if close is not None:
                close()
        self.checksums.put(content, checksum)

    def _checksum(self, actor: Actor, entry: Entry, held: _Held) -> int:
        """The CRC-32 of a file; one that was not sent whole is read for it, if it is not remembered."""
        known = self.checksums.get(held.content) if entry.size else 0
        if known is not None:
            return known
        checksum = 0
        with closing(self.files.read_unsent(actor, held.file, held.content)) as parts:
            for part in parts:
                checksum = crc32(part, checksum)
                del part
        self.checksums.put(held.content, checksum)
        return checksum


def _empty(paths: Mapping[str, tuple[str, ...]], used: Iterable[str], places: Iterable[str]) -> list[str]:
    """Those of the places in which nothing lies."""
    above = {paths[one] for one in used}
    above |= {path[:depth] for one in places for path in (paths[one],) for depth in range(len(path))}
    return [one for one in places if paths[one] not in above]


def archive_name(name: str) -> str:
    """What an archive is called when it is saved. Raises Invalid."""
    plain = clean_name(name) if name else "files.zip"
    return plain if plain.lower().endswith(".zip") else f"{plain}.zip"


def _cut(data: bytes, start: int, stop: int) -> Iterator[memoryview]:
    """What bytes [start, stop) have of these, if anything."""
    low, high = max(0, start), min(len(data), stop)
    if low < high:
        yield memoryview(data)[low:high]


def _gathered(parts: Iterator[memoryview]) -> Iterator[memoryview]:
    """The same bytes in fewer parts: headers and small files are not worth a system call each."""
    held = bytearray()
    for part in parts:
        if len(part) < PIECE:
            held += part
        if held and (len(part) >= PIECE or len(held) >= PIECE):
            yield memoryview(bytes(held))
            held.clear()
        if len(part) >= PIECE:
            yield part
        del part
    if held:
        yield memoryview(bytes(held))
