"""Uploads in progress."""

from __future__ import annotations

from typing import Any, ClassVar

from backoffice.domain.acts import Acts
from backoffice.domain.paging import Page, Query
from backoffice.domain.uploads import UNKNOWN
from backoffice.services.uploads.service import Uploads
from backoffice.web.admin.access import ViewActs
from backoffice.web.admin.actions import DeleteLabels
from backoffice.web.admin.cells import size_cell
from backoffice.web.admin.files import OwnedView
from backoffice.web.admin.filters import days
from backoffice.web.admin.owners import WithOwner, owner_filter, with_owner, with_owners
from backoffice.web.identity import actor


def _progress(_view: Any, _context: Any, record: WithOwner, _name: str) -> str:
    """How many of an upload's chunks have arrived."""
    total = record.total_chunks
    return f"{record.received:,} of {total:,}" if total != UNKNOWN else f"{record.received:,}"


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
    column_list = ("name", "owner", "progress", "bytes", "size", "created_at", "expires_at")
    column_details_list = (*column_list, "reserved", "state", "id")
    column_labels: ClassVar = {"progress": "Chunks", "bytes": "Received", "size": "Announced"}
    column_formatters: ClassVar = {
        **OwnedView.column_formatters,
        "progress": _progress,
        "bytes": size_cell,
        "reserved": size_cell,
    }
    column_formatters_export: ClassVar = {"progress": _progress}
    column_widths: ClassVar = {**OwnedView.column_widths, "progress": 7}
    column_low = ("created_at",)
    column_sortable_list = ("name", ("created_at", "created"), ("expires_at", "expires"))
    column_default_sort = ("created_at", True)
    column_filters = (owner_filter("owner"), *days("created", "Created"))
    searchable = True
    search_hint = "Words of the name"
    empty_hint = "Nothing is being uploaded."
    service: Uploads

    def get_page(self, query: Query) -> Page[WithOwner]:
        return with_owners(self.service.page(actor(), query))

    def get_one(self, key: str) -> WithOwner:
        return with_owner(self.service.state(actor(), key).upload)

    def delete_record(self, key: str) -> None:
        self.service.cancel(actor(), key)
