"""What is shared with somebody, whole: `shared_reading.py`, and putting files into it.

Nobody comes here by the addresses of files: a stranger's file stays unknown there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Final, Self

from backoffice.domain.access import Actor
from backoffice.domain.acts import Acts
from backoffice.domain.files import File, FileSpec, FileState, Target
from backoffice.domain.folders import TOP, Folder, Place
from backoffice.domain.ids import is_id
from backoffice.domain.permissions import Permissions
from backoffice.domain.shares import SHARES, ShareKind
from backoffice.domain.uploads import Upload
from backoffice.errors import Conflict, NotAllowed, NotFound, QuotaExceeded
from backoffice.services.authorization import authorize, deny
from backoffice.services.file_reading import file_ref
from backoffice.services.files import Files
from backoffice.services.folder_tree import HeldBy
from backoffice.services.folders import Folders
from backoffice.services.ports import ShareStore
from backoffice.services.share_opening import Reached, Within
from backoffice.services.shared_reading import SharedReading
from backoffice.services.shares import Shares
from backoffice.services.uploads.checked_body import Body
from backoffice.services.uploads.chunker import ReadInto
from backoffice.services.uploads.resumable import Resumable
from backoffice.services.uploads.service import Data, Uploads
from backoffice.services.uploads.status import UploadStatus
from backoffice.services.users import Users
from backoffice.services.zips import Zips

READ_ONLY: Final = "This is shared with you to be read, and not to be written into."
NO_ROOM: Final = "There is no room for this: it counts on the quota of whose folder this is."


@dataclass(frozen=True, slots=True)
class SharedFiles(SharedReading):
    """The door of those with whom something is shared. Everything raises NotAllowed where the person lacks the right to
    it in general, and NotFound where the share does not give it, or no more."""

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

    # -- writing

    def writer(self, person: Actor, share_id: str, folder: str = "") -> tuple[Actor, str]:
        """Who puts files into a folder that is shared to be written into, or into one that lies in it, and its
        identifier. They hold nothing but that, and it is asked for again in each step that acts."""
        reached = self._to_write(person, share_id, Within(ShareKind.FOLDER, folder))
        guest, only = reached.guest, frozenset({Permissions.FILES_WRITE})
        authorize(self.files.audit, guest, Acts.FILE_CREATE)
        return replace(guest, roles=tuple((name, held & only) for name, held in guest.roles)), reached.folder.id

    def _writer_at(self, person: Actor, share_id: str, place: Place) -> tuple[Actor, str]:
        """As `writer`, at a place below; the folders of its path are made. What is done then rests on the last one."""
        guest, folder = self.writer(person, share_id, place.folder)
        if not place.path:
            return guest, folder
        with _of_another():
            made = self.folders.make_path(guest, place.path, folder)
        return self.writer(person, share_id, made.id)

    def create_folder(self, person: Actor, share_id: str, name: str, folder: str = "") -> Folder:
        """A new folder in the one that is shared to be written into, or in one that lies in it (`folder`). It is its
        owner's. Raises as `Folders.create`."""
        guest, inside = self.writer(person, share_id, folder)
        with _of_another():
            return self.folders.create(guest, name=name, parent=inside)

    def make_path(self, person: Actor, share_id: str, path: Sequence[str], folder: str = "") -> Folder:
        """Likewise the folder at the end of a path of names. Raises as `Folders.make_path`."""
        guest, inside = self.writer(person, share_id, folder)
        with _of_another():
            return self.folders.make_path(guest, path, inside)

    def taken(
        self, person: Actor, share_id: str, folder: str, wanted: Sequence[tuple[Sequence[str], str]]
    ) -> list[HeldBy]:
        """What has these names there, for who is about to send files. Raises as `Folders.taken`."""
        guest, inside = self.writer(person, share_id, folder)
        return self.folders.taken(guest, inside, wanted)

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

    def put(
        self,
        person: Actor,
        share_id: str,
        spec: FileSpec,
        body: ReadInto,
        size: int | None = None,
        path: Sequence[str] = (),
    ) -> File:
        """A file in one body, into the folder that `spec` names ("": the one that is shared), or below it at the end of
        `path`. Raises as `Uploads.upload_stream` and `Folders.make_path`."""
        guest, folder = self._writer_at(person, share_id, Place.of(spec.folder, path))
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
        place: Place = TOP,
    ) -> UploadStatus:
        """A chunk of an upload that becomes a file there; as `Uploads.put_chunk`. The same person goes on with it by
        the same share, in whichever session; nobody else but the owner does."""
        guest, folder = self.writer(person, share_id, "" if upload_id else place.folder)
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
                place=Place(folder, place.path),
            )

    def begin(self, person: Actor, share_id: str, *, name: str, size: int, place: Place = TOP) -> Upload:
        """An upload whose bytes come in order, that becomes a file there; as `Resumable.begin`."""
        guest, folder = self.writer(person, share_id, place.folder)
        with _of_another():
            return self._resumable.begin(guest, name=name, size=size, place=Place(folder, place.path))

    def append(self, person: Actor, share_id: str, upload_id: str, offset: int, body: Body) -> Upload:
        """Bytes of it, from `offset` on; as `Resumable.append`."""
        guest, _ = self.writer(person, share_id)
        with _of_another():
            return self._resumable.append(guest, upload_id, offset, body)

    @property
    def _resumable(self) -> Resumable:
        return Resumable(self.uploads, self.folders)

    def begun_for(self, person: Actor, share_id: str, upload_id: str) -> Place:
        """Where an upload that the same person began there goes; where there is none, the folder that is shared. Gives
        nothing away: `complete` asks whether they may."""
        upload = self.uploads.uploads.get(upload_id) if is_id(upload_id) else None
        theirs = upload is not None and upload.begun_by == f"{SHARES.name}:{share_id}:{person.id}"
        return upload.place if upload is not None and theirs else TOP

    def complete(
        self,
        person: Actor,
        share_id: str,
        upload_id: str,
        spec: FileSpec,
        *,
        total_size: int,
        path: Sequence[str] = (),
    ) -> File:
        """As `Uploads.complete`, into the place that `put` means; done again it gives the same file, as long as that
        lies in what is shared."""
        guest, folder = self._writer_at(person, share_id, Place.of(spec.folder, path))
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

    def begun(self, person: Actor, share_id: str) -> tuple[Upload, ...]:
        """Uploads in progress that the same person began there, the newest first."""
        return self.uploads.begun(self._sender(person, share_id))

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


@contextmanager
def _of_another() -> Iterator[None]:
    """How much room the owner has is told to nobody else."""
    try:
        yield
    except QuotaExceeded:
        raise QuotaExceeded(NO_ROOM) from None
