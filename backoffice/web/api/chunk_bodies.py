"""The three forms in which a chunk may come: raw, in a form, in JSON. Each is held in memory once, and bounded."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from functools import partial
from typing import Annotated, Any, Final, TypedDict

from flask import Request
from pydantic import Field
from werkzeug.exceptions import UnsupportedMediaType

from backoffice.domain.files import OCTETS
from backoffice.errors import TooLarge
from backoffice.web.api.digests import Checksum, checksum_bytes, digest_field, single_digest
from backoffice.web.api.files import FileName
from backoffice.web.api.multipart import FORM, OVERHEAD, read_parts
from backoffice.web.api.parsing import (
    JSON,
    MAX_BYTES,
    Id,
    IntFromText,
    Strict,
    field_error,
    parse_json,
    query,
    reject_duplicates,
    validate,
)
from backoffice.web.api.places import FOR_IT, Folder, Path
from backoffice.web.body import read_exact, read_view
from backoffice.web.body_buffers import Allocate

DATA: Final = "chunk_data"
JSON_CHUNK: Final = 4 * 1024 * 1024
"""Largest chunk in JSON: it is in memory three times over (text, string, bytes), so only small ones are taken."""
MAX_CHUNKS: Final = 1_000_000
PATH: Final = "folder_path"
Bytes = bytes | memoryview | Callable[[], bytes | memoryview]
"""Of a chunk, or what receives them."""


class PieceFields(Strict):
    """What is said about a chunk, without its bytes."""

    file_id: Annotated[Id, Field(description="Left out with the first chunk: the answer has it")] = ""
    chunk_index: Annotated[int, Field(ge=0, lt=MAX_CHUNKS, description="0 for the first"), IntFromText]
    total_chunks: Annotated[int, Field(ge=1, le=MAX_CHUNKS, description="The same with every chunk"), IntFromText]
    checksum: (
        Annotated[Checksum, Field(description="SHA-256 of the chunk: `sha256:` and 64 hexadecimal digits")] | None
    ) = None
    total_size: (
        Annotated[
            int,
            Field(ge=0, le=MAX_BYTES, description="Bytes of the whole file, if known: reserves the quota for it"),
            IntFromText,
        ]
        | None
    ) = None
    name: Annotated[FileName, Field(description="Shown while the upload is unfinished")] = ""


class ChunkFields(PieceFields):
    """What is said about a chunk of an upload that has a place."""

    folder: Annotated[Folder, Field(description=f"{FOR_IT}. With the first chunk; the end may name another")] = ""
    folder_path: Path = ()


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

    chunk_data: Annotated[bytes, Field(json_schema_extra={"contentMediaType": OCTETS})]


class SentChunk(TypedDict):
    """A chunk as the chunk service takes it."""

    upload_id: str | None
    index: int
    total_chunks: int
    data: Bytes
    sha256: bytes | None
    size: int | None
    name: str


def receive_chunk(request: Request, largest: int, allocate: Allocate) -> tuple[SentChunk, ChunkFields]:
    """The chunk that a request sends, and what is said of it. Raises what `read_chunk` raises; Invalid where digests
    differ."""
    fields, data = read_chunk(request, largest, allocate)
    return _sent(request, fields, data), fields


def receive_piece(request: Request, largest: int, allocate: Allocate) -> SentChunk:
    """A raw one, of which no place is said. Raises likewise."""
    return _sent(request, query(PieceFields, request), partial(read_view, request, largest, allocate))


def _sent(request: Request, fields: PieceFields, data: Bytes) -> SentChunk:
    sha256 = checksum_bytes(fields.checksum)
    if request.mimetype in {"", OCTETS}:
        sha256 = single_digest(sha256, digest_field(request, "Content-Digest"))
    return SentChunk(
        upload_id=fields.file_id or None,
        index=fields.chunk_index,
        total_chunks=fields.total_chunks,
        data=data,
        sha256=sha256,
        size=fields.total_size,
        name=fields.name,
    )


def read_chunk(request: Request, largest: int, allocate: Allocate) -> tuple[ChunkFields, Bytes]:
    """What is said about the chunk, and its bytes (at most `largest`); or what receives them, where all is known before
    the body is read: into memory that `allocate` gives. It raises BodyCut, TooLarge.

    Raises Invalid, BodyCut, TooLarge, and 415 for a type of content that is none of the three.
    """
    match request.mimetype:
        case "" | "application/octet-stream":
            return query(ChunkFields, request), partial(read_view, request, largest, allocate)
        case "multipart/form-data":
            return _from_form(request, largest)
        case "application/json":
            return _from_json(request, min(largest, JSON_CHUNK))
        case _:
            raise UnsupportedMediaType(f"Send the chunk as {OCTETS}, {FORM} or {JSON}.")


def _from_json(request: Request, largest: int) -> tuple[ChunkFields, bytes]:
    limit = _base64_length(largest)
    said = validate(ChunkJson, parse_json(read_exact(request, limit + OVERHEAD)))
    if len(said.chunk_data) > limit:
        raise TooLarge(f"A chunk in JSON has at most {largest} bytes; send larger ones raw.", limit=largest)
    try:
        data = base64.b64decode(said.chunk_data.encode("ascii"), validate=True)
    except (UnicodeEncodeError, binascii.Error):
        raise field_error(DATA, "is not Base64 (RFC 4648, section 4, padded)") from None
    if len(data) > largest:
        raise TooLarge(f"A chunk in JSON has at most {largest} bytes; send larger ones raw.", limit=largest)
    return said, data


def _base64_length(size: int) -> int:
    return (size + 2) // 3 * 4


def _from_form(request: Request, largest: int) -> tuple[ChunkFields, bytes]:
    pairs: list[tuple[str, Any]] = []
    for name, value, is_file in read_parts(request, largest):
        if is_file != (name == DATA):
            raise field_error(name or "form", "must be a file part" if name == DATA else "must not be a file part")
        pairs.append((name, value))
    found = reject_duplicates((name, value) for name, value in pairs if name != PATH)
    if DATA not in found:
        raise field_error(DATA, "is required")
    data = found.pop(DATA)
    said: dict[str, Any] = {name: _text(name, value) for name, value in found.items()}
    if path := tuple(_text(name, value) for name, value in pairs if name == PATH):
        said[PATH] = path
    return validate(ChunkFields, said, text=True), data


def _text(name: str, value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        raise field_error(name, "is not UTF-8") from None
