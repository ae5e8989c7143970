"""What a change of roles, or of a person, would do to what is shared: the walk that share links (`link_effects.py`) and
shares with people and roles (`share_effects.py`) have in common.

As with who gains and loses what (`access_effects.py`), it is worked out of records and people as they are now, of a
number that is bounded; nothing is changed.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar, Final, Generic, Protocol, TypeVar

from backoffice.domain.access import Actor
from backoffice.domain.acts import Act, Acts
from backoffice.domain.limits import MAX_LIMIT
from backoffice.domain.paging import Query
from backoffice.domain.roles import Role
from backoffice.domain.users import User
from backoffice.errors import NotFound
from backoffice.services.authorization import authorize
from backoffice.services.log_ports import AuditLog
from backoffice.services.ports import RoleStore, UserStore
from backoffice.services.sharing import role_with_break

MOST: Final = 5_000
"""Records that are looked at."""
ASKED: Final = 50
"""Filters whose records are asked for together."""
SAMPLE: Final = 10
Filter = tuple[str, str]


class Hit(Protocol):
    """A record that is hit, and what becomes of it."""

    @property
    def id(self) -> str: ...
    @property
    def kind(self) -> Any: ...


R = TypeVar("R")
H = TypeVar("H", bound=Hit)


@dataclass(frozen=True, slots=True)
class Effects(Generic[H]):
    """What comes of a change. `exact` false: of many people or records the first were looked at. `counts`: by kind, of
    those kinds that there are. `sample`: some of those that are hit, the worst first."""

    looked_at: int
    exact: bool
    counts: Mapping[Any, int]
    sample: tuple[H, ...]

    @property
    def total(self) -> int:
        """How many are hit."""
        return sum(self.counts.values())


@dataclass(frozen=True, slots=True)
class Change:
    """`people`: by id, those whose records are looked at; roles by name before and after; `then`: a person who changes,
    as that one will be."""

    people: Mapping[str, User]
    before: Mapping[str, Role]
    after: Mapping[str, Role]
    then: User | None = None


class SharingEffects(ABC, Generic[R, H]):
    """Takes the right to see everybody's records, and roles. `together`: asks several questions in one round trip."""

    READ: ClassVar[Act]
    KINDS: ClassVar[tuple[str, ...]]
    """What becomes of a record, the worst first."""

    def __init__(
        self,
        audit: AuditLog,
        users: UserStore,
        roles: RoleStore,
        together: Callable[..., list[Any]],
        now: Callable[[], int],
    ) -> None:
        self._audit, self._users, self._roles, self._together, self._now = audit, users, roles, together, now

    def if_roles(self, actor: Actor, then: Mapping[str, Role | None]) -> Effects[H]:
        """What comes of roles being as `then` has them, None: of one that is not there any more. Some round trips for
        each 500 records. Raises NotAllowed, NotFound."""
        self._authorize(actor)
        before = self._roles.all()
        after = roles_then(before, then, self._now())
        changed = [name for name, role in then.items() if self._rule(before[name]) != self._rule(role)]
        people, exact = holders(self._users, self._together, changed)
        gone = [name for name, role in then.items() if role is None]
        return self._effects(Change(people, before, after), self._filters(list(people), gone), exact=exact)

    def if_user(self, actor: Actor, user: User, then: User) -> Effects[H]:
        """What comes of one person being as `then`. Likewise."""
        self._authorize(actor)
        roles = self._roles.all()
        return self._effects(Change({user.id: user}, roles, roles, then), self._filters([user.id], ()), exact=True)

    # -- what differs

    @abstractmethod
    def _rule(self, role: Role | None) -> object:
        """What the records hang on, of a role."""

    def _filters(self, owners: Sequence[str], gone: Sequence[str]) -> list[Filter]:  # noqa: ARG002
        """What finds the records of these people, and of roles that are gone."""
        return [("owner", one) for one in owners]

    @abstractmethod
    def _page(self, query: Query) -> Any:
        """Of the records."""

    @abstractmethod
    def _hits(self, records: Sequence[R], change: Change) -> Iterator[H]:
        """Those that are hit."""

    # -- the walk

    def _authorize(self, actor: Actor) -> None:
        authorize(self._audit, actor, self.READ)
        authorize(self._audit, actor, Acts.ROLE_READ)

    def _effects(self, change: Change, filters: Sequence[Filter], *, exact: bool) -> Effects[H]:
        hits, looked_at = dict[str, H](), 0
        for records, more in self._found(filters):
            for hit in self._hits(records, change):
                hits.setdefault(hit.id, hit)  # a record may be found by two filters
            looked_at += len(records)
            exact = exact and not more
            if looked_at >= MOST:
                exact = False
                break
        counts = Counter(hit.kind for hit in hits.values())
        worst = sorted(hits.values(), key=lambda hit: self.KINDS.index(hit.kind))
        return Effects(
            looked_at, exact, {kind: counts[kind] for kind in self.KINDS if counts[kind]}, tuple(worst[:SAMPLE])
        )

    def _found(self, filters: Sequence[Filter]) -> Iterator[tuple[list[R], bool]]:
        """The records that one of these finds, some hundred at a time, and whether there are more."""
        for at in range(0, len(filters), ASKED):
            queries = (Query(filters=(one,), limit=MAX_LIMIT) for one in filters[at : at + ASKED])
            pages = self._together(*(partial(self._page, one) for one in queries))
            found = [record for page in pages for record in page.items]
            more = any(page.next_cursor for page in pages)
            for start in range(0, len(found), MAX_LIMIT):
                yield found[start : start + MAX_LIMIT], more


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
    pages = together(*(partial(users.page, one) for one in asked)) if roles else []
    people = {user.id: user for page in pages for user in page.items}
    first = dict(list(people.items())[:MAX_LIMIT])
    return first, len(first) == len(people) and not any(page.next_cursor for page in pages)
