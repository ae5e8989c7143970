"""What the services need of the stores of uploads and of files. As in `ports`: a store matches by shape, what
changes the control plane takes the event that records it, and all may raise `Unavailable` and `StoreFull`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from backoffice.domain.access import Ground
from backoffice.domain.audit import AuditEvent
from backoffice.domain.files import File, OnConflict, Target
from backoffice.domain.folders import Folder
from backoffice.domain.paging import Page, Query
from backoffice.domain.uploads import CarriedChunk, Chunk, ChunkMap, Intent, KeptPlace, Upload
from backoffice.services.file_change_ports import FileChangeStore
from backoffice.services.file_version_ports import FileVersionStore


class UploadStore(Protocol):
    """Files that are arriving, their chunk maps and quota reservations. Facet: `owner`. Orders: `created`,
    `expires`."""

    def get(self, upload_id: str) -> Upload | None: ...
    def page(self, query: Query) -> Page[Upload]: ...
    def chunk_map(self, upload_id: str, total: int) -> ChunkMap:
        """The map of an upload or of a file."""

    def part_of_map(self, upload_id: str, first: int, count: int) -> ChunkMap:
        """Its entries from index `first` on."""

    def extent(self, upload_id: str) -> int:
        """Index of the last chunk noted, plus one."""

    def insert(
        self, upload: Upload, max_open: int, quota: int, event: AuditEvent, *, adds: bool, parts: Sequence[Upload] = ()
    ) -> None:
        """Reserve `upload.reserved` bytes and keep the record. `quota`: of owners who have none of their own; `parts`:
        those that belong to it from now on; `adds`: it needs room for one more file.

        Raises QuotaExceeded (`limit`), TooMany (open uploads), NotSignedIn: the owner is no more; VersionMismatch: a
        part has changed, or belongs to another.
        """

    def mark(
        self,
        upload: Upload,
        chunks: Sequence[tuple[int, Chunk]],
        *,
        expires_at: int,
        largest: int,
        quota: int,
        ground: Ground | None = None,
    ) -> Upload:
        """Note chunks as stored; the upload as it is then. Repeating it changes nothing. `quota` as with `insert`;
        `ground`: of the one who sends them, whose refusals come out.

        Raises NotFound, UploadClosed, ChunkConflict, TooLarge (over the declared size or `largest`), QuotaExceeded.
        """

    def store_chunk(
        self,
        upload: Upload,
        index: int,
        chunk: Chunk,
        carried: CarriedChunk,
        *,
        expires_at: int,
        largest: int,
        quota: int,
        ground: Ground | None = None,
    ) -> Upload | None:
        """Hold a chunk and note it, all or nothing; the upload as it is then. Repeating it changes nothing. None where
        there is a chunk already of which the map does not say that it is this one; nothing has changed then.

        Raises what `mark` raises; Unavailable.
        """

    def begin_append(self, upload: Upload, offset: int) -> tuple[Upload, Chunk | None]:
        """Be the one who appends to a stream that goes on at `offset`; who was it before, notes nothing more. The
        upload as it is then, and its tail.

        Raises NotFound, UploadClosed, OffsetMismatch (`offset`: where it goes on).
        """

    def append(
        self,
        upload: Upload,
        first: int,
        offset: int,
        chunks: Sequence[Chunk],
        *,
        tail: int,
        expires_at: int,
        largest: int,
        quota: int,
        ground: Ground | None = None,
    ) -> Upload:
        """Note chunks of a stream as stored, from index `first` and from byte `offset` on, where they may take the
        place of its tail; `tail` is what `Upload.tail` is then; `quota` as with `insert`. The upload as it is then.
        Repeating it changes nothing.

        Raises NotFound, UploadClosed, OffsetMismatch (another has begun to append, or the stream was cut back),
        TooLarge, QuotaExceeded.
        """

    def renew(self, upload_id: str, owner: str, expires_at: int) -> None:
        """Keep it until then, at least, but not past its death. Raises NotFound, UploadClosed (it was given up)."""

    def declare_size(
        self, upload: Upload, size: int, chunks: int, *, largest: int, quota: int, ground: Ground | None = None
    ) -> Upload:
        """Note the size of the whole, which was not known, and reserve it with its map of so many `chunks`; `quota` as
        with `insert`. The upload as it is then. Repeating it changes nothing.

        Raises NotFound, UploadClosed, Invalid (another size was declared), TooLarge (over `largest`, or it has more
        already), QuotaExceeded.
        """

    def adopt(self, upload: Upload, offset: int, protocol: str) -> Upload:
        """Let an upload by chunks be a stream, which goes on at `offset`, before the first chunk that is missing: those
        after it are noted no more, and no chunk can be. The upload as it is then; one that is a stream already stays
        as it is. Repeating it changes nothing.

        Raises NotFound, UploadClosed, OffsetMismatch (`offset`: where it goes on).
        """

    def number(self, upload: Upload, total_chunks: int, chunk_size: int) -> Upload:
        """Let a stream, whose chunks have `chunk_size` bytes, be an upload by so many chunks. Its tail is noted no
        more, and nobody appends to it. The upload as it is then. Repeating it changes nothing.

        Raises NotFound, UploadClosed, Conflict: it has chunks of other sizes, or another number of them.
        """

    def refence(self, upload: Upload, token: str) -> Upload:
        """Let nobody who appends to it just now note anything more. Raises NotFound, Completing (lease lost)."""

    def settle_tail(self, upload: Upload, token: str) -> Upload:
        """Note that the tail's bytes lie where those of its chunk belong. Raises NotFound, Completing (lease lost)."""

    def unmark(self, upload: Upload, indexes: Sequence[int]) -> Upload:
        """Note chunks as missing again; of a stream also those after them, for it goes on at the first gap. Nothing
        where another completes it, or has appended to it since `upload` was read. The upload as it is then."""

    def lease(self, upload_id: str, owner: str, token: str, seconds: int) -> tuple[Upload, ChunkMap]:
        """Be the one who completes it; the upload as it is then, and its map. One round trip.

        Raises NotFound (also where the owner is another, or it was given up), Completing, ChunksMissing (`missing`).
        """

    def extend(self, upload: Upload, token: str, seconds: int, reach: int = 0) -> None:
        """Go on completing it; `Upload.reach` is at least `reach` then. Raises NotFound, Completing (it was lost)."""

    def release(self, upload_id: str, token: str) -> None:
        """Let others complete it or go on uploading. Raises Unavailable: then they may as soon as the store answers."""

    def complete(
        self,
        upload: Upload,
        token: str,
        file: File,
        keep: Sequence[KeptPlace],
        *,
        on_conflict: OnConflict,
        into: Target | None,
        event: AuditEvent,
        parts: Sequence[Upload] = (),
        chunks: ChunkMap | None = None,
    ) -> File:
        """The upload becomes the file, under a name that is free by then, or what a file holds (OnConflict.REPLACE,
        `into`), in one commit; the file as stored. The commit also keeps the chunks `keep` (see
        `ChunkStore.keep_within_commit`), each with its size. `parts`: uploads that end with it, for their bytes are in
        the file, whose map is then `chunks`.

        Raises NotFound, Completing (the lease was lost, or a part has changed), NameTaken (with OnConflict.FAIL),
        ChunksMissing: one of `keep` is not there with its size; Gone: there is no `into`; VersionMismatch: it holds
        something else.
        """

    def abort(self, upload: Upload, event: AuditEvent) -> Upload:
        """No more chunks; it waits for collection. Raises NotFound, Completing (a live lease)."""

    def forget(self, upload: Upload) -> None:
        """Drop an aborted upload after its chunks are gone, and release its quota."""

    def due(self, now: int, limit: int) -> list[Upload]:
        """Those that have expired, also where a crash left them half completed."""

    def aborted(self, limit: int) -> list[Upload]: ...


