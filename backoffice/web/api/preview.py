"""Looking at a file."""

from __future__ import annotations

from flask import Response, request

from backoffice.domain.acts import Acts
from backoffice.errors import NotFound, VersionMismatch
from backoffice.web.api.blueprints import files_bp
from backoffice.web.api.files import TAG
from backoffice.web.api.operation import BYTES, Operation
from backoffice.web.context import services
from backoffice.web.identity import actor
from backoffice.web.preview import send_preview
from backoffice.web.route_access import route_act


@files_bp.get("/files/<file_id>/preview")
@Operation(
    "Look at a file",
    TAG,
    answer=BYTES,
    also={206: "The part of sound or film that `Range` asks for", 304: "You have it already"},
    headers={"Range": "Of sound and film: one range of bytes, such as `bytes=0-499`"},
    raises=(NotFound, VersionMismatch),
    curl='curl "$SITE/files/$ID/preview"',
)
@route_act(Acts.FILE_DOWNLOAD)
def preview(file_id: str) -> Response:
    """For browsers: what can be shown so that nothing in it runs. Text up to 256 KiB, as `text/plain`; an image up to
    16 MiB, within a page of ours; sound and film as they are. In the log it is a download. 404 for other types."""
    return send_preview(services().files.open(actor(), file_id), request)
