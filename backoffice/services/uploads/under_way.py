"""Uploads under way: finding them, how far they are, giving them up."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from backoffice.domain.access import Actor
from backoffice.domain.actions import Actions
from backoffice.domain.acts import Act, Acts
from backoffice.domain.ids import is_id
from backoffice.domain.limits import MAX_LIMIT
from backoffice.domain.paging import Page, Query
from backoffice.domain.times import now_ms
from backoffice.domain.uploads import Upload, UploadState
from backoffice.errors import NotFound
from backoffice.services.authorization import authorize, deny
from backoffice.services.chunk_ports import ChunkStore
from backoffice.services.file_ports import FileStore, UploadStore
from backoffice.services.log_ports import AuditLog
from backoffice.services.ports import StoreHealth
from backoffice.services.uploads.cleanup import Cleanup
from backoffice.services.uploads.completion import Completion
from backoffice.services.uploads.events import upload_event, upload_ref
from backoffice.services.uploads.limits import UploadLimits
from backoffice.services.uploads.status import UploadStatus, status_of
from backoffice.services.uploads.takeover import Takeover, as_chunks


@dataclass(frozen=True, slots=True)
class UploadsUnderWay:
    """Uploads of one's own; holders of `files.all:…` reach everybody's."""

    uploads: UploadStore
    files: FileStore
    chunks: ChunkStore
    audit: AuditLog
    completion: Completion
    health: StoreHealth
    limits: UploadLimits
    now: Callable[[], int] = now_ms

    @property
    def cleanup(self) -> Cleanup:
        """What the worker does about uploads that become no file."""
        return Cleanup(self.uploads, self.chunks, self.completion.intents, self.now)

    @property
    def takeover(self) -> Takeover:
        """How they go on in another way."""
        return Takeover(self.uploads, self.chunks)

    def state(self, actor: Actor, upload_id: str) -> UploadStatus:
        """How far it is. Raises NotFound."""
        upload = self._get_authorized(actor, upload_id, Acts.UPLOAD_READ)
        return self._status(upload)

    def sent(self, actor: Actor, upload_id: str) -> UploadStatus:
        """The same, for who sends it and may read nothing. Raises NotFound."""
        return self._status(self._get_authorized(actor, upload_id, Acts.UPLOAD_SEND))

    def _status(self, upload: Upload) -> UploadStatus:
        return status_of(self.uploads, upload, self.limits.chunk_size)

    def mine(self, actor: Actor, query: Query) -> Page[Upload]:
        """Own uploads in progress, each as its chunks are sent."""
        authorize(self.audit, actor, Acts.FILES_LIST)
        page = self.uploads.page(replace(query, filters=(*query.filters, ("owner", actor.id))))
        return replace(page, items=tuple(as_chunks(one, self.limits.chunk_size) for one in page.items))

    def begun(self, actor: Actor) -> tuple[Upload, ...]:
        """Those in progress that somebody began who acts within another's files, the newest first, each as its chunks
        are sent. All that this owner has are looked through: few may be open at a time."""
        authorize(self.audit, actor, Acts.UPLOAD_SEND, actor.owner)
        asked = Query(sort="created", descending=True, filters=(("owner", actor.owner),), limit=MAX_LIMIT)
        found = list[Upload]()
        while True:
            page = self.uploads.page(asked)
            mine = (one for one in page.items if one.begun_by == actor.begins_as)
            found += [as_chunks(one, self.limits.chunk_size) for one in mine]
            if not page.next_cursor:
                return tuple(found)
            asked = replace(asked, cursor=page.next_cursor)

    def page(self, actor: Actor, query: Query) -> Page[Upload]:
        """Everybody's uploads in progress."""
        authorize(self.audit, actor, Acts.FILES_LIST_ALL)
        return self.uploads.page(query)

    def cancel(self, actor: Actor, upload_id: str) -> None:
        """Give it up, with its parts; its bytes are freed and its reservation released before this returns."""
        upload = self._get_authorized(actor, upload_id, Acts.UPLOAD_CANCEL)
        self.cleanup.abort(upload, upload_event(Actions.UPLOAD_CANCEL, actor, upload))

    def is_over(self, upload: Upload) -> bool:
        """Whether it was left alone for so long that the worker gives it up."""
        return self.cleanup.kept_until(upload) <= self.now()

    def give_up(self, actor: Actor, upload: Upload, because: str) -> None:
        """Abort a stream that nobody can go on with, unless the commit went through and only its answer was lost: then
        there is a file."""
        left = self.uploads.get(upload.id)
        if left is not None and left.state is not UploadState.ABORTED:
            self.cleanup.abort(left, upload_event(Actions.UPLOAD_CANCEL, actor, upload, because))

    def _own(self, actor: Actor, upload_id: str) -> Upload:
        return self._get_authorized(actor, upload_id, Acts.UPLOAD_SEND)

    def _get_authorized(self, actor: Actor, upload_id: str, act: Act) -> Upload:
        upload = self.uploads.get(upload_id) if is_id(upload_id) else None
        if upload is None or upload.state is UploadState.ABORTED:
            raise NotFound
        self.authorize(actor, act, upload)
        return upload

    def authorize(self, actor: Actor, act: Act, upload: Upload) -> None:
        """Return if the actor may do this to the upload. Who acts within another's files reaches what they began
        themselves. Raises NotFound, NotAllowed."""
        authorize(self.audit, actor, act, upload.owner, upload_ref(upload))
        if actor.acts_for and upload.begun_by != actor.begins_as:
            deny(self.audit, actor, act.takes, upload_ref(upload), "it was begun by somebody else", NotFound())
