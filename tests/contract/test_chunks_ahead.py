"""Chunks that are asked for ahead, and the store behind them: gone, back, failing over."""

from __future__ import annotations

import os
import shutil
import ssl
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from redis import Redis
from redis.exceptions import ResponseError

from backoffice.errors import ChunkLost, Unavailable
from backoffice.stores.chunks.redis import _AHEAD_BYTES, RedisChunks
from backoffice.stores.client import Db, connect
from tests.support.database import client_of, idle
from tests.support.fault_proxy import certificate, relay
from tests.support.sentinel import run_sentinel
from tests.support.servers import Store, need, run_store, wait_for
from tests.support.uploads import chunk_store


@pytest.fixture
def db(store_server: Store, real: Redis) -> Iterator[Db]:
    with client_of(store_server.url, store_server.password) as db:
        yield db


@pytest.fixture
def chunks(db: Db) -> RedisChunks:
    made = chunk_store(db)
    assert isinstance(made, RedisChunks)
    return made


SIZE = 300_000


def fill(chunks: RedisChunks, total: int) -> list[bytes]:
    values = [os.urandom(SIZE) for _ in range(total)]
    for index, value in enumerate(values):
        chunks.put("ff", index, value, int(time.time() * 1000) + 60_000)
    return values


def test_a_stream_goes_on_when_its_connections_are_cut(chunks: RedisChunks, real: Redis) -> None:
    values = fill(chunks, 6)
    found = []
    for value in chunks.stream("ff", range(6)):
        found.append(value)
        real.client_kill_filter(_type="normal", skipme=True)  # type: ignore[no-untyped-call]
    assert found == values
    assert chunks._room.free == _AHEAD_BYTES


def test_streams_that_wait_hold_a_bounded_number_of_bytes(chunks: RedisChunks) -> None:
    values = fill(chunks, 4)
    streams = [chunks.stream("ff", range(4)) for _ in range(40)]
    for stream in streams:
        assert next(stream) == values[0]
    assert 0 <= chunks._room.free < SIZE
    assert chunks._room.free == _AHEAD_BYTES - _AHEAD_BYTES // SIZE * SIZE
    for stream in streams[::2]:
        stream.close()  # type: ignore[attr-defined]
    assert all(list(stream) == values[1:] for stream in streams[1::2])
    assert chunks._room.free == _AHEAD_BYTES


def test_a_stream_that_fails_gives_its_room_back_once(chunks: RedisChunks, real: Redis) -> None:
    fill(chunks, 3)
    real.delete(chunks._keys.chunk("ff", 1))
    for _ in range(3):
        with pytest.raises(ChunkLost):
            list(chunks.stream("ff", range(3)))
    assert chunks._room.free == _AHEAD_BYTES
    assert idle(chunks._db) == 1


def test_a_stream_left_early_gives_its_room_back(chunks: RedisChunks) -> None:
    fill(chunks, 4)
    for _ in range(50):
        stream = chunks.stream("ff", range(4))
        next(stream)
        stream.close()  # type: ignore[attr-defined]
    assert chunks._room.free == _AHEAD_BYTES
    assert idle(chunks._db) == 1


def test_streams_without_room_still_give_all(chunks: RedisChunks) -> None:
    values = fill(chunks, 4)
    chunks._room.free = 3
    streams = [chunks.stream("ff", range(4)) for _ in range(20)]
    assert [set(turn) for turn in zip(*streams, strict=True)] == [{value} for value in values]


def test_a_store_that_is_gone_is_unavailable_and_comes_back(tmp_path: Path) -> None:
    (tmp_path / "1").mkdir()
    with run_store(tmp_path / "1") as store:
        client = connect(store.url, store.password)
        db = Db(client)
        db.call("SET", "a", "1")
    with closing(client):
        for _ in range(2):
            with pytest.raises(Unavailable):
                db.call("GET", "a")
        with pytest.raises(Unavailable):
            db.many([("PING",), ("PING",)])
        pending = db.ask("GET", "a")  # raises nothing
        with run_store(tmp_path / "1"):
            assert pending.reply() == b"1"
            assert db.call("GET", "a") == b"1"


def test_after_a_failover_the_new_primary_is_spoken_to(tmp_path: Path) -> None:
    with run_sentinel(tmp_path) as (url, ports), closing(connect(url)) as client:
        db = Db(client)
        db.call("SET", "a", "1")
        old = db.call("CONFIG", "GET", "port")
        with Redis(port=ports.sentinel, socket_timeout=5) as sentinel:
            wait_for(lambda: _fails_over(sentinel), "a fail-over begins", 20)

        def written() -> bool:
            try:
                db.call("SET", "a", "2")
                return bool(db.call("CONFIG", "GET", "port") != old)
            except Unavailable:
                return False

        wait_for(written, "the new primary takes writes", 30)
        assert db.call("GET", "a") == b"2"


def _fails_over(sentinel: Redis) -> bool:
    try:
        sentinel.execute_command("SENTINEL", "FAILOVER", "main")  # type: ignore[no-untyped-call]
    except ResponseError:
        return False  # it does not know the replica yet
    return True


def test_a_certificate_that_nobody_trusts_is_refused(store_server: Store, real: Redis, tmp_path: Path) -> None:
    need(shutil.which("openssl"), "openssl, to make a certificate")
    with relay(store_server.url, certificate(tmp_path)) as net:
        url = f"rediss://127.0.0.1:{urlsplit(net.url).port}"
        with client_of(url, store_server.password) as db, pytest.raises(Unavailable) as caught:
            db.call("PING")
        assert isinstance(caught.value.__cause__.__context__, ssl.SSLError)  # type: ignore[union-attr]
