"""Roles: a name for a set of permissions. A role's id is its folded name."""

from __future__ import annotations

import re
from dataclasses import dataclass

from backoffice.domain.access import BUILT_IN, granted_by
from backoffice.domain.actions import Actions
from backoffice.domain.limits import MAX_ROLE_NAME
from backoffice.domain.nouns import Noun
from backoffice.domain.permissions import Permission, Permissions
from backoffice.errors import Invalid

ROLES = Noun(
    "role",
    read=Permissions.ROLES_READ,
    write=Permissions.ROLES_WRITE,
    create=Actions.ROLE_CREATE,
    update=Actions.ROLE_UPDATE,
    delete=Actions.ROLE_DELETE,
    recorded=("description", "permissions", "inactive_days", "share_days", "share_password", "copied_from"),
    recorded_at_deletion=(
        "description",
        "permissions",
        "inactive_days",
        "share_days",
        "share_password",
        "copied_from",
    ),
)
_NAME = re.compile(rf"[a-z][a-z0-9-]{{0,{MAX_ROLE_NAME - 1}}}")


@dataclass(frozen=True, slots=True)
class Role:
    """A set of permissions. `id` is the name; built-in ones can be given and taken, not changed.

    inactive_days   after how many days without signing in the accounts end that hold it, 0 = it says nothing of that
    share_days      how long share links of those who hold it live at most, 0 = it says nothing of that
    share_password  1 = share links of those who hold it need a password, 0 = it says nothing of that
    copied_from     name of the role that it was made like, "" where that is not known; that one may have changed since,
                    or be gone
    sharing_since   when a change last gave it what sharing files takes (ms), 0 = it is as it was made
    requesting_since  the same of requesting files
    """

    id: str
    description: str
    permissions: frozenset[Permission]
    created_at: int = 0
    updated_at: int = 0
    inactive_days: int = 0
    version: int = 1
    copied_from: str = ""
    sharing_since: int = 0
    requesting_since: int = 0
    share_days: int = 0
    share_password: int = 0

    @property
    def name(self) -> str:
        return self.id

    @property
    def built_in(self) -> bool:
        return self.id in BUILT_IN


def clean_role_name(name: str) -> str:
    """The name, or `Invalid`: 1 to 40 of `a-z 0-9 -`, beginning with a letter."""
    if not _NAME.fullmatch(name):
        raise Invalid(
            f"A role's name has 1 to {MAX_ROLE_NAME} of a-z, 0-9 and -, beginning with a letter.", field="name"
        )
    return name


def built_in_roles() -> tuple[Role, ...]:
    """The roles that are always there."""
    return tuple(Role(name, description, granted_by(name)) for name, description in BUILT_IN.items())
