"""What guests deliver, against a plain model: whatever is sent, withdrawn, accepted, refused, ended, opened again and
revoked in any order, the request counts what came and was not taken back, its owner pays for what is there, each guest
sees their own, and `fsck` finds nothing after any step."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import ClassVar, Final

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from redis import Redis

from backoffice.domain.paging import Query
from backoffice.errors import Conflict, NotFound, RequestFull
from tests.support.machines import emptied, imitated, run_machine
from tests.support.requests import Requesting
from tests.support.servers import Store
from tests.support.website import make_whole_site

MOST: Final = 4
WHICH: Final = st.integers(0, 99)


@dataclass
class Sent:
    guest: int
    size: int
    waiting: bool


class RequestMachine(RuleBasedStateMachine):
    make: ClassVar[Callable[[], Redis]]

    def __init__(self) -> None:
        super().__init__()
        self.on = Requesting(make_whole_site(self.make()))
        self.before = self.on.used()
        self.link, self.token = self.on.request(terms={"max_files": MOST})
        self.guests = [self.on.guest(self.token), self.on.guest(self.token)]
        self.open = self.there = True
        self.sent: dict[str, Sent] = {}
        self.counted: set[str] = set()

    def pick(self, which: int) -> str:
        return list(self.sent)[which % len(self.sent)] if self.sent else ""

    @rule(guest=st.sampled_from([0, 1]), size=st.sampled_from([0, 1, 900]), chunks=st.booleans())
    def deliver(self, guest: int, size: int, chunks: bool) -> None:
        if not self.open:
            with pytest.raises(NotFound):
                self.on.sending(self.token, self.guests[guest])
            return
        body = b"x" * max(size, int(chunks))
        if len(self.counted) == MOST:
            with pytest.raises(RequestFull):
                self.on.deliver(self.token, self.guests[guest], "a.txt", body)
            return
        if chunks:
            sending = self.on.sending(self.token, self.guests[guest])
            upload = sending.put_chunk(upload_id=None, index=0, total_chunks=1, data=body).upload.id
            spec = sending.spec("a.txt")
            file_id = sending.complete(upload, spec, total_size=len(body)).id
            assert sending.complete(upload, spec, total_size=len(body)).id == file_id
        else:
            file_id = self.on.deliver(self.token, self.guests[guest], "a.txt", body).id
        self.sent[file_id] = Sent(guest, len(body), waiting=True)
        self.counted.add(file_id)

    @rule(which=WHICH, guest=st.sampled_from([0, 1]))
    def withdraw(self, which: int, guest: int) -> None:
        file_id = self.pick(which)
        if not file_id or not self.open:
            return
        one, sending = self.sent[file_id], self.on.sending(self.token, self.guests[guest])
        if one.guest != guest or not one.waiting:
            with pytest.raises((NotFound, Conflict)):
                sending.withdraw(file_id)
            return
        sending.withdraw(file_id)
        self.gone(file_id)

    @rule(which=WHICH)
    def accept(self, which: int) -> None:
        if not (file_id := self.pick(which)):
            return
        deliveries = self.on.site.services.deliveries
        if not self.sent[file_id].waiting:
            with pytest.raises(Conflict):
                deliveries.accept(self.on.owner(), file_id)
            return
        assert deliveries.accept(self.on.owner(), file_id).id == file_id
        self.sent[file_id].waiting = False

    @rule(which=WHICH)
    def refuse(self, which: int) -> None:
        if not (file_id := self.pick(which)):
            return
        deliveries = self.on.site.services.deliveries
        if not self.sent[file_id].waiting:
            with pytest.raises(Conflict):
                deliveries.refuse(self.on.owner(), file_id)
            return
        deliveries.refuse(self.on.owner(), file_id)
        self.gone(file_id)

    def gone(self, file_id: str) -> None:
        del self.sent[file_id]
        self.counted.discard(file_id)

    @rule()
    def accept_all(self) -> None:
        if self.there:
            waits = [one for one in self.sent.values() if one.waiting]
            done, left = self.on.site.services.deliveries.accept_all(self.on.owner(), self.link.id)
            assert (done, left) == (len(waits), 0)
            for one in waits:
                one.waiting = False

    @rule()
    def end(self) -> None:
        if self.there and self.open:
            self.on.site.services.requests.end(self.on.owner(), self.link.id)
            self.open = False

    @rule()
    def open_again(self) -> None:
        if self.there and not self.open:
            self.on.site.services.requests.update(self.on.owner(), self.link.id, days=2)
            self.open = True

    @rule(often=st.integers(0, 5))
    def revoke(self, often: int) -> None:
        if self.there and not often:
            self.on.links.revoke(self.on.owner(), self.link.id)
            self.open = self.there = False

    # -- what holds

    @invariant()
    def the_request_counts_what_came(self) -> None:
        if self.there:
            now = self.on.now(self.link)
            held = sum(self.sent[one].size for one in self.counted)
            assert (now.delivered, now.delivered_bytes) == (len(self.counted), held)

    @invariant()
    def all_of_it_is_where_it_should_be(self) -> None:
        has, owner = self.on.site.services, self.on.owner()
        waits = {key for key, one in self.sent.items() if one.waiting}
        assert {one.id for one in has.deliveries.all_waiting(owner, Query()).items} == waits
        listed = {one.id for one in has.files.page(owner, Query(limit=100)).items} - {self.on.file.id}
        assert listed == set(self.sent) - waits
        assert self.on.used() == self.before + sum(one.size for one in self.sent.values())
        with suppress(NotFound):
            for number, guest in enumerate(self.guests):
                seen = {one.id: one.waiting for one in self.on.sending(self.token, guest).delivered()}
                assert seen == {key: one.waiting for key, one in self.sent.items() if one.guest == number}

    @invariant()
    def nothing_is_found(self) -> None:
        self.on.sound()


def test_on_the_fake() -> None:
    run_machine(RequestMachine, imitated, 3, 12)


def test_on_a_real_server(store_server: Store) -> None:
    run_machine(RequestMachine, emptied(store_server), 5, 15)
