"""Servers that stand in for each other: a primary with two replicas and three sentinels, and a cluster of three
primaries with a replica each."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from redis import Redis

from tests.support.servers import _pings, _running, binary, free_ports, wait_for

SERVICE = "main"
NODE_TIMEOUT_MS = 2_000
"""After which a server counts as gone."""
MAX_LAG = 5
"""Seconds without a word from a replica after which a primary takes no writes."""
COMMON = {
    "bind": "127.0.0.1",
    "save": "",
    "appendonly": "yes",
    "appendfsync": "everysec",
    "maxmemory-policy": "noeviction",
    "repl-diskless-sync-delay": 0,
    "min-replicas-to-write": 1,
    "min-replicas-max-lag": MAX_LAG,
}


@dataclass(slots=True)
class Group:
    """Servers by their ports. `url`: what `REDIS_URL` says."""

    url: str
    directory: Path
    stack: contextlib.ExitStack
    commands: dict[int, list[str]] = field(default_factory=dict)
    servers: dict[int, subprocess.Popen[bytes]] = field(default_factory=dict)
    sentinels: dict[int, subprocess.Popen[bytes]] = field(default_factory=dict)

    def start(self, port: int) -> None:
        """A server, for the first time or as whoever watches over it starts it again."""
        self.servers[port] = self.stack.enter_context(_running(self.commands[port], self.directory))

    def ask(self, port: int, *words: object) -> Any:
        with contextlib.closing(Redis(port=port, socket_timeout=5)) as client:
            return client.execute_command(*words)  # type: ignore[arg-type]

    def of_role(self, role: str) -> list[int]:
        return [port for port in self.servers if self.role(port) == role]

    def role(self, port: int) -> str:
        """`master`, `slave`, or "" where it does not answer."""
        if self.servers[port].poll() is not None:
            return ""
        return str(self.ask(port, "ROLE")[0].decode())

    def signal(self, number: signal.Signals, *ports: int) -> None:
        for port in ports:
            process = self.servers.get(port) or self.sentinels[port]
            if process.poll() is None:
                os.kill(process.pid, number)

    def go_on(self) -> None:
        """Everybody who was stopped."""
        self.signal(signal.SIGCONT, *self.servers, *self.sentinels)


@contextlib.contextmanager
def run_sentinels(directory: Path) -> Iterator[Group]:
    """The primary is the first of `servers`."""
    ports = free_ports(6)
    servers, sentinels = ports[:3], ports[3:]
    hosts = ",".join(f"127.0.0.1:{port}" for port in sentinels)
    with contextlib.ExitStack() as stack:
        group = Group(f"redis+sentinel://{hosts}/{SERVICE}", directory, stack)
        for port in servers:
            (directory / str(port)).mkdir(parents=True)
            own = {} if port == servers[0] else {"replicaof": f"127.0.0.1 {servers[0]}"}
            group.commands[port] = _server(directory, port, own)
            group.start(port)
        for port in servers:
            wait_for(lambda port=port: _up(port), "a server answers")
        for port in servers[1:]:
            wait_for(lambda port=port: b"connected" in group.ask(port, "ROLE"), "a replica follows")
        for port in sentinels:
            group.sentinels[port] = stack.enter_context(_sentinel(directory, port, servers[0]))
        for port in sentinels:
            wait_for(lambda port=port: _knows_all(group, port), "the sentinels know each other and both replicas", 30)
        stack.callback(group.go_on)  # whoever is stopped does not end
        yield group


def _server(directory: Path, port: int, own: dict[str, object]) -> list[str]:
    values = {**COMMON, "port": port, "dir": directory / str(port), **own}
    return [str(binary()), *(word for name, value in values.items() for word in (f"--{name}", str(value)))]


def _sentinel(directory: Path, port: int, primary: int) -> contextlib.AbstractContextManager[Any]:
    path = directory / f"sentinel-{port}.conf"
    lines = [
        f"port {port}",
        "bind 127.0.0.1",
        f"dir {directory}",
        f"sentinel monitor {SERVICE} 127.0.0.1 {primary} 2",
        f"sentinel down-after-milliseconds {SERVICE} {NODE_TIMEOUT_MS}",
        f"sentinel failover-timeout {SERVICE} 5000",
    ]
    path.write_text("\n".join(lines) + "\n")
    return _running([str(binary()), str(path), "--sentinel"], directory)


def _up(port: int) -> bool:
    with contextlib.closing(Redis(port=port, socket_timeout=5)) as client:
        return _pings(client)


def _knows_all(group: Group, port: int) -> bool:
    if not _up(port):
        return False
    with contextlib.closing(Redis(port=port, socket_timeout=5)) as client:
        known = client.sentinel_master(SERVICE)
    return bool(known["num-slaves"] == 2 and known["num-other-sentinels"] == 2)


@contextlib.contextmanager
def run_replicated_cluster(directory: Path) -> Iterator[Group]:
    """Three primaries, the first three of `servers`, and their replicas in the same order."""
    ports = free_ports(12)
    nodes, buses = ports[:6], ports[6:]
    url = "redis+cluster://" + ",".join(f"127.0.0.1:{port}" for port in nodes[:3])
    with contextlib.ExitStack() as stack:
        group = Group(url, directory, stack)
        for port, bus in zip(nodes, buses, strict=True):
            (directory / str(port)).mkdir(parents=True)
            own = {
                "cluster-enabled": "yes",
                "cluster-port": bus,
                "cluster-node-timeout": NODE_TIMEOUT_MS,
                "cluster-require-full-coverage": "no",
                # The primaries take writes before their replicas have come.
                "min-replicas-to-write": 0,
            }
            group.commands[port] = _server(directory, port, own)
            group.start(port)
        for port in nodes:
            wait_for(lambda port=port: _up(port), "a node answers")
        _join(group, nodes, buses)
        for port in nodes:
            group.ask(port, "CONFIG", "SET", "min-replicas-to-write", 1)
        stack.callback(group.go_on)
        yield group


def _join(group: Group, nodes: list[int], buses: list[int]) -> None:
    share = -(-16384 // 3)
    for place, port in enumerate(nodes):
        group.ask(port, "CLUSTER", "SET-CONFIG-EPOCH", place + 1)
        if place < 3:
            group.ask(port, "CLUSTER", "ADDSLOTSRANGE", place * share, min((place + 1) * share, 16384) - 1)
    for port, bus in zip(nodes[1:], buses[1:], strict=True):
        group.ask(nodes[0], "CLUSTER", "MEET", "127.0.0.1", port, bus)
    for port in nodes:
        wait_for(lambda port=port: _info(group, port)["cluster_known_nodes"] == "6", "all nodes are known", 30)
    for primary, replica in zip(nodes[:3], nodes[3:], strict=True):
        name = group.ask(primary, "CLUSTER", "MYID").decode()
        wait_for(lambda replica=replica, name=name: _replicate(group, replica, name), "a replica is one", 30)
    for port in nodes:
        wait_for(lambda port=port: _info(group, port)["cluster_state"] == "ok", "the cluster is whole", 30)
    for replica in nodes[3:]:
        wait_for(lambda replica=replica: b"connected" in group.ask(replica, "ROLE"), "a replica follows", 30)


def _replicate(group: Group, replica: int, primary: str) -> bool:
    try:
        group.ask(replica, "CLUSTER", "REPLICATE", primary)
    except Exception:  # noqa: BLE001 - it does not know that node yet
        return False
    return True


def _info(group: Group, port: int) -> dict[str, str]:
    found = group.ask(port, "CLUSTER", "INFO")
    if isinstance(found, dict):
        return found
    text = found.decode() if isinstance(found, bytes) else found
    return dict(line.partition(":")[::2] for line in text.split())
