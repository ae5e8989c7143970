"""The file that an upload becomes, and what the log says of it."""

from __future__ import annotations

import hashlib
from dataclasses import replace

from backoffice.domain.access import Actor
from backoffice.domain.actions import Actions
from backoffice.domain.audit import AuditEvent, ObjectRef
from backoffice.domain.files import File, FileSpec, FileState
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
    if file.sent_by:
        data["sent_by"] = file.sent_by
    if file.state is FileState.WAITING:
        data["state"] = str(file.state)
    ref = ObjectRef("file", file.id, file.name)
    return AuditEvent(Actions.FILE_CREATE, actor, ref, data=data, at=file.created_at)


def as_it_comes(file: File, spec: FileSpec, sender: str) -> File:
    """The file as it is stored; `sender`: the credential of who sends it, where that is not the owner."""
    if spec.delivery is None:
        return replace(file, delivered_by=sender) if sender else file
    waits = spec.delivery.review
    return replace(
        file,
        state=FileState.WAITING if waits else file.state,
        folder="" if waits else file.folder,  # whoever accepts it says where it comes to lie
        delivered_by=sender,
        sent_name=file.name,
        sent_by=spec.delivery.sent_by,
    )


def brought_by(actor: Actor) -> str:
    """Who is noted with what the actor stores; "" where that is whose it is."""
    return (actor.id or actor.credential) if actor.acts_for else ""


def file_of(upload: Upload, spec: FileSpec, size: int, digest: bytes) -> File:
    file = File(
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
    return as_it_comes(file, spec, upload.begun_by)
