"""Chunks in the store, and the short way that large values take on the wire."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from redis import ConnectionPool, Redis
from redis.backoff import NoBackoff
from redis.connection import UnixDomainSocketConnection
from redis.exceptions import ConnectionError as StoreGone
from redis.exceptions import TimeoutError as StoreSlow
from redis.retry import Retry

from backoffice.errors import ChunkLost, Unavailable
from backoffice.stores import wire
from backoffice.stores.chunks import _AHEAD_BYTES, RedisChunks
from backoffice.stores.client import ANSWER_SECONDS, connect
from backoffice.stores.keys import Keys
from backoffice.stores.wire import LARGE, LargeValuePacker, connection_options
from tests.servers import Store, wait_for

KEYS = Keys("t")
MANY = 150
"""Chunks of a file that spreads over three groups, so over several slots."""


@pytest.fixture
def chunks(redis: Any) -> RedisChunks:
    return RedisChunks(redis, KEYS)


@pytest.fixture
def tuned(store_server: Store, real: Redis) -> Iterator[Redis]:
    """A client as `connect` makes it, on the bundled server."""
    client = connect(store_server.url, store_server.password)
    assert isinstance(client, Redis)
    yield client
    client.close()


def fill(chunks: RedisChunks, file_id: str, total: int) -> None:
    for index in range(total):
        assert chunks.put(file_id, index, b"%d" % index, 60)


@pytest.mark.cluster
class TestContract:
    def test_a_chunk_comes_back(self, chunks: RedisChunks) -> None:
        assert chunks.put("f", 0, b"\x00\xffbytes", 60)
        assert chunks.get("f", 0) == b"\x00\xffbytes"

    def test_a_view_is_stored_as_its_bytes(self, chunks: RedisChunks) -> None:
        assert chunks.put("f", 0, memoryview(bytearray(b"0123456789"))[2:5], 60)
        assert chunks.get("f", 0) == b"234"

    def test_an_absent_chunk_is_none(self, chunks: RedisChunks) -> None:
        assert chunks.get("f", 0) is None

    def test_the_first_bytes_stay(self, chunks: RedisChunks) -> None:
        assert chunks.put("f", 0, b"first", 60)
        assert not chunks.put("f", 0, b"other", 60)
        assert chunks.get("f", 0) == b"first"

    def test_chunks_are_born_mortal(self, chunks: RedisChunks, redis: Any) -> None:
        chunks.put("f", 70, b"x", 60)
        assert 0 < redis.ttl(KEYS.chunk("f", 70)) <= 60

    def test_stream_gives_all_in_order(self, chunks: RedisChunks) -> None:
        fill(chunks, "f", MANY)
        assert list(chunks.stream("f", range(MANY))) == [b"%d" % index for index in range(MANY)]

    def test_stream_gives_what_is_asked_for(self, chunks: RedisChunks) -> None:
        fill(chunks, "f", 5)
        assert list(chunks.stream("f", [3, 1])) == [b"3", b"1"]
        assert list(chunks.stream("f", [])) == []

    def test_stream_stops_at_a_lost_chunk(self, chunks: RedisChunks) -> None:
        chunks.put("f", 0, b"0", 60)
        chunks.put("f", 2, b"2", 60)
        stream = chunks.stream("f", range(3))
        assert next(stream) == b"0"
        with pytest.raises(ChunkLost) as caught:
            next(stream)
        assert caught.value.details["index"] == 1

    def test_sizes_tell_empty_from_absent(self, chunks: RedisChunks) -> None:
        chunks.put("f", 0, b"", 60)
        chunks.put("f", 100, b"abc", 60)
        assert chunks.sizes("f", [0, 1, 100]) == [0, None, 3]
        assert chunks.sizes("f", []) == []

    def test_persist_names_the_missing_ones_and_can_be_repeated(self, chunks: RedisChunks, redis: Any) -> None:
        fill(chunks, "f", MANY)
        chunks.delete("f", 1)
        for _ in range(2):
            assert chunks.persist("f", MANY + 1) == [0, MANY]
        assert redis.ttl(KEYS.chunk("f", 99)) == -1

    def test_expire_gives_all_a_time_to_live(self, chunks: RedisChunks, redis: Any) -> None:
        fill(chunks, "f", MANY)
        chunks.persist("f", MANY)
        chunks.expire("f", MANY + 1, 30)
        assert all(0 < redis.ttl(KEYS.chunk("f", index)) <= 30 for index in (0, 63, 64, MANY - 1))

    def test_delete_counts_what_there_was(self, chunks: RedisChunks) -> None:
        fill(chunks, "f", MANY)
        fill(chunks, "other", 1)
        chunks.delete("f", 1)
        assert chunks.delete("f", MANY + 10) == MANY - 1
        assert chunks.delete("f", MANY) == 0
        assert chunks.get("other", 0) == b"0"


@pytest.mark.real_only
class TestServer:
    def test_one_of_many_writers_wins(self, chunks: RedisChunks) -> None:
        with ThreadPoolExecutor(8) as pool:
            won = list(pool.map(lambda writer: chunks.put("f", 0, b"%d" % writer, 60), range(32)))
        assert sum(won) == 1
        assert chunks.get("f", 0) == b"%d" % won.index(True)

    def test_delete_works_when_memory_is_full(self, chunks: RedisChunks, redis: Redis) -> None:
        fill(chunks, "f", MANY)
        before = redis.config_get("maxmemory")["maxmemory"]
        redis.config_set("maxmemory", 1)
        try:
            assert chunks.delete("f", MANY) == MANY
        finally:
            redis.config_set("maxmemory", before)

    def test_a_stream_left_early_gives_its_room_back(self, chunks: RedisChunks) -> None:
        fill(chunks, "f", 10)
        for _ in range(50):
            stream = chunks.stream("f", range(10))
            next(stream)
            stream.close()  # type: ignore[attr-defined]
        wait_for(lambda: chunks._room.free == _AHEAD_BYTES, "all room is free")

    def test_streams_without_room_still_give_all(self, chunks: RedisChunks) -> None:
        fill(chunks, "f", 10)
        chunks._room.free = 3
        streams = [chunks.stream("f", range(10)) for _ in range(20)]
        assert [b"".join(turn) for turn in zip(*streams, strict=True)] == [b"%d" % index * 20 for index in range(10)]

    def test_a_store_that_is_gone_is_unavailable(self) -> None:
        client = connect("unix:///nowhere/at/all.sock")
        with pytest.raises(Unavailable):
            RedisChunks(client, KEYS).get("f", 0)


def test_small_commands_are_packed_as_ever() -> None:
    packer = LargeValuePacker()
    assert b"".join(packer.pack("SET", "key", 1)) == b"*3\r\n$3\r\nSET\r\n$3\r\nkey\r\n$1\r\n1\r\n"


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_a_large_value_is_not_copied(kind: Any) -> None:
    value = kind(bytes(LARGE))
    parts = LargeValuePacker().pack("CONFIG SET", b"key", value, 2.5, "é")
    assert any(part is value for part in parts)
    head, tail = b"*6\r\n$6\r\nCONFIG\r\n$3\r\nSET\r\n$3\r\nkey\r\n$131072\r\n", b"\r\n$3\r\n2.5\r\n$2\r\n\xc3\xa9\r\n"
    assert b"".join(parts) == head + bytes(LARGE) + tail


class TestWire:
    @pytest.mark.parametrize("size", [0, 1, LARGE - 3, LARGE - 1, LARGE, LARGE + 1, 3_000_001])
    def test_values_of_every_size_travel(self, tuned: Redis, size: int) -> None:
        value = os.urandom(size)
        tuned.set("a", memoryview(value))
        assert tuned.get("a") == value
        assert tuned.ping()

    def test_pipelines_mix_large_and_small(self, tuned: Redis) -> None:
        values = [bytes([at]) * (LARGE * (at % 3) + at) for at in range(9)]
        with tuned.pipeline(transaction=False) as pipe:
            for at, value in enumerate(values):
                pipe.set(f"k{at}", value)
                pipe.get(f"k{at}")
                pipe.get("absent")
            replies = pipe.execute()
        assert replies[1::3] == values
        assert set(replies[2::3]) == {None}
        assert tuned.mget("k1", "k2", "absent") == [values[1], values[2], None]

    def test_errors_come_between_large_replies(self, tuned: Redis) -> None:
        tuned.set("a", bytes(LARGE))
        for _ in range(3):
            with pytest.raises(Exception, match="WRONGTYPE"):
                tuned.lpush("a", "x")
            assert tuned.get("a") == bytes(LARGE)

    def test_threads_share_receiving_buffers_safely(self, tuned: Redis) -> None:
        values = {f"k{at}": bytes([at]) * (LARGE + at * 100_000) for at in range(6)}
        tuned.mset(values)

        def read(at: int) -> bool:
            key = f"k{at % 6}"
            return tuned.get(key) == values[key]

        with ThreadPoolExecutor(6) as pool:
            assert all(pool.map(read, range(200)))

    def test_a_large_value_is_received_whole_without_a_copy(
        self, tuned: Redis, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Fails when redis-py or hiredis change in a way that leaves the short way unused."""
        taken = list[int]()
        receive = wire._receive

        def counted(sock: socket.socket, size: int, into: list[bytes]) -> None:
            taken.append(size)
            receive(sock, size, into)

        monkeypatch.setattr(wire, "_receive", counted)
        tuned.set("a", bytes(LARGE))
        assert tuned.get("a") == bytes(LARGE)
        assert taken == [len(b"$131072\r\n"), LARGE, 2]

    def test_the_time_out_of_a_connection_stays(self, tuned: Redis) -> None:
        tuned.set("a", bytes(LARGE))
        connection = tuned.connection_pool.get_connection()
        try:
            connection.send_command("GET", "a")  # type: ignore[no-untyped-call]
            assert connection.read_response() == bytes(LARGE)
            assert connection._sock.gettimeout() == ANSWER_SECONDS  # type: ignore[attr-defined]
        finally:
            tuned.connection_pool.release(connection)

    def test_options_are_plain_options_of_a_pool(self) -> None:
        assert set(connection_options()) == {"command_packer", "parser_class", "socket_read_size"}


