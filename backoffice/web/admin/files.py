"""Everybody's files, the trash, and uploads in progress."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from flask_admin.actions import action
from flask_admin.form import BaseForm
from wtforms import StringField
from wtforms.validators import DataRequired, Length

from backoffice.domain.files import MAX_NAME_BYTES, File
from backoffice.domain.paging import Page, Query
from backoffice.domain.permissions import Permissions
from backoffice.domain.text import fold
from backoffice.domain.uploads import UNKNOWN
from backoffice.services.files import Files
from backoffice.services.uploads.service import Uploads
from backoffice.web.admin.base import Act, Allowed, Link, Removal, ServiceView
from backoffice.web.admin.filters import days, exactly, one_of, sizes
from backoffice.web.admin.formats import clipped, coded, counted, isolated, labelled, sized, stated, timed
from backoffice.web.admin.people import Owned, linked, user_id, user_name, with_owner, with_owners
from backoffice.web.context import services
from backoffice.web.identity import actor


@dataclass(frozen=True, slots=True)
class FileSource:
    """Files outside the trash."""

    files: Files

    def page(self, query: Query) -> Page[Owned]:
        return with_owners(self.files.page(actor(), query, everybody=True))

    def get(self, key: str) -> Owned:
        return with_owner(self.files.get(actor(), key))

    def update(self, key: str, data: Mapping[str, Any], version: int | None) -> File:
        return self.files.rename(actor(), key, data["name"], version)

    def delete(self, key: str) -> None:
        self.files.trash(actor(), key)


@dataclass(frozen=True, slots=True)
class TrashSource:
    """Files in the trash."""

    files: Files

    def page(self, query: Query) -> Page[Owned]:
        return with_owners(self.files.trash_page(actor(), query, everybody=True))

    def get(self, key: str) -> Owned:
        return with_owner(self.files.trashed(actor(), key))

    def delete(self, key: str) -> None:
        self.files.purge(actor(), key)


@dataclass(frozen=True, slots=True)
class UploadSource:
    """Files that are arriving."""

    uploads: Uploads

    def page(self, query: Query) -> Page[Owned]:
        return with_owners(self.uploads.page(actor(), query))

    def get(self, key: str) -> Owned:
        return with_owner(self.uploads.state(actor(), key).upload)

    def delete(self, key: str) -> None:
        self.uploads.cancel(actor(), key)


class RenameForm(BaseForm):  # type: ignore[misc]
    """What can be changed of a file."""

    name = StringField("Name", [DataRequired(), Length(max=MAX_NAME_BYTES)])


OWNER = exactly("owner", "Owner", user_id, show=user_name, hint="Name or e-mail")


def _progress(_view: Any, _context: Any, record: Owned, _name: str) -> str:
    """How many of an upload's chunks have arrived."""
    total = record.total_chunks
    return f"{record.received:,} of {total:,}" if total != UNKNOWN else f"{record.received:,}"


class OwnedView(ServiceView):
    """What belongs to somebody."""

    read_permission = Permissions.FILES_ALL_READ
    delete_permission = Permissions.FILES_ALL_DELETE
    column_labels: ClassVar = {
        "mime_type": "Type",
        "created_at": "Created",
        "updated_at": "Changed",
        "sha256": "SHA-256",
        "total_chunks": "Chunks",
        "purge_at": "Gone for good",
        "expires_at": "Expires",
        "id": "Identifier",
    }
    column_formatters: ClassVar = {
        "name": isolated,
        "owner": linked,
        "mime_type": clipped,
        "size": sized,
        "bytes": sized,
        "reserved": sized,
        "created_at": timed,
        "updated_at": timed,
        "purge_at": timed,
        "expires_at": timed,
        "tags": labelled,
        "sha256": coded,
        "total_chunks": counted,
        "progress": _progress,
        "state": stated({"ready": "good", "open": "info", "completing": "warn"}),
        "id": coded,
    }
    column_formatters_detail = column_formatters
    column_numeric = ("size", "bytes", "total_chunks")
    title_column = "name"
    can_export = True

    def links(self, record: Owned) -> Sequence[Link]:
        if not self.allowed(Permissions.AUDIT_READ):
            return ()
        return [Link("Log", self.get_url("audit.index_view", flt0_object_is=f"file:{record.id}"), "audit")]


