"""Who a credential stands for, as the store has it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from backoffice.domain.roles import Role
from backoffice.domain.users import User
from backoffice.domain.versions import Version

C = TypeVar("C")


@dataclass(frozen=True, slots=True)
class Identity(Generic[C]):
    """A token or a session, whose it is, and all roles by name. `versions`: of all that, in the store."""

    credential: C
    user: User
    roles: Mapping[str, Role]
    versions: tuple[Version, ...] = ()


def only_roles_changed(before: User, after: User) -> bool:
    """Whether what ended the credentials of a user in between was one change of roles: a password, a disabled account
    and other roles each raise the epoch by one, and the first two leave the roles as they are."""
    return after.epoch == before.epoch + 1 and set(after.roles) != set(before.roles)
