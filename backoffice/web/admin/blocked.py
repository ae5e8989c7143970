"""Addresses and names that sign-ins are slowed for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Final

from flask import url_for
from markupsafe import Markup

from backoffice.domain.acts import Acts
from backoffice.domain.blocked import Blocked, BlockedKind
from backoffice.services.blocks import Blocks
from backoffice.web.admin.access import ViewActs
from backoffice.web.admin.actions import DeleteLabels, Link
from backoffice.web.admin.base import ServiceView
from backoffice.web.context import services
from backoffice.web.formats import state_tag, time_tag
from backoffice.web.identity import actor, may

MOMENT: Final = 60_000
"""Milliseconds that need no clock: it would say "just now" of what is to come."""
_BDI = Markup("<bdi>%s</bdi>")
WHY = {BlockedKind.ADDRESS: "failed sign-ins from there", BlockedKind.NAME: "failed sign-ins with this name"}


def title_of(block: Blocked) -> str:
    """The address, or the name; of a name that nobody has only that it was one."""
    return block.who if block.kind is BlockedKind.ADDRESS else block.username or f"a name of nobody ({block.who[:8]})"


def _who(_view: Any, _context: Any, record: Blocked, _name: str) -> Markup:
    return _BDI % title_of(record)


def _why(_view: Any, _context: Any, record: Blocked, _name: str) -> str:
    return f"{record.failures:,} {WHY[record.kind]}"


def _until(_view: Any, _context: Any, record: Blocked, _name: str) -> Markup:
    left = record.until - services().blocks.now()
    if left > 0:
        return Markup("%s %s") % (state_tag("blocked", "bad"), time_tag(record.until) if left > MOMENT else "a moment")
    return state_tag("slowed after the next failure", "warn")


class BlockedView(ServiceView):
    """Whom the throttle keeps waiting, and for how long."""

    noun, section, icon, tab_of, heading = "block", "blocked", "lock", "users", "Blocked"
    acts = ViewActs(read=Acts.BLOCK_READ, delete=Acts.BLOCK_LIFT)
    delete_labels = DeleteLabels(
        "Lift",
        "Lift this block? The failures are forgotten, and sign-in can be tried again at once.",
        "may try again",
        bulk_question="Lift the selected blocks? Sign-in can be tried again at once.",
    )
    column_list = ("who", "why", "until", "forgotten_at")
    column_export_list = ("kind", "who", "username", "failures", "until_at", "forgotten_at")
    can_export = True
    column_labels: ClassVar = {
        "who": "Address or name",
        "username": "User name",
        "until": "Until",
        "until_at": "Until",
        "forgotten_at": "Forgotten",
    }
    column_formatters: ClassVar = {"who": _who, "why": _why, "until": _until}
    column_widths: ClassVar = {"until": 14, "forgotten_at": 9}
    empty_hint = "Nobody has to wait."
    service: Blocks

    def record_title(self, record: Blocked) -> str:
        return title_of(record)

    def delete_record(self, key: str) -> None:
        self.service.lift(actor(), key)

    def links(self, record: Blocked) -> Sequence[Link]:
        if record.user and may(Acts.USER_READ):
            return [Link("Person", url_for("users.details_view", id=record.user), "user")]
        return ()
