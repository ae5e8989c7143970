"""Looking into a stored file: the chunks that it is made of, and whether they are still what was stored."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Any

from backoffice.domain.access import Actor
from backoffice.domain.actions import Actions
from backoffice.domain.acts import Act, Acts
from backoffice.domain.audit import AuditEvent, Outcome
from backoffice.domain.files import File, FileState
from backoffice.domain.ids import is_id
from backoffice.domain.limits import MAX_LIMIT, MAX_VERIFIED_AT_ONCE
from backoffice.domain.times import now_ms
from backoffice.domain.uploads import StoredChunk
from backoffice.errors import NotFound, TooLarge
from backoffice.services.authorization import authorize
from backoffice.services.chunk_ports import ChunkStore
from backoffice.services.file_ports import FileStore, UploadStore
from backoffice.services.file_reading import file_ref
from backoffice.services.log_ports import AuditLog
from backoffice.services.uploads.reader import iter_compared

NAMED_CHUNKS = 50
"""Damaged chunks that an entry of the log names."""


@dataclass(frozen=True, slots=True)
class Verification:
    """What came of comparing a file with its digests. `damaged`: indexes of chunks that are missing or other than they
    were; `whole_differs`: every chunk is right, and the SHA-256 of the whole is not."""

    file: File
    damaged: tuple[int, ...]
    whole_differs: bool = False

    @property
    def ok(self) -> bool:
        return not self.damaged and not self.whole_differs


@dataclass(frozen=True, slots=True)
class FileInspection:
    """For who may read the file; comparing takes the right to change it, for it is work that others pay for."""

    files: FileStore
    uploads: UploadStore
    chunks: ChunkStore
    audit: AuditLog
    now: Callable[[], int] = now_ms

    def chunks_of(self, actor: Actor, file_id: str, first: int = 0, limit: int = 100) -> list[StoredChunk]:
        """Chunks of a file from index `first` on, at most `limit` (and 500) of them; one that the map does not have is
        left out. Raises NotFound, NotAllowed."""
        file = self._reach(actor, file_id, Acts.FILE_READ)
        count = min(limit, MAX_LIMIT, file.total_chunks - first)
        if first < 0 or count <= 0:
            return []
        found = self.uploads.part_of_map(file.content_id, first, count).chunks
        if file.total_chunks == 1 and found[0] is not None and not found[0].sha256:
            # Its digest is that of the whole.
            found = (replace(found[0], sha256=file.digest),)
        return [StoredChunk(first + at, chunk) for at, chunk in enumerate(found) if chunk is not None]

    def verify(
        self,
        actor: Actor,
        file_id: str,
        *,
        most: int | None = MAX_VERIFIED_AT_ONCE,
        alive: Callable[[int], None] = lambda _: None,
    ) -> Verification:
        """Read every chunk and compare it with its digests, then all with that of the whole. It is recorded whatever
        comes of it.

        `most`: bytes of a file that is compared at once; a job sets no bound. `alive` is told after each chunk how many
        were read, and may raise. Raises NotFound, NotAllowed; TooLarge (`limit`).
        """
        found = self._compared(actor, file_id, most, alive)
        file = found.file
        self.audit.record(
            AuditEvent(
                Actions.FILE_VERIFY,
                actor,
                file_ref(file),
                Outcome.OK if found.ok else Outcome.ERROR,
                data=_recorded(found),
                at=self.now(),
            )
        )
        return found

    def _compared(self, actor: Actor, file_id: str, most: int | None, alive: Callable[[int], None]) -> Verification:
        file = self._reach(actor, file_id, Acts.FILE_VERIFY)
        while True:
            if most is not None and file.size > most:
                raise TooLarge("The file is too large to be verified while you wait: it takes a job.", limit=most)
            found = self._compare(actor, file, alive)
            if found.ok:
                return found
            # What is deleted meanwhile, or holds something else by now, loses its chunks and is not damaged.
            now = self._reach(actor, file_id, Acts.FILE_VERIFY)
            if now.content_id == file.content_id:
                return found
            file = now

    def _compare(self, actor: Actor, file: File, alive: Callable[[int], None]) -> Verification:
        chunk_map = self.uploads.chunk_map(file.content_id, file.total_chunks)
        damaged, whole = list[int](), hashlib.sha256()
        with closing(iter_compared(self.chunks, file.content_id, chunk_map)) as chunks:
            for index, data in chunks:
                if data is None:
                    damaged.append(index)
                else:
                    whole.update(data)
                del data
                alive(index + 1)
                if actor.ground is not None:
                    actor.ground.confirm()
        differs = not damaged and bool(file.digest) and whole.digest() != file.digest
        return Verification(file, tuple(damaged), differs or (not damaged and chunk_map.size != file.size))

    def _reach(self, actor: Actor, file_id: str, act: Act) -> File:
        file = self.files.get(file_id) if is_id(file_id) else None
        if file is None or file.state is not FileState.READY:
            raise NotFound
        authorize(self.audit, actor, act, file.owner, file_ref(file))
        return file


def _recorded(found: Verification) -> dict[str, Any]:
    data: dict[str, Any] = {"size": found.file.size, "chunks": found.file.total_chunks}
    if found.damaged:
        data |= {"damaged": list(found.damaged[:NAMED_CHUNKS]), "damaged_count": len(found.damaged)}
    if found.whole_differs:
        data["because"] = "the SHA-256 of the whole differs"
    return data
