"""The three forms in which a chunk may come: raw, in a form, in JSON. In each it is held in memory once, and bounded."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator
from typing import Any, Final

from flask import Request
from werkzeug.exceptions import RequestEntityTooLarge, UnsupportedMediaType
from werkzeug.sansio.multipart import NEED_DATA, Data, Epilogue, Field, File, MultipartDecoder, State

from backoffice.errors import Invalid, TooLarge
from backoffice.web.api.operation import OCTETS
from backoffice.web.api.parsing import JSON, check, field_error, one_each, parse_json, query
from backoffice.web.api.schemas import ChunkFields, ChunkJson
from backoffice.web.body import iter_body, read_exact, read_view

FORM: Final = "multipart/form-data"
DATA: Final = "chunk_data"
JSON_CHUNK: Final = 4 * 1024 * 1024
"""Largest chunk in JSON: it is in memory three times over (text, string, bytes), so only small ones are taken."""
OVERHEAD: Final = 64 * 1024
"""Room for all that is not the chunk: fields, part headers, boundaries."""
STEP: Final = 256 * 1024
MAX_PARTS: Final = 16
MAX_BOUNDARY: Final = 200
MAX_FIELD: Final = 4096


def read_chunk(request: Request, largest: int) -> tuple[ChunkFields, bytes | memoryview]:
    """What is said about the chunk, and its bytes (at most `largest`).

    Raises Invalid, BodyCut, TooLarge, and 415 for a type of content that is none of the three.
    """
    match request.mimetype:
        case "" | "application/octet-stream":
            fields = query(ChunkFields, request)
            return fields, read_view(request, largest)
        case "multipart/form-data":
            return _from_form(request, largest)
        case "application/json":
            return _from_json(request, min(largest, JSON_CHUNK))
        case _:
            raise UnsupportedMediaType(f"Send the chunk as {OCTETS}, {FORM} or {JSON}.")


def _from_json(request: Request, largest: int) -> tuple[ChunkFields, bytes]:
    limit = _base64_length(largest)
    said = check(ChunkJson, parse_json(read_exact(request, limit + OVERHEAD)))
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
    boundary = request.mimetype_params.get("boundary", "")
    # RFC 2046 allows 70 characters; some clients, Werkzeug's own among them, now and then send a few more.
    if not boundary.isascii() or not 0 < len(boundary) <= MAX_BOUNDARY:
        raise Invalid("The form has no boundary.")
    pairs: list[tuple[str, Any]] = []
    for name, value, is_file in _parts(request, boundary.encode(), largest):
        if is_file != (name == DATA):
            raise field_error(name or "form", "must be a file part" if name == DATA else "must not be a file part")
        pairs.append((name, value))
    found = one_each(pairs)
    if DATA not in found:
        raise field_error(DATA, "is required")
    data = found.pop(DATA)
    return check(ChunkFields, {name: _text(name, value) for name, value in found.items()}, text=True), data


def _parts(request: Request, boundary: bytes, largest: int) -> Iterator[tuple[str, bytes, bool]]:
    """Name, bytes and kind of each part. Nothing is written to disk, and a part is refused as soon as it is too long."""
    decoder = MultipartDecoder(boundary, max_parts=MAX_PARTS)
    name, is_file, kept, size = "", False, list[bytes](), 0
    try:
        for event in _events(decoder, request, largest + OVERHEAD):
            if isinstance(event, Field | File):
                name, is_file, kept, size = event.name or "", isinstance(event, File), [], 0
            elif isinstance(event, Data):
                size += len(event.data)
                if size > (largest if is_file else MAX_FIELD):
                    raise TooLarge(f"{name[:100]} is longer than {largest if is_file else MAX_FIELD} bytes.")
                kept.append(event.data)
                if not event.more_data:
                    yield name, kept[0] if len(kept) == 1 else b"".join(kept), is_file
    except RequestEntityTooLarge:
        raise TooLarge(f"A form with a chunk has at most {MAX_PARTS} parts.") from None
    except ValueError:
        # What the decoder says about it quotes the body, so it stays here.
        raise Invalid("The form is not well-formed.") from None


def _events(decoder: MultipartDecoder, request: Request, limit: int) -> Iterator[object]:
    for piece in iter_body(request, limit, STEP):
        decoder.receive_data(bytes(piece))
        while (event := decoder.next_event()) is not NEED_DATA:
            yield event
        if decoder.state in {State.PREAMBLE, State.PART} and len(decoder.buffer) > OVERHEAD:
            raise TooLarge("The headers of the form's parts are too long.")
    decoder.receive_data(None)
    while not isinstance(event := decoder.next_event(), Epilogue):
        yield event


def _text(name: str, value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        raise field_error(name, "is not UTF-8") from None
