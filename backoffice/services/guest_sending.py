"""What a guest does by a request for files: send, see what they have sent, withdraw it.

It goes the way of all uploads (`services/uploads/`), by an actor who may write within the owner's files and do nothing
else (`Actor.acts_for`), and reaches of uploads and files only what the same guest sent by the same link. While bytes
come it is asked again whether the link is open, and the commit compares the versions of all that this hangs on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from backoffice.domain.access import Actor
from backoffice.domain.actions import Actions
from backoffice.domain.acts import Acts
from backoffice.domain.deliveries import Delivered, Delivery
from backoffice.domain.files import OCTETS, File, FileSpec, FileState
from backoffice.domain.ids import is_id
from backoffice.domain.limits import MAX_LIMIT, MAX_REQUEST_UPLOADS
from backoffice.domain.links import Link
from backoffice.domain.paging import Query
from backoffice.domain.uploads import Upload
from backoffice.errors import NotFound, QuotaExceeded, RequestFull, TooLarge
from backoffice.services.authorization import authorize, deny
from backoffice.services.deliveries import Deliveries
from backoffice.services.file_reading import file_ref
from backoffice.services.ports import Throttle
from backoffice.services.records import again
from backoffice.services.sign_in.throttle import consume, guest_ways
from backoffice.services.uploads.guest_places import make_place
from backoffice.services.uploads.new_file import NewFile
from backoffice.services.uploads.service import Data, Uploads
from backoffice.services.uploads.status import UploadStatus


@dataclass(frozen=True, slots=True)
class GuestSending:
    """Of one guest and one link that is open. Raises what `Uploads` raises, and NotFound when the link is open no
    more."""

    actor: Actor
    link: Link
    all_uploads: Uploads
    deliveries: Deliveries
    throttle: Throttle
    sent_by: str = ""

    @property
    def uploads(self) -> Uploads:
        """Within the bounds of the request. Guests take no more than half of the places that their owner has for
        uploads at a time, and each upload grows to no more than what is left of the request's bytes."""
        limits, largest = self.all_uploads.limits, self.link.terms.largest
        return replace(
            self.all_uploads,
            limits=replace(
                limits,
                max_file_size=min(limits.max_file_size, largest or limits.max_file_size),
                max_open=max(1, limits.max_open // 2),
                room=self._room if self.link.terms.max_bytes else None,
            ),
        )

    def check(self, name: str, mime_type: str = "", size: int | None = None) -> None:
        """Refuse now what the end would refuse as things stand; where neither the name nor a `mime_type` tells what it
        is, the end decides, which is told the type. Raises Invalid, UnsupportedBody, TooLarge, RequestFull."""
        terms, link = self.link.terms, self.link
        if name:
            spec = FileSpec(name, mime_type)
            untold = not mime_type and spec.mime_type == OCTETS and any("/" in one for one in terms.types)
            (replace(terms, types=()) if untold else terms).check(spec.name, spec.mime_type, size)
        if link.delivered >= terms.max_files > 0:
            raise RequestFull(limit=terms.max_files)
        if terms.max_bytes and max(1, size or 0) > self._left():
            raise RequestFull("This is more than there is room for in this request.", limit=terms.max_bytes)

    def _left(self, but: str = "") -> int:
        """Bytes that the request takes besides what was delivered and what open uploads have or reserved, `but` one of
        them. As of now: others deliver meanwhile."""
        link = self.deliveries.links.get(self.link.id) or self.link
        asked = Query(filters=(("request", link.id),), limit=MAX_REQUEST_UPLOADS)
        open_now = self.all_uploads.uploads.page(asked).items
        held = sum(max(one.bytes, one.reserved) for one in open_now if one.id != but)
        return link.terms.max_bytes - link.delivered_bytes - held

    def _room(self, upload: Upload) -> int:
        return self._left(but=upload.id)

    def spec(self, name: str, mime_type: str = "", *, digest: bytes = b"") -> FileSpec:
        """What a file of the guest's is to be. Raises Invalid, UnsupportedBody."""
        delivery = Delivery(bool(self.link.review), self.sent_by)
        found = FileSpec(name, mime_type, digest, folder=self.link.folder, delivery=delivery)
        self.link.terms.check(found.name, found.mime_type, None)
        return found

    # -- sending

    def put_chunk(
        self,
        *,
        upload_id: str | None,
        index: int,
        total_chunks: int,
        data: Data | Callable[[], Data],
        sha256: bytes | None = None,
        size: int | None = None,
        name: str = "",
    ) -> UploadStatus:
        """As `Uploads.put_chunk`. What is said with the first chunk is compared with what the request takes, and
        reserves nothing: strangers hold no more of a quota than they have sent (`Actor.acts_for`)."""
        if upload_id is None:
            self._begin(name, "", size)
        with _owners_room_untold():
            return self.uploads.put_chunk(
                self.actor,
                upload_id=upload_id,
                index=index,
                total_chunks=total_chunks,
                data=data,
                sha256=sha256,
                size=size,
                name=name,
            )

    def complete(self, upload_id: str, spec: FileSpec, *, total_size: int) -> Delivered:
        """As `Uploads.complete`; repeated, it gives the same. Raises RequestFull besides: then the bytes are freed, for
        no later try can succeed with them."""
        try:
            with _owners_room_untold():
                file = again(None, lambda: self.uploads.complete(self.actor, upload_id, spec, total_size=total_size))
        except RequestFull:
            self.uploads.cancel(replace(self.actor, ground=None), upload_id)
            raise
        return _delivered(file)

    @contextmanager
    def open_stream(self, spec: FileSpec, size: int | None = None) -> Iterator[NewFile]:
        """As `Uploads.open_stream`."""
        self._begin(spec.name, spec.mime_type, size)
        with _owners_room_untold(), self.uploads.open_stream(self.actor, spec, size) as new:
            yield new

    def finish_stream(self, new: NewFile, spec: FileSpec) -> Delivered:
        """As `Uploads.finish_stream`."""
        with _owners_room_untold():
            if new.stream is not None:
                return _delivered(self.uploads.finish_stream(self.actor, new, spec))
            return _delivered(again(None, lambda: self.uploads.finish_stream(self.actor, new, spec)))

    def _begin(self, name: str, mime_type: str, size: int | None) -> None:
        """Raises what `check` raises; TooMany where too much was begun from there."""
        self.check(name, mime_type, size)
        consume(self.throttle, guest_ways(self.link.id, self.actor.ip))
        make_place(self.all_uploads, self.actor, self.link.id)

    def begun(self) -> tuple[Upload, ...]:
        """The guest's own uploads in progress, the newest first."""
        mine = (("guest", self.actor.credential),)
        asked = Query(sort="created", descending=True, filters=mine, limit=MAX_REQUEST_UPLOADS)
        return tuple(self.all_uploads.uploads.page(asked).items)

    def state(self, upload_id: str) -> UploadStatus:
        """How far one of the guest's own uploads is. Raises NotFound."""
        return self.uploads.sent(self.actor, upload_id)

    def cancel(self, upload_id: str) -> None:
        """Give it up. Raises NotFound."""
        self.uploads.cancel(self.actor, upload_id)

    # -- what was sent

    def delivered(self) -> tuple[Delivered, ...]:
        """What this guest has delivered by this link and is there still, the newest first; at most the newest 500."""
        asked = Query(sort="delivered", descending=True, filters=(("guest", self.actor.credential),), limit=MAX_LIMIT)
        return tuple(map(_delivered, self.deliveries.files.page(asked).items))

    def withdraw(self, file_id: str) -> None:
        """Take back what was not accepted yet; it is gone for good, and counts no more. Raises NotFound, Conflict (it
        is accepted)."""
        found = self.deliveries.files.get(file_id) if is_id(file_id) else None
        if found is None or found.state is FileState.GONE:
            raise NotFound
        authorize(self.deliveries.audit, self.actor, Acts.UPLOAD_CANCEL, found.owner, file_ref(found))
        if found.delivered_by != self.actor.credential:
            takes = Acts.UPLOAD_CANCEL.takes
            deny(self.deliveries.audit, self.actor, takes, file_ref(found), "somebody else sent it", NotFound())
        self.deliveries.discard(self.actor, file_id, Acts.UPLOAD_CANCEL, Actions.FILE_WITHDRAW)


@contextmanager
def _owners_room_untold() -> Iterator[None]:
    """How much its owner may store, and has, is none of a guest's business."""
    try:
        yield
    except QuotaExceeded:
        raise TooLarge("There is no room left where this is to go. Tell whoever asked you for it.") from None


def _delivered(file: File) -> Delivered:
    """The file as its guest knows it. Where its owner has put other bytes in its place, these are none of theirs."""
    own = file.content_id == file.id
    return Delivered(
        file.id,
        file.sent_name or file.name,
        file.size if own else None,
        file.sha256 if own else "",
        file.created_at,
        file.state is FileState.WAITING,
    )
