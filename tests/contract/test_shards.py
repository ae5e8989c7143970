"""How commands travel to a cluster: each comes to the server that has its slot, wherever that is by now, and gets its
own reply."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any

import pytest
from redis.cluster import RedisCluster
from redis.crc import key_slot
from redis.exceptions import ResponseError

from backoffice.errors import Unavailable
from backoffice.stores.client import Db, connect, store_errors
from backoffice.stores.cluster import primaries
from backoffice.stores.durability import server_info
from backoffice.stores.records.codec import pairs
from backoffice.stores.resp_zero_copy import LARGE
from backoffice.stores.shards import Shards, key_of
from backoffice.stores.transport import direct_to_shard

SIZES = (0, 1, LARGE - 1, LARGE, LARGE + 1, 3_000_001)
KEYS = [f"k{number}" for number in range(40)]


@pytest.fixture
def db(cluster: RedisCluster, cluster_nodes: list[tuple[str, int]]) -> Iterator[Db]:
    """As the product makes it, over an empty cluster."""
    with closing(connect("redis+cluster://" + ",".join(f"{host}:{port}" for host, port in cluster_nodes))) as client:
        yield Db(client)


@pytest.fixture
def no_library(db: Db, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever takes the library's way fails."""
    transport = db._transport._transport
    assert isinstance(transport, Shards)
    for way in ("call", "many", "each"):
        monkeypatch.setattr(transport._library, way, lambda _: pytest.fail("it went by way of the library"))


@pytest.mark.usefixtures("no_library")
def test_values_of_every_size_go_straight_to_their_servers(db: Db) -> None:
    for size in SIZES:
        value = os.urandom(size)
        for key in KEYS[:6]:
            assert db.call("SET", key, memoryview(value)) is True
            assert db.call("GET", key) == value
        asked = [db.ask("GET", key) for key in KEYS[:6]]
        assert db.many([("STRLEN", key) for key in KEYS[:6]]) == [size] * 6
        assert [one.reply() for one in asked] == [value] * 6


@pytest.mark.usefixtures("no_library")
def test_replies_of_several_servers_come_in_order(db: Db) -> None:
    assert db.many([("SET", key, key) for key in KEYS]) == [True] * len(KEYS)
    assert db.many([("GET", key) for key in reversed(KEYS)]) == [key.encode() for key in reversed(KEYS)]
    with pytest.raises(ResponseError, match="WRONGTYPE"):
        db.many([("HGETALL", KEYS[1]), *(("SET", key, "other") for key in KEYS[2:6])])
    # All others were carried out, and no reply is left over.
    assert db.many([("GET", key) for key in KEYS[1:6]]) == [KEYS[1].encode(), *[b"other"] * 4]


def test_replies_are_what_the_library_makes_of_them(db: Db) -> None:
    db.call("HSET", "h", "a", "1")
    db.call("ZADD", "z", 1.5, "m")
    db.call("XADD", "x", "1-1", "e", "1")
    commands: list[tuple[str, ...]] = [
        ("HGETALL", "h"),
        ("HGETALL", "absent"),
        ("ZSCORE", "z", "m"),
        ("ZRANGE", "z", "0", "-1", "WITHSCORES"),
        ("XRANGE", "x", "-", "+"),
        ("EXPIRE", "absent", "1"),
        ("EXISTS", "h"),
        ("SMEMBERS", "absent"),
    ]
    library: Any = db.client
    expected = [library.execute_command(*command) for command in commands]

    def as_library(replies: list[Any]) -> list[Any]:
        return [pairs(one) if command[0] == "HGETALL" else one for command, one in zip(commands, replies, strict=True)]

    assert as_library([db.call(*command) for command in commands]) == expected
    assert as_library(db.many(commands)) == expected
    assert as_library([db.ask(*command).reply() for command in commands]) == expected


def test_a_map_of_slots_that_is_wrong_costs_a_detour(db: Db) -> None:
    """As after slots were moved, or another server has become the primary."""
    db.many([("SET", key, key) for key in KEYS])
    nodes: Any = db.client.nodes_manager  # type: ignore[union-attr]

    def mislead() -> None:
        shuffled = {id(one): one for one in nodes.slots_cache.values()}
        first, *others = shuffled.values()
        following = dict(zip(map(id, [first, *others]), [*others, first], strict=True))
        nodes.slots_cache = {slot: list(following[id(one)]) for slot, one in nodes.slots_cache.items()}

    mislead()
    assert db.many([("GET", key) for key in KEYS]) == [key.encode() for key in KEYS]
    mislead()
    assert [one.reply() for one in [db.ask("GET", key) for key in KEYS]] == [key.encode() for key in KEYS]
    mislead()
    assert [db.call("GET", key) for key in KEYS] == [key.encode() for key in KEYS]
    mislead()
    one_server = [key for key in KEYS if nodes.slots_cache[key_slot(key.encode())] == nodes.slots_cache[0]]
    assert db.many([("INCR", f"n:{{{one_server[0]}}}"), ("GET", one_server[0])]) == [1, one_server[0].encode()]


