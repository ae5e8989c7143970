"""The audit log, for programs of auditors."""

from __future__ import annotations

import base64
from typing import Annotated, Final
from urllib.parse import urlencode

from flask import Response, request
from pydantic import Field

from backoffice.domain.acts import Acts
from backoffice.services.archive import Export
from backoffice.web.api.blueprints import admin_bp
from backoffice.web.api.operation import BYTES, Operation
from backoffice.web.api.parsing import IntFromText, Strict, query
from backoffice.web.api.users import TAG
from backoffice.web.context import services
from backoffice.web.identity import actor
from backoffice.web.route_access import route_act

MOST_ENTRIES: Final = 100_000
"""Entries of one answer: some 60 MB, which are read twice."""
JSON_LINES: Final = "application/jsonl"

_WHERE = "identifier of an entry, or a day or time (RFC 3339)"


class ExportQuery(Strict):
    """Which entries."""

    since: Annotated[str, Field(max_length=40, description=f"The first one: {_WHERE}")] = ""
    until: Annotated[str, Field(max_length=40, description=f"The last one: {_WHERE}, before which it was")] = ""
    limit: Annotated[int, Field(ge=1, le=MOST_ENTRIES, description="Entries at most"), IntFromText] = MOST_ENTRIES


@admin_bp.get("/audit/export")
@Operation(
    "Export the audit log",
    TAG,
    answer=BYTES,
    query=ExportQuery,
    sends={
        "Repr-Digest": "SHA-256 of the lines (RFC 9530), which the log has, too",
        "Link": "Where it goes on, when there are more entries",
        "X-Log-Trimmed": "Identifier of the last entry that has left the log, when some have",
    },
    curl='curl "$SITE/admin/audit/export?since=2026-01-01&until=2026-02-01"',
)
@route_act(Acts.AUDIT_EXPORT)
def export_audit() -> Response:
    """The entries in their order, a line of JSON each: `id`, and `event` exactly as it is stored. That they are taken
    is an entry itself, written before the first line is sent. A range that has left the log is empty."""
    wanted = query(ExportQuery, request)
    found = services().archive.export(actor(), since=wanted.since, until=wanted.until, most=wanted.limit)
    return Response(found.lines(""), headers=_headers(found, wanted), mimetype=JSON_LINES)


def _headers(found: Export, wanted: ExportQuery) -> dict[str, str]:
    headers = {"Content-Length": str(found.size)}
    if found.extent is not None:
        digest = base64.b64encode(bytes.fromhex(found.extent.sha256)).decode()
        headers["Repr-Digest"] = f"sha-256=:{digest}:"
        headers["Content-Disposition"] = f'attachment; filename="audit-{found.extent.first}.jsonl"'
    if found.trimmed is not None:
        headers["X-Log-Trimmed"] = found.trimmed.last
    if found.following:
        asked = {"since": found.following, "until": wanted.until, "limit": wanted.limit}
        following = urlencode({name: value for name, value in asked.items() if value})
        headers["Link"] = f'<{request.script_root}{request.path}?{following}>; rel="next"'
    return headers
