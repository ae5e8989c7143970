"""Whether somebody may share a file of theirs, or request files: as they are now, and without a break since a link was
made.

What barred a link once must not open it again by going away, also where nobody opened the link meanwhile. So the act
that takes the right away, or gives it back, leaves its time: in the record of a user, and in that of a role.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from backoffice.domain.access import Actor
from backoffice.domain.acts import Act, Acts, decide_act
from backoffice.domain.lifecycle import AccountPolicy
from backoffice.domain.roles import Role
from backoffice.domain.users import User
from backoffice.services.authorization import grants_of


@dataclass(frozen=True, slots=True)
class Right:
    """What its owner has to be allowed as long as a link is open. `since`: in users and roles, the field that says
    since when; `lacking`: what is told of who is not."""

    acts: tuple[Act, ...]
    since: str
    lacking: str

    def is_held(self, user: User, roles: Mapping[str, Role], owner: str) -> bool:
        """Whether this user may, with what is `owner`'s."""
        actor = Actor(user.id, user.username, roles=grants_of(user, roles))
        return all(decide_act(actor, act, owner).allowed for act in self.acts)

    def since_of(self, record: User | Role) -> int:
        """When a change last took it away, or gave it back (ms)."""
        return int(getattr(record, self.since))


SHARING: Final = Right((Acts.LINK_CREATE, Acts.FILE_DOWNLOAD), "sharing_since", "its owner may not share this file")
REQUESTING: Final = Right(
    (Acts.REQUEST_CREATE, Acts.FILE_CREATE), "requesting_since", "its owner may not request files"
)
RIGHTS: Final = (SHARING, REQUESTING)
TAKES: Final = frozenset(act.takes for right in RIGHTS for act in right.acts if act.takes is not None)
"""The permissions on which links hang."""


def bar_of_owner(
    user: User | None, roles: Mapping[str, Role], policy: AccountPolicy, now: int, owner: str, right: Right = SHARING
) -> str:
    """What keeps this user from sharing a file of `owner` (an id) at `now` (ms), or what else `right` is about, "" =
    nothing."""
    if user is None or not user.active:
        return "its owner is not active"
    ended = policy.ended(user, roles, now)
    if ended is not None:
        return f"its owner's account is {ended.why}"
    return "" if right.is_held(user, roles, owner) else right.lacking


def break_since(user: User, roles: Mapping[str, Role], since: int, right: Right = SHARING) -> str:
    """What has kept a user, who may share now (or what else `right` is about), from it at some time since `since` (ms),
    "" = nothing."""
    if since < user.enabled_at:
        return "its owner was disabled meanwhile"
    lasting = {name: role for name, role in roles.items() if right.since_of(role) < since}
    if since <= right.since_of(user) or not right.is_held(user, lasting, user.id):
        return "its owner could not share meanwhile"
    return ""


def with_break(old: User, new: User, roles: Mapping[str, Role], policy: AccountPolicy, now: int) -> User:
    """The user as they are to be, with a note where they could not share before the change or cannot after it."""
    if (old.roles, old.expires_at, old.inactive_days) == (new.roles, new.expires_at, new.inactive_days):
        return new
    barred = [any(bar_of_owner(one, roles, policy, now, one.id, right) for one in (old, new)) for right in RIGHTS]
    sharing, requesting = barred
    new = replace(new, sharing_since=now) if sharing else new
    return replace(new, requesting_since=now) if requesting else new


def role_with_break(old: Role, new: Role, now: int) -> Role:
    """The role as it is to be, with a note where the change gives it what sharing takes, or requesting files."""
    given = new.permissions - old.permissions
    sharing, requesting = (any(act.takes in given for act in right.acts) for right in RIGHTS)
    new = replace(new, sharing_since=now) if sharing else new
    return replace(new, requesting_since=now) if requesting else new
