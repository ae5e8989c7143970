"""Uploads that become a file by their last byte, as clients of the tus protocol send them (`web/api/tus.py`).

They are streams like any other: the rules are those of `Uploads`, and whoever may send bytes of an upload is told how
far it is. All of it is for the owner alone, whatever others may.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from backoffice.domain.access import Actor
from backoffice.domain.acts import Acts
from backoffice.domain.audit import ObjectRef
from backoffice.domain.files import File, FileSpec, FileState
from backoffice.domain.folders import TOP, Place
from backoffice.domain.ids import is_id
from backoffice.domain.upload_metadata import NAMELESS, place_of, spec_of
from backoffice.domain.uploads import FINAL, PARTIAL, TUS, UNKNOWN, Upload, UploadState
from backoffice.errors import (
    BackofficeError,
    ChunkConflict,
    Completing,
    Conflict,
    Gone,
    Invalid,
    NotFound,
    OffsetMismatch,
    TooLarge,
    UploadClosed,
)
from backoffice.services.authorization import authorize
from backoffice.services.folders import Folders
from backoffice.services.uploads.checked_body import Body, Checksum, Compared
from backoffice.services.uploads.concatenation import Concatenation
from backoffice.services.uploads.progress import Progress, said_of
from backoffice.services.uploads.service import Uploads
from backoffice.services.uploads.streaming import NOTED_TOGETHER


@dataclass(frozen=True, slots=True)
class Resumable:
    """Over the one service of uploads."""

    uploads: Uploads
    folders: Folders

    def create(
        self,
        actor: Actor,
        *,
        size: int | None,
        metadata: str = "",
        body: Body | None = None,
        checksum: Checksum | None = None,
        partial: bool = False,
    ) -> Progress:
        """Open an upload of `size` bytes (None: to be declared), with its first bytes where there are some. If anything
        goes wrong then, nothing is left, for the client never learns the identifier. `partial`: it is a part of one
        that is still to be named, and no file.

        Raises Invalid, and what `Uploads.create_stream` and `send` raise.
        """
        name = spec_of(metadata).name
        concat = PARTIAL if partial else ""
        place = place_of(metadata)
        self.folders.check_place(actor, place)
        upload = self.uploads.create_stream(
            actor, size=size, name=name, protocol=TUS, metadata=metadata, concat=concat, place=place
        )
        try:
            if body is not None:
                upload = self._append(actor, upload, 0, body, checksum)
            return self._settled(actor, upload)
        except BackofficeError as error:
            self.uploads.give_up(actor, upload, error.code)
            raise

    def concatenate(self, actor: Actor, parts: Sequence[str], *, metadata: str = "") -> Progress:
        """Open an upload made of these, which becomes a file as soon as all of them have their bytes: now, or with the
        last byte that comes. Asked for again when it is a file by now, it is that one. Raises what
        `Concatenation.begin` and `Uploads.complete` raise."""
        try:
            whole = self.concatenation.begin(actor, parts, spec_of(metadata), metadata)
        except NotFound as missing:
            return self._made_of(actor, parts, missing)
        try:
            return self._settled(actor, whole)
        except Completing:
            return Progress.of(whole, UNKNOWN, UNKNOWN)  # who sent the last byte just now is at it

    def _made_of(self, actor: Actor, parts: Sequence[str], missing: NotFound) -> Progress:
        """The file that these parts have become. Raises `missing` where they have not, Gone."""
        whole = self.concatenation.id_of(actor, parts)
        try:
            made = self._find(actor, whole)
        except Gone:
            raise
        except NotFound:
            raise missing from None
        if not isinstance(made, File):
            raise missing
        return self._stored(whole, made)

    @property
    def concatenation(self) -> Concatenation:
        return Concatenation(self.uploads)

    def state(self, actor: Actor, upload_id: str) -> Progress:
        """How far it is. One of tus that has all its bytes becomes a file now, where what received the last of them did
        not come so far: a client takes it for done. Who sends chunks has yet to say what file it is to be.

        Raises NotFound, Gone, Completing.
        """
        found = self._find(actor, upload_id)
        if isinstance(found, File):
            return replace(self._stored(upload_id, found), metadata=said_of(actor, found))
        if found.total_chunks != UNKNOWN and found.protocol != TUS:
            return Progress.of(found, self._offset(found), found.size)
        return self._settled(actor, found)

    def send(
        self,
        actor: Actor,
        upload_id: str,
        offset: int,
        body: Body,
        *,
        size: int | None = None,
        checksum: Checksum | None = None,
    ) -> Progress:
        """Take what `body` has, from byte `offset` on. `size`: of the whole, where that was not declared yet.

        What has arrived is kept to the last byte, also when `body` raises; with a `checksum` all of it or nothing.
        Raises NotFound, Gone, OffsetMismatch (`offset`: where it goes on), ChecksumMismatch, TooLarge, Completing, and
        what `Uploads.append` and `Uploads.complete` raise.
        """
        found = self._find(actor, upload_id)
        if isinstance(found, File):
            return self._after_the_end(found.size, offset, body, self._stored(upload_id, found))
        if found.concat == FINAL:
            raise UploadClosed("It is made of others, and takes no bytes.", state=FINAL)
        if found.concat and found.bytes == found.size:
            # Its chunks may be on their way to the whole.
            return self._after_the_end(found.size, offset, body, self._settled(actor, found))
        there = self._offset(found)
        if offset != there:
            raise OffsetMismatch(offset=there)
        try:
            if size is not None and size != found.size:
                found = self.uploads.declare_size(actor, upload_id, size)
            # What is refused before this has dropped no chunk.
            if found.total_chunks != UNKNOWN:
                found = self.uploads.takeover.to_stream(found, offset)
            return self._settled(actor, self._append(actor, found, offset, body, checksum))
        except NotFound:
            # It has become a file since we looked, or it was given up.
            latest = self._find(actor, upload_id)
            if not isinstance(latest, File):
                raise
            raise OffsetMismatch(offset=latest.size) from None

    def begin(self, actor: Actor, *, name: str, size: int, place: Place = TOP) -> Upload:
        """Open an upload of `size` bytes that its last byte makes no file: who sends it says when, by
        `Uploads.complete`. Raises what `Uploads.create_stream` raises."""
        return self.uploads.create_stream(actor, size=size, name=name, protocol=TUS, place=place)

    def append(self, actor: Actor, upload_id: str, offset: int, body: Body) -> Upload:
        """Take what `body` has, from byte `offset` on, and no more. Raises Gone, TooLarge, and what `Uploads.append`
        raises."""
        found = self._find(actor, upload_id)
        if isinstance(found, File):
            raise NotFound
        if found.concat:
            raise Conflict("This upload is a part of another, or made of others.")
        if found.total_chunks == UNKNOWN and offset != found.bytes:
            raise OffsetMismatch(offset=found.bytes)
        return self._append(actor, found, offset, body, None)

    def cancel(self, actor: Actor, upload_id: str) -> None:
        """Give it up, with its parts. Raises NotFound, Gone, Completing, UploadClosed (it is a file by now), Conflict
        (a part of one that is not given up)."""
        found = self._find(actor, upload_id)
        if isinstance(found, File):
            raise UploadClosed("This upload is a file by now.", state=FileState.READY.value)
        if found.joins and self.uploads.uploads.get(found.joins) is not None:
            raise Conflict("It is a part of another upload: give that up.")
        self.uploads.cancel(actor, upload_id)

    # -- parts

    def _find(self, actor: Actor, upload_id: str) -> Upload | File:
        """The upload, or the file that it has become, or the version of one. Raises NotFound, also for a stranger's;
        Gone."""
        upload = self.uploads.uploads.get(upload_id) if is_id(upload_id) else None
        if upload is not None:
            self.uploads.authorize(actor, Acts.UPLOAD_SEND, upload)
            if upload.protocol != TUS and upload.total_chunks == UNKNOWN:
                raise NotFound  # the body of a PUT that is coming just now
            if upload.state is UploadState.ABORTED or self.uploads.is_over(upload):
                raise Gone
            if upload.state is UploadState.COMPLETING and upload.lease_until <= self.uploads.now():
                # Who would have completed it has died, and there may be more to come.
                self.uploads.uploads.release(upload.id, upload.lease)
                return replace(upload, state=UploadState.OPEN, lease="")
            return upload
        file, made = self.uploads.files.of_upload(upload_id) if is_id(upload_id) else (None, None)
        if file is None or file.state in {FileState.GONE, FileState.WAITING} or actor.acts_for:
            raise NotFound
        authorize(self.uploads.audit, actor, Acts.UPLOAD_SEND, file.owner, ObjectRef("file", file.id, file.name))
        if made is None:
            raise Gone
        return made

    def _offset(self, upload: Upload) -> int:
        """Where it goes on: of one by chunks before the first that is missing."""
        if upload.total_chunks in {UNKNOWN, upload.received}:
            return upload.bytes
        return self.uploads.uploads.chunk_map(upload.id, upload.total_chunks).contiguous

    def _append(self, actor: Actor, upload: Upload, offset: int, body: Body, checksum: Checksum | None) -> Upload:
        limits = self.uploads.limits
        left = (limits.max_file_size if upload.size == UNKNOWN else upload.size) - offset
        try:
            if checksum is None:
                return self.uploads.append(actor, upload.id, offset, body(left))
            if upload.size == UNKNOWN:
                # No quota counts them before they are compared, and none was reserved.
                left = min(left, NOTED_TOGETHER * limits.chunk_size)
            compared = Compared(checksum, body(left))
            return self.uploads.append_checked(actor, upload.id, offset, compared.read_into, compared.check)
        except ChunkConflict:
            # Bytes that somebody left without noting them: those of an upload by chunks are cut otherwise.
            raise OffsetMismatch(offset=self.uploads.takeover.free_unnoted(upload).bytes) from None

    def _settled(self, actor: Actor, upload: Upload) -> Progress:
        """The upload as it is, or the file that it is now by its last byte."""
        if upload.concat == FINAL:
            return self._joined(actor, upload)
        offset = self._offset(upload)
        if offset != upload.size:
            return Progress.of(upload, offset, upload.size)
        if upload.concat:
            self._join_whole(actor, upload)
            return Progress.of(upload, offset, upload.size)
        spec = spec_of(upload.metadata, upload.name or NAMELESS)
        self.uploads.complete(
            actor, upload.id, spec, total_size=upload.size, folder_of=lambda place: self._folder(actor, place, spec)
        )
        return Progress.of_file(upload.id, upload.size)

    def _folder(self, actor: Actor, place: Place, spec: FileSpec) -> str:
        """Of one that was begun by an earlier version its metadata alone says where it goes."""
        return spec.folder if place == TOP else self.folders.at(actor, place)

    def _join_whole(self, actor: Actor, part: Upload) -> None:
        """A part has all its bytes: it may be the last one. Read anew, for it may belong to a whole only since then;
        who begins that looks after it for parts that are whole by now. What is wrong with the whole is told to who asks
        for that."""
        latest = self.uploads.uploads.get(part.id)
        whole = self.uploads.uploads.get(latest.joins) if latest is not None and latest.joins else None
        if whole is not None and whole.state is not UploadState.ABORTED:
            with suppress(Completing, Gone, Invalid, Conflict):
                self._joined(actor, whole)

    def _joined(self, actor: Actor, whole: Upload) -> Progress:
        """The whole as it is, or the file where all parts have their bytes. Raises Gone where one was given up."""
        parts = self.concatenation.parts_of(whole)
        if parts is None:
            _, made = self.uploads.files.of_upload(whole.id)
            if made is None:
                raise Gone
            return self._stored(whole.id, made)
        length = self.concatenation.length_of(parts)
        if any(part.bytes != part.size for part in parts):
            return Progress.of(whole, UNKNOWN, length)
        spec = spec_of(whole.metadata, whole.name or NAMELESS)
        spec = replace(spec, folder=self._folder(actor, whole.place, spec))
        self.concatenation.join(actor, whole, parts, spec)
        return Progress.of_file(whole.id, length)

    def _stored(self, upload_id: str, made: File) -> Progress:
        """Of a file, or a version of one: it is safe when this returns."""
        self.uploads.completion.durability.barrier()
        return Progress.of_file(upload_id, made.size)

    def _after_the_end(self, size: int, offset: int, body: Body, then: Progress) -> Progress:
        """Nothing more may come."""
        if offset != size:
            raise OffsetMismatch(offset=size)
        if body(0)(memoryview(bytearray(1))):
            raise TooLarge("The upload has all its bytes.", limit=size)
        return then
