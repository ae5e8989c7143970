"""A store that hangs: who asks for something has an answer within the time of one wait, however many there would be."""

from __future__ import annotations

import io
import os
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress

import pytest

from backoffice.domain.files import File, FileSpec
from backoffice.domain.folders import Place
from backoffice.domain.waits import REQUEST_SECONDS, begin_waits, current_waits, end_waits
from backoffice.errors import Completing, Unavailable
from backoffice.services.uploads.completion import FolderOf
from backoffice.stores.client import Db, connect, store_errors
from tests.support.servers import Store, run_store
from tests.support.uploads import ALICE, World
from tests.support.website import Site, make_whole_site

AT_MOST = REQUEST_SECONDS + 3
"""One wait, and what a busy machine takes; three waits were 15 s."""


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with run_store(tmp_path_factory.mktemp("hung")) as store:
        yield store


@contextmanager
def hanging(store: Store) -> Iterator[None]:
    os.kill(store.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(store.pid, signal.SIGCONT)


def test_whatever_is_asked_the_refusal_comes_within_one_wait(store: Store) -> None:
    with closing(connect(store.url, store.password)) as client:
        site = make_whole_site(client)
        browser = site.signed_in("ann", "admin")
        requests = asking(site)
        for ask in requests.values():
            assert ask() < 400
        assert browser.get("/files").status_code == 200

        def timed(ask: Callable[[], int]) -> tuple[int, float]:
            began = time.monotonic()
            return ask(), time.monotonic() - began

        with hanging(store), ThreadPoolExecutor(len(requests)) as pool:
            found = dict(zip(requests, pool.map(timed, requests.values()), strict=True))
        assert {name: status for name, (status, _) in found.items()} == dict.fromkeys(requests, 503)
        assert {name: seconds for name, (_, seconds) in found.items() if seconds > AT_MOST} == {}
        for ask in requests.values():
            assert ask() < 400


def asking(site: Site) -> dict[str, Callable[[], int]]:
    headers = {"Authorization": f"Bearer {site.token('ann')}"}

    def ask(method: str, path: str, **more: object) -> Callable[[], int]:
        client = site.app.test_client(use_cookies=False)
        return lambda: client.open(path, method=method, headers=headers, **more).status_code

    return {
        "a page": ask("GET", "/"),
        "a page of the admin site": ask("GET", "/admin/files/"),
        "a list": ask("GET", "/files"),
        "a small file": ask("PUT", "/files/small.bin", data=b"x"),
        "a long one": ask("PUT", "/files/long.bin", data=bytes(5_000_000)),
    }


@pytest.fixture
def db(store: Store) -> Iterator[Db]:
    with closing(connect(store.url, store.password)) as client:
        yield Db(client)
    end_waits()


def test_what_is_left_is_shared_and_then_nothing_is_asked(store: Store, db: Db) -> None:
    assert db.call("PING")
    begin_waits()
    current_waits().left = 0.5
    with hanging(store):
        for most in (2.5, 0.2, 0.2):
            began = time.monotonic()
            with pytest.raises(Unavailable):
                db.call("PING")
            assert time.monotonic() - began < most
    with pytest.raises(Unavailable):
        db.call("PING")
    begin_waits()  # the next request
    assert db.call("PING")
    assert db.many([("PING",), ("DBSIZE",)])[0]
    current_waits().left = 1.0
    assert db.call("PING")  # with less patience
    begin_waits()
    pending = db.ask("GET", "nothing")
    current_waits().left = 0
    with pytest.raises(Unavailable), store_errors():
        pending.reply()
    begin_waits()
    assert db.call("ECHO", "own") == b"own"  # and not the reply that was on its way


def test_a_long_upload_that_the_store_leaves_alone_is_refused_in_time(store: Store) -> None:
    with closing(connect(store.url, store.password)) as client:
        site = make_whole_site(client)
        site.add_user("eve")
        body = Hanging(store)
        try:
            answer = site.app.test_client(use_cookies=False).put(
                "/files/long.bin",
                headers={"Authorization": f"Bearer {site.token('eve')}"},
                input_stream=body,
                environ_overrides={"CONTENT_LENGTH": "40000000"},
            )
            assert answer.status_code == 503
            assert body.since
            assert time.monotonic() - body.since < AT_MOST
        finally:
            os.kill(store.pid, signal.SIGCONT)


def test_who_was_completing_when_the_store_hung_may_do_so_again_soon(db: Db) -> None:
    """The lease of a minute is given back as soon as the store answers, though its request may not ask any more."""
    world = World.over(db.client)
    upload = world.partly(ALICE, [b"content"], 1)

    def hang(_place: Place) -> str:
        current_waits().left = 0  # as after a question that was not answered; a commit under way would have its effect
        return ""

    def complete(folder_of: FolderOf | None = None) -> File:
        begin_waits()
        return world.service.complete(ALICE, upload.id, FileSpec("a.bin"), total_size=7, folder_of=folder_of)

    with pytest.raises(Unavailable):
        complete(hang)
    with pytest.raises(Completing):
        complete()
    end = time.monotonic() + 10
    while True:
        with suppress(Completing):
            file = complete()
            break
        assert time.monotonic() < end
        time.sleep(0.1)
    assert world.read(ALICE, file.id) == b"content"


class Hanging(io.BytesIO):
    """A body in the middle of which the store hangs."""

    def __init__(self, store: Store) -> None:
        super().__init__(bytes(40_000_000))
        self.store, self.since = store, 0.0

    def read(self, size: int | None = -1) -> bytes:
        if self.tell() > 9_000_000 and not self.since:
            os.kill(self.store.pid, signal.SIGSTOP)
            self.since = time.monotonic()
        return super().read(size)
