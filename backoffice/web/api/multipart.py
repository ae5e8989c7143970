"""A form (multipart/form-data, RFC 7578) with few parts, read into memory within bounds."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from flask import Request
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.sansio.multipart import NEED_DATA, Data, Epilogue, Field, File, MultipartDecoder, State

from backoffice.domain.limits import MAX_BOUNDARY
from backoffice.errors import Invalid, TooLarge
from backoffice.web.body import iter_body
from backoffice.web.part_headers import check_part_headers

FORM: Final = "multipart/form-data"
OVERHEAD: Final = 64 * 1024
"""Room for all that is not the file: fields, part headers, boundaries."""
STEP: Final = 256 * 1024
MAX_PARTS: Final = 16
MAX_FIELD: Final = 4096


def read_parts(
    request: Request, largest: int, *, most: int = MAX_PARTS, longest_field: int = MAX_FIELD
) -> Iterator[tuple[str, bytes, bool]]:
    """Name, bytes and whether it is a file, of each of at most `most` parts. Nothing is written to disk.

    All files together have at most `largest` bytes; a part is refused as soon as it is too long, a field where it has
    more than `longest_field`. Raises Invalid, BodyCut, TooLarge.
    """
    boundary = request.mimetype_params.get("boundary", "")
    if not boundary.isascii() or not 0 < len(boundary) <= MAX_BOUNDARY:
        raise Invalid("The form has no boundary.")
    decoder = MultipartDecoder(boundary.encode(), max_parts=most)
    name, is_file, kept, size = "", False, list[bytes](), 0
    try:
        for event in _events(decoder, request, largest + max(OVERHEAD, 2 * longest_field)):
            if isinstance(event, Field | File):
                check_part_headers(event.headers)
                name, is_file, kept, size = event.name or "", isinstance(event, File), [], 0
            elif isinstance(event, Data):
                size += len(event.data)
                if size > (largest if is_file else longest_field):
                    raise TooLarge(f"{name[:100]} is longer than {largest if is_file else longest_field} bytes.")
                kept.append(event.data)
                if not event.more_data:
                    yield name, kept[0] if len(kept) == 1 else b"".join(kept), is_file
    except RequestEntityTooLarge:
        raise TooLarge(f"This form has at most {most} parts.") from None
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
