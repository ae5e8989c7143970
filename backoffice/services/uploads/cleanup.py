"""Uploads that become no file: their chunks are freed, then they are forgotten."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from backoffice.domain.access import system_actor
from backoffice.domain.actions import Actions
from backoffice.domain.audit import AuditEvent
from backoffice.domain.uploads import TAILS, UNKNOWN, Upload, UploadState
from backoffice.errors import Completing, NotFound, VersionMismatch
from backoffice.services.chunk_ports import ChunkStore
from backoffice.services.file_ports import UploadStore
from backoffice.services.intent_ports import IntentStore
from backoffice.services.uploads.events import upload_event, upload_ref
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
        """Give it up with its parts, and free at once what they hold. A part takes its whole along where that has
        chunks of parts already. Raises NotFound, Completing."""
        aborted = self.uploads.abort(upload, event)
        with suppress(Completing, VersionMismatch):  # somebody is at a part: `collect` finishes it
            self._free(aborted, event)
            whole = self.uploads.get(upload.joins) if upload.joins else None
            if whole is not None and whole.reach and whole.state is not UploadState.ABORTED:
                self.abort(whole, replace(event, object=upload_ref(whole)))

    def _free(self, upload: Upload, event: AuditEvent) -> None:
        """Free the chunks of an aborted upload and give up its parts, then forget it. One interrupted half-way is
        finished by `collect`. `event`: as that of the upload. Raises Completing, VersionMismatch: of a part."""
        for one in upload.parts:
            part = self.uploads.get(one)
            if part is None or part.joins != upload.id:
                continue
            if part.state is not UploadState.ABORTED:
                part = self.uploads.abort(part, replace(event, object=upload_ref(part)))
            self._free(part, event)
        indexes = upload.total_chunks
        if indexes == UNKNOWN:
            # As it was when it was cut off, also with what it had stored and not noted yet.
            upload = self.uploads.get(upload.id) or upload
            indexes = max(upload.total_chunks, self.uploads.extent(upload.id) + UNNOTED)
        self.chunks.delete(upload.id, max(indexes, upload.reach))
        if upload.tail:
            self.chunks.release(upload.id, TAILS + upload.tail)
        self.uploads.forget(upload)

    def kept_until(self, upload: Upload) -> int:
        """When it is given up (ms) unless more comes: a part not before its whole, which every part renews, as long as
        its chunks are held."""
        if not upload.joins or upload.expires_at > self.now():
            return upload.expires_at
        whole = self.uploads.get(upload.joins)
        if whole is None or whole.state is UploadState.ABORTED:
            return upload.expires_at
        return max(upload.expires_at, min(whole.expires_at, upload.dies_at))

    def expire_due(self, limit: int = 100) -> bool:
        """Give up uploads that were left alone; whether more is left that can be given up now."""
        due, dropped = self.uploads.due(self.now(), limit), 0
        for upload in due:
            try:
                until = self.kept_until(upload)
                if until > self.now():
                    self.uploads.renew(upload.id, upload.owner, until)
                    dropped += 1
                    continue
                self.abort(upload, upload_event(Actions.UPLOAD_EXPIRE, WORKER, upload))
                dropped += 1
            except (Completing, VersionMismatch, NotFound):
                continue  # somebody completes or cancels it at this moment
        return len(due) == limit and dropped > 0

    def collect(self, limit: int = 100) -> bool:
        """Finish cancellations that a crash interrupted; whether more is left."""
        left, freed = self.uploads.aborted(limit), 0
        for upload in left:
            with suppress(Completing, VersionMismatch):
                self._free(upload, upload_event(Actions.UPLOAD_EXPIRE, WORKER, upload))
                freed += 1
        return len(left) == limit and freed > 0

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
