"""The lists that jobs walk, and what can be known of their records before one is started."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from backoffice.domain.access import Actor
from backoffice.domain.acts import Act, Whose, decide_act
from backoffice.domain.ids import is_id
from backoffice.domain.paging import Page, Query
from backoffice.services.deliveries import Deliveries
from backoffice.services.files import Files
from backoffice.services.links import Links
from backoffice.services.sessions import Sessions
from backoffice.services.shares import Shares
from backoffice.services.tokens import Tokens
from backoffice.services.uploads.service import Uploads
from backoffice.services.users import Users

Doubt = Callable[[Any], str]
"""Why a record will be refused, "" where nothing is known to speak against it. The act itself decides."""
_HASH: Final = re.compile(r"[0-9a-f]{64}")
BEYOND: Final = "This reaches beyond what you hold yourself."


def _owned_doubts(actor: Actor, act: Act) -> Doubt:
    """What belongs to somebody: as the table of acts says."""

    def doubt(record: Any) -> str:
        decision = decide_act(actor, act, None if act.whose is Whose.SITE else record.owner)
        return "" if decision.allowed else f"This takes the right {decision.needed}."

    return doubt


@dataclass(frozen=True, slots=True)
class BulkList:
    """A list whose records jobs are about. `sort` and `descending` name an order in which an act moves no record, and
    use moves one ahead at most, so that a cursor skips none; `since` is when a record came into the list (ms): one that
    comes after a job was started is not its business. `is_key`: whether a text can be the identifier of one."""

    noun: str
    page: Callable[[Actor, Query], Page[Any]]
    get: Callable[[Actor, str], Any]
    title: Callable[[Any], str]
    size: Callable[[Any], int] | None = None
    sort: str = "created"
    descending: bool = True
    since: Callable[[Any], int] = lambda record: int(record.created_at)
    who: Callable[[Any], str] = lambda record: str(record.owner)
    is_key: Callable[[str], bool] = is_id
    doubts: Callable[[Actor, Act], Doubt] = _owned_doubts


def stored_files(files: Files) -> BulkList:
    """Everybody's files outside the trash."""
    return BulkList(
        "file",
        lambda actor, query: files.page(actor, query, everybody=True),
        files.get,
        lambda file: str(file.name),
        size=lambda file: int(file.size),
    )


def trashed_files(files: Files) -> BulkList:
    """Everybody's files in the trash."""
    return BulkList(
        "file",
        lambda actor, query: files.trash_page(actor, query, everybody=True),
        files.trashed,
        lambda file: str(file.name),
        size=lambda file: int(file.size),
        sort="purge",
        descending=False,
        since=lambda file: int(file.updated_at),
    )


def open_uploads(uploads: Uploads) -> BulkList:
    """Everybody's uploads that are not finished."""
    return BulkList(
        "upload",
        uploads.page,
        lambda actor, key: uploads.state(actor, key).upload,
        lambda upload: str(upload.name or upload.id),
        size=lambda upload: int(upload.bytes),
    )


def waiting_files(deliveries: Deliveries) -> BulkList:
    """What guests have delivered to somebody, and nobody has accepted."""
    return BulkList(
        "delivered file",
        deliveries.waiting_for,
        deliveries.get,
        lambda file: str(file.sent_name or file.name),
        size=lambda file: int(file.size),
        sort="delivered",
        descending=False,
    )


def people(users: Users) -> BulkList:
    """Users."""
    return BulkList(
        "user",
        users.page,
        users.get,
        lambda user: str(user.username),
        who=lambda user: str(user.id),
        doubts=_ranked(users, lambda user: user),
    )


def living_sessions(sessions: Sessions, users: Users) -> BulkList:
    """Everybody's sessions. One that is used meanwhile dies later, so the walk goes towards those."""
    return BulkList(
        "session",
        sessions.page,
        sessions.get,
        lambda held: f"{held.username} from {held.ip or 'an unknown address'}",
        sort="expires",
        descending=False,
        who=lambda held: str(held.user),
        is_key=lambda key: _HASH.fullmatch(key) is not None,
        doubts=_ranked(users, lambda held: held.holder),
    )


def api_tokens(tokens: Tokens, users: Users) -> BulkList:
    """Everybody's tokens."""
    return BulkList(
        "token",
        tokens.held,
        tokens.held_one,
        lambda held: f"{held.name} of {held.username}",
        who=lambda held: str(held.user),
        doubts=_ranked(users, lambda held: held.holder),
    )


def share_links(links: Links) -> BulkList:
    """Everybody's share links."""
    return BulkList(
        "link",
        lambda actor, query: links.held(actor, query, everybody=True),
        links.held_one,
        lambda held: f"{held.name} of {held.username}",
    )


def shares_with_people(shares: Shares) -> BulkList:
    """Everybody's shares."""
    return BulkList(
        "share",
        lambda actor, query: shares.held(actor, query, everybody=True),
        shares.held_one,
        lambda held: f"{held.name} of {held.username} with {held.grantee_name}",
    )


def _ranked(users: Users, person: Callable[[Any], Any]) -> Callable[[Actor, Act], Doubt]:
    """What is done to somebody's account, or to what lets them in: as the rule of rank says."""

    def doubts(actor: Actor, act: Act) -> Doubt:
        reached = users.permitted(actor)

        def doubt(record: Any) -> str:
            user = person(record)
            return "" if user is None or reached(act, user) else BEYOND

        return doubt

    return doubts
