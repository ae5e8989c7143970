"""The trash: what was deleted and can be restored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, ClassVar

from flask import g

from backoffice.domain.acts import Acts
from backoffice.domain.limits import MAX_LIMIT
from backoffice.domain.paging import Page, Query
from backoffice.services.files import Files
from backoffice.web.admin.access import ViewActs
from backoffice.web.admin.access_panel import who_can_panel
from backoffice.web.admin.actions import DeleteLabels, RowAction, RowButton, bulk_action
from backoffice.web.admin.bulk import BulkJob
from backoffice.web.admin.files import OwnedView
from backoffice.web.admin.list_state import ListState
from backoffice.web.admin.owners import WithOwner, owner_filter, with_owner, with_owners
from backoffice.web.admin.record_page import Panel
from backoffice.web.context import services
from backoffice.web.identity import actor


class TrashView(OwnedView):
    """Files in the trash."""

    noun, section, icon, tab_of = "file", "trash", "trash", "files"
    acts = ViewActs(read=Acts.FILE_READ, list=Acts.FILES_LIST_ALL, delete=Acts.FILE_PURGE)
    delete_labels = DeleteLabels(
        "Delete for good",
        "Delete this file for good? Nobody can bring it back.",
        "was deleted for good",
        bulk_question="Delete the selected files for good? Nobody can bring them back.",
    )
    column_list = ("name", "owner", "size", "mime_type", "updated_at", "purge_at")
    column_details_list = (*column_list, "created_at", "tags", "sha256", "id")
    column_labels: ClassVar = {**OwnedView.column_labels, "updated_at": "Deleted on"}
    column_default_sort = "purge"
    """What is purged first, first."""
    column_filters = (owner_filter("trash"),)
    searchable = True
    search_hint = "Words of the name"
    empty_hint = "The trash is empty."
    row_button = RowButton("restore", "Restore", "restore")
    list_template = "admin/trash_list.html"
    jobs: ClassVar = {"delete": BulkJob("file.purge"), "restore": BulkJob("file.restore")}
    service: Files

    def get_page(self, query: Query) -> Page[WithOwner]:
        """Of a list with how many bytes all of them have, as far as that can be said in the same trips."""
        if query.limit not in self.page_size_options:
            return with_owners(self.service.trash_page(actor(), query, everybody=True))
        whole = replace(query, limit=MAX_LIMIT, offset=0, cursor="")
        page, all_of_it = services().together(
            lambda: self.service.trash_page(actor(), query, everybody=True),
            lambda: self.service.trash_page(actor(), whole, everybody=True),
        )
        g.trash_bytes = sum(one.size for one in all_of_it.items)
        g.trash_bytes_exact = not all_of_it.next_cursor
        return with_owners(page)

    def list_context(self, state: ListState, found: Page[Any]) -> dict[str, Any]:
        weighed = {"trash_bytes": g.get("trash_bytes", 0), "trash_bytes_exact": g.get("trash_bytes_exact", True)}
        return {**super().list_context(state, found), **weighed}

    def get_one(self, key: str) -> WithOwner:
        return with_owner(self.service.trashed(actor(), key))

    def panels(self, record: WithOwner) -> Sequence[Panel]:
        return who_can_panel(record)

    def delete_record(self, key: str) -> None:
        self.service.purge(actor(), key)

    def row_actions(self, record: WithOwner) -> Sequence[RowAction]:
        return self.actions.row_action("restore", record, self.get_url(".index_view"))

    @bulk_action("restore", "Restore", act=Acts.FILE_RESTORE)
    def restore(self, ids: list[str]) -> None:
        self.actions.for_each(ids, self.service.restore, "was restored")
