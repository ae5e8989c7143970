"""Many small files in one request: what a request costs is more than what a small file does."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from io import BytesIO
from typing import Annotated, Any, Final

from flask import Response, request
from pydantic import Field

from backoffice.domain.acts import Acts
from backoffice.domain.files import FileSpec, OnConflict
from backoffice.domain.limits import MAX_BATCH_BYTES, MAX_BATCH_FILES, MAX_FOLDER_DEPTH
from backoffice.errors import BackofficeError, Invalid, TooLarge
from backoffice.web.api.blueprints import uploads_bp
from backoffice.web.api.files import FileAnswer, FileName
from backoffice.web.api.mime_types import guess_type
from backoffice.web.api.multipart import FORM, read_parts
from backoffice.web.api.operation import Operation
from backoffice.web.api.parsing import MAX_JSON, Strict, field_error, parse_json, validate
from backoffice.web.api.places import Folder
from backoffice.web.api.record_json import record_json
from backoffice.web.api.responses import Answer, owner_context, send_json
from backoffice.web.api.uploads import TAG, ConflictChoice
from backoffice.web.context import services
from backoffice.web.errors import problem_of
from backoffice.web.identity import actor
from backoffice.web.route_access import route_act

_FILES: Final = "files"
_CONTENT: Final = "content"
Store = Callable[[FileSpec, tuple[str, ...], bytes], dict[str, Any]]


class BatchFile(Strict):
    """One of the files."""

    name: FileName
    mime_type: Annotated[str, Field(max_length=255, description="Left out: from the ending of the name")] = ""
    sha256: (
        Annotated[str, Field(pattern=r"^[0-9a-fA-F]{64}$", description="SHA-256 of the file; the server checks it")]
        | None
    ) = None
    on_conflict: ConflictChoice = "rename"
    folder_path: Annotated[
        list[Annotated[str, Field(max_length=1024)]],
        Field(max_length=MAX_FOLDER_DEPTH, default_factory=list, description="As for an upload"),
    ]


class BatchFiles(Strict):
    """What is said of the files."""

    folder: Folder = ""
    files: Annotated[list[BatchFile], Field(min_length=1, max_length=MAX_BATCH_FILES)]


class BatchForm(Strict):
    """Files in a form."""

    files: Annotated[
        str,
        Field(
            description="First. JSON: `folder`, and `files` with what is said of each: `name`, and where wanted"
            " `mime_type`, `sha256`, `on_conflict`, `folder_path`, as for an upload",
            json_schema_extra={"contentMediaType": "application/json"},
        ),
    ]
    content: Annotated[
        list[bytes], Field(description="A file part for each of them, in their order", max_length=MAX_BATCH_FILES)
    ]


class BatchProblem(Answer):
    """Why a file is not stored: what the answer would be if it had come alone."""

    status: int
    code: str
    detail: str


class BatchItem(Answer):
    """What came of a file: one of the two."""

    file: FileAnswer | None
    problem: BatchProblem | None


class BatchAnswer(Answer):
    """What came of each file, in their order."""

    items: list[BatchItem]


@uploads_bp.post("/files/batch")
@Operation(
    "Upload many small files",
    TAG,
    answer=BatchAnswer,
    body={FORM: BatchForm},
    sends={"X-Durability": "How safe the stored ones are by now: `memory`, `os`, `disk` or `replica:k`"},
    raises=(TooLarge,),
    curl=(
        """curl -F 'files={"files": [{"name": "a.txt"}, {"name": "b.txt"}]}' -F content=@a.txt -F content=@b.txt"""
        ' "$SITE/files/batch"'
    ),
)
@route_act(Acts.FILE_CREATE, max_body=None)
def upload_batch() -> Response:
    """At most 100 files with 4 MiB together, each as if it came alone: one that is refused is in nobody's way. None is
    stored before all have come, so of a body that was cut nothing is left. Where the answer is lost, send the same
    again with `fail`: what was stored is refused by its name."""
    paths: dict[tuple[str, ...], str] = {}

    def store(spec: FileSpec, path: tuple[str, ...], content: bytes) -> dict[str, Any]:
        if path and path not in paths:
            paths[path] = services().folders.make_path(actor(), path, spec.folder).id
        placed = replace(spec, folder=paths[path]) if path else spec
        file = services().uploads.upload_stream(actor(), placed, BytesIO(content).readinto, len(content))
        return record_json(FileAnswer, file, owner_context([file.owner], actor()))

    return send_stored(store)


def send_stored(store: Store) -> Response:
    """What `store` makes of each file of the request, given where it goes, the folders below that, and its bytes: the
    file in JSON, or what it raises. Raises Invalid, BodyCut, TooLarge."""
    said, contents = _received()
    items = [
        _answer(partial(_store, store, said.folder, one, content))
        for one, content in zip(said.files, contents, strict=True)
    ]
    return send_json({"items": items}, headers={"X-Durability": services().system.durability_level})


def _received() -> tuple[BatchFiles, Sequence[bytes]]:
    """What is said of the files, and their bytes. Raises Invalid, BodyCut, TooLarge."""
    said: BatchFiles | None = None
    contents, size = list[bytes](), 0
    parts = read_parts(request, MAX_BATCH_BYTES, most=MAX_BATCH_FILES + 1, longest_field=MAX_JSON)
    for name, value, is_file in parts:
        if said is None:
            if name != _FILES or is_file:
                raise field_error(_FILES, "must come first, and is no file part")
            said = validate(BatchFiles, parse_json(value))
            continue
        if name != _CONTENT or not is_file:
            raise field_error(name or "form", f"must be a file part called {_CONTENT}")
        contents.append(value)
        size += len(value)
        if size > MAX_BATCH_BYTES:
            raise TooLarge(f"These files have more than {MAX_BATCH_BYTES} bytes together.", limit=MAX_BATCH_BYTES)
    if said is None:
        raise field_error(_FILES, "is required")
    if len(contents) != len(said.files):
        raise Invalid(f"{len(said.files)} files are named, and {len(contents)} came.", field=_CONTENT)
    return said, contents


def _store(store: Store, folder: str, one: BatchFile, content: bytes) -> dict[str, Any]:
    spec = FileSpec(
        name=one.name,
        mime_type=one.mime_type or guess_type(one.name),
        digest=bytes.fromhex(one.sha256 or ""),
        on_conflict=OnConflict(one.on_conflict),
        folder=folder,
    )
    return store(spec, tuple(one.folder_path), content)


def _answer(store: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """What came of a file."""
    try:
        return {"file": store(), "problem": None}
    except BackofficeError as error:
        return {"file": None, "problem": problem_of(error)}
