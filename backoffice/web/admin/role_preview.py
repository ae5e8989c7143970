"""Who gains and loses what by a change of roles, in words, for the page that asks before it is saved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from backoffice.domain.acts import Acts
from backoffice.domain.explanations import Reach
from backoffice.domain.nouns import all_permissions
from backoffice.domain.permissions import Permission
from backoffice.domain.roles import Role
from backoffice.domain.users import User
from backoffice.services.access_effects import Done, WhatIf
from backoffice.services.link_effects import HitKind, LinksIf
from backoffice.services.roles import RoleChange
from backoffice.services.share_effects import SharesIf
from backoffice.web.context import services
from backoffice.web.identity import actor, may

HIT_WORDS: Final[Mapping[HitKind, str]] = {
    "closed": "Shut for good, for their owners may not share any more",
    "ended": "Over at once",
    "password": "Without a password, which they need then",
    "shorter": "Over earlier",
    "opened": "Open again",
}
"""What becomes of links."""
NAMED = 10
"""People that are named of those on whom a change has the same effect."""


@dataclass(frozen=True, slots=True)
class Difference:
    """What becomes of one role: rights that it grants then, and that it grants no more."""

    name: str
    added: tuple[Permission, ...]
    removed: tuple[Permission, ...]


@dataclass(frozen=True, slots=True)
class Group:
    """People on whom the change has the same effect: some of them, how many more there are, and the acts, in words."""

    people: tuple[User, ...]
    more: int
    gained: tuple[str, ...]
    lost: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Preview:
    """`effects` None: the person asking may not see whom it is about; `links`, `shares` None: nor which of these."""

    differences: tuple[Difference, ...]
    effects: WhatIf | None
    groups: tuple[Group, ...]
    links: LinksIf | None
    shares: SharesIf | None
    hits: tuple[tuple[int, str], ...] = ()


def preview(
    roles: Mapping[str, Role], changes: Mapping[str, RoleChange], rules: Mapping[str, int] | None = None
) -> Preview:
    """What comes of these changes. `rules`: what the roles demand of links then, where that is another."""
    told = {name: frozenset(map(str, change.permissions)) for name, change in changes.items() if name in roles}
    differences = tuple(
        _difference(roles[name], names) for name, names in told.items() if _rights(roles[name]) != names
    )
    known = {str(one): one for one in all_permissions()}
    links = shares = None
    if may(Acts.LINK_READ) and may(Acts.ROLE_READ):
        then = {
            name: _then(roles[name], frozenset(known[one] for one in names if one in known), rules or {})
            for name, names in told.items()
        }
        links = services().link_effects.if_roles(actor(), then)
        shares = services().share_effects.if_roles(actor(), then)
    hits = hit_words(links)
    if not (may(Acts.USER_ACCESS) and may(Acts.ROLE_READ)):
        return Preview(differences, None, (), links, shares, hits)
    found = services().access.if_roles(actor(), {name: sorted(names & known.keys()) for name, names in told.items()})
    return Preview(differences, found, groups(found), links, shares, hits)


def hit_words(links: LinksIf | None) -> tuple[tuple[int, str], ...]:
    """How many links are hit, and what becomes of them."""
    return tuple((number, HIT_WORDS[kind]) for kind, number in links.counts.items()) if links is not None else ()


def _then(role: Role, permissions: frozenset[Permission], rules: Mapping[str, int]) -> Role:
    days, password = (rules.get(name, getattr(role, name)) for name in ("share_days", "share_password"))
    return replace(role, permissions=permissions, share_days=days, share_password=password)


def _rights(role: Role) -> frozenset[str]:
    return frozenset(map(str, role.permissions))


def groups(found: WhatIf) -> tuple[Group, ...]:
    """The effects, in words."""
    return tuple(
        Group(one.people[:NAMED], len(one.people[NAMED:]), _words(one.gained), _words(one.lost))
        for one in found.effects
    )


def _difference(role: Role, names: frozenset[str]) -> Difference:
    then = [one for one in all_permissions() if str(one) in names]
    was = [one for one in all_permissions() if one in role.permissions]
    return Difference(
        role.name,
        tuple(one for one in then if one not in role.permissions),
        tuple(one for one in was if str(one) not in names),
    )


def _words(done: Sequence[Done]) -> tuple[str, ...]:
    return tuple(act_words(act.text, reach) for act, reach in done)


def act_words(text: str, reach: Reach) -> str:
    """An act and what it is done to: `rename a file (of others)`."""
    text = text.replace("`", "")
    return f"{text} (of others)" if reach is Reach.OTHERS else text
