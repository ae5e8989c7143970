"""What is said of a store on several hosts, and how its servers and sentinels are spoken to."""

from __future__ import annotations

from typing import Any

import pytest
from redis.connection import SSLConnection
from redis.exceptions import RedisError
from redis.sentinel import SentinelManagedSSLConnection

from backoffice.cli import told
from backoffice.domain import diagnosis
from backoffice.domain.diagnosis import Verdict
from backoffice.domain.durability import replicas_of
from backoffice.errors import StoreFull, Unavailable
from backoffice.logs import MOST_OF_A_CAUSE, cause_of
from backoffice.stores import client as connecting
from backoffice.stores.client import connect
from backoffice.stores.cluster_state import state_of
from backoffice.stores.replicas import fewest_replicas, near_replicas

NODES = """\
a 127.0.0.1:1@11 myself,master - 0 0 1 connected 0-5460
b 127.0.0.1:2@12 master - 0 0 2 connected 5461-10921 10922 [93->-a]
c 127.0.0.1:3@13,host master - 0 0 3 connected 10923-16383
d 127.0.0.1:4@14 slave a 0 0 1 connected
e 127.0.0.1:5@15 slave b 0 0 2 connected
f 127.0.0.1:6@16 slave c 0 0 3 connected
"""


def verdict_of(nodes: str) -> tuple[Verdict, str]:
    state = state_of(nodes)
    found = diagnosis.cluster(len(state.primaries), state.alone, state.failed, state.unserved)
    return found.verdict, found.text


def test_a_cluster_that_is_whole() -> None:
    verdict, text = verdict_of(NODES)
    assert (verdict, text) == (Verdict.GOOD, "3 primaries, each with a replica; all slots are served")


def test_a_primary_that_was_replaced_and_is_not_back() -> None:
    lost = NODES.replace("13,host master - 0 0 3 connected 10923-16383", "13 master,fail - 0 0 3 disconnected")
    lost = lost.replace("16 slave c 0 0 3 connected", "16 master - 0 0 4 connected 10923-16383")
    verdict, text = verdict_of(lost)
    assert verdict == Verdict.WARNING
    assert text.startswith("the primary 127.0.0.1:6 has no replica; 127.0.0.1:3 is down")


def test_slots_that_nobody_serves() -> None:
    verdict, text = verdict_of(NODES.replace("master - 0 0 3", "master,fail - 0 0 3"))
    assert (verdict, text.partition(" slots")[0]) == (Verdict.BAD, "5461")


def test_sentinels_that_are_away() -> None:
    def judged(silent: int, quorum: str = "", down: tuple[str, ...] = ()) -> Verdict:
        away = {f"s{number}:26379": "it is away" for number in range(silent)}
        found = diagnosis.sentinels(3, away, quorum, "h:6379", down)
        assert all(place in found.text for place in (*away, *down))
        return found.verdict

    assert judged(0) == Verdict.GOOD
    assert judged(1) == judged(0, down=("r:6379",)) == Verdict.WARNING
    assert judged(2) == judged(0, "NOQUORUM 1 usable Sentinels.") == Verdict.BAD


def replica(state: str = "online", lag: int = 0) -> dict[str, Any]:
    return {"ip": "h", "port": 1, "state": state, "offset": 9, "lag": lag}


def test_replicas_that_keep_up_are_told_from_those_that_hang() -> None:
    info = {"connected_slaves": 3, "slave0": replica(), "slave1": replica(lag=11), "slave2": replica("send_bulk")}
    assert near_replicas(info) == 1
    assert near_replicas(info | {"min_slaves_good_slaves": 0}) == 0
    assert near_replicas({"connected_slaves": 0}) == 0
    other = {"connected_slaves": 1, "slave0": replica(), "replicas_of": "h:2"}
    assert fewest_replicas([other, info | {"min_slaves_good_slaves": 0, "replicas_of": "h:1"}]) == {
        "connected_slaves": 3,
        "replicas_near": 0,
        "replicas_of": "h:1",
    }


def test_a_primary_whose_replicas_hang_takes_no_upload() -> None:
    info = {"role": "master", "connected_slaves": "2", "replicas_near": "0", "durability": "disk+replica:1"}
    found = diagnosis.replication(info)
    assert (found.verdict, found.topic) == (Verdict.BAD, "replication")
    assert found.text.startswith("0 of 1 that BACKOFFICE_REPLICAS asks for (2 connected, but silent")
    assert diagnosis.replication(info | {"replicas_near": "1"}).verdict == Verdict.WARNING
    assert diagnosis.replication(info | {"replicas_near": "2"}).verdict == Verdict.GOOD
    assert [replicas_of(level) for level in ("disk", "replica:2", "disk+replica:1")] == [0, 2, 1]


def test_the_log_says_what_was_behind_a_refusal_and_never_the_command() -> None:
    def cause(text: str, error: type[Exception]) -> str:
        raised = error()
        raised.__cause__ = RedisError(text)
        return cause_of(raised)

    assert cause("Error 111 connecting to h:1.\nmore", Unavailable) == "RedisError: Error 111 connecting to h:1."
    text = "Command # 1 (SET key secret) of pipeline caused error: NOREPLICAS Not enough good replicas to write."
    assert cause(text, Unavailable) == "RedisError: NOREPLICAS Not enough good replicas to write."
    assert len(cause("x" * 10_000, StoreFull)) < MOST_OF_A_CAUSE + 20
    assert cause_of(Unavailable()) == ""


def test_commands_tell_what_was_behind_it_where_nothing_else_is_said() -> None:
    away, named = Unavailable(), Unavailable("The store at h does not answer: refused.")
    away.__cause__ = named.__cause__ = RedisError("Error 111 connecting to h:1.")
    assert told(away) == f"{Unavailable()} (RedisError: Error 111 connecting to h:1.)"
    assert told(named) == str(named)
    assert told(Unavailable()) == str(Unavailable())


def test_sentinels_and_servers_get_the_options_that_are_theirs() -> None:
    url = "rediss+sentinel://me:data@a:1,b:2/main/0?ssl_ca_certs=/ca.pem&ssl_check_hostname=no&sentinel_password=p%26w"
    client = connect(url)
    pool: Any = client.connection_pool  # type: ignore[union-attr]
    assert pool.connection_class is SentinelManagedSSLConnection
    server = pool.connection_kwargs
    assert (server["username"], server["password"], server["ssl_ca_certs"]) == ("me", "data", "/ca.pem")
    assert server["ssl_check_hostname"] is False
    for sentinel in pool.sentinel_manager.sentinels:
        own = sentinel.connection_pool.connection_kwargs
        assert sentinel.connection_pool.connection_class is SSLConnection
        assert (own["password"], own["username"], own["ssl_ca_certs"]) == ("p&w", None, "/ca.pem")


def test_servers_of_a_cluster_get_the_options(monkeypatch: pytest.MonkeyPatch) -> None:
    got: dict[str, Any] = {}
    monkeypatch.setattr(connecting, "RedisCluster", lambda **options: got.update(options))
    connect("rediss+cluster://a:1,b:2?ssl_ca_certs=/ca.pem")
    assert (got["ssl"], got["ssl_ca_certs"]) == (True, "/ca.pem")
    assert [node.port for node in got["startup_nodes"]] == [1, 2]
