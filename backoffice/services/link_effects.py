"""Which share links a change would hit: whose links end, end earlier, need a password or are shut by it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from backoffice.domain.acts import Acts
from backoffice.domain.links import Link, LinkState, Standing
from backoffice.domain.paging import Query
from backoffice.domain.roles import Role
from backoffice.services.links import Links
from backoffice.services.ports import RoleStore, UserStore
from backoffice.services.sharing import TAKES
from backoffice.services.sharing_effects import Change, Effects, SharingEffects

HitKind = Literal["closed", "ended", "password", "shorter", "opened"]
HIT_KINDS: Final[tuple[HitKind, ...]] = ("closed", "ended", "password", "shorter", "opened")
"""What becomes of a link: shut, for its owner may not share any more; over at once; open only with a password; over
earlier; open, which it was not."""


@dataclass(frozen=True, slots=True)
class LinkHit:
    """A link that is hit. `name`: what it led to was called so when it was made; `ends_at`: ms, after the change."""

    id: str
    name: str
    username: str
    kind: HitKind
    ends_at: int


LinksIf = Effects[LinkHit]


class LinkEffects(SharingEffects[Link, LinkHit]):
    """Of share links."""

    READ = Acts.LINK_READ
    KINDS = HIT_KINDS

    def __init__(self, links: Links, users: UserStore, roles: RoleStore, together: Callable[..., list[Any]]) -> None:
        super().__init__(links.audit, users, roles, together, links.now)
        self._links = links

    def _rule(self, role: Role | None) -> object:
        return None if role is None else (role.permissions & TAKES, role.share_days, role.share_password)

    def _page(self, query: Query) -> Any:
        return self._links.store.page(query)

    def _hits(self, records: Sequence[Link], change: Change) -> Iterator[LinkHit]:
        objects = self._links.objects.get_many(records)
        stays = self._links.objects.stays(objects)
        for link, found in zip(records, objects, strict=True):
            user = change.people[link.owner]
            was = self._links.standing(link, user, change.before, found, stays)
            will = self._links.standing(link, change.then or user, change.after, found, stays)
            kind = _kind(was, will)
            if kind is not None:
                yield LinkHit(link.id, link.name, user.username, kind, will.ends_at)


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
