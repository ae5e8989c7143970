"""Everybody's API tokens: what scripts sign in with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from markupsafe import Markup

from backoffice.domain.acts import Act, Acts
from backoffice.domain.paging import Page, Query
from backoffice.domain.tokens import HeldToken
from backoffice.services.tokens import Tokens
from backoffice.web.admin.access import ViewActs
from backoffice.web.admin.actions import DeleteLabels, Link
from backoffice.web.admin.base import ServiceView
from backoffice.web.admin.bulk import BulkJob
from backoffice.web.admin.filters import days, equals
from backoffice.web.admin.owners import user_id, user_name
from backoffice.web.admin.people import holder_cell, permitted_on_users
from backoffice.web.formats import tags
from backoffice.web.identity import actor, may

TONES = {"active": "good", "expired": "warn", "ended": "neutral", "blocked": "warn"}


def scopes_cell(_view: Any, _context: Any, record: Any, _name: str) -> str | Markup:
    """Column of what a token may do at most."""
    return "all that the person holds" if record.scopes is None else tags(sorted(record.scopes))


class TokenView(ServiceView):
    """What lets programs in, and whose they are."""

    noun, icon, tab_of, heading, tab = "token", "key", "users", "API tokens", "Tokens"
    acts = ViewActs(read=Acts.TOKEN_READ, delete=Acts.TOKEN_REVOKE)
    delete_labels = DeleteLabels(
        "Revoke",
        "Revoke this token? What uses it gets no further.",
        "was revoked",
        bulk_question="Revoke the selected tokens? What uses them gets no further.",
    )
    column_list = ("name", "user", "state", "scopes", "used_at", "expires_at", "created_at")
    column_details_list = (*column_list, "id")
    column_labels: ClassVar = {"user": "Person", "used_at": "Last used", "expires_at": "Expires"}
    column_formatters: ClassVar = {"user": holder_cell, "scopes": scopes_cell}
    column_widths: ClassVar = {
        "user": 10,
        "state": 7,
        "scopes": 14,
        "used_at": 10,
        "expires_at": 9,
        "created_at": 10,
    }
    column_low = ("created_at", "scopes")
    column_sortable_list = ("name", ("created_at", "created"))
    column_default_sort = ("created_at", True)
    column_filters = (
        equals("user", "Person", user_id, show=user_name, hint="Name or e-mail"),
        *days("created", "Created"),
    )
    badge_tones: ClassVar = TONES
    column_export_list = ("name", "username", "state", "scopes", "used_at", "expires_at", "created_at", "user")
    searchable = can_export = True
    search_hint = "Words of the name"
    empty_hint = "There are no tokens."
    bulk_all = True
    jobs: ClassVar = {"delete": BulkJob("token.revoke")}
    service: Tokens

    def get_page(self, query: Query) -> Page[HeldToken]:
        return self.service.held(actor(), query)

    def get_one(self, key: str) -> HeldToken:
        return self.service.held_one(actor(), key)

    def permits(self, act: Act, record: HeldToken) -> bool:
        return record.holder is None or permitted_on_users()(act, record.holder)

    def delete_record(self, key: str) -> None:
        self.service.revoke(actor(), key)

    def links(self, record: HeldToken) -> Sequence[Link]:
        found = []
        if record.holder is not None and may(Acts.USER_READ):
            found.append(Link("Person", self.get_url("users.details_view", id=record.user), "user"))
        if may(Acts.AUDIT_READ):
            url = self.get_url("audit.index_view", flt0_object_is=f"token:{record.id}")
            found.append(Link("Log", url, "audit"))
        return found
