"""What guests deliver by a request and its owner does with it, while somebody dies (`crashes.py`)."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Final

from backoffice.domain.access import Actor
from backoffice.domain.actions import Actions
from backoffice.domain.audit import AuditEvent
from backoffice.domain.deliveries import Delivery, guest_credential
from backoffice.domain.files import File, FileSpec, FileState
from backoffice.domain.links import Link, LinkKind
from backoffice.domain.paging import Query
from backoffice.domain.permissions import Permissions
from backoffice.errors import Conflict, NotFound
from backoffice.services.deliveries import Deliveries
from backoffice.stores.delivered_files import RedisDeliveries
from backoffice.stores.links import RedisLinks
from backoffice.stores.log.audit import RedisAudit
from tests.support.journal import Journal
from tests.support.uploads import ALICE, KEYS, World, reader

LINK: Final = "L" * 22
GUEST: Final = Actor(
    LINK,
    "a guest",
    roles=(("guest", frozenset({Permissions.FILES_WRITE})),),
    credential=guest_credential(LINK, "0123456789"),
    acts_for=ALICE.id,
)
SPEC: Final = FileSpec("a.txt", delivery=Delivery(review=True))
PARTS: Final = [b"d" * 1000, b"e" * 400]
CONTENT: Final = b"".join(PARTS)


def prepare_request(world: World, scenario: str, journal: Journal) -> None:
    """A request of Alice's; and what is accepted, refused or taken back, is there."""
    link = Link(LINK, ALICE.id, "Reports", "hash", 1, 1, 10**14, kind=LinkKind.REQUEST, max_files=9, review=1)
    RedisLinks(world.db, KEYS).insert(link, AuditEvent(Actions.LINK_CREATE, ALICE))
    if not scenario.startswith("delivered"):
        journal.note("delivered", world.service.upload_stream(GUEST, SPEC, reader(CONTENT)).id)


def _by_chunks(world: World, journal: Journal) -> None:
    """Its completion is repeated where it was not acknowledged."""
    started = journal.of("upload")
    upload_id = started[0][0] if started else world.begin(GUEST, PARTS).id
    if not started:
        journal.note("upload", upload_id)
    if world.files.get(upload_id) is None:
        missing = world.service.sent(GUEST, upload_id).missing
        for index in (one for first, last in missing for one in range(first, last + 1)):
            world.put(GUEST, upload_id, index, PARTS)
    assert world.service.complete(GUEST, upload_id, SPEC, total_size=len(CONTENT)).id == upload_id
    journal.note("delivered", upload_id)


def _by_body(world: World, journal: Journal) -> None:
    """It is sent anew where it was not acknowledged: then it may be there twice, and counts twice."""
    if not journal.of("delivered"):
        journal.note("delivered", world.service.upload_stream(GUEST, SPEC, reader(CONTENT)).id)


def _accepted(world: World, journal: Journal) -> None:
    file_id = journal.of("delivered")[0][0]
    with suppress(Conflict):
        deliveries(world).accept(ALICE, file_id)
    file = world.files.get(file_id)
    assert file is not None
    assert file.state is FileState.READY
    journal.note("accepted", file_id)


def _refused(world: World, journal: Journal) -> None:
    with suppress(NotFound):
        deliveries(world).refuse(ALICE, journal.of("delivered")[0][0])
    journal.note("refused")


DELIVERED: Final[dict[str, Callable[[World, Journal], None]]] = {
    "delivered_by_chunks": _by_chunks,
    "delivered_by_body": _by_body,
    "accepted": _accepted,
    "refused": _refused,
}


def deliveries(world: World) -> Deliveries:
    store, links = RedisDeliveries(world.db, KEYS), RedisLinks(world.db, KEYS)
    return Deliveries(store, links, world.chunks, RedisAudit(world.db, KEYS), world.clock)


def expect_counted(world: World, scenario: str, journal: Journal, *, end: bool) -> None:
    """The request counts what is there, and nothing else; each is whole; and what was acknowledged is there, unless it
    was refused."""
    link, found = RedisLinks(world.db, KEYS).get(LINK), all_delivered(world)
    assert link is not None
    assert (link.delivered, link.delivered_bytes) == (len(found), len(found) * len(CONTENT))
    for file in found:
        opened = deliveries(world).open(ALICE, file.id) if file.state is FileState.WAITING else None
        data = b"".join(map(bytes, opened.read())) if opened is not None else world.read(ALICE, file.id)
        assert data == CONTENT
    if end and scenario == "refused":
        assert not found
    elif scenario != "refused":
        assert {file.id for file in found}.issuperset(one for [one] in journal.of("delivered"))


def all_delivered(world: World) -> list[File]:
    """All that came by the request and is there, the newest last."""
    asked = Query(sort="delivered", filters=(("request", LINK),), limit=100)
    return list(RedisDeliveries(world.db, KEYS).page(asked).items)


def waiting(world: World) -> list[File]:
    return [one for one in all_delivered(world) if one.state is FileState.WAITING]
