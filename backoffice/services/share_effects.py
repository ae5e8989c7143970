"""Which shares with people and roles a change of roles would hit: which are shut by it, and which let nobody write any
more. As with share links (`link_effects.py`), of a number that is bounded; nothing is changed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from backoffice.domain.access import Actor
from backoffice.domain.acts import Acts, decide_act
from backoffice.domain.limits import MAX_LIMIT
from backoffice.domain.paging import Query
from backoffice.domain.roles import Role
from backoffice.domain.shares import Grantee, HeldShare, Share, ShareAccess, ShareState
from backoffice.domain.users import User
from backoffice.services.authorization import authorize, grants_of
from backoffice.services.link_effects import holders, reader, roles_then
from backoffice.services.ports import RoleStore, UserStore
from backoffice.services.shares import Shares
from backoffice.services.sharing import SHARING

ShareHitKind = Literal["closed", "read_only"]
SHARE_HIT_KINDS: Final[tuple[ShareHitKind, ...]] = ("closed", "read_only")
"""What becomes of a share: shut, for its owner may not share any more; nobody puts anything there any more, for its
owner may not."""
TAKES: Final = frozenset(act.takes for act in (*SHARING.acts, Acts.FILE_CREATE) if act.takes is not None)
"""The permissions on which shares hang."""
MOST: Final = 5_000
"""Shares that are looked at."""
ASKED: Final = 50
"""Whose shares are asked for together."""
SAMPLE: Final = 10


@dataclass(frozen=True, slots=True)
class ShareHit:
    """A share that is hit. `name`: of what is shared; `username`: the owner's; `to` and `grantee_name`: with whom."""

    id: str
    name: str
    username: str
    to: Grantee
    grantee_name: str
    kind: ShareHitKind


@dataclass(frozen=True, slots=True)
class SharesIf:
    """What comes of a change. `exact` false: of many people or shares the first were looked at. `sample`: some of those
    that are hit, the worst first."""

    looked_at: int
    exact: bool
    counts: Mapping[ShareHitKind, int]
    sample: tuple[ShareHit, ...]

    @property
    def total(self) -> int:
        """How many are hit."""
        return sum(self.counts.values())


@dataclass(frozen=True, slots=True)
class ShareEffects:
    """Takes the right to see everybody's shares."""

    shares: Shares
    users: UserStore
    roles: RoleStore
    together: Callable[..., list[Any]]

    def if_roles(self, actor: Actor, then: Mapping[str, Role | None]) -> SharesIf:
        """What comes of roles being as `then` has them, None: of one that is not there any more. Some round trips for
        each 500 shares. Raises NotAllowed, NotFound."""
        authorize(self.shares.audit, actor, Acts.SHARE_READ)
        authorize(self.shares.audit, actor, Acts.ROLE_READ)
        before = self.roles.all()
        after = roles_then(before, then, self.shares.now())
        changed = [name for name, role in then.items() if _rights(before[name]) != _rights(role)]
        people, exact = holders(self.users, self.together, changed)
        gone = [name for name, role in then.items() if role is None]
        asked = [("owner", one) for one in people] + [("role", name) for name in gone]
        return self._hits(asked, people, before, after, exact=exact)

    def if_user(self, actor: Actor, user: User, then: User) -> SharesIf:
        """What comes of one person being as `then`, of what that one shares. Likewise."""
        authorize(self.shares.audit, actor, Acts.SHARE_READ)
        authorize(self.shares.audit, actor, Acts.ROLE_READ)
        roles = self.roles.all()
        return self._hits([("owner", user.id)], {user.id: user}, roles, roles, exact=True, then=then)

    def _hits(
        self,
        asked: Sequence[tuple[str, str]],
        people: Mapping[str, User],
        before: Mapping[str, Role],
        after: Mapping[str, Role],
        *,
        exact: bool,
        then: User | None = None,
    ) -> SharesIf:
        counts, hits, looked_at = Counter[ShareHitKind](), dict[str, ShareHit](), 0
        for shares in self._found(asked):
            will_be = self.shares.standing_of(shares, after, then)
            for was, will in zip(self.shares.standing_of(shares, before), will_be, strict=True):
                owner = people.get(was.share.owner)
                writes = _may_write(owner, before) and not _may_write(then or owner, after)
                kind = _kind(was, will, ends_writing=writes)
                if kind is not None and was.id not in hits:
                    counts[kind] += 1
                    hits[was.id] = ShareHit(was.id, was.name, was.username, was.to, was.grantee_name, kind)
            looked_at += len(shares)
            if looked_at >= MOST:
                exact = False
                break
        worst = sorted(hits.values(), key=lambda one: SHARE_HIT_KINDS.index(one.kind))
        return SharesIf(
            looked_at, exact, {kind: counts[kind] for kind in SHARE_HIT_KINDS if counts[kind]}, tuple(worst[:SAMPLE])
        )

    def _found(self, asked: Sequence[tuple[str, str]]) -> Iterator[list[Share]]:
        """The shares that one of these filters finds, some hundred at a time."""
        for at in range(0, len(asked), ASKED):
            queries = (Query(filters=(one,), limit=MAX_LIMIT) for one in asked[at : at + ASKED])
            pages = self.together(*(reader(self.shares.store.page, one) for one in queries))
            found = [share for page in pages for share in page.items]
            for start in range(0, len(found), MAX_LIMIT):
                yield found[start : start + MAX_LIMIT]


def _rights(role: Role | None) -> frozenset[object]:
    """What shares hang on."""
    return frozenset() if role is None else role.permissions & TAKES


def _kind(was: HeldShare, will: HeldShare, *, ends_writing: bool) -> ShareHitKind | None:
    """What becomes of a share, if anything."""
    if was.state is not ShareState.OPEN:
        return None
    if will.state is not ShareState.OPEN:
        return "closed"
    return "read_only" if was.access is ShareAccess.WRITE and ends_writing else None


def _may_write(owner: User | None, roles: Mapping[str, Role]) -> bool:
    if owner is None:
        return False
    actor = Actor(owner.id, owner.username, roles=grants_of(owner, roles))
    return decide_act(actor, Acts.FILE_CREATE, owner.id).allowed
