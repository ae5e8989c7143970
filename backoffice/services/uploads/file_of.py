"""The file that an upload becomes, and what the log says of it."""

from __future__ import annotations

import hashlib

from backoffice.domain.access import Actor
from backoffice.domain.actions import Actions
from backoffice.domain.audit import AuditEvent, ObjectRef
from backoffice.domain.files import File, FileSpec
from backoffice.domain.uploads import Chunk, ChunkMap, Upload
from backoffice.errors import ChecksumMismatch


def known_digest(chunks: ChunkMap) -> bytes:
    """The SHA-256 of the whole where the map says it: that of the only chunk, or of none."""
    match chunks.chunks:
        case ():
            return hashlib.sha256().digest()
        case (Chunk(sha256=only),):
            return only
    return b""


def check_wanted(wanted: bytes, found: bytes) -> None:
    if wanted and wanted != found:
        raise ChecksumMismatch("The file does not have the checksum announced.", received=found.hex())


def created(actor: Actor, file: File) -> AuditEvent:
    data = {"size": file.size, **({"sha256": file.sha256} if file.sha256 else {})}
    ref = ObjectRef("file", file.id, file.name)
    return AuditEvent(Actions.FILE_CREATE, actor, ref, data=data, at=file.created_at)


def brought_by(actor: Actor) -> str:
    """Who is noted with what the actor stores; "" where that is whose it is."""
    return (actor.id or actor.credential) if actor.acts_for else ""


def file_of(upload: Upload, spec: FileSpec, size: int, digest: bytes) -> File:
    return File(
        id=upload.id,
        name=spec.name,
        size=size,
        mime_type=spec.mime_type,
        owner=upload.owner,
        created_at=0,
        total_chunks=upload.chunk_count,
        digest=digest,
        tags=tuple(spec.tags),
        folder=spec.folder,
    )
