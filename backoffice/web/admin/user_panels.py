"""The tabs of a user's page: short lists of what belongs to somebody, each with the way to the whole of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from flask import url_for
from markupsafe import Markup

from backoffice.domain.acts import Acts
from backoffice.domain.limits import MAX_TOKENS
from backoffice.domain.paging import Query
from backoffice.services.consequences import Obstacle, UserConsequences
from backoffice.web.admin.access_panel import can_explain, user_access, who_of_user
from backoffice.web.admin.cells import moment
from backoffice.web.admin.links import links_of
from backoffice.web.admin.log_row import Row
from backoffice.web.admin.shares import shares_of
from backoffice.web.admin.tokens import TONES, scopes_cell
from backoffice.web.admin.undo import entry_forms
from backoffice.web.context import services
from backoffice.web.devices import device_name, device_tag
from backoffice.web.formats import size_tag, state_tag, time_tag, when_tag
from backoffice.web.identity import actor, may
from backoffice.web.names import kind_of, name_with_icon

SHOWN: Final = 20
"""Records in a tab; the list has all."""
_LINK: Final = Markup('<a href="%s">%s</a>')
_BDI: Final = Markup("<bdi>%s</bdi>")
LIST: Final = "admin/user_list.html"
Load = Callable[[], Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Tab:
    """One of the tabs: what it reads, and how many things there are in it where that is known beforehand."""

    key: str
    title: str
    template: str
    load: Callable[[str], Mapping[str, Any]]
    permitted: Callable[[], bool]
    count: Callable[[UserConsequences], int | None] = lambda _: None
    alone: bool = False
    """Its reading is recorded, so that it is not read together with anything else."""


def _list(
    columns: Sequence[str], rows: Sequence[Sequence[Any]], total: int, more: str, noun: str, empty: str
) -> Mapping[str, Any]:
    """The context of the template: `more` is the address of the list that has all."""
    return {"columns": columns, "rows": rows, "total": total, "more": more, "noun": noun, "empty": empty}


def files(user_id: str) -> Mapping[str, Any]:
    """The newest files."""
    query = Query(sort="created", descending=True, filters=(("owner", user_id),), limit=SHOWN)
    page = services().files.page(actor(), query, everybody=True)
    rows = [
        (
            _LINK % (url_for("files.details_view", id=one.id), name_with_icon(one.name, kind_of(one.mime_type)[0])),
            size_tag(one.size),
            kind_of(one.mime_type)[1],
            when_tag(one.created_at),
        )
        for one in page.items
    ]
    more = url_for("files.index_view", flt0_owner_is=user_id)
    return _list(("Name", "Size", "Type", "Created"), rows, page.total, more, "files", "No files")


def trash(user_id: str) -> Mapping[str, Any]:
    """What is in the trash; what goes for good first, first."""
    query = Query(sort="purge", filters=(("trash", user_id),), limit=SHOWN)
    page = services().files.trash_page(actor(), query, everybody=True)
    rows = [
        (
            _LINK % (url_for("trash.details_view", id=one.id), name_with_icon(one.name, kind_of(one.mime_type)[0])),
            size_tag(one.size),
            when_tag(one.updated_at),
            time_tag(one.purge_at),
        )
        for one in page.items
    ]
    more = url_for("trash.index_view", flt0_owner_is=user_id)
    return _list(("Name", "Size", "Deleted", "Gone for good"), rows, page.total, more, "files", "The trash is empty")


def uploads(user_id: str) -> Mapping[str, Any]:
    """What is arriving."""
    query = Query(sort="created", descending=True, filters=(("owner", user_id),), limit=SHOWN)
    page = services().uploads.page(actor(), query)
    rows = [
        (
            _LINK % (url_for("uploads.details_view", id=one.id), _BDI % (one.name or "without a name")),
            size_tag(one.bytes),
            size_tag(one.size),
            time_tag(one.expires_at),
        )
        for one in page.items
    ]
    more = url_for("uploads.index_view", flt0_owner_is=user_id)
    return _list(("Name", "Received", "Announced", "Expires"), rows, page.total, more, "uploads", "Nothing is arriving")


def sessions(user_id: str) -> Mapping[str, Any]:
    """Where the person is signed in."""
    found = services().sessions.of_user(actor(), user_id)
    rows = [
        (
            _LINK % (url_for("sessions.details_view", id=one.id), device_tag(one.agent)),
            one.ip,
            time_tag(one.seen_at),
            when_tag(one.created_at),
        )
        for one in found
    ]
    more = url_for("sessions.index_view", flt0_person_is=user_id)
    shown = _list(("Device", "Address", "Last seen", "Signed in"), rows, len(found), more, "sessions", "Not signed in")
    back = url_for("users.details_view", id=user_id, tab="sessions")
    ends = [one.id for one in found] if may(Acts.SESSION_END_ALL) else []
    return {**shown, "ends": ends, "end": url_for("sessions.delete_view"), "back": back}


def tokens(user_id: str) -> Mapping[str, Any]:
    """What the person's programs sign in with."""
    found = services().tokens.of_user(actor(), user_id)
    rows = [
        (
            _LINK % (url_for("tokens.details_view", id=one.id), _BDI % one.name),
            state_tag(str(one.state), TONES[one.state]),
            scopes_cell(None, None, one, ""),
            time_tag(one.used_at),
            moment(one.expires_at) if one.expires_at else "never",
        )
        for one in found[:SHOWN]
    ]
    more = url_for("tokens.index_view", flt0_person_is=user_id)
    columns = ("Name", "State", "Scopes", "Last used", "Expires")
    return _list(columns, rows, min(len(found), MAX_TOKENS), more, "tokens", "No tokens")