class FileView(OwnedView):
    """Everybody's files."""

    write_permission = Permissions.FILES_ALL_WRITE
    noun = "file"
    removal = Removal("Move to trash", "Move this file to the trash?", "was moved to the trash")
    column_list = ("name", "owner", "size", "mime_type", "created_at")
    column_details_list = (*column_list, "updated_at", "tags", "sha256", "total_chunks", "state", "id")
    column_sortable_list = ("name", "size", ("created_at", "created"))
    column_default_sort = ("created_at", True)
    column_filters = (
        OWNER,
        one_of(
            "mime_type", "Type", lambda: [(kind, f"{kind} ({n})") for kind, n in services().files.mime_types(actor())]
        ),
        exactly("tag", "Tag", fold),
        *sizes("size", "Size"),
        *days("created", "Created"),
    )
    searchable = True
    search_hint = "Words of the name"
    empty_hint = "Nobody has uploaded anything yet."
    form = RenameForm
    source: FileSource

    def __init__(self, files: Files, allowed: Allowed) -> None:
        super().__init__(FileSource(files), allowed, name="Files", endpoint="files", url="/admin/files", icon="files")

    def links(self, record: Owned) -> Sequence[Link]:
        return [
            Link("Download", self.get_url("api.files.download", file_id=record.id), "download"),
            *super().links(record),
        ]

    @action("delete", "Move to trash", "Move the selected files to the trash?")  # type: ignore[untyped-decorator]
    def action_delete(self, ids: list[str]) -> None:
        super().action_delete(ids)


class TrashView(OwnedView):
    """What was deleted and can be restored."""

    noun = "file"
    removal = Removal("Delete for good", "Delete this file for good? Nobody can bring it back.", "was deleted for good")
    column_list = ("name", "owner", "size", "mime_type", "updated_at", "purge_at")
    column_details_list = (*column_list, "created_at", "tags", "sha256", "id")
    column_labels: ClassVar = {**OwnedView.column_labels, "updated_at": "Deleted"}
    column_filters = (exactly("trash", "Owner", user_id, show=user_name, hint="Name or e-mail"),)
    column_default_sort = ""
    action_permissions: ClassVar = {"restore": Permissions.FILES_ALL_DELETE}
    empty_hint = "The trash is empty."
    source: TrashSource

    def __init__(self, files: Files, allowed: Allowed) -> None:
        super().__init__(TrashSource(files), allowed, name="Trash", endpoint="trash", url="/admin/trash", icon="trash")

    def _order(self, sort_field: str | None, desc: bool) -> tuple[str, bool]:  # noqa: ARG002
        """What is purged first, first."""
        return "purge", False

    def acts(self, record: Owned) -> Sequence[Act]:  # noqa: ARG002
        return self.act("restore", self.get_url(".index_view"))

    @action("delete", "Delete for good", "Delete the selected files for good? Nobody can bring them back.")  # type: ignore[untyped-decorator]
    def action_delete(self, ids: list[str]) -> None:
        super().action_delete(ids)

    @action("restore", "Restore", "")  # type: ignore[untyped-decorator]
    def action_restore(self, ids: list[str]) -> None:
        self.told(self.each(ids, lambda key: self.source.files.restore(actor(), key)), "was restored")


class UploadView(OwnedView):
    """Uploads in progress."""

    delete_permission = Permissions.FILES_ALL_WRITE
    noun, logged_as = "upload", "file"
    removal = Removal("Cancel upload", "Cancel this upload? What has arrived of it is lost.", "was cancelled")
    column_list = ("name", "owner", "progress", "bytes", "size", "created_at", "expires_at")
    column_details_list = (*column_list, "reserved", "state", "id")
    column_labels: ClassVar = {
        **OwnedView.column_labels,
        "progress": "Chunks",
        "bytes": "Received",
        "size": "Announced",
    }
    column_formatters_export: ClassVar = {**OwnedView.column_formatters_export, "progress": _progress}
    column_sortable_list = ("name", ("created_at", "created"), ("expires_at", "expires"))
    column_default_sort = ("created_at", True)
    column_filters = (OWNER, *days("created", "Created"))
    searchable = True
    search_hint = "Words of the name"
    empty_hint = "Nothing is being uploaded."
    source: UploadSource

    def __init__(self, uploads: Uploads, allowed: Allowed) -> None:
        source = UploadSource(uploads)
        super().__init__(source, allowed, name="Uploads", endpoint="uploads", url="/admin/uploads", icon="upload")

    def record_title(self, record: Owned) -> str:
        return str(record.name or record.id)

    @action("delete", "Cancel", "Cancel the selected uploads? What has arrived of them is lost.")  # type: ignore[untyped-decorator]
    def action_delete(self, ids: list[str]) -> None:
        super().action_delete(ids)