def test_keys_of_several_slots_and_commands_without_a_key_go_the_librarys_way(db: Db) -> None:
    db.many([("SET", key, key) for key in KEYS])
    with pytest.raises(Unavailable):  # it does not know how either
        db.call("DEL", *KEYS)
    assert db.many([("PING",), ("GET", KEYS[20])]) == [True, KEYS[20].encode()]
    assert db.ask("PING").reply() is True


def test_connections_that_the_servers_closed_are_made_anew(db: Db) -> None:
    db.many([("SET", key, key) for key in KEYS])
    for _ in range(3):
        for one in primaries(db.client):  # type: ignore[arg-type]
            one.client_kill_filter(_type="normal", skipme=True)  # type: ignore[no-untyped-call]
        assert db.many([("GET", key) for key in KEYS]) == [key.encode() for key in KEYS]
        assert db.call("GET", KEYS[3]) == KEYS[3].encode()


def test_threads_get_their_own_replies(db: Db) -> None:
    def work(at: int) -> bool:
        value = bytes([at % 256]) * (LARGE if at % 5 == 0 else 10 + at)
        db.call("SET", f"t{at}", value)
        pending = db.ask("GET", f"t{at}")
        many = db.many([("GET", f"t{at}"), ("STRLEN", f"t{at}"), ("EXISTS", f"t{at - 1}x")])
        if at % 7 == 0:
            pending.drop()
            return bool(many == [value, len(value), 0])
        return bool(many == [value, len(value), 0] and pending.reply() == value)

    with ThreadPoolExecutor(12) as pool:
        assert all(pool.map(work, range(300)))


def test_a_cluster_of_which_nobody_answers_is_unavailable(db: Db) -> None:
    db.many([("SET", key, key) for key in KEYS])
    for one in primaries(db.client):  # type: ignore[arg-type]
        one.client_kill_filter(_type="normal", skipme=True)  # type: ignore[no-untyped-call]
        one.connection_pool.disconnect()
        one.connection_pool.reset()
        one.connection_pool.connection_kwargs["port"] = 1
        direct_to_shard(one).forget()
    asked = [db.ask("GET", key) for key in KEYS[:5]]
    for ask in (lambda: db.call("GET", "c"), lambda: db.many([("GET", key) for key in KEYS])):
        with pytest.raises(Unavailable):
            ask()
    for one in asked:
        with pytest.raises(Unavailable), store_errors():
            one.reply()


def test_while_a_slot_is_moving_what_has_keys_on_both_sides_is_unavailable(db: Db) -> None:
    """However long it takes: the library gives up after some tries, with an error of its own."""
    first, second = "{k}a", "{k}b"
    slot = key_slot(first.encode())
    own = db.client.get_node_from_key(first).redis_connection  # type: ignore[union-attr]
    here, there = sorted(primaries(db.client), key=lambda one: one is not own)[:2]  # type: ignore[arg-type]
    names = [one.execute_command("CLUSTER", "MYID").decode() for one in (here, there)]
    db.many([("SET", first, "1"), ("SET", second, "2")])
    there.execute_command("CLUSTER", "SETSLOT", slot, "IMPORTING", names[0])
    here.execute_command("CLUSTER", "SETSLOT", slot, "MIGRATING", names[1])
    try:
        place = there.connection_pool.connection_kwargs
        here.execute_command("MIGRATE", place["host"], place["port"], first, 0, 5000)
        for command in (("EVAL", "#!lua\nreturn 1", 2, first, second), ("DEL", first, second)):
            with pytest.raises(Unavailable):
                db.call(*command)
            with pytest.raises(Unavailable):
                db.many([command, ("GET", first)])
    finally:
        there.execute_command("FLUSHALL")
        for one in (there, here):
            one.execute_command("CLUSTER", "SETSLOT", slot, "STABLE")
    assert db.call("GET", second) == b"2"


def test_the_fullest_server_says_how_full_the_store_is(db: Db) -> None:
    """Bytes of files may fill one that nobody asks otherwise."""
    nodes: Any = db.client.nodes_manager  # type: ignore[union-attr]
    fullest = 0
    for place, node in enumerate(nodes.get_nodes_by_server_type("primary"), 1):
        key = next(key for key in KEYS if nodes.slots_cache[key_slot(key.encode())][0] == node)
        db.call("SET", key, bytes(5_000_000 * place))
        assert int(server_info(db)["used_memory"]) > fullest + 4_000_000
        fullest = int(server_info(db)["used_memory"])


@pytest.mark.parametrize(
    ("command", "key"),
    [
        (("GET", b"a"), b"a"),
        (("SET", "a", "b"), b"a"),
        (("EVALSHA", "sha", 2, b"a", b"b", "c"), b"a"),
        (("EVALSHA", "sha", 0, "c"), None),
        (("PING",), None),
        (("INFO", "memory"), None),
        (("XREAD", "STREAMS", "a", "0"), None),
        (("GET",), None),
    ],
)
def test_the_key_of_a_command(command: tuple[Any, ...], key: bytes | None) -> None:
    assert key_of(command) == key
