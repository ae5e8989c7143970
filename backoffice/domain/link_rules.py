"""What roles and the site demand of share links: how long one lives at most, and whether it needs a password.

It holds for links that are there already, from the next request on. Nothing is done to a link at that moment: whoever
opens it asks here, so a rule that is taken back leaves each link as its owner made it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from backoffice.domain.limits import DEFAULT_LINK_DAYS, MAX_LINK_DAYS, MAX_SHARE_DAYS
from backoffice.domain.roles import Role
from backoffice.errors import Invalid

DAY_MS: Final = 24 * 60 * 60 * 1000
SAYS_NOTHING: Final = 0


@dataclass(frozen=True, slots=True)
class LinkRule:
    """What holds for the links of somebody. `days`: how long one lives at most, from when it was made or opened again;
    `default_days`: where nobody chose; `days_role`, `password_role`: which role says so, "" = the site."""

    days: int
    default_days: int
    password: bool
    days_role: str = ""
    password_role: str = ""

    @property
    def days_source(self) -> str:
        """Who says how long."""
        return _source(self.days_role)

    @property
    def password_source(self) -> str:
        """Who says whether it needs a password."""
        return _source(self.password_role)

    @property
    def too_old(self) -> str:
        """What is told of a link that has lived too long."""
        return f"{self.days_source} lets links live {days_words(self.days)}"

    @property
    def password_needed(self) -> str:
        """What is told of a link without a password."""
        return f"{self.password_source} demands a password"

    def end(self, expires_at: int, since: int) -> int:
        """When a link is over (ms) that was made or opened again at `since` and is to live until `expires_at`."""
        return min(expires_at, since + self.days * DAY_MS)

    def chosen_end(self, days: int | None, now: int, since: int) -> int:
        """When a link is over (ms) that is to live so many days from `now` on, None: as many as are usual. Raises
        Invalid; of a link with half a day left, one day may be chosen and is that half."""
        if days is None:
            return self.end(now + self.default_days * DAY_MS, since)
        if not 1 <= days <= self.days:
            by = f", says {self.days_source}" if self.days_role else ""
            raise Invalid(f"A link lives 1 to {days_words(self.days)}{by}.", field="days", limit=self.days)
        left = -(-(since + self.days * DAY_MS - now) // DAY_MS)
        if days > left:
            most = f"From when it was made or opened again this link lives at most {days_words(self.days)}"
            told = f"{most}, says {self.days_source}; {max(0, left)} are left."
            raise Invalid(told, field="days", limit=max(0, left))
        return self.end(now + days * DAY_MS, since)

    def check_password(self, password: str) -> str:
        """The password (or its hash), which may be "" only where none is needed. Raises Invalid."""
        if self.password and not password:
            raise Invalid(f"The link needs a password, says {self.password_source}.", field="password")
        return password


@dataclass(frozen=True, slots=True)
class LinkPolicy:
    """What the site says. A role can only be stricter, and of several roles the strictest counts. Nobody is exempt."""

    default_days: int = DEFAULT_LINK_DAYS
    max_days: int = MAX_LINK_DAYS
    password: bool = False

    def rule(self, names: Iterable[str], roles: Mapping[str, Role]) -> LinkRule:
        """What holds for the links of somebody who has the roles of these names."""
        held = [roles[name] for name in sorted(set(names)) if name in roles]
        shorter = [(role.share_days, role.name) for role in held if 0 < role.share_days < self.max_days]
        days, days_role = min(shorter, default=(self.max_days, ""))
        demanding = [] if self.password else [role.name for role in held if role.share_password]
        password_role = demanding[0] if demanding else ""
        needed = self.password or bool(demanding)
        return LinkRule(days, min(self.default_days, days), needed, days_role, password_role)


PLAIN: Final = LinkPolicy()
"""As a site is set up."""


def clean_share_days(days: int) -> int:
    """The number, 0 = it says nothing, or `Invalid`."""
    if not SAYS_NOTHING <= days <= MAX_SHARE_DAYS:
        raise Invalid(f"The longest life of a link is a number of days from 0 to {MAX_SHARE_DAYS}.", field="share_days")
    return days


def clean_share_password(needed: int) -> int:
    """1 = links need a password, 0 = it says nothing, or `Invalid`."""
    if needed not in (0, 1):
        raise Invalid("That links need a password is 1, or 0.", field="share_password")
    return int(needed)


def days_words(days: int) -> str:
    """`1 day`, `7 days`."""
    return f"{days} day{'' if days == 1 else 's'}"


def _source(role: str) -> str:
    return f"the role {role}" if role else "the site"
