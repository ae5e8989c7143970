"""Behind three sentinels, with two replicas: what is promised."""

from __future__ import annotations

import os
import re
import signal
import threading
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from backoffice.domain import diagnosis
from backoffice.domain.diagnosis import Verdict
from backoffice.domain.files import File, FileSpec
from backoffice.errors import Unavailable
from backoffice.settings import Settings
from backoffice.start import check_store
from backoffice.stores.client import Db, connect
from backoffice.stores.durability import RedisDurability
from backoffice.stores.sentinels import watched_by_sentinels
from tests.support.cluster import run_sentinels, stopped
from tests.support.servers import wait_for
from tests.support.uploads import ALICE, KEYS, World

pytestmark = pytest.mark.topology


@pytest.fixture(scope="module")
def sentinels(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, list[int]]]:
    # No server is to be replaced here, however busy the machine is.
    with run_sentinels(tmp_path_factory.mktemp("sentinels"), down_after=30_000) as found:
        yield found


@pytest.fixture
def client(sentinels: tuple[str, list[int]]) -> Iterator[Any]:
    with closing(connect(sentinels[0])) as found:
        found.flushall()
        yield found


def test_it_is_taken_for_a_store(client: Any) -> None:
    check_store(Settings(), client)


def test_the_level_waits_for_as_many_replicas_as_are_asked_for(sentinels: tuple[str, list[int]], client: Any) -> None:
    first, second = sentinels[1]
    one, two = (RedisDurability(Db(client), KEYS, replicas=number) for number in (1, 2))
    assert (one.level, two.level) == ("replica:1", "replica:2")
    two.barrier()
    with stopped(first):
        one.barrier()
        with pytest.raises(Unavailable, match="replicas"):
            two.barrier()
    with stopped(first, second), pytest.raises(Unavailable, match="replicas"):
        one.barrier()
    one.barrier()


def test_what_the_sentinels_say(sentinels: tuple[str, list[int]], client: Any) -> None:
    def known() -> tuple[object, ...]:
        found = watched_by_sentinels(client)
        assert found is not None
        return found.sentinels, found.silent, found.quorum, len(found.replicas), found.down

    wait_for(lambda: known() == (3, {}, "", 2, ()), "the sentinels know each other, and all replicas", 30)
    scheme, _, hosts = sentinels[0].partition("://")
    with closing(connect(f"{scheme}://127.0.0.1:1,{hosts}")) as one_away:
        found = watched_by_sentinels(one_away)
        assert found is not None
        assert (found.sentinels, list(found.silent), found.quorum) == (4, ["127.0.0.1:1"], "")
        assert diagnosis.sentinels(4, found.silent, "", found.primary, ()).verdict == Verdict.WARNING
        check_store(Settings(), one_away)


@pytest.mark.parametrize(
    ("hosts", "says"),
    [("{hosts}/other", r"knows no 'other' \(it knows: main\)"), ("127.0.0.1:1/main", "127.0.0.1:1: .*refused")],
)
def test_what_is_wrong_with_them_is_said_in_a_sentence(sentinels: tuple[str, list[int]], hosts: str, says: str) -> None:
    with closing(connect("redis+sentinel://" + hosts.format(hosts=sentinels[0][17:-5]))) as client:
        with pytest.raises(Unavailable) as caught:
            Db(client).call("PING")
        assert re.search(says, cause := str(caught.value.__cause__)), cause
        assert "Redis" not in cause.replace("MasterNotFoundError", "")


def test_what_is_acknowledged_is_on_a_replica(sentinels: tuple[str, list[int]], client: Any) -> None:
    world = World.over(client)
    world.service.completion.durability._replicas = 1
    file = world.stored(ALICE, [b"one", b"two"])
    assert world.read(ALICE, file.id) == b"onetwo"
    with stopped(*sentinels[1]), pytest.raises(Unavailable):
        world.stored(ALICE, [b"not acknowledged"], name="b.txt")
    world.assert_sound()


def test_what_was_not_acknowledged_is_asked_for_again(sentinels: tuple[str, list[int]], client: Any) -> None:
    world = World.over(client)
    world.service.completion.durability._replicas = 1
    upload = world.partly(ALICE, [b"one", b"two"], 2)

    def complete() -> File:
        return world.service.complete(ALICE, upload.id, FileSpec("a.txt"), total_size=6)

    for _ in range(2):
        with stopped(*sentinels[1]), pytest.raises(Unavailable, match="replicas"):
            complete()
    file = complete()
    assert complete() == file
    assert world.read(ALICE, file.id) == b"onetwo"
    world.assert_sound()


def test_replicas_that_come_later_are_waited_for(sentinels: tuple[str, list[int]], client: Any) -> None:
    """As when they take what a long upload left: longer than a server may take for an answer of its own."""
    for pid in sentinels[1]:
        os.kill(pid, signal.SIGSTOP)
    later = threading.Timer(3.5, lambda: [os.kill(pid, signal.SIGCONT) for pid in sentinels[1]])
    later.start()
    try:
        RedisDurability(Db(client), KEYS, replicas=2).barrier()
        assert not later.is_alive()
    finally:
        later.join()
