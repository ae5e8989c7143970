"""The chunk service: how a file arrives.

    open ──complete──▶ completing ──commit──▶ the file is ready
      │                    │ crash, wrong digest or missing chunks: open again
      └──cancel, expiry──▶ aborted ──chunks freed──▶ forgotten

Chunks are born with a time to live and lose it only when the upload is completed, just before the commit; so what a
crash leaves behind is either a whole file or garbage that deletes itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from typing import Final

from backoffice.domain.access import Actor
from backoffice.domain.actions import Actions
from backoffice.domain.acts import Acts
from backoffice.domain.file_versions import changed_meanwhile
from backoffice.domain.files import File, FileSpec, FileState, OnConflict, Target, is_name
from backoffice.domain.folders import TOP, Place
from backoffice.domain.ids import is_id, new_id
from backoffice.domain.upload_metadata import NAMELESS
from backoffice.domain.uploads import UNKNOWN, Upload
from backoffice.errors import BackofficeError, Conflict, NotFound
from backoffice.services.authorization import authorize, is_authorized
from backoffice.services.file_reading import file_ref
from backoffice.services.quota_refusals import quota_refusals_recorded, records_quota_refusals
from backoffice.services.uploads.chunker import ReadInto
from backoffice.services.uploads.chunks import ChunkWriter, refused_chunks_counted
from backoffice.services.uploads.completion import FolderOf
from backoffice.services.uploads.events import upload_event, upload_ref
from backoffice.services.uploads.new_file import NewFile
from backoffice.services.uploads.starting import UploadsStarting
from backoffice.services.uploads.status import UploadStatus
from backoffice.services.uploads.streaming import StreamingUpload
from backoffice.services.uploads.takeover import as_chunks

Data = bytes | memoryview
_STORED: Final = {False: {FileState.READY}, True: {FileState.READY, FileState.WAITING}}
"""States of what an upload has become, for its owner, and for who acts for another."""


@dataclass(frozen=True, slots=True)
class Uploads(UploadsStarting):
    """How bytes become a file. Refusals for want of quota are recorded here, so that every door has them."""

    def _writer(self, actor: Actor) -> ChunkWriter:
        return ChunkWriter(self.uploads, self.chunks, self.limits, self.now, actor.ground)

    # -- chunks

    @records_quota_refusals
    @refused_chunks_counted()
    def put_chunk(
        self,
        actor: Actor,
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
        """Store chunk `index`; without an `upload_id` the upload is started with it, for this `place`. Returns when the
        chunk is kept. `data`: or what receives it; it is called when the upload has been found.

        Chunks come in any order, in parallel and twice; the same bytes again change nothing. Only whose upload it is
        sends and completes it, whatever others may: they would be named in no event.
        Raises Invalid, ChecksumMismatch, NotFound, Conflict (another number of chunks than before), ChunkConflict
        (other bytes under this index), UploadClosed, TooLarge, QuotaExceeded, StoreFull.
        """
        authorize(self.audit, actor, Acts.UPLOAD_SEND)
        writer = self._writer(actor)
        writer.check_place(index, total_chunks)
        there = None if upload_id is None else self._own(actor, upload_id)
        if there is not None and total_chunks != as_chunks(there, self.limits.chunk_size).total_chunks:
            raise Conflict("total_chunks differs from that of the first chunk.", total_chunks=there.total_chunks)
        received = data() if callable(data) else data
        chunk = writer.check(index, total_chunks, received, sha256)
        if there is not None:
            if there.total_chunks == UNKNOWN:
                there = self.takeover.to_chunks(there, total_chunks, self.limits.chunk_size)
            return self._status(writer.store(there, index, received, chunk))
        upload = self._start_chunks(actor, total_chunks, size, name, place)
        try:
            return self._status(writer.store(upload, index, received, chunk))
        except BackofficeError as error:
            # The client never learns the identifier, so nobody could go on with it.
            self.cleanup.abort(upload, upload_event(Actions.UPLOAD_CANCEL, actor, upload, error.code))
            raise

    # -- completion

    @records_quota_refusals
    def complete(
        self, actor: Actor, upload_id: str, spec: FileSpec, *, total_size: int, folder_of: FolderOf | None = None
    ) -> File:
        """Make the upload a file. Returns when that is safe at the store's durability level; repeating it gives the
        same file. `folder_of`: it goes where the upload says, and not where `spec` does.

        Raises Invalid, NotFound, ChunksMissing (`missing`: ranges), ChecksumMismatch, Completing, NameTaken,
        Unavailable (ask again); NotAllowed for REPLACE, where no earlier versions are kept, without the right to
        delete.
        """
        authorize(self.audit, actor, Acts.FILE_CREATE)
        loses = self._loses(spec)
        may = not loses or is_authorized(self.audit, actor, Acts.FILE_REPLACE)
        if is_id(upload_id) and may and not actor.acts_for:
            with suppress(NotFound):
                return self.completion.run(actor, upload_id, actor.id, spec, total_size, folder_of=folder_of)
        done = None if actor.acts_for else self._completed(actor, upload_id, spec, total_size)
        if done is not None:
            return done
        try:
            upload = self._own(actor, upload_id)
            if loses:
                authorize(self.audit, actor, Acts.FILE_REPLACE, actor.owner, upload_ref(upload))
            return self.completion.run(actor, upload.id, actor.owner, spec, total_size, folder_of=folder_of)
        except NotFound:
            # Another request may have completed it since we looked.
            done = self._completed(actor, upload_id, spec, total_size)
            if done is None:
                raise
            return done

    def _completed(self, actor: Actor, upload_id: str, spec: FileSpec, total_size: int) -> File | None:
        """The file that this upload has become, or has brought the content of, now or before; None where it has not.
        Safe at the store's durability level.

        Raises Conflict where that is not what was asked for.
        """
        done, made = self.files.of_upload(upload_id) if is_id(upload_id) else (None, None)
        if done is None or done.owner != actor.owner or done.state not in _STORED[bool(actor.acts_for)]:
            return None
        if actor.acts_for and (actor.through or done.delivered_by != actor.begins_as):
            return None  # what a share gave, it may give no more: `SharedFiles` looks at that
        if made is not None:  # else it has become a version that is kept no more
            differs = spec.digest and made.digest and made.digest != spec.digest
            if made.size != total_size or differs:
                raise Conflict("This upload was completed with another size or checksum.")
        self.completion.durability.barrier()
        return done

    def _loses(self, spec: FileSpec) -> bool:
        """Whether what a file holds now would be gone, which takes the right to delete."""
        return not self.limits.keep_versions and (spec.on_conflict is OnConflict.REPLACE or spec.into is not None)

    # -- bytes that come in order

    @records_quota_refusals
    def append(self, actor: Actor, upload_id: str, offset: int, body: ReadInto) -> Upload:
        """Take what `body` has, from byte `offset` of the upload on, which is where it ended: `Upload.bytes`.

        What has arrived is kept to the last byte, also when `body` raises (this comes out) or the connection is cut. A
        process that dies loses at most what came since it noted some chunks, never what was noted before: see
        `streaming`. Of several at once the latest goes on, and the others are refused as soon as they would note
        something; nobody waits. Completing and cancelling end it in the same way.

        Raises OffsetMismatch (`offset`: where it goes on; ask again from there), NotFound, UploadClosed, Conflict (an
        upload by chunks), Invalid (longer than the declared size: nothing of that piece is kept), TooLarge,
        QuotaExceeded, StoreFull; ChunkConflict where an append left other bytes that it had not noted.
        """
        with StreamingUpload.resume(self._writer(actor), self._own_stream(actor, upload_id), offset) as stream:
            try:
                stream.read_from(body)
            finally:
                stream.keep()
        return stream.upload

    @records_quota_refusals
    def append_checked(
        self, actor: Actor, upload_id: str, offset: int, body: ReadInto, check: Callable[[], None]
    ) -> Upload:
        """The same, but all that `body` has or nothing: `check` is called at its end, and raises where it is not what
        it should be. Until then the bytes wait where nobody comes by them."""
        upload = self._own_stream(actor, upload_id)
        stream = StreamingUpload.resume(self._writer(actor), upload, offset, aside=new_id())
        try:
            with stream:
                stream.read_from(body)
                check()
                stream.take_in()
                return stream.keep()
        finally:
            stream.discard()

    def _own_stream(self, actor: Actor, upload_id: str) -> Upload:
        upload = self._own(actor, upload_id)
        if upload.total_chunks != UNKNOWN:
            raise Conflict("This upload comes by chunks.", total_chunks=upload.total_chunks)
        return upload

    @contextmanager
    def open_stream(self, actor: Actor, spec: FileSpec, size: int | None = None) -> Iterator[NewFile]:
        """Begin a file whose bytes are written now, `size` of them if that is known. Left before `finish_stream`,
        nothing remains of it. It is an upload, and in the log as one, only if it does not fit in a chunk."""
        if self._loses(spec):
            authorize(self.audit, actor, Acts.FILE_REPLACE)
        self._check_start(actor, size)
        with quota_refusals_recorded(self.audit, actor), ExitStack() as streams:
            yield NewFile(self.limits, size, lambda: streams.enter_context(self._open_stream(actor, spec, size)))

    @contextmanager
    def _open_stream(self, actor: Actor, spec: FileSpec, size: int | None) -> Iterator[StreamingUpload]:
        # What another file may get, adds none: whether there is one, the commit sees.
        adds = spec.into is None and spec.on_conflict is not OnConflict.REPLACE
        place = Place(spec.folder)
        upload = self._start(actor, UNKNOWN, size, spec.name, one_shot=True, adds=adds, place=place)
        because = "interrupted"
        writer = replace(self._writer(actor), limits=self.limits.for_one_connection())
        stream = StreamingUpload(writer, upload)
        try:
            with stream:
                yield stream
        except BackofficeError as error:
            because = error.code
            raise
        finally:
            if not stream.completed:
                self.give_up(actor, upload, because)

    def finish_stream(self, actor: Actor, new: NewFile, spec: FileSpec) -> File:
        """The file that was written. Raises ChecksumMismatch, and all that `complete` raises."""
        stream = new.stream
        if stream is None:
            with new.content() as content:
                return self.completion.store_whole(actor, spec, content, self.limits.quota_bytes)
        upload = stream.finish()
        file = self.completion.run(actor, upload.id, upload.owner, spec, upload.bytes, digest=stream.digest)
        stream.completed = True
        return file

    def replace_content(
        self,
        actor: Actor,
        file_id: str,
        body: ReadInto,
        size: int | None = None,
        *,
        mime_type: str = "",
        digest: bytes = b"",
        content: str = "",
    ) -> File:
        """Give a file of one's own what `body` has, as `upload_stream` takes it; what it held becomes an earlier
        version. `mime_type` "": as it was; `content`: what it has to hold still, by identifier.

        Raises NotFound, VersionMismatch (which says what it holds), Gone where it was deleted meanwhile, and what
        `upload_stream` raises.
        """
        file = self.files.get(file_id) if is_id(file_id) else None
        if file is None or file.state is not FileState.READY:
            raise NotFound
        authorize(self.audit, actor, Acts.FILE_CONTENT, file.owner, file_ref(file))
        if content and content != file.content_id:
            raise changed_meanwhile(file)
        name = file.name if is_name(file.name) else NAMELESS
        spec = FileSpec(name, mime_type, digest, into=Target(file.id, content, file.mime_type))
        return self.upload_stream(actor, spec, body, size)

    def upload_stream(self, actor: Actor, spec: FileSpec, body: ReadInto, size: int | None = None) -> File:
        """A file in one body, which `body` reads into the memory given. If anything goes wrong, nothing is left."""
        with self.open_stream(actor, spec, size) as new:
            new.read_from(body)
            return self.finish_stream(actor, new, spec)
