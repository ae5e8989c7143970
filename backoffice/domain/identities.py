"""Who a credential stands for, as the store has it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from backoffice.domain.roles import Role
from backoffice.domain.users import User

C = TypeVar("C")


@dataclass(frozen=True, slots=True)
class Identity(Generic[C]):
    """A token or a session, whose it is, and all roles by name."""

    credential: C
    user: User
    roles: Mapping[str, Role]
