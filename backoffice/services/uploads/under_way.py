"""Uploads under way: finding them, how far they are, giving them up."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from backoffice.domain.access import Actor
from backoffice.domain.actions import Actions
from backoffice.domain.acts import Act, Acts
from backoffice.domain.ids import is_id
from backoffice.domain.paging import Page, Query
from backoffice.domain.times import now_ms
from backoffice.domain.uploads import Upload, UploadState
from backoffice.errors import NotFound
from backoffice.services.authorization import authorize
from backoffice.services.chunk_ports import ChunkStore
from backoffice.services.file_ports import FileStore, UploadStore
from backoffice.services.log_ports import AuditLog
from backoffice.services.ports import StoreHealth
from backoffice.services.uploads.cleanup import Cleanup
from backoffice.services.uploads.completion import Completion
from backoffice.services.uploads.events import upload_event, upload_ref
from backoffice.services.uploads.limits import UploadLimits
from backoffice.services.uploads.status import UploadStatus, status_of


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

    def state(self, actor: Actor, upload_id: str) -> UploadStatus:
        """How far it is. Raises NotFound."""
        upload = self._get_authorized(actor, upload_id, Acts.UPLOAD_READ)
        return status_of(self.uploads, upload)

    def mine(self, actor: Actor, query: Query) -> Page[Upload]:
        """Own uploads in progress."""
        authorize(self.audit, actor, Acts.FILES_LIST)
        return self.uploads.page(replace(query, filters=(*query.filters, ("owner", actor.id))))

    def page(self, actor: Actor, query: Query) -> Page[Upload]:
        """Everybody's uploads in progress."""
        authorize(self.audit, actor, Acts.FILES_LIST_ALL)
        return self.uploads.page(query)

    def cancel(self, actor: Actor, upload_id: str) -> None:
        """Give it up; its bytes are freed and its reservation released before this returns."""
        upload = self._get_authorized(actor, upload_id, Acts.UPLOAD_CANCEL)
        self.cleanup.abort(upload, upload_event(Actions.UPLOAD_CANCEL, actor, upload))

    def _own(self, actor: Actor, upload_id: str) -> Upload:
        return self._get_authorized(actor, upload_id, Acts.UPLOAD_SEND)

    def _get_authorized(self, actor: Actor, upload_id: str, act: Act) -> Upload:
        upload = self.uploads.get(upload_id) if is_id(upload_id) else None
        if upload is None or upload.state is UploadState.ABORTED:
            raise NotFound
        authorize(self.audit, actor, act, upload.owner, upload_ref(upload))
        return upload
