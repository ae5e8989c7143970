"""What needs a hand, for the first page of the admin site: each line says how many there are, and leads to them.

Each function below is a read of what the person asking may know; those that find nothing say nothing.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from flask import url_for

from backoffice.domain.acts import Acts
from backoffice.domain.diagnosis import Finding, Verdict
from backoffice.domain.paging import Query
from backoffice.domain.users import UserStatus
from backoffice.services.system import Activity
from backoffice.web.admin.log_filters import written_moment
from backoffice.web.context import services
from backoffice.web.formats import number
from backoffice.web.identity import actor, may

HOUR_MS: Final = 3_600_000
DAY_MS: Final = 24 * HOUR_MS
STILL_MS: Final = HOUR_MS
"""An upload of which nothing came for so long stands still."""
EXPIRING_DAYS: Final = 14
"""So long before its date an account is named here."""
INACTIVE_DAYS: Final = 7
"""So long before days without signing in end it."""
FEW: Final = 10
"""Refusals in a day that are never above the usual."""
UNUSUAL: Final = 3
"""Times the mean of a day."""


class Need(NamedTuple):
    """A line: what it is, in words with the number, where it is seen, and how bad it is (`warn`, `bad`)."""

    text: str
    url: str
    tone: str = "warn"


def whole_minute(ms: int) -> int:
    """A read may run several times (`stores/together.py`), and has to ask the same each time."""
    return ms // 60_000 * 60_000


def invited() -> list[Need]:
    """Who was invited and never came."""
    if not may(Acts.USER_READ):
        return []
    query = Query(filters=(("status", str(UserStatus.INVITED)),), limit=1)
    count = services().users.page(actor(), query).total
    text = f"{_people(count)} {'was' if count == 1 else 'were'} invited and never came"
    return [Need(text, url_for("users.index_view", flt0_status_is=UserStatus.INVITED))] if count else []


def ending() -> list[Need]:
    """Whose account ends by its date before long, of those who can sign in."""
    active = str(UserStatus.ACTIVE)
    return _ending("expires", EXPIRING_DAYS, "expires_within", f"expire within {EXPIRING_DAYS} days", status=active)


def left_alone() -> list[Need]:
    """Whose account ends before long unless somebody signs in."""
    words = f"end within {INACTIVE_DAYS} days unless somebody signs in"
    return _ending("inactive", INACTIVE_DAYS, "inactivity_within", words)


def _ending(order: str, days: int, name: str, words: str, **conditions: str) -> list[Need]:
    if not may(Acts.USER_READ):
        return []
    now = whole_minute(services().users.now())
    span = (order, now + 1, now + days * DAY_MS)
    query = Query(sort=order, filters=tuple(conditions.items()), ranges=(span,), limit=1)
    count = services().users.page(actor(), query).total
    text = f"{number(count)} account{'' if count == 1 else 's'} {_one(words) if count == 1 else words}"
    asked = "".join(f"&flt{at}_{field}_is={value}" for at, (field, value) in enumerate(conditions.items(), 1))
    return [Need(text, f"{url_for('users.index_view')}?flt0_{name}={days}{asked}")] if count else []


def _one(words: str) -> str:
    """The same of one: `expires within`."""
    verb, _, rest = words.partition(" ")
    return f"{verb}s {rest}"


def quotas_nearly_used_up() -> list[Need]:
    """Who will not be able to upload much more."""
    if not may(Acts.USER_READ):
        return []
    query = Query(filters=(("quota", "near"),), limit=1)
    count = services().users.page(actor(), query).total
    text = f"{_people(count)} {'has' if count == 1 else 'have'} used more than 90 % of the quota"
    return [Need(text, f"{url_for('users.index_view')}?flt0_quota_is=near")] if count else []


def standing_still() -> list[Need]:
    """Uploads of which nothing came for an hour. When one is dropped says when its last piece came."""
    if not may(Acts.FILES_LIST_ALL):
        return []
    uploads = services().uploads
    latest = whole_minute(uploads.now()) + uploads.limits.upload_seconds * 1000 - STILL_MS
    count = uploads.page(actor(), Query(sort="expires", ranges=(("expires", None, latest),), limit=1)).total
    text = f"{number(count)} upload{' stands' if count == 1 else 's stand'} still for more than an hour"
    return [Need(text, url_for("uploads.index_view", sort=6))] if count else []


def refusals(activity: Activity, now: int) -> list[Need]:
    """Today's refusals, where they are many compared with the days before. `activity` goes by the day."""
    *before, today = activity.counts["refusals"]
    usual = sum(before) / max(1, len(before))
    if today <= max(FEW, UNUSUAL * usual):
        return []
    text = f"{number(today)} refusals today, usually {number(round(usual))} a day"
    if not may(Acts.AUDIT_READ):
        return [Need(text, "")]
    since = written_moment(now // DAY_MS * DAY_MS)
    return [Need(text, url_for("audit.index_view", flt0_outcome_is="denied", flt1_when_since=since))]


def of_findings(findings: list[Finding]) -> list[Need]:
    """What is wrong with the store and its workers; the system's page says more."""
    tones = {Verdict.WARNING: "warn", Verdict.BAD: "bad"}
    return [
        Need(f"{one.topic.capitalize()}: {one.text}", url_for("system.index_view"), tones[one.verdict])
        for one in findings
        if one.verdict in tones
    ]


def _people(count: int) -> str:
    return f"{number(count)} {'person' if count == 1 else 'people'}"
