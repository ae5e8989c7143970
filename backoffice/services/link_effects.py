"""Which share links a change of roles would hit: whose links end, end earlier, need a password or are shut by it.

As with who gains and loses what (`access_effects.py`), it is worked out of links and people as they are now, of a
number that is bounded; nothing is changed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from backoffice.domain.access import Actor
from backoffice.domain.acts import Acts
from backoffice.domain.limits import MAX_LIMIT
from backoffice.domain.links import Link, LinkState, Standing
from backoffice.domain.paging import Query
from backoffice.domain.roles import Role
from backoffice.domain.users import User
from backoffice.errors import NotFound
from backoffice.services.authorization import authorize
from backoffice.services.links import Links
from backoffice.services.ports import RoleStore, UserStore
from backoffice.services.sharing import TAKES, role_with_break

HitKind = Literal["closed", "ended", "password", "shorter", "opened"]
HIT_KINDS: Final[tuple[HitKind, ...]] = ("closed", "ended", "password", "shorter", "opened")
"""What becomes of a link: shut, for its owner may not share any more; over at once; open only with a password; over
earlier; open, which it was not."""
MOST: Final = 5_000
"""Links that are looked at."""
OWNERS: Final = 50
"""Whose links are asked for together."""
SAMPLE: Final = 10


@dataclass(frozen=True, slots=True)
class LinkHit:
    """A link that is hit. `name`: what it led to was called so when it was made; `ends_at`: ms, after the change."""

    id: str
    name: str
    username: str
    kind: HitKind
    ends_at: int


@dataclass(frozen=True, slots=True)
class LinksIf:
    """What comes of a change. `exact` false: of many people or links the first were looked at. `sample`: some of those
    that are hit, the worst first."""

    looked_at: int
    exact: bool
    counts: Mapping[HitKind, int]
    sample: tuple[LinkHit, ...]

    @property
    def total(self) -> int:
        """How many are hit."""
        return sum(self.counts.values())


NO_LINKS: Final = LinksIf(0, exact=True, counts={}, sample=())


@dataclass(frozen=True, slots=True)
class LinkEffects:
    """Takes the right to see everybody's share links."""

    links: Links
    users: UserStore
    roles: RoleStore
    together: Callable[..., list[Any]]

    def if_roles(self, actor: Actor, then: Mapping[str, Role | None]) -> LinksIf:
        """What comes of roles being as `then` has them, None: of one that is not there any more. Three round trips,
        and three for each 500 links. Raises NotAllowed, NotFound."""
        authorize(self.links.audit, actor, Acts.LINK_READ)
        authorize(self.links.audit, actor, Acts.ROLE_READ)
        before = self.roles.all()
        after = roles_then(before, then, self.links.now())
        changed = [name for name, role in then.items() if _rule(before[name]) != _rule(role)]
        people, exact = holders(self.users, self.together, changed)
        return self._hits(people, before, after, exact=exact)

    def if_user(self, actor: Actor, user: User, then: User) -> LinksIf:
        """What comes of one person being as `then`. Likewise."""
        authorize(self.links.audit, actor, Acts.LINK_READ)
        authorize(self.links.audit, actor, Acts.ROLE_READ)
        roles = self.roles.all()
        return self._hits({user.id: user}, roles, roles, exact=True, then=then)

    def _hits(
        self,
        people: Mapping[str, User],
        before: Mapping[str, Role],
        after: Mapping[str, Role],
        *,
        exact: bool,
        then: User | None = None,
    ) -> LinksIf:
        counts, hits, looked_at = Counter[HitKind](), list[LinkHit](), 0
        for links in self._links_of(list(people)):
            objects = self.links.objects.get_many(links)
            stays = self.links.objects.stays(objects)
            for link, found in zip(links, objects, strict=True):
                user = people[link.owner]
                was = self.links.standing(link, user, before, found, stays)
                will = self.links.standing(link, then or user, after, found, stays)
                kind = _kind(was, will)
                if kind is not None:
                    counts[kind] += 1
                    hits.append(LinkHit(link.id, link.name, user.username, kind, will.ends_at))
            looked_at += len(links)
            if looked_at >= MOST:
                exact = False
                break
        hits.sort(key=lambda one: HIT_KINDS.index(one.kind))
        return LinksIf(
            looked_at, exact, {kind: counts[kind] for kind in HIT_KINDS if counts[kind]}, tuple(hits[:SAMPLE])
        )

    def _links_of(self, owners: Sequence[str]) -> Iterator[list[Link]]:
        """All links of these people, some hundred at a time."""
        for at in range(0, len(owners), OWNERS):
            asked = (Query(filters=(("owner", one),), limit=MAX_LIMIT) for one in owners[at : at + OWNERS])
            pages = self.together(*(reader(self.links.store.page, one) for one in asked))
            found = [link for page in pages for link in page.items]
            for start in range(0, len(found), MAX_LIMIT):
                yield found[start : start + MAX_LIMIT]


def roles_then(before: Mapping[str, Role], then: Mapping[str, Role | None], now: int) -> dict[str, Role]:
    """The roles by name once these are as `then` has them, None: gone, at `now` (ms). Raises NotFound."""
    after = dict(before)
    for name, role in then.items():
        old = after.pop(name, None)
        if old is None:
            raise NotFound
        if role is not None:
            after[name] = role_with_break(old, role, now)
    return after


def holders(users: UserStore, together: Callable[..., list[Any]], roles: Sequence[str]) -> tuple[dict[str, User], bool]:
    """The first of those who have one of the roles, by id, and whether they are all."""
    asked = (Query(filters=(("role", name),), limit=MAX_LIMIT) for name in roles)
    pages = together(*(reader(users.page, one) for one in asked)) if roles else []
    people = {user.id: user for page in pages for user in page.items}
    first = dict(list(people.items())[:MAX_LIMIT])
    return first, len(first) == len(people) and not any(page.next_cursor for page in pages)


def reader(read: Callable[[Query], Any], query: Query) -> Callable[[], Any]:
    """Asks for this page, when it is called."""
    return lambda: read(query)


def _rule(role: Role | None) -> tuple[object, ...]:
    """What links hang on."""
    return () if role is None else (role.permissions & TAKES, role.share_days, role.share_password)


def _kind(was: Standing, will: Standing) -> HitKind | None:
    """What becomes of a link, if anything."""
    if was.state is not LinkState.OPEN:
        return "opened" if will.state is LinkState.OPEN else None
    match will.state:
        case LinkState.BLOCKED:
            return "closed"
        case LinkState.EXPIRED:
            return "ended"
        case LinkState.UNPROTECTED:
            return "password"
        case _:
            return "shorter" if will.ends_at < was.ends_at else None
