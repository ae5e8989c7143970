"""Other content for a file that somebody else shares to be written."""

from __future__ import annotations

from flask import Response, request

from backoffice.domain.acts import Acts
from backoffice.domain.file_versions import changed_meanwhile
from backoffice.domain.files import OCTETS
from backoffice.errors import (
    ChecksumMismatch,
    Conflict,
    Gone,
    NotFound,
    QuotaExceeded,
    StoreFull,
    TooLarge,
    TooMany,
    VersionMismatch,
)
from backoffice.web.api.blueprints import files_bp
from backoffice.web.api.digests import DIGEST, checksum_bytes, digest_field, single_digest
from backoffice.web.api.file_versions import STILL, UNSAID, ContentFields
from backoffice.web.api.operation import BYTES, Operation
from backoffice.web.api.parsing import query
from backoffice.web.api.shared import TAG, SharedFileAnswer
from backoffice.web.api.shared_uploads import CREATED
from backoffice.web.api.versions import demands_version, record_etag, send_record
from backoffice.web.body import RequestBody
from backoffice.web.context import services
from backoffice.web.identity import actor
from backoffice.web.route_access import route_act


@files_bp.put("/shares/<share_id>/files/<file_id>/content")
@Operation(
    "Give a shared file other content",
    TAG,
    answer=SharedFileAnswer,
    query=ContentFields,
    body={OCTETS: BYTES},
    headers={**STILL, "Content-Type": "Type of the file; left out: as it was", "Repr-Digest": DIGEST},
    sends={"ETag": "Entity tag of the metadata", "X-Durability": CREATED["X-Durability"]},
    raises=(NotFound, Gone, Conflict, VersionMismatch, ChecksumMismatch, TooLarge, QuotaExceeded, TooMany, StoreFull),
    curl='curl -T film.mp4 "$SITE/shares/$SHARE/files/$ID/content"',
)
@route_act(Acts.SHARE_WRITE, max_body=None)
def put_shared_content(share_id: str, file_id: str) -> Response:
    """Where the share gives `write`. What it held becomes an earlier version, which its owner can restore. Where no
    more are kept the oldest goes that you brought; of what others brought nothing goes, and without one of yours it is
    409. Where the site keeps none, it takes more than a share gives: 403."""
    wanted = query(ContentFields, request)
    sha256 = single_digest(
        checksum_bytes(wanted.checksum),
        digest_field(request, "Repr-Digest"),
        digest_field(request, "Content-Digest"),
    )
    shared, body = services().shared, RequestBody(request, services().uploads.limits.max_file_size)
    file = shared.replace_content(
        actor(),
        share_id,
        file_id,
        body.read_into,
        body.length,
        mime_type="" if request.mimetype in UNSAID else request.mimetype,
        digest=sha256 or b"",
        content=_demanded_content(share_id, file_id),
    )
    response = send_record(SharedFileAnswer, file)
    response.headers["X-Durability"] = services().system.durability_level
    return response


def _demanded_content(share_id: str, file_id: str) -> str:
    """What the file has to hold still, as `If-Match` demands; "" where it demands nothing. It names what a download or
    the metadata said, so it takes the right to read. Raises VersionMismatch, NotFound, NotAllowed."""
    if not demands_version():
        return ""
    file = services().shared.file(actor(), share_id, file_id).file
    if any(tag.strip('"') in request.if_match for tag in (file.etag, record_etag(file))):
        return file.content_id
    raise changed_meanwhile(file)
