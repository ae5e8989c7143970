"""Which shares with people and roles a change would hit: which are shut by it, and which let nobody write any more."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from backoffice.domain.access import Actor
from backoffice.domain.acts import Acts, decide_act
from backoffice.domain.paging import Query
from backoffice.domain.roles import Role
from backoffice.domain.shares import Grantee, HeldShare, Share, ShareAccess, ShareState
from backoffice.domain.users import User
from backoffice.services.authorization import grants_of
from backoffice.services.ports import RoleStore, UserStore
from backoffice.services.shares import Shares
from backoffice.services.sharing import SHARING
from backoffice.services.sharing_effects import Change, Effects, Filter, SharingEffects

ShareHitKind = Literal["closed", "read_only"]
SHARE_HIT_KINDS: Final[tuple[ShareHitKind, ...]] = ("closed", "read_only")
"""What becomes of a share: shut, for its owner may not share any more; nobody puts anything there any more, for its
owner may not."""
TAKES: Final = frozenset(act.takes for act in (*SHARING.acts, Acts.FILE_CREATE) if act.takes is not None)
"""The permissions on which shares hang."""


@dataclass(frozen=True, slots=True)
class ShareHit:
    """A share that is hit. `name`: of what is shared; `username`: the owner's; `to` and `grantee_name`: with whom."""

    id: str
    name: str
    username: str
    to: Grantee
    grantee_name: str
    kind: ShareHitKind


SharesIf = Effects[ShareHit]


class ShareEffects(SharingEffects[Share, ShareHit]):
    """Of shares with people and roles."""

    READ = Acts.SHARE_READ
    KINDS = SHARE_HIT_KINDS

    def __init__(self, shares: Shares, users: UserStore, roles: RoleStore, together: Callable[..., list[Any]]) -> None:
        super().__init__(shares.audit, users, roles, together, shares.now)
        self._shares = shares

    def _rule(self, role: Role | None) -> object:
        return frozenset() if role is None else role.permissions & TAKES

    def _filters(self, owners: Sequence[str], gone: Sequence[str]) -> list[Filter]:
        return [*super()._filters(owners, gone), *(("role", name) for name in gone)]

    def _page(self, query: Query) -> Any:
        return self._shares.store.page(query)

    def _hits(self, records: Sequence[Share], change: Change) -> Iterator[ShareHit]:
        before = self._shares.standing_of(records, change.before)
        after = self._shares.standing_of(records, change.after, change.then)
        for was, will in zip(before, after, strict=True):
            owner = change.people.get(was.share.owner)
            writes = _may_write(owner, change.before) and not _may_write(change.then or owner, change.after)
            kind = _kind(was, will, ends_writing=writes)
            if kind is not None:
                yield ShareHit(was.id, was.name, was.username, was.to, was.grantee_name, kind)


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
