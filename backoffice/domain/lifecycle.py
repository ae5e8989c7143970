"""When an account ends by itself: on a day, or after so many days without signing in.

Nothing is done to the account at that moment; whoever lets somebody in asks here. It is in force from that millisecond
on, whatever any job does, and is over as soon as the date is moved or the account enabled again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from backoffice.domain.access import ADMIN
from backoffice.domain.effective import Source
from backoffice.domain.identities import Identity
from backoffice.domain.limits import MAX_INACTIVE_DAYS, WARNING_DAYS
from backoffice.domain.roles import Role
from backoffice.domain.users import User, UserStatus
from backoffice.errors import Invalid

DAY_MS: Final = 24 * 60 * 60 * 1000
WARNING_MS: Final = WARNING_DAYS * DAY_MS
LAST_MOMENT: Final = 253_370_764_800_000
"""The beginning of the year 9999, ms."""
NEVER: Final = 0
"""Days of somebody who may stay away for ever, whatever the roles and the site say."""


class Why(StrEnum):
    """What ends an account; the texts follow "the account is"."""

    EXPIRED = "expired"
    INACTIVE = "inactive"


@dataclass(frozen=True, slots=True)
class Rule:
    """After so many days without signing in an account ends (0 = never), and who says so; `role`: which one."""

    days: int
    source: Source
    role: str = ""

    @property
    def words(self) -> str:
        """Who says so."""
        return f"the role {self.role}" if self.role else f"the {self.source}"


@dataclass(frozen=True, slots=True)
class Ending:
    """`at` (ms): from then on nobody gets in. `source` says where the rule comes from."""

    at: int
    why: Why
    source: str


@dataclass(frozen=True, slots=True)
class Standing:
    """How an account stands. `ended`: it is over; `warned`: it will be before long; `ending`: what comes
    first, whenever. `rule`: how long it may be left alone."""

    ended: Ending | None
    warned: Ending | None
    ending: Ending | None
    rule: Rule


@dataclass(frozen=True, slots=True)
class AccountPolicy:
    """`inactive_days`: what the site gives everybody who has no number of their own or by a role; 0 = for ever.

    Neither the site's nor a role's days are for administrators: else a site that nobody came to for a while would be
    nobody's. They can have days or a date of their own, unless nobody would be left who has neither (`RedisUsers`).
    """

    inactive_days: int = NEVER

    def rule(self, user: User, roles: Mapping[str, Role]) -> Rule:
        """After how many days without signing in the account ends, and who says so. The user's own number goes before
        that of the roles, of which the least counts, and these before the site's."""
        if user.inactive_days is not None:
            return Rule(user.inactive_days, Source.USER)
        if ADMIN in user.roles:
            return Rule(NEVER, Source.ROLE, ADMIN)
        of_roles = [
            (roles[name].inactive_days, name) for name in user.roles if name in roles and roles[name].inactive_days
        ]
        if of_roles:
            return Rule(min(of_roles)[0], Source.ROLE, min(of_roles)[1])
        return Rule(self.inactive_days, Source.SITE)

    def ending(self, user: User, roles: Mapping[str, Role], signed_in_at: int = 0) -> Ending | None:
        """What ends the account first, as things are; None: nothing does. `signed_in_at` (ms): a sign-in that is known
        from elsewhere, since the record of somebody that is remembered does not have the latest."""
        found = []
        if user.expires_at:
            found.append(Ending(user.expires_at, Why.EXPIRED, "the user"))
        rule = self.rule(user, roles)
        if rule.days:
            since = max(user.last_login_at, user.enabled_at, user.created_at, signed_in_at)
            found.append(Ending(since + rule.days * DAY_MS, Why.INACTIVE, rule.words))
        return min(found, key=lambda one: one.at, default=None)

    def inactive_at(self, user: User, roles: Mapping[str, Role], signed_in_at: int = 0) -> int:
        """When days without signing in end the account as things are (ms), 0 = never; of a disabled one, never."""
        days = self.rule(user, roles).days
        if not days or user.status is UserStatus.DISABLED:
            return 0
        return max(user.last_login_at, user.enabled_at, user.created_at, signed_in_at) + days * DAY_MS

    def fingerprint(self, roles: Mapping[str, Role]) -> str:
        """What `inactive_at` depends on besides the user."""
        of_roles = [f"{role.name}={role.inactive_days}" for role in roles.values() if role.inactive_days]
        return ",".join([str(self.inactive_days), *sorted(of_roles)])

    def ended(self, user: User, roles: Mapping[str, Role], now: int, signed_in_at: int = 0) -> Ending | None:
        """What has ended the account by `now` (ms); None: it is open, as far as that goes."""
        ending = self.ending(user, roles, signed_in_at)
        return ending if ending is not None and ending.at <= now else None

    def ended_meanwhile(self, before: Identity[Any], after: Identity[Any], now: int) -> bool:
        """Whether what ended the account is a change since `before`, for a request that is under way. That time runs
        out in the middle of one disturbs nobody."""
        ended = self.ended(after.user, after.roles, now, after.credential.created_at)
        return ended is not None and ended != self.ending(before.user, before.roles, before.credential.created_at)

    def standing(self, user: User, roles: Mapping[str, Role], now: int) -> Standing:
        """How the account stands at `now` (ms), for whoever looks at it."""
        ending, rule = self.ending(user, roles), self.rule(user, roles)
        over = ending is not None and ending.at <= now
        # Of ten days without a sign-in half are over before anybody is warned of the rest.
        within = WARNING_MS
        if ending is not None and ending.why is Why.INACTIVE:
            within = min(within, rule.days * DAY_MS // 2)
        soon = ending is not None and now < ending.at <= now + within
        return Standing(ending if over else None, ending if soon else None, ending, rule)


OPEN_END: Final = AccountPolicy()
"""No account ends but by what is its own."""


def clean_inactive_days(days: int | None) -> int | None:
    """The number, or `Invalid`; None stays None."""
    if days is not None and not 0 <= days <= MAX_INACTIVE_DAYS:
        raise Invalid(f"Days without signing in are a number from 0 to {MAX_INACTIVE_DAYS}.", field="inactive_days")
    return days


def clean_expiry(at: int) -> int:
    """The moment (ms), 0 = never, or `Invalid`."""
    if not 0 <= at <= LAST_MOMENT:
        raise Invalid("An account expires at some moment before the year 9999, or never.", field="expires_at")
    return at
