"""A refusal for people: which right was asked for, and which roles have it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from backoffice.domain.access import BUILT_IN, describe, granted_by
from backoffice.domain.acts import Acts
from backoffice.errors import Unavailable
from backoffice.web.context import services
from backoffice.web.identity import actor, may


@dataclass(frozen=True, slots=True)
class Missing:
    """The right, in words; and the roles that have it, of which own ones of the site are named to whoever may read
    roles."""

    permission: str
    text: str
    roles: Sequence[str]


def missing_right(permission: str) -> Missing:
    """What a page says about it."""
    granting = [name for name in BUILT_IN if permission in granted_by(name)]
    if may(Acts.ROLE_READ):
        with suppress(Unavailable):  # it is said all the same that it is refused
            own = [role for role in services().roles.all(actor()) if not role.built_in]
            granting += [role.name for role in own if permission in role.permissions]
    return Missing(permission, describe(permission), granting)
