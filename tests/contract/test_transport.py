"""How commands travel: over every kind of way, whatever happens on it, each gets its own reply."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import struct
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from redis import Redis
from redis.exceptions import ResponseError

from backoffice.errors import Unavailable
from backoffice.stores.client import ANSWER_SECONDS, Db
from backoffice.stores.records.codec import pairs
from backoffice.stores.resp_zero_copy import LARGE
from tests.support.database import client_of, idle
from tests.support.fault_proxy import Relay, certificate, relay
from tests.support.servers import Store, need

WAYS = ("unix", "tcp", "tls")
SIZES = (0, 1, LARGE - 1, LARGE, LARGE + 1, 3_000_001)


@contextmanager
def over(way: str, store: Store, directory: Path) -> Iterator[str]:
    """An address of the store by this way."""
    if way == "unix":
        yield store.url
        return
    tls = None
    if way == "tls":
        need(shutil.which("openssl"), "openssl, to make a certificate")
        tls = certificate(directory)
    with relay(store.url, tls) as net:
        port = urlsplit(net.url).port
        yield f"redis://127.0.0.1:{port}" if tls is None else f"rediss://127.0.0.1:{port}?ssl_ca_certs={directory}/cert"


@pytest.fixture
def net(store_server: Store, real: Redis) -> Iterator[Relay]:
    with relay(store_server.url) as net:
        yield net


@contextmanager
def through(net: Relay, store: Store, timeout: float = 5.0) -> Iterator[Db]:
    with client_of(f"redis://127.0.0.1:{urlsplit(net.url).port}", store.password, timeout) as db:
        yield db


@pytest.fixture
def db(store_server: Store, real: Redis) -> Iterator[Db]:
    with client_of(store_server.url, store_server.password) as db:
        yield db


@pytest.mark.parametrize("way", WAYS)
def test_values_of_every_size_travel_every_way(way: str, store_server: Store, real: Redis, tmp_path: Path) -> None:
    with over(way, store_server, tmp_path) as url, client_of(url, store_server.password) as db:
        for size in SIZES:
            value = os.urandom(size)
            assert db.call("SET", "a", memoryview(value)) is True
            assert db.call("GET", "a") == value
            assert db.many([("GET", "a"), ("STRLEN", "a"), ("GET", "absent"), ("SET", "b", value)]) == [
                value,
                size,
                None,
                True,
            ]
            pending = db.ask("GET", "b")
            assert db.call("STRLEN", "a") == size
            assert pending.reply() == value
        assert 1 <= idle(db) <= 2


def test_replies_are_what_the_library_makes_of_them(db: Db, real: Redis) -> None:
    """So it makes no difference to a store which way its commands take."""
    real.hset("h", mapping={"a": "1"})
    real.zadd("z", {"m": 1.5})
    real.xadd("x", {"e": "1"}, id="1-1")
    commands: list[tuple[str, ...]] = [
        ("HGETALL", "h"),
        ("HGETALL", "absent"),
        ("ZSCORE", "z", "m"),
        ("ZRANGE", "z", "0", "-1", "WITHSCORES"),
        ("XRANGE", "x", "-", "+"),
        ("XREAD", "STREAMS", "x", "0"),
        ("EXPIRE", "absent", "1"),
        ("EXISTS", "h"),
        ("SMEMBERS", "absent"),
        ("PING",),
    ]
    library = db.client
    expected = [library.execute_command(*command) for command in commands]  # type: ignore[no-untyped-call]

    def as_library(replies: list[Any]) -> list[Any]:
        """But a hash is flat, as `pairs` takes it, too."""
        return [pairs(one) if command[0] == "HGETALL" else one for command, one in zip(commands, replies, strict=True)]

    assert as_library([db.call(*command) for command in commands]) == expected
    assert as_library(db.many(commands)) == expected
    assert as_library([db.ask(*command).reply() for command in commands]) == expected


def test_the_kernel_keeps_the_time_out_of_a_connection(db: Db) -> None:
    pool = db.client.connection_pool  # type: ignore[union-attr]
    connection = pool.get_connection()
    try:
        sock = connection._sock  # type: ignore[attr-defined]
        for way in (socket.SO_RCVTIMEO, socket.SO_SNDTIMEO):
            assert struct.unpack("@ll", sock.getsockopt(socket.SOL_SOCKET, way, 16)) == (ANSWER_SECONDS, 0)
    finally:
        pool.release(connection)


def test_an_error_among_many_comes_when_all_replies_are_read(db: Db) -> None:
    db.call("SET", "a", "1")
    for _ in range(3):
        with pytest.raises(ResponseError, match="WRONGTYPE"):
            db.many([("SET", "b", "2"), ("LPUSH", "a", "x"), ("HGETALL", "a"), ("SET", "c", "3")])
        assert db.many([("GET", "b"), ("GET", "c")]) == [b"2", b"3"]
    assert idle(db) == 1


def test_what_cannot_be_sent_costs_no_connection(db: Db) -> None:
    db.call("PING")
    with pytest.raises(Exception, match="tuple item"):
        db.call("SET", "a", {})  # type: ignore[arg-type]
    assert idle(db) == 1
    assert db.call("GET", "a") is None


def test_a_lost_answer_is_asked_for_again(net: Relay, store_server: Store) -> None:
    with through(net, store_server) as db:
        db.call("PING")
        net.lose.append(b"*3\r\n$6\r\nINCRBY\r\n")
        assert db.call("INCRBY", "n", 1) == 2  # carried out twice: every change of ours is safe to repeat
        net.lose.append(b"*3\r\n$6\r\nINCRBY\r\n")
        assert db.many([("INCRBY", "n", 1), ("GET", "n")]) == [4, b"4"]


def test_a_large_reply_that_is_cut_comes_whole_all_the_same(net: Relay, store_server: Store) -> None:
    value = os.urandom(2_000_000)
    with through(net, store_server) as db:
        db.call("SET", "a", value)
        db.client.close()
        net.cut_down[:] = [500_000, 1_999_999]
        assert db.call("GET", "a") == value
        db.client.close()
        net.cut_down[:] = [700_000]
        assert db.ask("GET", "a").reply() == value


def test_a_store_that_cuts_every_connection_is_unavailable(net: Relay, store_server: Store) -> None:
    with through(net, store_server) as db:
        db.call("PING")
        db.client.close()
        net.cut_down[:] = [0] * 20
        with pytest.raises(Unavailable):
            db.call("GET", "a")
        net.cut_down.clear()
        assert db.call("PING") is True


@pytest.mark.parametrize("sent", ["one", "many"])
def test_a_late_answer_meets_no_other_command(sent: str, store_server: Store, real: Redis) -> None:
    with client_of(store_server.url, store_server.password, timeout=0.15) as db:
        db.call("SET", "a", "mine")
        late = ("BLPOP", "absent", 0.3)
        send = partial(db.call, *late) if sent == "one" else partial(db.many, [late, ("GET", "other")])
        with pytest.raises(Unavailable):
            send()
        pending = db.ask("GET", "a")
        for _ in range(4):
            assert db.call("GET", "a") == b"mine"
            time.sleep(0.1)
        assert pending.reply() == b"mine"


class Stopped(BaseException):
    """As KeyboardInterrupt, SystemExit and GeneratorExit: no error of anybody's."""


