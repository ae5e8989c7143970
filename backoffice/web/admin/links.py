"""Everybody's share links: what strangers can get at, and who lets them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Final

from flask import url_for
from markupsafe import Markup

from backoffice.domain.acts import Act, Acts
from backoffice.domain.links import HeldLink, LinkKind, LinkState
from backoffice.domain.paging import Page, Query
from backoffice.services.links import Links
from backoffice.web.admin.access import ViewActs
from backoffice.web.admin.actions import DeleteLabels, Link, RowAction, bulk_action
from backoffice.web.admin.base import ServiceView
from backoffice.web.admin.bulk import BulkJob
from backoffice.web.admin.cells import Formatter
from backoffice.web.admin.filters import days, equals, one_of
from backoffice.web.admin.owners import permitted_on_owned, person_filter
from backoffice.web.context import services
from backoffice.web.formats import time_tag, when_tag
from backoffice.web.identity import actor, may
from backoffice.web.link_cells import KINDS, downloads_of, link_label, link_state, used_at

SHOWN: Final = 20
"""Of a file or a person, beside it; the list has all."""
_LINK: Final = Markup('<a class="quiet" href="%s"><bdi>%s</bdi></a>')
_NAME: Final = Markup("<bdi>%s</bdi>")


def _owner_cell(_view: Any, _context: Any, held: HeldLink, _name: str) -> Markup:
    there = held.username != held.owner and may(Acts.USER_READ)
    return _LINK % (url_for("users.details_view", id=held.owner), held.username) if there else _NAME % held.username


def _password_cell(_view: Any, _context: Any, held: HeldLink, _name: str) -> str:
    return "with a password" if held.has_password else "open to whoever has the address"


class LinkView(ServiceView):
    """What strangers can get at without signing in."""

    noun, icon, tab_of, heading, tab = "link", "link", "files", "Share links", "Links"
    acts = ViewActs(read=Acts.LINK_READ, delete=Acts.LINK_REVOKE)
    delete_labels = DeleteLabels(
        "Revoke",
        "Revoke this link? Whoever has it gets nothing by it any more.",
        "was revoked",
        bulk_question="Revoke the selected links? Whoever has them gets nothing by them any more.",
    )
    column_list = ("name", "kind", "owner", "state", "downloads", "last_used_at", "expires_at", "created_at")
    column_details_list = (*column_list, "has_password", "because", "id")
    column_labels: ClassVar = {
        "name": "Object",
        "kind": "Leads to",
        "last_used_at": "Last used",
        "expires_at": "Expires",
        "has_password": "Protection",
        "because": "Not open because",
    }
    column_formatters: ClassVar[dict[str, Formatter]] = {
        "name": lambda _view, _context, held, _name: link_label(held),
        "owner": _owner_cell,
        "kind": lambda _view, _context, held, _name: KINDS[held.kind],
        "state": lambda _view, _context, held, _name: link_state(held),
        "downloads": lambda _view, _context, held, _name: downloads_of(held),
        "last_used_at": lambda _view, _context, held, _name: used_at(held),
        "has_password": _password_cell,
    }
    column_widths: ClassVar = {
        "kind": 7,
        "owner": 9,
        "state": 7,
        "downloads": 8,
        "last_used_at": 9,
        "expires_at": 9,
        "created_at": 9,
    }
    column_numeric = ("downloads",)
    column_low = ("kind", "created_at")
    column_sortable_list = ("name", ("expires_at", "expires"), ("created_at", "created"))
    column_default_sort = ("created_at", True)
    column_filters = (
        person_filter("owner", "Owner"),
        one_of("kind", "Leads to", lambda: [(str(kind), words) for kind, words in KINDS.items()]),
        equals("file", "File", hint="Identifier of a file"),
        equals("folder", "Folder", hint="Identifier of a folder"),
        *days("created", "Created"),
        *days("expires", "Expires"),
    )
    searchable = True
    search_hint = "Words of the name of a file or folder"
    empty_hint = "Nobody shares anything by link."
    can_export = bulk_all = True
    jobs: ClassVar = {"delete": BulkJob("link.revoke")}
    service: Links

    def get_page(self, query: Query) -> Page[HeldLink]:
        return self.service.held(actor(), query, everybody=True)

    def get_one(self, key: str) -> HeldLink:
        return self.service.held_one(actor(), key)

    def permits(self, act: Act, record: HeldLink) -> bool:
        return permitted_on_owned(act, record.owner)

    def delete_record(self, key: str) -> None:
        self.service.revoke(actor(), key)

    def row_actions(self, record: HeldLink) -> Sequence[RowAction]:
        shut = record.state in (LinkState.CLOSED, LinkState.BLOCKED) or record.standing.cut
        return self.actions.row_action("reopen", record) if shut else ()

    @bulk_action(
        "reopen",
        "Open again",
        "Open again? Strangers who have the link get at what it leads to.",
        act=Acts.LINK_REOPEN,
    )
    def reopen(self, ids: list[str]) -> None:
        """What no longer bars it, and nobody had to decide about, does not open it by itself."""
        self.actions.for_each(ids, self.service.reopen, "is open again")

    def links(self, record: HeldLink) -> Sequence[Link]:
        found = []
        if may(Acts.FILES_LIST_ALL) and record.kind is LinkKind.FILE:
            found.append(Link("File", self.get_url("files.details_view", id=record.file), "files"))
        if may(Acts.AUDIT_READ):
            found.append(Link("Log", self.get_url("audit.index_view", flt0_object_is=f"link:{record.id}"), "audit"))
        return found


def links_of(field: str, value: str) -> Mapping[str, Any]:
    """The newest links to a file (`file`) or of a person (`owner`), as a short table (`admin/user_list.html`)."""
    query = Query(sort="created", descending=True, filters=((field, value),), limit=SHOWN)
    page = services().links.held(actor(), query, everybody=True)
    of_file = field == "file"
    rows = [
        (
            _LINK % (url_for("links.details_view", id=one.id), when_tag(one.created_at) if of_file else one.name),
            link_state(one),
            downloads_of(one),
            used_at(one),
            time_tag(one.expires_at),
        )
        for one in page.items
    ]
    return {
        "columns": ("Made" if of_file else "Object", "State", "Downloads", "Last used", "Expires"),
        "rows": rows,
        "total": page.total,
        "more": f"{url_for('links.index_view')}?flt0_{field}_is={value}",
        "noun": "links",
        "empty": "No share links",
    }
