"""A form with files in it, sent without a script: each file goes into the store while the form still arrives.

Nothing of it is written to disk, and it is never in memory as a whole.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import IO, Any, Final, cast

from flask import Request
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.formparser import MultiPartParser
from werkzeug.sansio.multipart import File as FilePart

from backoffice.domain.access import Actor
from backoffice.domain.files import File, FileSpec, Target
from backoffice.domain.limits import MAX_BOUNDARY, MAX_FILES, MAX_PATH
from backoffice.errors import Invalid, TooLarge
from backoffice.services.uploads.new_file import NewFile
from backoffice.services.uploads.service import Uploads
from backoffice.web.body import RequestBody
from backoffice.web.part_headers import check_part_headers

STEP: Final = 256 * 1024
FIELDS: Final = 2 * STEP
"""Bytes for all that is not a file; the parser also holds one step of the body under this limit."""
_SEPARATOR: Final = re.compile(r"[/\\]")
BeginFile = Callable[[str, str], AbstractContextManager[tuple[NewFile, Callable[[], object]]]]
"""Begins a file of that name and type: where its bytes go, and what is called when they are all there. Left before
that, nothing remains of it."""


def take_form(
    request: Request,
    actor: Actor,
    uploads: Uploads,
    stored: Callable[[File], None],
    folder: str = "",
    into: Target | None = None,
) -> None:
    """Store every file of the form in a folder, or as the content of a file; `stored` is told of each as soon as it is
    safe. Raises what `receive_form` raises."""

    @contextmanager
    def begin(name: str, mime_type: str) -> Iterator[tuple[NewFile, Callable[[], None]]]:
        spec = FileSpec(name, mime_type, folder=folder, into=into)
        with uploads.open_stream(actor, spec) as new:
            yield new, lambda: stored(uploads.finish_stream(actor, new, spec))

    receive_form(request, begin, uploads.limits.max_file_size)


def receive_form(request: Request, begin_file: BeginFile, largest: int) -> None:
    """Give every file of the form, of at most `largest` bytes, to what `begin_file` makes for it. A control left empty
    is none.

    Raises Invalid (BodyCut), TooLarge and all that receiving a file raises; what was whole before stays.
    """
    boundary = request.mimetype_params.get("boundary", "")
    if request.mimetype != "multipart/form-data" or not boundary.isascii() or not 0 < len(boundary) <= MAX_BOUNDARY:
        raise Invalid("This is not a form with files.")
    body = RequestBody(request, largest * MAX_FILES)
    with ExitStack() as unfinished:

        def begin(*, filename: str | None, content_type: str | None, **_lengths: int | None) -> IO[bytes]:
            name = file_name(filename or "")
            if not name:
                return cast(IO[bytes], _Nothing())
            new, finish = unfinished.enter_context(begin_file(name, content_type or ""))

            def whole() -> None:
                finish()
                unfinished.pop_all().close()

            return cast(IO[bytes], _Part(new, whole))

        parser = _Parser(cast(Any, begin), max_form_memory_size=FIELDS, max_form_parts=MAX_FILES + 10, buffer_size=STEP)
        try:
            parser.parse(cast(IO[bytes], _Reader(body)), boundary.encode(), body.length)
        except RequestEntityTooLarge:
            raise TooLarge(f"A form takes at most {MAX_FILES} files.") from None
        except ValueError:
            # What the parser says about it quotes the body.
            raise Invalid("The form is not well-formed.") from None


def file_name(given: str) -> str:
    """The name without folders (some browsers send them along). Browsers write a double quote as `%22`, and a percent
    sign as itself. Raises Invalid for what is too long to be a name."""
    if len(given) > MAX_PATH:
        raise Invalid(f"A file's name with its folders has at most {MAX_PATH} characters.", field="name")
    return _SEPARATOR.split(given)[-1].replace("%22", '"')


class _Parser(MultiPartParser):
    """Werkzeug's, which hands on no more than two headers of a part."""

    def start_file_streaming(self, event: FilePart, total_content_length: int | None) -> IO[bytes]:
        check_part_headers(event.headers)
        return super().start_file_streaming(event, total_content_length)


class _Reader:
    """The body as the parser wants it."""

    def __init__(self, body: RequestBody) -> None:
        self._body, self._view = body, memoryview(bytearray(STEP))

    def read(self, size: int) -> bytes:
        view = self._view[:size]
        return bytes(view[: self._body.read_into(view)])


class _Part:
    """Where the parser puts a file. It winds back what it has written to the end: that is when the file is whole."""

    def __init__(self, new: NewFile, whole: Callable[[], None]) -> None:
        self._new, self._whole = new, whole

    def write(self, data: bytes) -> int:
        return self._new.write(data)

    def seek(self, _offset: int) -> None:
        self._whole()


class _Nothing:
    """Where the parser puts a file control that was left empty. Bytes without a name are nobody's file."""

    def write(self, data: bytes) -> int:
        if data:
            raise Invalid("A file needs a name.", field="name")
        return 0

    def seek(self, _offset: int) -> None:
        """It stays empty."""