@pytest.mark.parametrize("sent", ["one", "many"])
def test_a_command_that_is_interrupted_leaves_no_reply_behind(sent: str, db: Db) -> None:
    def interrupt(_number: int, _frame: object) -> None:
        raise Stopped

    db.call("SET", "a", "mine")
    before = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, 0.1)
    try:
        with pytest.raises(Stopped):
            db.call("BLPOP", "absent", 0.5) if sent == "one" else db.many([("BLPOP", "absent", 0.5), ("PING",)])
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    for _ in range(4):
        assert db.call("GET", "a") == b"mine"
        time.sleep(0.15)
    assert idle(db) == 1


def test_connections_that_the_server_closed_are_made_anew(db: Db, real: Redis) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: db.call("BLPOP", "absent", 0.1), range(8)))
    assert idle(db) == 8
    for _ in range(3):
        assert real.client_kill_filter(_type="normal", skipme=True) > 0  # type: ignore[no-untyped-call]
        assert db.call("PING") is True
        assert db.many([("PING",), ("PING",)]) == [True, True]
    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(lambda at: db.call("ECHO", at) == b"%d" % at, range(200)))


def test_threads_that_end_leave_no_connections_behind(db: Db, real: Redis) -> None:
    before = len(real.client_list())
    for number in range(60):
        thread = threading.Thread(target=db.call, args=("SET", f"k{number}", number))
        thread.start()
        thread.join()
    assert idle(db) == 1
    assert len(real.client_list()) == before + 1
    assert real.dbsize() == 60


def test_all_who_use_a_client_share_its_connections(db: Db) -> None:
    for _ in range(200):
        assert Db(db.client).call("PING") is True
    assert idle(db) == 1


def test_threads_get_their_own_replies(db: Db) -> None:
    def work(at: int) -> bool:
        value = bytes([at % 256]) * (LARGE if at % 5 == 0 else 10 + at)
        db.call("SET", f"k{at}", value)
        pending = db.ask("GET", f"k{at}")
        many = db.many([("GET", f"k{at}"), ("ECHO", at)])
        if at % 7 == 0:
            pending.drop()
            return bool(many == [value, b"%d" % at])
        return bool(many == [value, b"%d" % at] and pending.reply() == value)

    with ThreadPoolExecutor(12) as pool:
        assert all(pool.map(work, range(400)))
    assert idle(db) <= 24


def test_a_reply_that_is_dropped_meets_no_other_command(db: Db) -> None:
    db.many([("SET", "a", bytes(LARGE)), ("SET", "b", "mine")])
    for _ in range(5):
        db.ask("GET", "a").drop()
        assert db.call("GET", "b") == b"mine"
    assert idle(db) == 1


def test_what_was_asked_for_comes_though_the_connection_goes(db: Db, real: Redis) -> None:
    db.call("SET", "a", "mine")
    pending = db.ask("GET", "a")
    real.client_kill_filter(_type="normal", skipme=True)  # type: ignore[no-untyped-call]
    real.set("a", "later")
    assert pending.reply() in {b"mine", b"later"}
    with pytest.raises(ResponseError):
        db.ask("GET").reply()
    assert db.call("GET", "a") == b"later"


def test_a_process_that_forks_shares_no_connection(db: Db) -> None:
    ours = db.call("CLIENT", "ID")
    reader, writer = os.pipe()
    pid = os.fork()
    if not pid:
        os.write(writer, b"%d" % db.call("CLIENT", "ID"))
        os._exit(0)
    os.waitpid(pid, 0)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        theirs = int(pipe.read())
    assert theirs != ours
    assert db.call("CLIENT", "ID") == ours
