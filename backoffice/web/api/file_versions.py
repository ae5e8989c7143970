"""Other content for a file, and what it held before."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Final

from flask import Response, request
from flask.typing import ResponseReturnValue
from pydantic import Field

from backoffice.domain.access import Actor
from backoffice.domain.acts import Acts
from backoffice.domain.file_versions import changed_meanwhile
from backoffice.domain.files import OCTETS, File
from backoffice.domain.paging import Page
from backoffice.errors import (
    ChecksumMismatch,
    Gone,
    NotFound,
    QuotaExceeded,
    StoreFull,
    TooLarge,
    TooMany,
    VersionMismatch,
)
from backoffice.web.api.blueprints import files_bp
from backoffice.web.api.digests import DIGEST, Checksum, checksum_bytes, digest_field, single_digest
from backoffice.web.api.files import IF_MATCH, TAG, FileAnswer, demanded_file_version, send_file_record
from backoffice.web.api.operation import BYTES, Operation
from backoffice.web.api.parsing import Id, Strict, query
from backoffice.web.api.responses import Answer, OptionalText, OwnerName, PageOf, Time, owner_context, send_page
from backoffice.web.api.versions import ETAG, demands_version, record_etag
from backoffice.web.body import RequestBody
from backoffice.web.client_socket import client_waits
from backoffice.web.context import services
from backoffice.web.download import send_file
from backoffice.web.identity import actor
from backoffice.web.route_access import route_act

UNSAID: Final = {"", OCTETS, "application/x-www-form-urlencoded"}
"""Types that programs send with any bytes when nobody has told them one."""
STILL: Final = {
    "If-Match": "ETag of the download, or of the metadata: refuse with 412 when the file holds something else by now"
}


class FileVersionAnswer(Answer):
    """What a file held before."""

    id: Id
    number: Annotated[int, Field(description="1 is what the file came with; what it holds now has the highest")]
    name: Annotated[str, Field(description="What the file was called when it got other content")]
    size: int
    mime_type: str
    sha256: Annotated[OptionalText, Field(description="Hexadecimal; `null` until it is computed")]
    stored_at: Annotated[Time, Field(description="When these bytes came")]
    stored_by: Annotated[OwnerName, Field(description="User name of who brought them")]
    stored_by_id: Annotated[str, Field(validation_alias="stored_by")]


class FileVersionsAnswer(PageOf[FileVersionAnswer]):
    """All of them, the newest first."""

    size: Annotated[int, Field(description="Bytes that they take of the quota")]


class ContentFields(Strict):
    """Query of other content."""

    checksum: (
        Annotated[Checksum, Field(description="SHA-256 of the file: `sha256:` and 64 hexadecimal digits")] | None
    ) = None


@dataclass(frozen=True, slots=True)
class _Versions(Page[File]):
    """A page with all that a file held before."""

    size: int = 0


@files_bp.put("/files/<file_id>/content")
@Operation(
    "Give a file other content",
    TAG,
    answer=FileAnswer,
    query=ContentFields,
    body={OCTETS: BYTES},
    headers={**STILL, "Content-Type": "Type of the file; left out: as it was", "Repr-Digest": DIGEST},
    sends={**ETAG, "X-Durability": "How safe it is by now: `memory`, `os`, `disk` or `replica:k`"},
    raises=(
        ChecksumMismatch,
        NotFound,
        Gone,
        VersionMismatch,
        TooLarge,
        QuotaExceeded,
        TooMany,
        StoreFull,
    ),
    curl='curl -T film.mp4 "$SITE/files/$ID/content"',
)
@route_act(Acts.FILE_CONTENT, max_body=None)
def put_content(file_id: str) -> Response:
    """A body of any length, for a file of your own. It keeps its identifier, name, place, tags and share links; what it
    held becomes an earlier version, of which the site keeps some. If anything goes wrong, the file is as it was. The
    412 says what the file holds instead."""
    wanted = query(ContentFields, request)
    sha256 = single_digest(
        checksum_bytes(wanted.checksum),
        digest_field(request, "Repr-Digest"),
        digest_field(request, "Content-Digest"),
    )
    uploads, content = services().uploads, _demanded_content(file_id, actor())
    body = RequestBody(request, uploads.limits.max_file_size)
    if client_waits(request.environ):
        services().files.foresee(actor(), body.length or 0)
    file = uploads.replace_content(
        actor(),
        file_id,
        body.read_into,
        body.length,
        mime_type="" if request.mimetype in UNSAID else request.mimetype,
        digest=sha256 or b"",
        content=content,
    )
    response = send_file_record(file, actor())
    response.headers["X-Durability"] = services().system.durability_level
    return response


@files_bp.get("/files/<file_id>/versions")
@Operation(
    "What a file held before",
    TAG,
    answer=FileVersionsAnswer,
    raises=(NotFound,),
    curl='curl "$SITE/files/$ID/versions"',
)
@route_act(Acts.FILE_READ)
def list_versions(file_id: str) -> Response:
    """The earlier versions that are kept, all on one page. What the file holds now is not among them."""
    found = services().files.history(actor(), file_id)
    page = _Versions(tuple(found.earlier), len(found.earlier), size=found.size)
    return send_page(FileVersionsAnswer, page, owner_context((one.stored_by for one in found.earlier), actor()))


@files_bp.get("/files/<file_id>/versions/<version_id>")
@Operation(
    "Download an earlier version",
    TAG,
    answer=BYTES,
    also={206: "The part that `Range` asks for", 304: "You have it already"},
    headers={"Range": "As with a download of the file"},
    sends={"ETag": "Strong: that which the file had", "Content-Disposition": "Always `attachment`, with the name"},
    raises=(NotFound, VersionMismatch),
    curl='curl -OJ "$SITE/files/$ID/versions/$VERSION"',
)
@route_act(Acts.FILE_DOWNLOAD)
def download_version(file_id: str, version_id: str) -> Response:
    """As a file is downloaded, with the same conditions and ranges."""
    return send_file(services().files.open_version(actor(), file_id, version_id), request)


@files_bp.post("/files/<file_id>/versions/<version_id>/restore")
@Operation(
    "Let a file hold an earlier version again",
    TAG,
    answer=FileAnswer,
    headers=IF_MATCH,
    sends=ETAG,
    raises=(NotFound, VersionMismatch),
    curl='curl -X POST "$SITE/files/$ID/versions/$VERSION/restore"',
)
@route_act(Acts.FILE_REVERT)
def restore_version(file_id: str, version_id: str) -> Response:
    """What the file holds now becomes an earlier version itself, so nothing is lost and no quota used. Who may not read
    the file is answered with its `id` and `version` alone."""
    version = demanded_file_version(file_id, actor(), Acts.FILE_REVERT)
    return send_file_record(services().files.restore_version(actor(), file_id, version_id, version), actor())


@files_bp.delete("/files/<file_id>/versions/<version_id>")
@Operation(
    "Delete an earlier version",
    TAG,
    status=204,
    raises=(NotFound,),
    curl='curl -X DELETE "$SITE/files/$ID/versions/$VERSION"',
)
@route_act(Acts.FILE_PRUNE)
def delete_version(file_id: str, version_id: str) -> ResponseReturnValue:
    """For good: its bytes are free, and count against no quota, when this is answered."""
    services().files.delete_version(actor(), file_id, version_id)
    return "", 204


def _demanded_content(file_id: str, asking: Actor) -> str:
    """What the file has to hold still, as `If-Match` demands; "" where it demands nothing. Raises VersionMismatch,
    NotFound."""
    if not demands_version():
        return ""
    file = services().files.target(asking, file_id, Acts.FILE_CONTENT)
    if any(tag.strip('"') in request.if_match for tag in (file.etag, record_etag(file))):
        return file.content_id
    raise changed_meanwhile(file)
