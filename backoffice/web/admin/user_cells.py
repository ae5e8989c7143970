"""How a user looks in columns: the state of the account, its end, its quota and use, its one-time link."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from flask import g
from markupsafe import Markup

from backoffice.domain.lifecycle import Standing, Why
from backoffice.domain.limits import UNLIMITED_QUOTA
from backoffice.domain.users import User, UserStatus
from backoffice.services.files import Usage
from backoffice.units import UNLIMITED, filesize
from backoffice.web.context import services
from backoffice.web.formats import state_tag, time_tag, when_tag
from backoffice.web.identity import actor

TONES: Final = {"active": "good", "invited": "info", "disabled": "bad"}
_METER: Final = Markup('%s<meter min="0" max="%s" value="%s" high="%s" title="%s">%s</meter>')
FULL: Final = 0.9
"""From this part of a quota on it is said to be nearly used up."""


def standings() -> Callable[[User], Standing]:
    """Whether and when accounts end: one look at the roles for a whole page of users."""
    found: Callable[[User], Standing] | None = g.get("standings")
    if found is None:
        found = g.standings = services().users.standings()
    return found


def quota_cell(_view: Any, _context: Any, record: User, _name: str) -> str:
    """What the person may store, and whether that is an own number."""
    if record.quota_bytes is not None:
        own = UNLIMITED if record.quota_bytes == UNLIMITED_QUOTA else filesize(record.quota_bytes)
        return f"{own}, from this user"
    common = services().files.quota
    return f"{filesize(common) if common is not None else 'without limit'}, from the site's default"


def usage_cell(_view: Any, _context: Any, record: User, _name: str) -> str | Markup:
    """What is used of the quota, with a bar where there is one."""
    known: dict[str, Usage] = g.setdefault("usages", {})
    usage = known.get(record.id) or services().files.usage(actor(), record.id)
    text = filesize(usage.used)
    if usage.reserved:
        text += f", {filesize(usage.reserved)} reserved by uploads"
    if not usage.limit:
        return text
    taken = usage.used + usage.reserved
    share = f"{100 * taken / usage.limit:.0f}\N{NO-BREAK SPACE}% of the quota"
    return _METER % (f"{text} ({share})", usage.limit, min(taken, usage.limit), int(FULL * usage.limit), share, share)


def link_cell(_view: Any, _context: Any, record: User, _name: str) -> str | Markup:
    """Whether a one-time link leads to the account."""
    if record.has_open_link(services().users.now()):
        return Markup("ends {}").format(time_tag(record.invite_expires_at))
    return Markup("ran out {}").format(time_tag(record.invite_expires_at)) if record.invite else "none"


def status_cell(view: Any, _context: Any, record: User, _name: str) -> Markup:
    """The state, and what matters more: that the account is over, or will be soon; that an invitation has no link that
    works, and so invites nobody."""
    standing = standings()(record)
    if record.status is not UserStatus.DISABLED and standing.ended is not None:
        return state_tag(str(standing.ended.why), "bad")
    if record.status is UserStatus.INVITED and not record.has_open_link(services().users.now()):
        return state_tag("invited, no open link", "warn")
    badge = state_tag(str(record.status), view.badge_tones[record.status])
    if record.status is UserStatus.DISABLED or standing.warned is None:
        return badge
    word = "expires" if standing.warned.why is Why.EXPIRED else "inactive"
    return Markup("%s %s") % (badge, state_tag(f"{word} soon", "warn"))


def end_cell(_view: Any, _context: Any, record: User, _name: str) -> str | Markup:
    """When the account ends by itself, why, and who says so."""
    standing = standings()(record)
    rule = standing.rule
    days = f"{rule.days} days without signing in, by {rule.words}"
    ending = standing.ending
    if ending is None:
        return "does not end"
    why = days if ending.why is Why.INACTIVE else "by its date"
    over = "was over" if standing.ended is not None else "ends"
    moment = Markup("%s %s (%s)") % (over, time_tag(ending.at), when_tag(ending.at))
    return Markup("%s: %s") % (moment, why)
