"""What is shared with somebody: finding it, looking through it, downloading, and putting files into it.

Nobody comes here by the addresses of files: a stranger's file stays unknown there. Each call reaches what it means
through the share (`share_opening.py`), and what is done then is done by the actor that this gives.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from typing import Final, Self

from backoffice.domain.access import Actor
from backoffice.domain.acts import Acts
from backoffice.domain.files import File, FileSpec, FileState, Target
from backoffice.domain.folders import Folder
from backoffice.domain.ids import is_id
from backoffice.domain.limits import MAX_RECEIVED
from backoffice.domain.paging import Page, Query
from backoffice.domain.permissions import Permissions
from backoffice.domain.shares import Grantee, HeldShare, Share, ShareKind, ShareState, grants_to
from backoffice.domain.uploads import ChunkMap
from backoffice.domain.words import has_words, terms
from backoffice.errors import Conflict, NotAllowed, NotFound, QuotaExceeded, VersionMismatch
from backoffice.services.authorization import authorize, deny
from backoffice.services.file_reading import SMALL_FILE, FileReader, OpenedFile, file_ref
from backoffice.services.files import Files
from backoffice.services.folders import Folders
from backoffice.services.ports import ShareStore
from backoffice.services.share_opening import Reached, Within
from backoffice.services.shared_zips import FilesByShare
from backoffice.services.shares import Shares
from backoffice.services.uploads.chunker import ReadInto
from backoffice.services.uploads.service import Data, Uploads
from backoffice.services.uploads.status import UploadStatus
from backoffice.services.users import Users
from backoffice.services.zips import OpenedZip, Zips

READ_ONLY: Final = "This is shared with you to be read, and not to be written into."
NO_ROOM: Final = "There is no room for this: it counts on the quota of whose folder this is."


@dataclass(frozen=True, slots=True)
class SharedFiles:
    """The door of those with whom something is shared. Everything raises NotAllowed where the person lacks the right to
    it in general, and NotFound where the share does not give it, or no more."""

    shares: Shares
    files: Files
    folders: Folders
    all_uploads: Uploads
    zips: Zips

    @classmethod
    def of(cls, store: ShareStore, users: Users, files: Files, folders: Folders, uploads: Uploads) -> Self:
        """Over the services whose doors it has besides."""
        shares = Shares.of(store, users, files.files, folders.store)
        return cls(shares, files, folders, uploads, Zips(files, folders))

    @property
    def uploads(self) -> Uploads:
        """How all of them come in: by no more than half of the places that an owner has for uploads at a time, so that
        nobody keeps the owner from their own."""
        limits = self.all_uploads.limits
        return replace(self.all_uploads, limits=replace(limits, max_open=max(1, limits.max_open // 2)))

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

    # -- writing

    def writer(self, person: Actor, share_id: str, folder: str = "") -> tuple[Actor, str]:
        """Who puts files into a folder that is shared to be written into, or into one that lies in it, and its
        identifier. They hold nothing but that, and it is asked for again in each step that acts."""
        reached = self._to_write(person, share_id, Within(ShareKind.FOLDER, folder))
        guest, only = reached.guest, frozenset({Permissions.FILES_WRITE})
        authorize(self.files.audit, guest, Acts.FILE_CREATE)
        return replace(guest, roles=tuple((name, held & only) for name, held in guest.roles)), reached.folder.id

    def file_writer(self, person: Actor, share_id: str, file_id: str) -> tuple[Actor, Target]:
        """Likewise who gives a file other content, and that file, for a form."""
        reached = self._to_write(person, share_id, Within(ShareKind.FILE, file_id))
        file = reached.file
        authorize(self.files.audit, reached.guest, Acts.FILE_CONTENT, file.owner, file_ref(file))
        return reached.guest, Target(file.id)

    def _to_write(self, person: Actor, share_id: str, wanted: Within) -> Reached:
        reached = self.shares.reach(person, share_id, wanted, Acts.SHARE_WRITE)
        if not reached.may_write:
            about, because = self.shares.ref(reached.share), "the share gives no right to write"
            deny(self.shares.audit, person, Acts.SHARE_WRITE.takes, about, because, NotAllowed(READ_ONLY))
        return reached

    def put(self, person: Actor, share_id: str, spec: FileSpec, body: ReadInto, size: int | None = None) -> File:
        """A file in one body, into the folder that `spec` names ("": the one that is shared). Raises as
        `Uploads.upload_stream`."""
        guest, folder = self.writer(person, share_id, spec.folder)
        with _of_another():
            return self.uploads.upload_stream(guest, replace(spec, folder=folder), body, size)

    def replace_content(
        self,
        person: Actor,
        share_id: str,
        file_id: str,
        body: ReadInto,
        size: int | None = None,
        *,
        mime_type: str = "",
        digest: bytes = b"",
        content: str = "",
    ) -> File:
        """Give a file what `body` has; what it held becomes an earlier version, which its owner has. Raises as
        `Uploads.replace_content`."""
        guest = self._to_write(person, share_id, Within(ShareKind.FILE, file_id)).guest
        replace_content = self.uploads.replace_content
        with _of_another():
            return replace_content(guest, file_id, body, size, mime_type=mime_type, digest=digest, content=content)

    def put_chunk(
        self,
        person: Actor,
        share_id: str,
        *,
        upload_id: str | None,
        index: int,
        total_chunks: int,
        data: Data | Callable[[], Data],
        sha256: bytes | None = None,
        size: int | None = None,
        name: str = "",
    ) -> UploadStatus:
        """A chunk of an upload that becomes a file there; as `Uploads.put_chunk`. The same person goes on with it by
        the same share, in whichever session; nobody else but the owner does."""
        guest, _ = self.writer(person, share_id)
        with _of_another():
            return self.uploads.put_chunk(
                guest,
                upload_id=upload_id,
                index=index,
                total_chunks=total_chunks,
                data=data,
                sha256=sha256,
                size=size,
                name=name,
            )

    def complete(self, person: Actor, share_id: str, upload_id: str, spec: FileSpec, *, total_size: int) -> File:
        """As `Uploads.complete`; done again it gives the same file, as long as that lies in what is shared."""
        guest, folder = self.writer(person, share_id, spec.folder)
        try:
            with _of_another():
                return self.uploads.complete(guest, upload_id, replace(spec, folder=folder), total_size=total_size)
        except NotFound:
            done, made = self.files.files.of_upload(upload_id) if is_id(upload_id) else (None, None)
            if done is None or done.state is not FileState.READY:
                raise
            within = self.shares.reach(person, share_id, Within(ShareKind.FILE, done.id), Acts.SHARE_WRITE).file
            if made is not None and (
                made.size != total_size or (spec.digest and made.digest and spec.digest != made.digest)
            ):
                raise Conflict("This upload was completed with another size or checksum.") from None
            self.uploads.completion.durability.barrier()
            return within

    def upload(self, person: Actor, share_id: str, upload_id: str) -> UploadStatus:
        """How far an upload is that the same person began there."""
        return self.uploads.state(self._sender(person, share_id), upload_id)

    def cancel(self, person: Actor, share_id: str, upload_id: str) -> None:
        """Give it up."""
        self.uploads.cancel(self._sender(person, share_id), upload_id)

    def _sender(self, person: Actor, share_id: str) -> Actor:
        """They see of uploads those that they began."""
        self.writer(person, share_id)
        return self.shares.reach(person, share_id, Within(), Acts.SHARE_WRITE).guest


def _newest(share: Share) -> tuple[int, str]:
    return -share.created_at, share.id


@contextmanager
def _of_another() -> Iterator[None]:
    """How much room the owner has is told to nobody else."""
    try:
        yield
    except QuotaExceeded:
        raise QuotaExceeded(NO_ROOM) from None
