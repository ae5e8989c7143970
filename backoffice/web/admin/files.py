"""Everybody's files, and what all sections of what belongs to somebody have in common."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from flask import flash, g, redirect, request
from flask.typing import ResponseReturnValue
from flask_admin import expose
from markupsafe import Markup

from backoffice.domain.acts import Act, Acts
from backoffice.domain.limits import MAX_SELECTED, MAX_VERIFIED_AT_ONCE
from backoffice.domain.paging import Page, Query
from backoffice.domain.text import fold
from backoffice.errors import Invalid, NotFound
from backoffice.services.file_inspection import Verification
from backoffice.services.files import Files
from backoffice.web.admin.access import ViewActs
from backoffice.web.admin.actions import DeleteLabels, Link, RowAction, apply_to_each, bulk_action
from backoffice.web.admin.base import ServiceView
from backoffice.web.admin.bulk import BulkJob
from backoffice.web.admin.cells import Formatter, code_cell, count_cell, size_cell
from backoffice.web.admin.file_forms import FileForm, owner_id, split_tags, written_tags
from backoffice.web.admin.file_page import FACTS, file_panels, verdict
from backoffice.web.admin.filters import days, equals, one_of, sizes
from backoffice.web.admin.owners import WithOwner, owner_filter, owner_link, permitted_on_owned, with_owner, with_owners
from backoffice.web.admin.record_page import Panel
from backoffice.web.context import services
from backoffice.web.download import send_file
from backoffice.web.formats import NOTHING, number
from backoffice.web.identity import actor, may
from backoffice.web.names import kind_of, name_with_icon
from backoffice.web.route_access import Access, access_to


def file_name(_view: Any, _context: Any, record: Any, _name: str) -> Markup | str:
    """Column of names of files, with a drawing of their kind."""
    return (
        name_with_icon(record.name, kind_of(getattr(record, "mime_type", "") or "")[0])
        if record.name
        else "without a name"
    )


_KIND = Markup('<span title="%s">%s</span>')


def kind_cell(_view: Any, _context: Any, record: Any, name: str) -> Markup:
    """Column of types, in words; exactly on hover."""
    exact = getattr(record, name)
    return _KIND % (exact, kind_of(exact)[1]) if exact else NOTHING


class OwnedView(ServiceView):
    """What belongs to somebody."""

    column_labels: ClassVar = {
        "mime_type": "Type",
        "sha256": "SHA-256",
        "total_chunks": "Chunks",
        "purge_at": "Gone for good",
    }
    column_formatters: ClassVar[dict[str, Formatter]] = {
        "owner": owner_link,
        "name": file_name,
        "mime_type": kind_cell,
        "size": size_cell,
        "sha256": code_cell,
        "total_chunks": count_cell,
    }
    column_numeric = ("size", "bytes", "total_chunks")
    column_widths: ClassVar = {
        "owner": 8,
        "size": 6,
        "bytes": 6,
        "mime_type": 10,
        "total_chunks": 6,
        "created_at": 8,
        "trashed_at": 8,
        "updated_at": 8,
        "purge_at": 9,
        "expires_at": 9,
        "state": 8,
        "tags": 12,
    }
    column_low = ("mime_type",)
    badge_tones: ClassVar = {"ready": "good", "open": "info", "completing": "warn"}
    can_export = shares_trips = weighed = bulk_all = True

    def permits(self, act: Act, record: WithOwner) -> bool:
        return permitted_on_owned(act, record.record.owner)

    def links(self, record: WithOwner) -> Sequence[Link]:
        if not may(Acts.AUDIT_READ):
            return ()
        return [Link("Log", self.get_url("audit.index_view", flt0_object_is=f"file:{record.id}"), "audit")]


def _mime_types() -> list[tuple[str, int]]:
    """The commonest types with their numbers: one look for a whole request."""
    if "mime_types" not in g:
        g.mime_types = services().files.mime_types(actor())
    found: list[tuple[str, int]] = g.mime_types
    return found


class FileView(OwnedView):
    """Files outside the trash."""

    noun, icon, tab = "file", "files", "All"
    acts = ViewActs(read=Acts.FILE_READ, list=Acts.FILES_LIST_ALL, update=Acts.FILE_RENAME, delete=Acts.FILE_TRASH)
    delete_labels = DeleteLabels("Move to trash", done="was moved to the trash", asks=False)
    column_list = ("name", "owner", "size", "mime_type", "created_at")
    column_more = ("updated_at", "tags")
    column_details_list = ("owner", "size", "mime_type", "created_at", "updated_at", "tags", "sha256", "id")
    column_formatters_detail: ClassVar[dict[str, Formatter]] = {**OwnedView.column_formatters, **FACTS}
    details_template = "admin/file_details.html"
    column_sortable_list = ("name", "size", ("created_at", "created"))
    column_default_sort = ("created_at", True)
    column_filters = (
        owner_filter("owner"),
        one_of("mime_type", "Type", lambda: [(kind, f"{kind} ({n})") for kind, n in _mime_types()]),
        equals("tag", "Tag", fold, many=True),
        *sizes("size", "Size"),
        *days("created", "Created"),
    )
    searchable = True
    search_hint = "Words of the name, >100MB"
    empty_hint = "There are no files, but for what is in the trash or being uploaded."
    form_on_edit = FileForm
    jobs: ClassVar = {
        "delete": BulkJob("file.trash"),
        "tag": BulkJob("file.tag", ("add", "remove")),
        "transfer": BulkJob("file.transfer", ("owner",)),
    }
    service: Files

    @bulk_action("tag", "Tag", act=Acts.FILE_TAG)
    def tag(self, ids: list[str]) -> None:
        """It takes arguments, so it is a job however few they are; without any selected nothing happens."""

    @bulk_action("transfer", "Hand over", act=Acts.FILE_TRANSFER)
    def transfer(self, ids: list[str]) -> None:
        """Likewise."""

    def access_rules(self) -> dict[str, Access]:
        return {**super().access_rules(), "download_view": access_to(Acts.FILE_DOWNLOAD, everybody=True)}

    @expose("/download/")  # type: ignore[untyped-decorator]
    def download_view(self) -> ResponseReturnValue:
        """The same for who may only read."""
        answer = self.download(request.args.getlist("rowid")[:MAX_SELECTED])
        return answer if answer is not None else redirect(self.get_url(".index_view"))

    @bulk_action("download", "Download", act=Acts.FILE_DOWNLOAD)
    def download(self, ids: list[str]) -> ResponseReturnValue | None:
        """As one archive; each file is recorded as downloaded when its turn comes. Where one of them is gone or cannot
        be had, that is said, and nothing is sent."""
        try:
            opened = services().zips.open(actor(), ids)
        except NotFound:
            flash("Some of these files are not there any more, so nothing was sent.", "warning")
            return None
        except Invalid as error:
            flash(str(error), "error")
            return None
        return send_file(opened, request, opened.affords)

    def get_page(self, query: Query) -> Page[WithOwner]:
        """With the types that there are, which the filter offers."""
        page, _ = services().together(lambda: self.service.page(actor(), query, everybody=True), _mime_types)
        return with_owners(page)

    def get_one(self, key: str) -> WithOwner:
        return with_owner(self.service.get(actor(), key))

    def update_record(self, key: str, version: int | None, data: Mapping[str, Any]) -> None:
        """In one step: nothing of it is done where a part of it cannot be."""
        old = self.get_one(key)
        stays = data.get("owner", old.owner) == old.owner
        self.service.amend(
            actor(),
            key,
            name=data["name"],
            tags=split_tags(data["tags"]),
            owner=None if stays else owner_id(data["owner"]),
            version=version,
        )

    def delete_record(self, key: str) -> None:
        self.service.trash(actor(), key)

    def links(self, record: WithOwner) -> Sequence[Link]:
        download = Link("Download", self.get_url("api.files.download", file_id=record.id), "download")
        share = Link("Share", self.get_url("pages.file_share", file_id=record.id), "link")
        mine = record.record.owner == actor().id and may(Acts.LINK_CREATE)
        return [download, *([share] if mine else []), *super().links(record)]

    def panels(self, record: WithOwner) -> Sequence[Panel]:
        return file_panels(record, may_verify=self.permits(Acts.FILE_VERIFY, record))

    def tags_text(self, record: WithOwner) -> str:
        """For the form beside the facts."""
        return written_tags(record.tags)

    def may_tag(self, record: WithOwner) -> bool:
        return self.permits(Acts.FILE_TAG, record)

    def may_transfer(self, record: WithOwner) -> bool:
        return may(Acts.FILE_TRANSFER, everybody=True) and self.permits(Acts.FILE_TAG, record)

    def row_actions(self, record: WithOwner) -> Sequence[RowAction]:
        return self.actions.row_action("verify", record)

    @bulk_action("verify", "Verify now", act=Acts.FILE_VERIFY)
    def verify(self, ids: list[str]) -> None:
        """All of them together have the bound that one has."""
        found = list[Verification]()

        def verify(key: str) -> None:
            left = MAX_VERIFIED_AT_ONCE - sum(one.file.size for one in found)
            found.append(services().inspection.verify(actor(), key, most=left))

        apply_to_each(ids, verify, self.noun)
        whole = [one for one in found if one.ok]
        if len(whole) > 1:
            flash(f"{number(len(whole))} files are whole.", "success")
        for one in found:
            if not one.ok or len(whole) == 1:
                flash(*verdict(one))
