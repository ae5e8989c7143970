"""Chunks in the store, and the short way that large values take on the wire."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from redis import ConnectionPool, Redis
from redis.backoff import NoBackoff
from redis.client import NEVER_DECODE
from redis.connection import UnixDomainSocketConnection
from redis.exceptions import ConnectionError as StoreGone
from redis.exceptions import TimeoutError as StoreSlow
from redis.retry import Retry

from backoffice.domain.times import now_ms
from backoffice.domain.uploads import ChunkStat
from backoffice.errors import ChunkLost, Unavailable
from backoffice.services.chunk_ports import ChunkStore
from backoffice.stores import resp_zero_copy as wire
from backoffice.stores.chunks.files import FileChunks
from backoffice.stores.chunks.redis import RedisChunks
from backoffice.stores.client import Arg, Command, Db, Pending, connect
from backoffice.stores.resp_zero_copy import LARGE, LargeValuePacker, connection_options
from tests.support.database import database
from tests.support.servers import Store
from tests.support.uploads import KEYS, chunk_store

MANY = 150
"""Chunks of a file that spreads over three groups, so over several slots."""


@pytest.fixture
def chunks(redis: Any) -> RedisChunks | FileChunks:
    return chunk_store(database(redis))


@pytest.fixture
def tuned(store_server: Store, real: Redis) -> Iterator[Redis]:
    """A client as `connect` makes it, on the bundled server."""
    client = connect(store_server.url, store_server.password)
    assert isinstance(client, Redis)
    yield client
    client.close()


def soon() -> int:
    return now_ms() + 60_000


def fill(chunks: ChunkStore, file_id: str, total: int) -> None:
    for index in range(total):
        assert chunks.put(file_id, index, b"%d" % index, soon())


@pytest.mark.cluster
@pytest.mark.usefixtures("place")
class TestContract:
    def test_a_chunk_comes_back(self, chunks: ChunkStore) -> None:
        assert chunks.put("ff", 0, b"\x00\xffbytes", soon())
        assert chunks.get("ff", 0) == b"\x00\xffbytes"

    def test_a_view_is_stored_as_its_bytes(self, chunks: ChunkStore) -> None:
        assert chunks.put("ff", 0, memoryview(bytearray(b"0123456789"))[2:5], soon())
        assert chunks.get("ff", 0) == b"234"

    def test_an_absent_chunk_is_none(self, chunks: ChunkStore) -> None:
        assert chunks.get("ff", 0) is None

    @pytest.mark.parametrize("kept", [False, True])
    def test_the_first_bytes_stay(self, chunks: ChunkStore, kept: bool) -> None:
        assert chunks.put("ff", 0, b"first", soon())
        if kept:
            chunks.keep("ff", 1)
        assert not chunks.put("ff", 0, b"other", soon())
        assert chunks.get("ff", 0) == b"first"
        assert chunks.stat("ff", [0]) == [ChunkStat(5, kept)]

    def test_chunks_are_born_held(self, chunks: ChunkStore) -> None:
        chunks.put("ff", 70, b"x", soon())
        assert chunks.stat("ff", [70]) == [ChunkStat(1, kept=False)]

    def test_stream_gives_all_in_order(self, chunks: ChunkStore) -> None:
        fill(chunks, "ff", MANY)
        assert list(chunks.stream("ff", range(MANY))) == [b"%d" % index for index in range(MANY)]

    def test_stream_gives_what_is_asked_for(self, chunks: ChunkStore) -> None:
        fill(chunks, "ff", 5)
        assert list(chunks.stream("ff", [3, 1])) == [b"3", b"1"]
        assert list(chunks.stream("ff", [])) == []

    def test_stream_stops_at_a_lost_chunk(self, chunks: ChunkStore) -> None:
        chunks.put("ff", 0, b"0", soon())
        chunks.put("ff", 2, b"2", soon())
        stream = chunks.stream("ff", range(3))
        assert next(stream) == b"0"
        with pytest.raises(ChunkLost) as caught:
            next(stream)
        assert caught.value.details["index"] == 1

    def test_stat_tells_empty_from_absent(self, chunks: ChunkStore) -> None:
        chunks.put("ff", 0, b"", soon())
        chunks.put("ff", 100, b"abc", soon())
        assert chunks.stat("ff", [0, 1, 100]) == [ChunkStat(0, kept=False), None, ChunkStat(3, kept=False)]
        assert chunks.stat("ff", []) == []

    def test_stat_of_many_files(self, chunks: ChunkStore) -> None:
        fill(chunks, "ff", 1)
        fill(chunks, "gg", 2)
        chunks.keep("gg", 2)
        found = chunks.stat_many([("gg", 1), ("hh", 0), ("ff", 0)])
        assert found == [ChunkStat(1, kept=True), None, ChunkStat(1, kept=False)]

    def test_keep_names_the_missing_ones_and_can_be_repeated(self, chunks: ChunkStore) -> None:
        fill(chunks, "ff", MANY)
        chunks.delete("ff", 1)
        for _ in range(2):
            assert chunks.keep("ff", MANY + 1) == [0, MANY]
            chunks.barrier("ff")
        assert chunks.stat("ff", [99]) == [ChunkStat(2, kept=True)]

    def test_a_kept_chunk_can_be_held_again(self, chunks: ChunkStore) -> None:
        fill(chunks, "ff", 2)
        chunks.keep("ff", 2)
        for _ in range(2):
            chunks.hold("ff", 0, soon())
        chunks.hold("ff", 9, soon())
        assert chunks.stat("ff", [0, 1, 9]) == [ChunkStat(1, kept=False), ChunkStat(1, kept=True), None]
        assert chunks.get("ff", 0) == b"0"

    def test_release_takes_what_is_held_and_nothing_else(self, chunks: ChunkStore) -> None:
        fill(chunks, "ff", 2)
        chunks.keep("ff", 1)
        for index in (0, 1, 2):
            chunks.release("ff", index)
        assert chunks.stat("ff", [0, 1, 2]) == [ChunkStat(1, kept=True), None, None]

    def test_delete_counts_what_there_was(self, chunks: ChunkStore) -> None:
        fill(chunks, "ff", MANY)
        fill(chunks, "other", 1)
        chunks.delete("ff", 1)
        chunks.keep("ff", 70)
        assert chunks.delete("ff", MANY + 10) == MANY - 1
        assert chunks.delete("ff", MANY) == 0
        assert chunks.get("other", 0) == b"0"

    def test_scan_finds_all(self, chunks: ChunkStore) -> None:
        fill(chunks, "ff", MANY)
        fill(chunks, "gg", 1)
        chunks.keep("gg", 1)
        assert sorted(chunks.scan(), key=lambda one: one[:2]) == [
            *(("ff", index, ChunkStat(len(str(index)), kept=False)) for index in range(MANY)),
            ("gg", 0, ChunkStat(1, kept=True)),
        ]


@pytest.mark.real_only
@pytest.mark.usefixtures("place")
class TestManyWriters:
    def test_one_of_many_writers_wins(self, chunks: ChunkStore) -> None:
        with ThreadPoolExecutor(8) as pool:
            won = list(pool.map(lambda writer: chunks.put("ff", 0, b"%d" % writer, soon()), range(32)))
        assert sum(won) == 1
        assert chunks.get("ff", 0) == b"%d" % won.index(True)

    def test_who_keeps_and_who_releases_agree(self, chunks: ChunkStore) -> None:
        """Whatever comes first: a chunk that was said to be kept is there, whole, and one that was not is gone."""
        with ThreadPoolExecutor(2) as pool:
            for number in range(100):
                file_id = f"f{number}"
                chunks.put(file_id, 0, b"bytes", soon())
                keeping = pool.submit(chunks.keep, file_id, 1)
                pool.submit(chunks.release, file_id, 0).result()
                assert chunks.get(file_id, 0) == (None if keeping.result() else b"bytes")

    def test_a_chunk_is_found_while_it_changes_its_life(self, chunks: ChunkStore) -> None:
        chunks.put("ff", 0, b"bytes", soon())
        done, now = threading.Event(), ["ff"]

        def look() -> int:
            looks = 0
            while not done.is_set():
                file_id = now[0]
                assert chunks.get(file_id, 0) == b"bytes"
                assert chunks.stat(file_id, [0]) != [None]
                looks += 1
            return looks

        with ThreadPoolExecutor(2) as pool:
            looking = [pool.submit(look) for _ in range(2)]
            try:
                for number in range(200):
                    file_id = f"f{number}"
                    chunks.put(file_id, 0, b"bytes", soon())
                    if number % 2:
                        now[0] = file_id
                        chunks.keep(file_id, 1)
                    else:
                        chunks.keep(file_id, 1)
                        now[0] = file_id
                        chunks.hold(file_id, 0, soon())
            finally:
                done.set()
            assert all(one.result() for one in looking)


class CountingDb(Db):
    """Counts round trips."""

    trips = 0

    def call(self, *command: Arg) -> Any:
        self.trips += 1
        return super().call(*command)

    def many(self, commands: Sequence[Command]) -> list[Any]:
        self.trips += bool(commands)
        return super().many(commands)

    def ask(self, *command: Arg) -> Pending:
        self.trips += 1
        return super().ask(*command)


class TestInRedis:
    @pytest.fixture
    def chunks(self, redis: Any) -> RedisChunks:
        made = chunk_store(database(redis))
        assert isinstance(made, RedisChunks)
        return made

    def test_what_is_held_has_a_time_to_live(self, chunks: RedisChunks, redis: Any) -> None:
        chunks.put("f", 70, b"x", soon())
        assert 50 < redis.ttl(KEYS.chunk("f", 70)) <= 60
        chunks.keep("f", 71)
        assert redis.ttl(KEYS.chunk("f", 70)) == -1
        chunks.hold("f", 70, now_ms() + 10_000)
        assert 0 < redis.ttl(KEYS.chunk("f", 70)) <= 10

    def test_keys_of_others_are_not_scanned(self, chunks: RedisChunks, redis: Any) -> None:
        redis.set("file:{x}:other", "y")
        assert list(chunks.scan()) == []

    def test_round_trips(self, fake: Redis) -> None:
        """No more of them than ever, however the port is cut."""
        db = CountingDb(fake, shebang=False)
        chunks = chunk_store(db)
        counts = []
        for act in (
            lambda: chunks.put("f", 0, b"x", soon()),
            lambda: chunks.put("f", 1, b"x", soon()),
            lambda: chunks.get("f", 0),
            lambda: list(chunks.stream("f", [0, 1])),
            lambda: chunks.stat("f", range(1000)),
            lambda: chunks.keep("f", 2),
            lambda: chunks.barrier("f"),
            lambda: chunks.release("f", 2),
            lambda: chunks.delete("f", 640),
            lambda: chunks.sweep(now_ms()),
        ):
            db.trips = 0
            act()
            counts.append(db.trips)
        assert counts == [1, 1, 1, 2, 1, 1, 0, 1, 1, 0]

    @pytest.mark.real_only
    def test_delete_works_when_memory_is_full(self, chunks: RedisChunks, redis: Redis) -> None:
        fill(chunks, "f", MANY)
        before = redis.config_get("maxmemory")["maxmemory"]
        redis.config_set("maxmemory", 1)
        try:
            assert chunks.delete("f", MANY) == MANY
        finally:
            redis.config_set("maxmemory", before)

    def test_a_store_that_is_gone_is_unavailable(self) -> None:
        chunks = chunk_store(Db(connect("unix:///nowhere/at/all.sock")))
        with pytest.raises(Unavailable):
            chunks.get("f", 0)


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
        db = Db(tuned)
        assert db.call("SET", "a", memoryview(value))
        assert db.call("GET", "a") == value
        assert db.call("PING") is True

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
            assert Db(tuned).call("GET", "a") == bytes(LARGE)

    def test_threads_share_receiving_buffers_safely(self, tuned: Redis) -> None:
        values, db = {f"k{at}": bytes([at]) * (LARGE + at * 100_000) for at in range(6)}, Db(tuned)
        tuned.mset(values)

        def read(at: int) -> bool:
            key = f"k{at % 6}"
            return bool(db.call("GET", key) == values[key])

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
        assert Db(tuned).call("GET", "a") == bytes(LARGE)
        assert taken == [len(b"$131072\r\n"), LARGE, 2]

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
        done.wait(pause)

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


def get(client: Redis) -> Any:
    return client.execute_command("GET", "a", **{NEVER_DECODE: True})  # type: ignore[no-untyped-call]


class TestBrokenReplies:
    """The short way ends where redis-py's own would: whole values or an error, never a part."""

    HEAD = b"$200000\r\n"

    def test_a_head_in_two_pieces(self, tmp_path: Path) -> None:
        with scripted(tmp_path / "s", self.HEAD[:4], self.HEAD[4:], bytes(200_000) + b"\r\n") as client:
            assert get(client) == bytes(200_000)

    def test_a_value_in_pieces(self, tmp_path: Path) -> None:
        with scripted(tmp_path / "s", self.HEAD, bytes(100_000), bytes(100_000) + b"\r", b"\n") as client:
            assert get(client) == bytes(200_000)

    @pytest.mark.parametrize("sent", [0, 1, 199_999, 200_000])
    def test_a_connection_closed_too_early(self, tmp_path: Path, sent: int) -> None:
        with scripted(tmp_path / "s", self.HEAD + bytes(sent)) as client, pytest.raises(StoreGone):
            get(client)

    def test_a_server_that_stops_in_the_middle(self, tmp_path: Path) -> None:
        with scripted(tmp_path / "s", self.HEAD + bytes(1000), pause=30) as client, pytest.raises(StoreSlow):
            get(client)
