"""Everybody's sessions: who is signed in, with what, from where."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import ip_address
from typing import Any, ClassVar

from markupsafe import Markup

from backoffice.domain.acts import Act, Acts
from backoffice.domain.paging import Page, Query
from backoffice.domain.sessions import HeldSession
from backoffice.services.sessions import Sessions
from backoffice.web.admin.access import ViewActs
from backoffice.web.admin.actions import DeleteLabels, Link
from backoffice.web.admin.base import ServiceView
from backoffice.web.admin.bulk import BulkJob
from backoffice.web.admin.cells import plain_cell
from backoffice.web.admin.filters import equals
from backoffice.web.admin.owners import user_id, user_name
from backoffice.web.admin.people import device_cell, holder_cell, permitted_on_users
from backoffice.web.devices import device_name
from backoffice.web.formats import state_tag
from backoffice.web.identity import actor, current_user_or_401, may


def address(text: str) -> str:
    """An address as sessions have it. Raises ValueError for what is none."""
    return str(ip_address(text))


def _state(view: SessionView, _context: Any, record: HeldSession, _name: str) -> Markup:
    here = current_user_or_401().session
    if here is not None and record.id == here.id:
        return state_tag("this one", "good")
    return state_tag(str(record.state), view.badge_tones[record.state])


class SessionView(ServiceView):
    """Where people are signed in."""

    noun, icon, tab_of, heading = "session", "device", "users", "Sessions"
    logged_as = "user"
    acts = ViewActs(read=Acts.SESSION_READ_ALL, delete=Acts.SESSION_END_ALL)
    delete_labels = DeleteLabels(
        "End session",
        "End this session? The person is signed out there with the next click.",
        "was ended",
        bulk_verb="End",
        bulk_question="End the selected sessions? These people are signed out there with their next click.",
    )
    column_list = ("agent", "user", "ip", "seen_at", "created_at", "state")
    column_details_list = (*column_list, "auth_at", "expires_at")
    column_labels: ClassVar = {
        "agent": "Device",
        "user": "Person",
        "ip": "Address",
        "seen_at": "Last seen",
        "created_at": "Signed in",
        "auth_at": "Password given",
        "expires_at": "Ends unless used",
    }
    column_formatters: ClassVar = {"agent": device_cell, "user": holder_cell, "ip": plain_cell, "state": _state}
    column_widths: ClassVar = {"user": 9, "ip": 9, "seen_at": 8, "created_at": 8, "state": 7}
    column_low = ("created_at",)
    column_sortable_list = (("seen_at", "expires"),)
    column_default_sort = ("seen_at", True)
    column_filters = (
        equals("user", "Person", user_id, show=user_name, hint="Name or e-mail"),
        equals("ip", "Address", address, hint="192.0.2.1"),
    )
    badge_tones: ClassVar = {"active": "good", "ended": "neutral"}
    empty_hint = "Nobody is signed in there."
    column_export_list = ("agent", "username", "ip", "seen_at", "created_at", "expires_at", "state", "user")
    can_export = bulk_all = True
    jobs: ClassVar = {"delete": BulkJob("session.end")}
    service: Sessions

    def get_page(self, query: Query) -> Page[HeldSession]:
        return self.service.page(actor(), query)

    def record_title(self, record: HeldSession) -> str:
        return f"{record.username}: {device_name(record.agent)}"

    def permits(self, act: Act, record: HeldSession) -> bool:
        return record.holder is not None and permitted_on_users()(act, record.holder)

    def delete_record(self, key: str) -> None:
        self.service.end(actor(), key)

    def links(self, record: HeldSession) -> Sequence[Link]:
        found = []
        if record.holder is not None and may(Acts.USER_READ):
            found.append(Link("Person", self.get_url("users.details_view", id=record.user), "user"))
        if record.ip:
            found.append(Link("From this address", self.get_url(".index_view", flt0_address_is=record.ip), "device"))
        return found
