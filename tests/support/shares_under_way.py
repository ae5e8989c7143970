"""What happens in somebody else's folder while something is under way there."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Final

from backoffice.domain.access import Actor
from backoffice.domain.paging import Query
from backoffice.domain.shares import Share, ShareAccess
from backoffice.errors import BackofficeError, NotAllowed, NotFound, NotSignedIn
from backoffice.stores.watch import unwatch
from tests.support.shares import SHELL, Circle

CHUNK: Final = 64 * 1024
LONG: Final = bytes(range(251)) * 800
WRITE: Final = ShareAccess.WRITE


def coming(on: Circle, name: str) -> Actor:
    """In one request, by a token of its own: what it rests on is asked for again while it lasts."""
    found = on.site.services.tokens.authenticate(on.site.token(name), ip="192.0.2.1", agent="", request_id="r")
    assert found is not None
    unwatch()
    return found[0]


def meanwhile(content: bytes, happens: Callable[[], object]) -> Callable[[memoryview], int]:
    """A body in the middle of which something happens."""
    source, come = io.BytesIO(content), 0

    def read_into(view: memoryview) -> int:
        nonlocal come
        count = source.readinto(view[: max(1, len(content) // 2)])
        if come <= len(content) // 2 < come + count:
            happens()
        come += count
        return count

    return read_into


def crew(on: Circle) -> Share:
    """Ann's folder is shared with a role that Bob has."""
    on.site.services.roles.create(SHELL, name="crew", permissions=["tokens:own"])
    for name in ("ann", "bob"):
        on.site.services.users.update(SHELL, on.site.users[name], roles=["crew", "user"])
    return on.share(WRITE, role="crew")


def only(on: Circle) -> Share:
    [share] = on.shares.store.page(Query()).items
    return share


def unsound(on: Circle) -> list[object]:
    """What `fsck` finds."""
    found = list[object]()
    on.site.services.maintenance.check(SHELL, on_finding=found.append, on_progress=lambda *_: None)
    return found


Bar = Callable[[Circle], object]
BARS: Final[dict[str, tuple[type[BackofficeError], Bar]]] = {
    "owner disabled": (NotFound, lambda on: on.site.services.users.disable(SHELL, on.ann)),
    "owner demoted": (NotFound, lambda on: on.site.services.users.update(SHELL, on.ann, roles=["auditor"])),
    "folder trashed": (NotFound, lambda on: on.site.services.folders.trash(SHELL, on.folder)),
    "folder within trashed": (NotFound, lambda on: on.site.services.folders.trash(SHELL, on.deep)),
    "folder within moved out": (
        NotFound,
        lambda on: on.site.services.folders.update(on.who("ann"), on.deep, parent=on.beside),
    ),
    "revoked": (NotFound, lambda on: on.shares.revoke(on.who("ann"), only(on).id)),
    "role taken away": (
        NotFound,
        lambda on: on.site.services.users.update(SHELL, on.bob, roles=["user"]),
    ),
    "grantee disabled": (NotSignedIn, lambda on: on.site.services.users.disable(SHELL, on.bob)),
    "grantee without the right": (
        NotAllowed,
        lambda on: on.site.services.users.update(SHELL, on.bob, roles=["crew"]),
    ),
}
ONLY_READ: Final[dict[str, tuple[type[BackofficeError], Bar]]] = {
    "only to read": (
        NotAllowed,
        lambda on: on.shares.update(on.who("ann"), only(on).id, access=ShareAccess.READ),
    ),
    "owner without the right to write": (
        NotAllowed,
        lambda on: [
            on.site.services.roles.create(SHELL, name="sharer", permissions=["files:read", "files:share"]),
            on.site.services.users.update(SHELL, on.ann, roles=["sharer", "user"]),
            on.site.services.users.update(SHELL, on.ann, roles=["sharer"]),
        ],
    ),
}