def activity(user_id: str) -> Mapping[str, Any]:
    """What the person did, and what was done to the account, in one list."""
    found = [Row.of(one) for one in services().audit.concerning(actor(), user_id)]
    undo = entry_forms(found, services().audit.now())
    rows = [
        (
            _LINK % (url_for("audit.details_view", id=one.id), when_tag(int(one.id.partition("-")[0]))),
            _BDI % one.who,
            one.action if one.outcome == "ok" else Markup("%s %s") % (one.action, state_tag(one.outcome, "warn")),
            _BDI % one.what,
            device_name(one.agent) if one.agent else one.via,
            undo.get(one.id, ""),
        )
        for one in found
    ]
    about = url_for("audit.index_view", flt0_object_is=f"user:{user_id}")
    more = url_for("audit.index_view", flt0_actor_is=user_id)
    made = _list(
        ("When", "Who", "What", "To what", "With", "Undo"), rows, len(rows), "", "entries", "Nothing was recorded"
    )
    return {**made, "links": [(more, "All that the person did"), (about, "All that was done to the account")]}


TABS: Final = (
    Tab("files", "Files", LIST, files, lambda: may(Acts.FILES_LIST_ALL), lambda has: has.files),
    Tab("uploads", "Uploads", LIST, uploads, lambda: may(Acts.FILES_LIST_ALL), lambda has: has.uploads),
    Tab("trash", "Trash", LIST, trash, lambda: may(Acts.FILES_LIST_ALL), lambda has: has.trashed),
    Tab("sessions", "Sessions", LIST, sessions, lambda: may(Acts.SESSION_READ_ALL)),
    Tab("tokens", "Tokens", LIST, tokens, lambda: may(Acts.TOKEN_READ)),
    Tab("links", "Share links", LIST, lambda key: links_of("owner", key), lambda: may(Acts.LINK_READ)),
    Tab("shares", "Shares", LIST, lambda key: shares_of("owner", key), lambda: may(Acts.SHARE_READ)),
    Tab("activity", "Activity", LIST, activity, lambda: may(Acts.AUDIT_READ), alone=True),
    Tab("access", "Access", "admin/user_access.html", user_access, can_explain),
    Tab("who", "Reach", "admin/who_can.html", who_of_user, can_explain),
)


def offered() -> list[Tab]:
    """Those that the person asking may open."""
    return [one for one in TABS if one.permitted()]


def open_tab(asked: str) -> Tab | None:
    """The tab of this name; the first one where there is none such. None: there is none at all."""
    there = offered()
    return next((one for one in there if one.key == asked), there[0] if there else None)


def ways_out(found: UserConsequences) -> dict[Obstacle, str]:
    """Where what stands in the way of deleting is listed, for who may see that."""
    if not may(Acts.FILES_LIST_ALL):
        return {}
    kinds = (
        (Obstacle.FILES, "files.index_view"),
        (Obstacle.TRASH, "trash.index_view"),
        (Obstacle.UPLOADS, "uploads.index_view"),
    )
    return {one: url_for(endpoint, flt0_owner_is=found.user.id) for one, endpoint in kinds}