class FileStore(FileChangeStore, FileVersionStore, Protocol):
    """Stored files. Facets: `owner`, `mime_type`, `tag`; for trashed ones `trash` (the owner).
    Orders: `created`, `size`, `name` (these also within an owner); for trashed ones `purge`. Search: words of the
    name."""

    def get(self, file_id: str) -> File | None: ...
    def get_many(self, ids: Sequence[str]) -> list[File | None]:
        """The records in order, None where there is none. One round trip."""

    def get_with_map(self, file_id: str) -> tuple[File | None, bytes]:
        """The record and the stored chunk map, which `ChunkMap.unpack` reads. One round trip."""

    def remembered(self, file_id: str) -> tuple[File, bytes] | None:
        """Record and map of a stored file of one chunk as they were read before, if they were; the record may have
        changed since. No round trip."""

    def record_read(
        self,
        file: File,
        event: AuditEvent,
        start: int,
        stop: int,
        chunk: object | None = None,
        *,
        unchanged: bool = False,
    ) -> bytes | None:
        """Record that bytes [start, stop) are read, or count it where they were a moment ago; the bytes of the chunk,
        where `chunk` says how (`ChunkStore.within_commit`). `unchanged`: raises VersionMismatch unless the record is
        still this one."""

    def page(self, query: Query) -> Page[File]: ...
    def page_in(self, owner: str, folder: str, query: Query) -> Page[File]:
        """Of the files that lie in this folder of the owner's, not in others within it; "" = at the top. Raises
        Invalid where the owner has no such folder."""

    def page_alone(self, owner: str, query: Query) -> Page[File]:
        """Of the owner's files in the trash those that did not go there with a folder; all of them, while some came
        there before that was noted. Order: `purge`."""

    def place(self, owner: str) -> None:
        """Note of the owner's files that are there already that they lie at the top. Not an act. To be called when
        there is a first folder."""

    def mime_types(self) -> list[tuple[str, int]]:
        """The commonest types with how many files have them."""

    def usage(self, user_id: str) -> tuple[int, int]:
        """Bytes used and bytes reserved by uploads."""

    def has_name(self, owner: str, name: str, folder: str = "") -> bool:
        """Whether the owner has a file or folder so called in that folder ("": at the top), outside of the trash."""

    def has_name_anywhere(self, owner: str, name: str) -> bool:
        """Whether the owner has a file so called in any folder, outside of the trash."""

    def free_name(self, owner: str, name: str, folder: str) -> str:
        """`name`, or one like it, that nothing of the owner's has in that place, as `has_name` says."""

    def within(self, folder: Folder, query: Query, *, live: bool) -> Page[File]:
        """Of the files that lie in a folder, whatever state it is in; or of those that went into the trash with it."""

    def stays(self, files: Sequence[File]) -> dict[str, int | None]:
        """Since when each was not in the trash, nor in a folder that is, however deep; by its identifier. None: it lies
        in one and has yet to follow it. No round trip for files at the top, else one for each level."""

    def have_names(self, owner: str, names: Sequence[tuple[str, str]]) -> list[bool]:
        """The same of each (name, folder). One round trip."""

    def create(
        self,
        file: File,
        chunk: Chunk | None,
        carried: CarriedChunk | None,
        *,
        intent: Intent | None = None,
        quota: int,
        on_conflict: OnConflict,
        into: Target | None = None,
        event: AuditEvent,
    ) -> File:
        """A file of one chunk, or of none, that never was an upload: bytes, map, record and quota in one commit, under
        a name that is free by then, or as what a file holds, as with `UploadStore.complete`; the file as stored.
        `intent`: where the chunk is kept already; it is taken off. `quota` as with `UploadStore.insert`.

        Raises QuotaExceeded (`limit`), NameTaken (with OnConflict.FAIL), NotSignedIn: the owner is no more, LeaseLost:
        the intent's time is over, and the worker has given it up; Gone, VersionMismatch as there.
        """

    def follow(self, folder: Folder, changes: Sequence[tuple[File, File, AuditEvent]]) -> None:
        """Each of these files of a folder as it was, as it is to be and with its event, all in one commit; with one
        that is gone go its earlier versions. Raises NameTaken, VersionMismatch: also unless the folder is still in the
        state it is in. Into a full store nothing comes back."""

    def purge(self, old: File, event: AuditEvent) -> list[File]:
        """Out of the trash for good, with its earlier versions: all that waits for collection then, the file first.
        Raises VersionMismatch."""

    def forget(self, file: File) -> None:
        """Drop a purged file, or version, after its chunks are gone, and release its quota."""

    def due(self, now: int, limit: int) -> list[File]:
        """Trashed ones whose time is over, but for those that went there with a folder: they go with it."""

    def purged(self, limit: int) -> list[File]:
        """Those that wait for collection, earlier versions among them."""

    def undigested(self, limit: int) -> list[File]:
        """Those, earlier versions among them, whose SHA-256 is not known yet, oldest first."""
