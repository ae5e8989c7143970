"""Everybody's shares: what people reach of each other's files, and who lets them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Final

from flask import url_for
from markupsafe import Markup

from backoffice.domain.acts import Act, Acts
from backoffice.domain.paging import Page, Query
from backoffice.domain.shares import Grantee, HeldShare, ShareAccess, ShareKind, ShareState
from backoffice.services.shares import Shares
from backoffice.web.admin.access import ViewActs
from backoffice.web.admin.actions import DeleteLabels, Link, RowAction, bulk_action
from backoffice.web.admin.base import ServiceView
from backoffice.web.admin.bulk import BulkJob
from backoffice.web.admin.cells import Formatter
from backoffice.web.admin.filters import days, equals, one_of
from backoffice.web.admin.owners import permitted_on_owned, person_filter
from backoffice.web.context import services
from backoffice.web.formats import when_tag
from backoffice.web.identity import actor, may
from backoffice.web.share_cells import access_of, state_of, whom_words

SHOWN: Final = 20
"""Of a file or a person, beside it; the list has all."""
_LINK: Final = Markup('<a class="quiet" href="%s"><bdi>%s</bdi></a>')
_QUIET: Final = Markup('<a class="quiet" href="%s">%s</a>')
_NAME: Final = Markup("<bdi>%s</bdi>")
KINDS: Final = ((ShareKind.FILE.value, "a file"), (ShareKind.FOLDER.value, "a folder"))
ACCESS: Final = ((ShareAccess.READ.value, "read"), (ShareAccess.WRITE.value, "read and write"))


def _owner_cell(_view: Any, _context: Any, held: HeldShare, _name: str) -> Markup:
    there = held.username != held.owner and may(Acts.USER_READ)
    return _LINK % (url_for("users.details_view", id=held.owner), held.username) if there else _NAME % held.username


def _whom_cell(_view: Any, _context: Any, held: HeldShare, _name: str) -> Markup:
    """A way to them for who may see them."""
    user = held.to is Grantee.USER
    if not may(Acts.USER_READ if user else Acts.ROLE_READ):
        return whom_words(held)
    return _QUIET % (url_for(f"{'users' if user else 'roles'}.details_view", id=held.grantee), whom_words(held))


class ShareView(ServiceView):
    """What people reach by a share."""

    noun, icon, tab_of, heading, tab = "share", "users", "files", "Shares", "Shares"
    acts = ViewActs(read=Acts.SHARE_READ, delete=Acts.SHARE_REVOKE)
    delete_labels = DeleteLabels(
        "Revoke",
        "Revoke this share? From their next request on they reach nothing by it.",
        "was revoked",
        bulk_question="Revoke the selected shares? From their next request on people reach nothing by them.",
    )
    # No two cells that lead somewhere stand beside each other: on a phone they are lines, too narrow to be told apart.
    column_list = ("name", "access", "grantee_name", "state", "owner", "created_at")
    column_details_list = (*column_list, "kind", "because", "object", "id")
    column_labels: ClassVar = {
        "name": "File or folder",
        "grantee_name": "With",
        "because": "Not open because",
        "kind": "What",
        "object": "Identifier of what is shared",
    }
    column_formatters: ClassVar[dict[str, Formatter]] = {
        "owner": _owner_cell,
        "grantee_name": _whom_cell,
        "access": lambda _view, _context, held, _name: access_of(held),
        "state": lambda _view, _context, held, _name: state_of(held),
    }
    column_widths: ClassVar = {"owner": 10, "grantee_name": 12, "access": 10, "state": 7, "created_at": 9}
    column_low = ("created_at",)
    column_sortable_list = ("name", ("created_at", "created"))
    column_default_sort = ("created_at", True)
    column_filters = (
        person_filter("owner", "Owner"),
        person_filter("user", "With the person"),
        equals("role", "With the role", hint="Name of a role"),
        one_of("kind", "What", lambda: KINDS),
        one_of("access", "Access", lambda: ACCESS),
        equals("object", "File or folder", hint="Identifier"),
        *days("created", "Created"),
    )
    searchable = True
    search_hint = "Words of the name, or of with whom"
    empty_hint = "Nobody shares anything with people or roles."
    can_export = bulk_all = True
    jobs: ClassVar = {"delete": BulkJob("share.revoke")}
    service: Shares

    def get_page(self, query: Query) -> Page[HeldShare]:
        return self.service.held(actor(), query, everybody=True)

    def get_one(self, key: str) -> HeldShare:
        return self.service.held_one(actor(), key)

    def permits(self, act: Act, record: HeldShare) -> bool:
        return permitted_on_owned(act, record.owner)

    def delete_record(self, key: str) -> None:
        self.service.revoke(actor(), key)

    def row_actions(self, record: HeldShare) -> Sequence[RowAction]:
        return self.actions.row_action("reopen", record) if record.state is not ShareState.OPEN else ()

    @bulk_action(
        "reopen", "Open again", "Open again? They reach the file or folder from then on.", act=Acts.SHARE_REOPEN
    )
    def reopen(self, ids: list[str]) -> None:
        """What no longer bars it, and nobody had to decide about, does not open it by itself."""
        self.actions.for_each(ids, self.service.reopen, "is open again")

    def links(self, record: HeldShare) -> Sequence[Link]:
        found = []
        if may(Acts.FILES_LIST_ALL) and record.kind is ShareKind.FILE:
            found.append(Link("File", self.get_url("files.details_view", id=record.object), "files"))
        if may(Acts.AUDIT_READ):
            found.append(Link("Log", self.get_url("audit.index_view", flt0_object_is=f"share:{record.id}"), "audit"))
        return found


def shares_of(field: str, value: str) -> Mapping[str, Any]:
    """The newest shares of a file (`object`), or that a person (`owner`) made, as a short table
    (`admin/user_list.html`)."""
    query = Query(sort="created", descending=True, filters=((field, value),), limit=SHOWN)
    page = services().shares.held(actor(), query, everybody=True)
    of_file = field == "object"
    rows = [
        (
            _LINK % (url_for("shares.details_view", id=one.id), when_tag(one.created_at) if of_file else one.name),
            whom_words(one),
            access_of(one),
            state_of(one),
        )
        for one in page.items
    ]
    return {
        "columns": ("Made" if of_file else "File or folder", "With", "Access", "State"),
        "rows": rows,
        "total": page.total,
        "more": f"{url_for('shares.index_view')}?flt0_{field}_is={value}",
        "noun": "shares",
        "empty": "No shares",
    }
