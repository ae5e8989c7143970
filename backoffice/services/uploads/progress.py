"""How far an upload is, for a client that sends it in order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from backoffice.domain.access import Actor
from backoffice.domain.acts import Acts, decide_act
from backoffice.domain.files import File
from backoffice.domain.upload_metadata import metadata_of
from backoffice.domain.uploads import Upload


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an upload is, in bytes. `length` UNKNOWN: not declared yet; `offset` UNKNOWN: it is made of `parts` that
    do not have all their bytes yet; `expires_at` (ms) 0: it is a file by now; `concat`: as in `Upload`."""

    id: str
    offset: int
    length: int
    metadata: str = ""
    expires_at: int = 0
    concat: str = ""
    parts: tuple[str, ...] = ()

    @classmethod
    def of(cls, upload: Upload, offset: int, length: int) -> Self:
        return cls(
            upload.id, offset, length, upload.metadata, upload.expires_at, concat=upload.concat, parts=upload.parts
        )

    @classmethod
    def of_file(cls, upload_id: str, size: int) -> Self:
        """Of an upload of so many bytes that has all of them, and is a file or a version of one by now."""
        return cls(upload_id, size, size)


def said_of(actor: Actor, made: File) -> str:
    """What the client would say of it now, for who may read that: what it was called since is nothing to others."""
    allowed = decide_act(actor, Acts.FILE_READ, made.owner).allowed
    return metadata_of(made.name, made.mime_type) if allowed else ""
