"""Uploads that become no file: their chunks are freed, then they are forgotten."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from backoffice.domain.access import system_actor
from backoffice.domain.actions import Actions
from backoffice.domain.audit import AuditEvent
from backoffice.domain.uploads import TAILS, UNKNOWN, Upload
from backoffice.errors import Completing, VersionMismatch
from backoffice.services.chunk_ports import ChunkStore
from backoffice.services.file_ports import UploadStore
from backoffice.services.intent_ports import IntentStore
from backoffice.services.uploads.events import upload_event
from backoffice.services.uploads.streaming import UNNOTED

WORKER = system_actor("worker", "worker")


@dataclass(frozen=True, slots=True)
class Cleanup:
    """Uploads that were given up, by people or by time. Asks nobody for permission."""

    uploads: UploadStore
    chunks: ChunkStore
    intents: IntentStore
    now: Callable[[], int]

    def abort(self, upload: Upload, event: AuditEvent) -> None:
        """Give it up, and free at once what it holds. Raises NotFound, Completing."""
        self._free(self.uploads.abort(upload, event))

    def _free(self, upload: Upload) -> None:
        """Free the chunks of an aborted upload, then forget it. One interrupted half-way is finished by `collect`."""
        indexes = upload.total_chunks
        if indexes == UNKNOWN:
            # As it was when it was cut off, also with what it had stored and not noted yet.
            upload = self.uploads.get(upload.id) or upload
            indexes = max(upload.total_chunks, self.uploads.extent(upload.id) + UNNOTED)
        self.chunks.delete(upload.id, max(indexes, upload.reach))
        if upload.tail:
            self.chunks.release(upload.id, TAILS + upload.tail)
        self.uploads.forget(upload)

    def expire_due(self, limit: int = 100) -> bool:
        """Give up uploads that were left alone; whether more is left that can be given up now."""
        due, dropped = self.uploads.due(self.now(), limit), 0
        for upload in due:
            try:
                self.abort(upload, upload_event(Actions.UPLOAD_EXPIRE, WORKER, upload))
                dropped += 1
            except (Completing, VersionMismatch):
                continue  # somebody completes or cancels it at this moment
        return len(due) == limit and dropped > 0

    def collect(self, limit: int = 100) -> bool:
        """Finish cancellations that a crash interrupted; whether more is left."""
        left = self.uploads.aborted(limit)
        for upload in left:
            self._free(upload)
        return len(left) == limit

    def withdraw(self, intents: Sequence[str]) -> None:
        """Free the chunks that were kept ahead under these identifiers, where no file has come."""
        without = self.intents.give_up(intents)
        # A process that ends leaves many identifiers that it has not used.
        there = self.chunks.stat_many([(file_id, 0) for file_id in without])
        for file_id, stat in zip(without, there, strict=True):
            if stat is not None:
                self.chunks.delete(file_id, 1)
        if without:
            self.intents.forget(without)

    def sweep(self) -> bool:
        """Free all chunks that are held past their time, and those that were kept for a file that did not come; nothing
        more is left then."""
        self.withdraw(self.intents.due(self.now()))
        self.chunks.sweep(self.now())
        return False
