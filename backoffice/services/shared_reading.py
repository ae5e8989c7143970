"""What is shared with somebody: finding it, looking through it, downloading it.

Each call reaches what it means through the share (`share_opening.py`), and what is done then is done by the actor that
this gives.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import suppress
from dataclasses import dataclass, replace

from backoffice.domain.access import Actor
from backoffice.domain.acts import Acts
from backoffice.domain.files import File
from backoffice.domain.folders import Folder
from backoffice.domain.limits import MAX_RECEIVED
from backoffice.domain.paging import Page, Query
from backoffice.domain.shares import Grantee, HeldShare, Share, ShareKind, ShareState, grants_to
from backoffice.domain.uploads import ChunkMap
from backoffice.domain.words import has_words, terms
from backoffice.errors import NotFound, VersionMismatch
from backoffice.services.authorization import authorize
from backoffice.services.file_reading import SMALL_FILE, FileReader, OpenedFile, file_ref
from backoffice.services.files import Files
from backoffice.services.folders import Folders
from backoffice.services.share_opening import Reached, Within
from backoffice.services.shared_zips import FilesByShare
from backoffice.services.shares import Shares
from backoffice.services.uploads.service import Uploads
from backoffice.services.zips import OpenedZip, Zips


@dataclass(frozen=True, slots=True)
class SharedReading:
    """The part of `SharedFiles` that changes nothing."""

    shares: Shares
    files: Files
    folders: Folders
    all_uploads: Uploads
    zips: Zips

    # -- finding

    def received(self, person: Actor, query: Query) -> Page[HeldShare]:
        """What is shared with them, or with a role that they have, and open; the newest first. `search`: words of its
        name and of the owner's; `offset`, `limit`. Of very many the newest alone are looked through, and the number is
        not exact then."""
        authorize(self.shares.audit, person, Acts.SHARE_OPEN)
        pages = [self._given(to, grantee) for to, grantee in grants_to(person)]
        given = sorted((one for page in pages for one in page.items), key=_newest)[:MAX_RECEIVED]
        mine = [one for one in given if one.owner != person.id]
        found = [one for one in self.shares.standing_of(mine) if one.state is ShareState.OPEN]
        if query.search.strip():
            wanted = terms(query.search)
            found = [one for one in found if wanted and has_words(f"{one.name} {one.username}", wanted)]
        some = tuple(found[query.offset : query.offset + query.limit])
        return Page(some, len(found), sum(page.total for page in pages) <= MAX_RECEIVED)

    def _given(self, to: Grantee, grantee: str) -> Page[Share]:
        """What is shared with one of those, the newest first."""
        wanted = Query(sort="created", descending=True, filters=((to.value, grantee),), limit=MAX_RECEIVED)
        return self.shares.store.page(wanted)

    # -- looking

    def look(self, person: Actor, share_id: str, folder: str = "") -> Reached:
        """What is shared, or a folder in it."""
        return self.shares.reach(person, share_id, Within(ShareKind.FOLDER, folder))

    def file(self, person: Actor, share_id: str, file: str) -> Reached:
        """A file that is shared, or lies in what is."""
        return self.shares.reach(person, share_id, Within(ShareKind.FILE, file))

    def folders_in(self, reached: Reached, query: Query) -> Page[Folder]:
        """Orders and search as with `Folders.page_in`. Raises Invalid. The share is looked at again when the list was
        read: what came into a folder that was moved out before is not shown."""
        folder = reached.folder
        found = self.folders.page_in(reached.guest, folder.id, query, folder.owner)
        reached.again()
        return found

    def files_in(self, reached: Reached, query: Query) -> Page[File]:
        """Likewise, as with `Files.page_in`."""
        folder = reached.folder
        found = self.files.page_in(reached.guest, folder.id, query, folder.owner)
        reached.again()
        return found

    def place(self, reached: Reached, search: str, first: int, rows: int) -> tuple[Page[Folder], Page[File]]:
        """So many rows of what lies in a folder, from the `first` on: the folders before the files, each by name."""
        folder, guest = reached.folder, reached.guest
        asked = Query(sort="name", search=search, limit=rows, offset=first)
        folders = self.folders.page_in(guest, folder.id, asked, folder.owner)
        room, offset = rows - len(folders.items), max(0, first - folders.total)
        asked = Query(sort="name", search=search, limit=max(room, 1), offset=offset)
        files = self.files.page_in(guest, folder.id, asked, folder.owner)
        reached.again()
        return folders, Page(files.items[:room], files.total, files.exact)

    # -- reading

    def open(self, person: Actor, share_id: str, file_id: str, *, whole: bool = False) -> OpenedFile:
        """The file, to be read; as `Files.open`. While it is read the share is looked at again, and who reads is cut
        off where it does not give the file any more."""
        reached = self.file(person, share_id, file_id)
        file, guest = reached.file, reached.guest
        authorize(self.files.audit, guest, Acts.FILE_DOWNLOAD, file.owner, file_ref(file))
        reader = self._reader
        if whole and file.size <= SMALL_FILE and file.total_chunks <= 1:
            with suppress(VersionMismatch):  # changed at this moment; it could be read before
                return reader.fetch(guest, file, reached.packed_map)
        return reader.open(guest, file, reached.packed_map)

    def zip(self, person: Actor, share_id: str, folder: str = "") -> OpenedZip:
        """All that lies in what is shared, or in a folder in it. Each file is reached through the share when its turn
        comes. Raises Invalid: too much."""
        reached = self.look(person, share_id, folder)
        inside = reached.folder

        def open_file(file_id: str, whole: bool) -> OpenedFile:
            return self.open(person, share_id, file_id, whole=whole)

        def read(file_id: str, content: str) -> Generator[memoryview, None, None]:
            one = self.file(person, share_id, file_id)
            if one.file.content_id != content:
                raise NotFound
            parts = ChunkMap.unpack(one.packed_map, one.file.total_chunks)
            return self._reader.parts(one.guest, one.file, parts, 0, one.file.size)

        some = FilesByShare.over(self.files, open_file, read)
        return replace(self.zips, files=some).open_folder(reached.guest, inside.id, inside.owner, inside.name)

    @property
    def _reader(self) -> FileReader:
        return FileReader(self.files.files, self.files.chunks, self.files.audit, self.files.now)


def _newest(share: Share) -> tuple[int, str]:
    return -share.created_at, share.id
