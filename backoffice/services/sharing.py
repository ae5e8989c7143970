"""Whether somebody may share a file of theirs: as they are now, and without a break since a link was made.

What barred a link once must not open it again by going away, also where nobody opened the link meanwhile. So the act
that takes the right away, or gives it back, leaves its time: in the record of a user, and in that of a role.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from backoffice.domain.access import Actor
from backoffice.domain.acts import Acts, decide_act
from backoffice.domain.lifecycle import AccountPolicy
from backoffice.domain.permissions import Permissions
from backoffice.domain.roles import Role
from backoffice.domain.users import User
from backoffice.services.authorization import grants_of

TAKES: Final = frozenset({Permissions.FILES_SHARE, Permissions.FILES_READ})
"""What has to be held for it."""


def bar_of_owner(user: User | None, roles: Mapping[str, Role], policy: AccountPolicy, now: int, owner: str) -> str:
    """What keeps this user from sharing a file of `owner` (an id) at `now` (ms), "" = nothing."""
    if user is None or not user.active:
        return "its owner is not active"
    ended = policy.ended(user, roles, now)
    if ended is not None:
        return f"its owner's account is {ended.why}"
    return "" if _may(user, roles, owner) else "its owner may not share this file"


def break_since(user: User, roles: Mapping[str, Role], since: int) -> str:
    """What has kept a user, who may share now, from it at some time since `since` (ms), "" = nothing."""
    if since < user.enabled_at:
        return "its owner was disabled meanwhile"
    lasting = {name: role for name, role in roles.items() if role.sharing_since < since}
    if since <= user.sharing_since or not _may(user, lasting, user.id):
        return "its owner could not share meanwhile"
    return ""


def with_break(old: User, new: User, roles: Mapping[str, Role], policy: AccountPolicy, now: int) -> User:
    """The user as they are to be, with a note where they could not share before the change or cannot after it."""
    same = (old.roles, old.expires_at, old.inactive_days) == (new.roles, new.expires_at, new.inactive_days)
    if same or not any(bar_of_owner(one, roles, policy, now, one.id) for one in (old, new)):
        return new
    return replace(new, sharing_since=now)


def role_with_break(old: Role, new: Role, now: int) -> Role:
    """The role as it is to be, with a note where the change gives it what sharing takes."""
    return replace(new, sharing_since=now) if (new.permissions - old.permissions) & TAKES else new


def _may(user: User, roles: Mapping[str, Role], owner: str) -> bool:
    actor = Actor(user.id, user.username, roles=grants_of(user, roles))
    return all(decide_act(actor, act, owner).allowed for act in (Acts.LINK_CREATE, Acts.FILE_DOWNLOAD))
