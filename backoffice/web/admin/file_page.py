"""A file's own page: what is in it, what happened to it, what it is made of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from flask import request, url_for
from markupsafe import Markup

from backoffice.domain.acts import Acts
from backoffice.domain.files import File
from backoffice.domain.limits import MAX_VERIFIED_AT_ONCE
from backoffice.services.file_inspection import Verification
from backoffice.units import filesize
from backoffice.web.admin.access_panel import who_can_panel
from backoffice.web.admin.links import links_of
from backoffice.web.admin.owners import WithOwner
from backoffice.web.admin.record_page import Panel
from backoffice.web.admin.shares import shares_of
from backoffice.web.admin.timeline import timeline
from backoffice.web.context import services
from backoffice.web.formats import NOTHING, icon, number, size_tag, when_tag
from backoffice.web.identity import actor, may
from backoffice.web.names import kind_of
from backoffice.web.preview import shown_file

CHUNKS: Final = 100
"""On a page."""
NAMED: Final = 10
_COPIED: Final = Markup(
    '<span class="copied"><code class="id" id="copy-%s">%s</code>'
    '<button type="button" class="btn btn-sm" data-copy="copy-%s" hidden>%s<span>Copy</span></button></span>'
)
_LINK: Final = Markup('<a href="%s" download>%s</a>')
_DIGEST: Final = Markup('<code class="clip" title="%s">%s</code>')
_KIND: Final = Markup('%s <span class="muted text-break">%s</span>')
_EXACT_SIZE: Final = Markup('<span class="num">%s</span> <span class="muted num">%s bytes</span>')


def copied_cell(_view: Any, _context: Any, record: Any, name: str) -> Markup:
    """An identifier or a digest with a button that copies it."""
    value = getattr(record, name)
    return _COPIED % (name, value, name, icon("copy")) if value else NOTHING


def kind_with_type(_view: Any, _context: Any, record: Any, name: str) -> Markup:
    """The type in words, and as it is."""
    exact = getattr(record, name)
    return _KIND % (kind_of(exact)[1], exact)


def exact_size(_view: Any, _context: Any, record: Any, name: str) -> Markup | str:
    """Bytes in short, and to the last one."""
    size = getattr(record, name)
    if size < 1000:
        return filesize(size)
    return _EXACT_SIZE % (filesize(size), number(size))


FACTS: Final = {"id": copied_cell, "sha256": copied_cell, "mime_type": kind_with_type, "size": exact_size}
"""How columns look on the page of one file."""


def file_panels(record: WithOwner, *, may_verify: bool) -> Sequence[Panel]:
    """What may be seen of them."""
    panels = [Panel("preview", "Preview", "admin/file_preview.html", lambda: {"shown": shown_file(record.record)})]
    if record.number > 1:
        panels.append(Panel("versions", "Versions", "admin/user_list.html", lambda: _versions(record)))
    if may(Acts.AUDIT_READ):
        panels.append(Panel("activity", "Activity", "admin/timeline.html", lambda: timeline("file", record.id)))
    if may(Acts.LINK_READ):
        panels.append(Panel("links", "Share links", "admin/user_list.html", lambda: links_of("file", record.id)))
    if may(Acts.SHARE_READ):
        panels.append(Panel("shares", "Shares", "admin/user_list.html", lambda: shares_of("object", record.id)))
    details = "admin/file_chunks.html"
    panels.append(Panel("details", "Details", details, lambda: _details(record, may_verify=may_verify)))
    return [*panels, *who_can_panel(record)]


def _versions(record: WithOwner) -> dict[str, Any]:
    """What the file held before, as a short table."""
    history = services().files.history(actor(), record.id)
    names = services().users.names(sorted({one.stored_by for one in history.earlier}))
    rows = [
        (
            _LINK % (_version_address(one), f"Version {number(one.number)}"),
            size_tag(one.size),
            when_tag(one.stored_at),
            names.get(one.stored_by, one.stored_by),
            _DIGEST % (one.sha256, one.sha256) if one.digest else NOTHING,
        )
        for one in history.earlier
    ]
    return {
        "columns": ("Version", "Size", "Stored", "By", "SHA-256"),
        "rows": rows,
        "total": len(rows),
        "empty": "No earlier versions",
    }


def _version_address(version: File) -> str:
    return url_for("api.files.download_version", file_id=version.version_of, version_id=version.id)


def _details(record: WithOwner, *, may_verify: bool) -> dict[str, Any]:
    asked = request.args.get("chunk", "")
    first = int(asked) if asked.isascii() and asked.isdigit() and len(asked) < 9 else 0
    first -= first % CHUNKS
    total = record.total_chunks
    return {
        "chunks": services().inspection.chunks_of(actor(), record.id, first, CHUNKS),
        "first": first,
        "before": first - CHUNKS if first else None,
        "after": first + CHUNKS if first + CHUNKS < total else None,
        "may_verify": may_verify,
        "at_once": record.size <= MAX_VERIFIED_AT_ONCE,
        "most": MAX_VERIFIED_AT_ONCE,
    }


def verdict(found: Verification) -> tuple[str, str]:
    """What came of it in a sentence, and of which kind the message is."""
    file = found.file
    count = f"{number(file.total_chunks)} {'chunk' if file.total_chunks == 1 else 'chunks'}"
    if found.ok:
        return f"{file.name} is whole: {filesize(file.size)} in {count} compared.", "success"
    if found.whole_differs:
        return f"{file.name} is damaged: its SHA-256 is not the one that was stored.", "error"
    named = ", ".join(map(str, found.damaged[:NAMED]))
    more = f" and {number(len(found.damaged) - NAMED)} more" if len(found.damaged) > NAMED else ""
    which = "chunk" if len(found.damaged) == 1 else "chunks"
    return f"{file.name} is damaged: {which} {named}{more} of {count}. Restore it from a backup.", "error"
