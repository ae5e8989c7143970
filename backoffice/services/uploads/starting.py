"""How an upload begins: its record, and what it reserves of the quota."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypedDict

from backoffice.domain.access import Actor
from backoffice.domain.actions import Actions
from backoffice.domain.acts import Acts
from backoffice.domain.deliveries import request_of
from backoffice.domain.files import clean_name
from backoffice.domain.folders import TOP, Place
from backoffice.domain.uploads import UNKNOWN, Upload
from backoffice.errors import Invalid, QuotaExceeded, StoreFull
from backoffice.services.authorization import authorize
from backoffice.services.quota_refusals import records_quota_refusals
from backoffice.services.uploads.events import upload_event
from backoffice.services.uploads.under_way import UploadsUnderWay


class Said(TypedDict, total=False):
    """Fields of `Upload` that a client of tus fills."""

    protocol: str
    metadata: str
    concat: str
    parts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class UploadsStarting(UploadsUnderWay):
    """Begins uploads; refusals for want of quota are recorded."""

    @records_quota_refusals
    def start(
        self, actor: Actor, *, total_chunks: int, size: int | None = None, name: str = "", place: Place = TOP
    ) -> Upload:
        """Open an upload of `total_chunks` chunks, which come in any order, and reserve `size` bytes. `place`: where it
        goes, unless its end says something else.

        Raises Invalid, TooLarge, QuotaExceeded, TooMany (open uploads), NotSignedIn (deleted just now), StoreFull.
        """
        return self._start_chunks(actor, total_chunks, size, name, place)

    def _start_chunks(self, actor: Actor, total_chunks: int, size: int | None, name: str, place: Place) -> Upload:
        if not 1 <= total_chunks <= self.limits.max_chunks:
            raise Invalid(f"total_chunks is a number from 1 to {self.limits.max_chunks}.", field="total_chunks")
        try:
            return self._start(actor, total_chunks, size, name, place=place)
        except QuotaExceeded as error:
            if "files" not in error.details or not self._may_be_for_another(actor, name):
                raise
        return self._start(actor, total_chunks, size, name, adds=False, place=place)

    def _may_be_for_another(self, actor: Actor, name: str) -> bool:
        """Whether this can be other content of a file that is there, which at the bound of files is the one thing that
        can come: the end says. Others are not told by this which names their host has."""
        return not name or bool(actor.acts_for) or self.files.has_name_anywhere(actor.owner, name)

    @records_quota_refusals
    def create_stream(
        self,
        actor: Actor,
        *,
        size: int | None = None,
        name: str = "",
        protocol: str = "",
        metadata: str = "",
        concat: str = "",
        parts: Sequence[Upload] = (),
        place: Place = TOP,
        upload_id: str = "",
    ) -> Upload:
        """Open an upload whose bytes come in order, by `append`, and reserve `size` bytes; None: unknown, then quota is
        taken as they come. `concat`: see `Upload`; `parts` of a final one, which belong to it from now on; `upload_id`:
        its identifier, which nothing has, "" = a new one. Raises what `start` raises; VersionMismatch where a part has
        changed."""
        said = Said(protocol=protocol, metadata=metadata, concat=concat, parts=tuple(part.id for part in parts))
        return self._start(actor, UNKNOWN, size, name, said=said, parts=parts, place=place, upload_id=upload_id)

    @records_quota_refusals
    def declare_size(self, actor: Actor, upload_id: str, size: int) -> Upload:
        """Say how large the whole will be, where that was not known, and reserve it.

        Raises NotFound, UploadClosed, Invalid (another size was declared), TooLarge, QuotaExceeded.
        """
        self.limits.check_size(size)
        upload = self._own(actor, upload_id)
        largest, quota = self.limits.largest(upload), self.limits.quota_bytes
        expected = self.limits.expected_chunks(upload.total_chunks, size)
        return self.uploads.declare_size(upload, size, expected, largest=largest, quota=quota, ground=actor.ground)

    def _start(
        self,
        actor: Actor,
        total_chunks: int,
        size: int | None,
        name: str,
        *,
        one_shot: bool = False,
        said: Said | None = None,
        parts: Sequence[Upload] = (),
        adds: bool = True,
        place: Place = TOP,
        upload_id: str = "",
    ) -> Upload:
        """`adds`: a file comes of it, for which there has to be room now; what guests send may wait outside of all that
        its owner has, as the commit of the file sees."""
        self._check_start(actor, size)
        limits = self.limits.for_one_connection() if one_shot else self.limits
        now = self.now()
        dies_at = now + limits.upload_max_seconds * 1000
        upload = Upload(
            id=upload_id or self.chunks.new_id(limits.expected_chunks(total_chunks, size)),
            owner=actor.owner,
            begun_by=actor.begins_as if actor.acts_for else "",
            created_at=now,
            dies_at=dies_at,
            expires_at=limits.expires_at(now, dies_at),
            size=UNKNOWN if size is None else size,
            total_chunks=total_chunks,
            # Others hold no more of an owner's quota than they have sent.
            reserved=0 if actor.acts_for else limits.reserved(total_chunks, size),
            name=clean_name(name) if name else "",
            fence=int(one_shot),
            address=actor.ip,
            folder=place.folder,
            folder_path=place.path,
            **(said or Said()),
        )
        adds = adds and not request_of(upload.begun_by)
        event = upload_event(Actions.UPLOAD_START, actor, upload)
        self.uploads.insert(upload, limits.max_open, limits.quota_bytes, event, adds=adds, parts=parts)
        return upload

    def _check_start(self, actor: Actor, size: int | None) -> None:
        """Raises NotAllowed, Invalid, TooLarge, StoreFull."""
        authorize(self.audit, actor, Acts.UPLOAD_START)
        self.limits.check_size(size)
        if not (self.health.room() and self.chunks.room()):
            raise StoreFull
