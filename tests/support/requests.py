"""A site whose user Ann requests files, and guests who deliver some."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import fakeredis
from redis import Redis

from backoffice.domain.deliveries import Delivered, RequestTerms
from backoffice.domain.files import File
from backoffice.domain.links import Link
from backoffice.domain.paging import Query
from backoffice.services.guest_sending import GuestSending
from backoffice.services.guests import Guest
from tests.support.links import SHELL, Sharing
from tests.support.uploads import reader
from tests.support.website import Site, make_whole_site

TERMS = RequestTerms(max_files=10, review=1)
BODY = b"what a guest delivers"


@contextmanager
def requesting_site() -> Iterator[tuple[Site, Redis]]:
    """A site over an imitated store. Making one takes longer than most tests: it is shared, and emptied by `fresh`."""
    with fakeredis.FakeRedis(server=fakeredis.FakeServer(server_type="valkey"), decode_responses=False) as client:
        yield make_whole_site(client), client


@contextmanager
def fresh(shared: tuple[Site, Redis]) -> Iterator[Requesting]:
    """Ann, on an empty site whose services are afterwards those of before."""
    site, client = shared
    client.flushall()
    services = site.services
    yield Requesting(site)
    site.swap(links=services.links, guests=services.guests)


class Requesting(Sharing):
    """Ann requests files. Time can be put forward for links."""

    def __init__(self, site: Site) -> None:
        super().__init__(site)

    def request(self, **fields: Any) -> tuple[Link, str]:
        """The link, and what stands behind `/s/`."""
        terms = RequestTerms(**{"max_files": 10, "review": 1, **fields.pop("terms", {})})
        return self.site.services.requests.create(
            self.owner(), name=fields.pop("name", "Reports"), terms=terms, **fields
        )

    def guest(self, token: str, password: str = "", name: str = "") -> Guest:
        """Somebody new."""
        return self.site.services.guests.enter(self.visitor(), token, password, "", None, name)[1]

    def sending(self, token: str, guest: Guest) -> GuestSending:
        return self.site.services.guests.sending(self.visitor(), token, guest)

    def deliver(self, token: str, guest: Guest, name: str = "a.txt", body: bytes = BODY) -> Delivered:
        sending = self.sending(token, guest)
        spec = sending.spec(name)
        with sending.open_stream(spec, len(body)) as new:
            new.read_from(reader(body))
            return sending.finish_stream(new, spec)

    def waiting(self, link: Link) -> list[File]:
        return list(self.site.services.deliveries.page(self.owner(), link.id, Query(), waiting=True).items)

    def used(self) -> int:
        """Bytes that Ann's quota counts."""
        return self.site.services.files.usage(self.owner()).used

    def sound(self) -> None:
        """`fsck` finds nothing."""
        found: list[str] = []
        self.site.services.maintenance.check(SHELL, on_finding=lambda finding, _: found.append(finding.what))
        assert not found, "\n".join(found)
