"""What comes in, as pydantic models: the same ones check requests and describe them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from backoffice.domain.paging import MAX_LIMIT, MAX_SEARCH
from backoffice.web.api.parsing import FLAG, WHOLE, Strict

MAX_BYTES = 2**63 - 1
MAX_CHUNKS = 1_000_000
MAX_CURSOR = 6000
"""A cursor holds a folded name, in which one character can have become eighteen."""

Id = Annotated[str, Field(max_length=64, description="Identifier, made by the server")]
Checksum = Annotated[
    str,
    Field(pattern=r"^sha256:[0-9a-fA-F]{64}$", description="`sha256:` and 64 hexadecimal digits"),
]
Hex = Annotated[str, Field(pattern=r"^[0-9a-fA-F]{64}$", description="SHA-256, 64 hexadecimal digits")]
Conflict = Annotated[
    Literal["rename", "fail", "replace"],
    Field(
        description="When you have a file of that name: keep both, refuse with 409, or put the old one into the trash"
    ),
]
Name = Annotated[
    str, Field(max_length=1024, description="File name: at most 255 bytes, no slash, no control character")
]
Tags = Annotated[tuple[str, ...], Field(max_length=100, description="At most 20 tags of at most 50 characters")]
Limit = Annotated[int, Field(ge=1, le=MAX_LIMIT, description="Items on a page"), WHOLE]
Cursor = Annotated[str, Field(max_length=MAX_CURSOR, description="`next_cursor` of the page before")]
MimeType = Annotated[str, Field(max_length=255, description="Left out: from the ending of the name")]


class ChunkFields(Strict):
    """What is said about a chunk, without its bytes."""

    file_id: Annotated[Id, Field(description="Left out with the first chunk: the answer has it")] = ""
    chunk_index: Annotated[int, Field(ge=0, lt=MAX_CHUNKS, description="0 for the first"), WHOLE]
    total_chunks: Annotated[int, Field(ge=1, le=MAX_CHUNKS, description="The same with every chunk"), WHOLE]
    checksum: (
        Annotated[Checksum, Field(description="SHA-256 of the chunk: `sha256:` and 64 hexadecimal digits")] | None
    ) = None
    total_size: (
        Annotated[
            int,
            Field(ge=0, le=MAX_BYTES, description="Bytes of the whole file, if known: reserves the quota for it"),
            WHOLE,
        ]
        | None
    ) = None
    name: Annotated[Name, Field(description="Shown while the upload is unfinished")] = ""


class ChunkJson(ChunkFields):
    """A chunk in JSON."""

    chunk_data: Annotated[
        str,
        Field(
            description="The bytes in Base64 (RFC 4648, section 4), padded",
            json_schema_extra={"contentEncoding": "base64"},
        ),
    ]


class ChunkForm(ChunkFields):
    """A chunk in a form. `chunk_data` is a file part."""

    chunk_data: Annotated[bytes, Field(json_schema_extra={"contentMediaType": "application/octet-stream"})]


class CompleteRequest(Strict):
    """All chunks are sent: make it a file."""

    file_id: Id
    name: Name
    mime_type: MimeType = ""
    total_size: Annotated[int, Field(ge=0, le=MAX_BYTES, description="Bytes of the whole file"), WHOLE]
    sha256: Annotated[Hex, Field(description="SHA-256 of the whole file; the server checks it")] | None = None
    tags: Annotated[list[str], Field(max_length=100, default_factory=list)]
    on_conflict: Conflict = "rename"


class WholeFields(Strict):
    """Query of a one-shot upload."""

    checksum: (
        Annotated[Checksum, Field(description="SHA-256 of the file: `sha256:` and 64 hexadecimal digits")] | None
    ) = None
    tag: Tags = ()
    on_conflict: Conflict = "rename"


class FilesQuery(Strict):
    """Which files, in what order, which part."""

    limit: Limit = 50
    cursor: Cursor = ""
    sort: Annotated[
        Literal["created", "name", "size"], Field(description="Trashed files are always sorted by date")
    ] = "created"
    order: Annotated[Literal["asc", "desc"] | None, Field(description="`desc` unless sorted by name")] = None
    q: Annotated[str, Field(max_length=MAX_SEARCH, description="Words of the name, each from its beginning")] = ""
    owner: Annotated[
        str,
        Field(max_length=320, description="Name or identifier of a user, or `*` for everybody; left out: your own"),
    ] = ""
    mime_type: Annotated[str, Field(max_length=255)] = ""
    tag: Annotated[tuple[str, ...], Field(max_length=5, description="Several times: all of them")] = ()
    state: Annotated[Literal["ready", "trashed"], Field(description="`trashed`: what can be restored")] = "ready"


class PageQuery(Strict):
    """Which part of a list."""

    limit: Limit = 50
    cursor: Cursor = ""


class UsersQuery(PageQuery):
    """Which users."""

    q: Annotated[str, Field(max_length=MAX_SEARCH, description="Words of the name or address")] = ""
    role: Annotated[str, Field(max_length=64)] = ""
    status: Literal["", "invited", "active", "disabled"] = ""


class PurgeQuery(Strict):
    """How to delete."""

    purge: Annotated[bool, Field(description="1: for good, past the trash"), FLAG] = False


class RenameRequest(Strict):
    """A new name."""

    new_name: Name


class UserRequest(Strict):
    """A new user. Without `password` the answer has a one-time link to set one."""

    username: Annotated[str, Field(max_length=256)]
    email: Annotated[str, Field(max_length=1024)] = ""
    password: Annotated[str, Field(max_length=1024, json_schema_extra={"format": "password"})] = ""
    roles: Annotated[
        list[str],
        Field(max_length=100, default_factory=lambda: ["user"], description="Names of roles; `user` when left out"),
    ]
    quota_bytes: Annotated[int, Field(ge=0, le=MAX_BYTES, description="`null`: the default quota"), WHOLE] | None = None


class RoleRequest(Strict):
    """A new role."""

    name: Annotated[str, Field(max_length=256)]
    description: Annotated[str, Field(max_length=1000)] = ""
    permissions: Annotated[list[str], Field(max_length=200, description="Such as `files:read`")]
