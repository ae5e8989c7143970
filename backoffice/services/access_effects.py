"""Who gains and loses what, when roles are others than they are: worked out of what is at hand."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from backoffice.domain.access import Actor
from backoffice.domain.acts import Act, all_acts
from backoffice.domain.explanations import Reach, allowed_acts
from backoffice.domain.roles import Role
from backoffice.domain.users import User
from backoffice.services.authorization import grants_of, session_credential

BY_PASSWORD: Final = session_credential("")
"""Of somebody who is thought of: without one they would pass for the shell, which outranks everybody."""
Done = tuple[Act, Reach]
"""An act, on one kind of object."""


@dataclass(frozen=True, slots=True)
class Effect:
    """What a change makes of some people: the same acts gained, and the same lost."""

    gained: tuple[Done, ...]
    lost: tuple[Done, ...]
    people: tuple[User, ...]


@dataclass(frozen=True, slots=True)
class WhatIf:
    """What comes of a change. `holders` have what is changed; where they are more than can be looked at, `exact` is
    false and `effects` speak of the first of them. `unchanged`: so many of them neither gain nor lose anything."""

    holders: int
    exact: bool
    effects: tuple[Effect, ...]
    unchanged: int = 0
    last_admin: bool = False


def as_actor(user: User, roles: Mapping[str, Role]) -> Actor:
    """The user as whoever signs in by a password."""
    return Actor(user.id, user.username, grants_of(user, roles), credential=BY_PASSWORD)


def what_if(
    people: Iterable[User],
    before: Mapping[str, Role],
    after: Mapping[str, Role],
    holders: int,
    exact: bool,
    roles: tuple[str, ...] | None = None,
) -> WhatIf:
    """The effects on these people, those on whom it has the same together, the largest group first."""
    known: dict[tuple[tuple[str, ...], tuple[str, ...]], tuple[frozenset[Done], frozenset[Done]]] = {}
    groups: dict[tuple[frozenset[Done], frozenset[Done]], list[User]] = {}
    unchanged = 0
    for user in people:
        then = replace(user, roles=user.roles if roles is None else roles)
        held = (user.roles, then.roles)
        if held not in known:
            may, will = allowed_acts(as_actor(user, before)), allowed_acts(as_actor(then, after))
            known[held] = will - may, may - will
        if any(known[held]):
            groups.setdefault(known[held], []).append(user)
        else:
            unchanged += 1
    effects = [Effect(_in_order(gained), _in_order(lost), tuple(users)) for (gained, lost), users in groups.items()]
    effects.sort(key=lambda one: len(one.people), reverse=True)
    return WhatIf(holders, exact, tuple(effects), unchanged)


def _in_order(done: frozenset[Done]) -> tuple[Done, ...]:
    """As the table of acts has them."""
    return tuple((act, reach) for act in all_acts() for reach in Reach if (act, reach) in done)