@contextmanager
def scripted(path: Path, *pieces: bytes, pause: float = 0) -> Iterator[Redis]:
    """A client of a server that answers the first GET of a connection with these pieces, then waits and closes."""

    def answer(peer: socket.socket) -> None:
        while b"GET" not in (asked := peer.recv(1000)):
            if not asked:
                return
            peer.sendall(b"+OK\r\n" * asked.count(b"SETINFO"))
        for piece in pieces:
            peer.sendall(piece)
            time.sleep(0.02)
        time.sleep(pause)

    def serve() -> None:
        while not done.is_set():
            peer, _ = listener.accept()
            with peer:
                answer(peer)

    done = threading.Event()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        options = connection_options() | {"protocol": 2, "socket_timeout": 0.2, "retry": Retry(NoBackoff(), 0)}
        pool = ConnectionPool(UnixDomainSocketConnection, path=str(path), **options)
        try:
            yield Redis(connection_pool=pool)
        finally:
            pool.disconnect()
            done.set()
            with socket.socket(socket.AF_UNIX) as last:
                last.connect(str(path))
            thread.join(5)


class TestBrokenReplies:
    """The short way ends where redis-py's own would: whole values or an error, never a part."""

    HEAD = b"$200000\r\n"

    def test_a_head_in_two_pieces(self, tmp_path: Path) -> None:
        with scripted(tmp_path / "s", self.HEAD[:4], self.HEAD[4:], bytes(200_000) + b"\r\n") as client:
            assert client.get("a") == bytes(200_000)

    def test_a_value_in_pieces(self, tmp_path: Path) -> None:
        with scripted(tmp_path / "s", self.HEAD, bytes(100_000), bytes(100_000) + b"\r", b"\n") as client:
            assert client.get("a") == bytes(200_000)

    @pytest.mark.parametrize("sent", [0, 1, 199_999, 200_000])
    def test_a_connection_closed_too_early(self, tmp_path: Path, sent: int) -> None:
        with scripted(tmp_path / "s", self.HEAD + bytes(sent)) as client, pytest.raises(StoreGone):
            client.get("a")

    def test_a_server_that_stops_in_the_middle(self, tmp_path: Path) -> None:
        with scripted(tmp_path / "s", self.HEAD + bytes(1000), pause=0.4) as client, pytest.raises(StoreSlow):
            client.get("a")
