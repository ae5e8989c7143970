"""Uploads in progress. Its script looks every two seconds; without it, the page says how things were when it came."""

from __future__ import annotations

from typing import Any, ClassVar, Final

from markupsafe import Markup

from backoffice.domain.acts import Acts
from backoffice.domain.paging import Page, Query
from backoffice.domain.uploads import UNKNOWN
from backoffice.services.uploads.pace import Pace, pace_of
from backoffice.services.uploads.service import Uploads
from backoffice.units import filesize
from backoffice.web.admin.access import ViewActs
from backoffice.web.admin.actions import DeleteLabels
from backoffice.web.admin.bulk import BulkJob
from backoffice.web.admin.cells import plain_cell, size_cell
from backoffice.web.admin.files import OwnedView
from backoffice.web.admin.filters import days
from backoffice.web.admin.owners import WithOwner, owner_filter, with_owner, with_owners
from backoffice.web.formats import NOTHING, duration, time_left
from backoffice.web.identity import actor

_BAR: Final = Markup(
    '<progress class="bar" max="%s" value="%s" aria-label="%s"></progress><span data-arrived>%s</span>'
)
_PACE: Final = Markup('<span data-pace data-bytes="%s" data-size="%s">%s</span>')
_STILL: Final = Markup('<span class="still">%s</span>')


def _chunks(_view: Any, _context: Any, record: WithOwner, _name: str) -> str:
    """How many of an upload's chunks have arrived."""
    total = record.total_chunks
    return f"{record.received:,} of {total:,}" if total != UNKNOWN else f"{record.received:,}"


def _progress(_view: Any, _context: Any, record: WithOwner, _name: str) -> Markup:
    """How much of it has arrived."""
    arrived, size = record.bytes, record.size
    if size == UNKNOWN:
        return Markup("<span data-arrived>%s so far</span>") % filesize(arrived)
    percent = 100 * arrived // size if size else 100
    text = f"{percent} % · {filesize(arrived)} of {filesize(size)}"
    return _BAR % (max(1, size), min(arrived, size), f"{percent} % of {record.name or 'the upload'}", text)


def _pace(view: Any, _context: Any, record: WithOwner, _name: str) -> Markup:
    """Its speed and the time that is left."""
    pace = pace_of(record.record, view.service.limits, view.service.now())
    return _PACE % (record.bytes, record.size, _in_words(pace))


def _in_words(pace: Pace) -> str | Markup:
    if pace.still_ms:
        return _STILL % f"nothing for {duration(pace.still_ms)}"
    if not pace.speed:
        return NOTHING
    left = f" · {time_left(pace.left)}" if pace.left is not None else ""
    return f"{filesize(pace.speed)}/s{left}"


class UploadView(OwnedView):
    """Files that are arriving."""

    noun, icon, tab_of, tab = "upload", "upload", "files", "In progress"
    logged_as = "file"
    acts = ViewActs(read=Acts.UPLOAD_READ, list=Acts.FILES_LIST_ALL, delete=Acts.UPLOAD_CANCEL)
    delete_labels = DeleteLabels(
        "Cancel upload",
        "Cancel this upload? What has arrived of it is lost.",
        "was cancelled",
        bulk_verb="Cancel",
        bulk_question="Cancel the selected uploads? What has arrived of them is lost.",
    )
    column_list = ("name", "owner", "progress", "pace", "expires_at", "address")
    column_export_list = ("name", "owner", "chunks", "bytes", "size", "created_at", "expires_at")
    column_details_list = (
        *("name", "owner", "progress", "pace", "chunks", "bytes", "size"),
        *("created_at", "expires_at", "address", "reserved", "state", "id"),
    )
    column_labels: ClassVar = {
        "progress": "Arrived",
        "pace": "Speed",
        "chunks": "Chunks",
        "bytes": "Received",
        "size": "Announced",
        "created_at": "Begun",
    }
    column_formatters: ClassVar = {
        **OwnedView.column_formatters,
        "progress": _progress,
        "pace": _pace,
        "chunks": _chunks,
        "address": plain_cell,
        "bytes": size_cell,
        "reserved": size_cell,
    }
    column_formatters_export: ClassVar = {"chunks": _chunks}
    column_widths: ClassVar = {
        **OwnedView.column_widths,
        "owner": 8,
        "progress": 14,
        "pace": 11,
        "expires_at": 6,
        "address": 7,
    }
    column_low = ("address",)
    column_sortable_list = ("name", ("expires_at", "expires"))
    column_default_sort = ("created", True)
    column_filters = (owner_filter("owner"), *days("created", "Begun"))
    list_template = "admin/uploads_list.html"
    searchable = True
    search_hint = "Words of the name"
    empty_hint = "Nothing is being uploaded."
    jobs: ClassVar = {"delete": BulkJob("upload.cancel")}
    service: Uploads

    def get_page(self, query: Query) -> Page[WithOwner]:
        return with_owners(self.service.page(actor(), query))

    def get_one(self, key: str) -> WithOwner:
        return with_owner(self.service.state(actor(), key).upload)

    def delete_record(self, key: str) -> None:
        self.service.cancel(actor(), key)
