"""Earlier versions of a file: what it held before something else was put in its place.

The file keeps its identifier, its name, its place and its links; what changes is the content, which has an identifier
of its own (`File.content`). What a file held becomes a record of its own, which names the file and holds the bytes. So
nothing is ever copied, and each content is named by one record.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from backoffice.domain.files import File, FileState
from backoffice.domain.times import rfc3339
from backoffice.errors import VersionMismatch


def with_content(file: File, content: File, at: int, by: str) -> File:
    """The file as it holds what `content` held, a new file or an earlier version, from that time (ms) on. `by`: who
    brought it, by identifier.

    Dates in HTTP are whole seconds, so no two contents of a file are of the same one: what comes within the second of
    the one before is of the next.
    """
    own = content.content_id == file.id
    return replace(
        file,
        content="" if own else content.content_id,
        size=content.size,
        mime_type=content.mime_type,
        total_chunks=content.total_chunks,
        digest=content.digest,
        tags=content.tags or file.tags,
        number=file.number + 1,
        content_at=max(at, (file.stored_at // 1000 + 1) * 1000),
        content_by="" if by == file.owner else by,
        changed_at=at,
        version=file.version + 1,
    )


def earlier(file: File, version_id: str) -> File:
    """What the file holds now, as an earlier version of it. Its time is that at which the bytes came."""
    return File(
        id=version_id,
        name=file.name,
        size=file.size,
        mime_type=file.mime_type,
        owner=file.owner,
        created_at=file.stored_at,
        total_chunks=file.total_chunks,
        digest=file.digest,
        state=FileState.VERSION,
        content=file.content_id,
        number=file.number,
        content_by=file.content_by,
        version_of=file.id,
    )


def gone(version: File, at: int) -> File:
    """An earlier version that is dropped at that time (ms): its bytes are freed next."""
    return replace(version, state=FileState.GONE, changed_at=at, version=version.version + 1)


def handed_over(file: File, owner: str) -> File:
    """A file or an earlier version that belongs to somebody else from now on. Who brought the bytes stays."""
    return replace(file, owner=owner, content_by="" if file.stored_by == owner else file.stored_by)


def content_changes(file: File, content: File) -> dict[str, tuple[Any, Any]]:
    """What the log says of another content of a file. `content`: has what the file gets, also its type and tags."""
    changes: dict[str, tuple[Any, Any]] = {"content": (file.content_id, content.content_id)}
    if file.size != content.size:
        changes["size"] = (file.size, content.size)
    if file.digest and content.digest and file.digest != content.digest:
        changes["sha256"] = (file.sha256, content.sha256)
    if file.mime_type != content.mime_type:
        changes["mime_type"] = (file.mime_type, content.mime_type)
    if file.tags != content.tags:
        changes["tags"] = (list(file.tags), list(content.tags))
    return changes


def changed_meanwhile(file: File) -> VersionMismatch:
    """The refusal of content that was made of what the file does not hold any more; it says what it holds."""
    return VersionMismatch(
        "The file has other content by now.",
        version=file.version,
        etag=file.etag,
        number=file.number,
        size=file.size,
        sha256=file.sha256 or None,
        stored_at=rfc3339(file.stored_at),
    )
