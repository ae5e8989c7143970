"""A cluster with replicas, whose slots can be moved; and a primary with two replicas and three sentinels."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from redis import Redis
from redis.exceptions import ResponseError

from tests.support.servers import _join, _joined, _node, _pings, _running, binary, free_ports, wait_for

SLOTS = 16384


@dataclass(frozen=True, slots=True)
class Member:
    """A node: its port, its process, its name within the cluster."""

    port: int
    pid: int
    name: str

    def client(self) -> Redis:
        return Redis(port=self.port, socket_timeout=10)


@dataclass(frozen=True, slots=True)
class ReplicatedCluster:
    """Primaries, and the replica of each at the same place."""

    primaries: tuple[Member, ...]
    replicas: tuple[Member, ...]

    @property
    def url(self) -> str:
        return "redis+cluster://" + ",".join(f"127.0.0.1:{one.port}" for one in self.primaries)

    def owner(self, slot: int) -> Member:
        """Who has the slot by what the first node says."""
        with self.primaries[0].client() as client:
            for line in _text(client.execute_command("CLUSTER", "NODES")).splitlines():
                words = line.split()
                for part in words[8:]:
                    first, _, last = part.partition("-")
                    if not part.startswith("[") and int(first) <= slot <= int(last or first):
                        return next(one for one in self.primaries if one.name == words[0])
        raise AssertionError(f"nobody has slot {slot}")

    def move(self, slot: int, to: Member) -> None:
        """One slot and its keys go to another primary, as `--cluster reshard` does it."""
        source = self.owner(slot)
        if source == to:
            return
        with source.client() as old, to.client() as new:
            new.execute_command("CLUSTER", "SETSLOT", slot, "IMPORTING", source.name)
            old.execute_command("CLUSTER", "SETSLOT", slot, "MIGRATING", to.name)
            while keys := old.execute_command("CLUSTER", "GETKEYSINSLOT", slot, 10):
                with contextlib.suppress(ResponseError):  # NOKEY: it has expired meanwhile
                    old.execute_command("MIGRATE", "127.0.0.1", to.port, "", 0, 10_000, "KEYS", *keys)
            for one in (new, old):
                one.execute_command("CLUSTER", "SETSLOT", slot, "NODE", to.name)
        for other in self.primaries:
            with other.client() as client:
                client.execute_command("CLUSTER", "SETSLOT", slot, "NODE", to.name)


@contextlib.contextmanager
def run_replicated_cluster(directory: Path, size: int = 3, down_after: int = 3000) -> Iterator[ReplicatedCluster]:
    """`size` primaries with a replica each. `down_after`: ms until one that is silent is taken for down."""
    with contextlib.ExitStack() as stack:
        ports = free_ports(4 * size)
        nodes, buses = ports[: 2 * size], ports[2 * size :]
        processes, clients = [], []
        for port, bus in zip(nodes, buses, strict=True):
            command = _node(directory / str(port), port, bus, down_after)
            processes.append(stack.enter_context(_running(command, directory)))
            clients.append(stack.enter_context(contextlib.closing(Redis(port=port, socket_timeout=10))))
        for client in clients:
            wait_for(lambda client=client: _pings(client), "a node answers")
        _join(clients[:size], nodes[:size], buses[:size])
        names = [_text(client.execute_command("CLUSTER", "MYID")) for client in clients]
        members = [Member(port, process.pid, name) for port, process, name in zip(nodes, processes, names, strict=True)]
        for place in range(size):
            replica, primary = clients[size + place], names[place]
            clients[0].execute_command("CLUSTER", "MEET", "127.0.0.1", nodes[size + place], buses[size + place])
            wait_for(lambda replica=replica, primary=primary: _replicates(replica, primary), "a replica follows", 30)
        for client in clients:
            wait_for(lambda client=client: _joined(client, 2 * size), "the cluster is whole", 30)
        for client in clients[:size]:
            wait_for(lambda client=client: client.wait(1, 100) == 1, "a primary has its replica", 30)
        yield ReplicatedCluster(tuple(members[:size]), tuple(members[size:]))


def _replicates(replica: Redis, primary: str) -> bool:
    try:
        replica.execute_command("CLUSTER", "REPLICATE", primary)
    except ResponseError:  # it does not know the primary yet
        return False
    return True


def _text(answer: object) -> str:
    if isinstance(answer, dict):  # redis-py parses CLUSTER NODES
        raise TypeError("ask over a connection that does not parse")
    return answer.decode() if isinstance(answer, bytes) else str(answer)


@contextlib.contextmanager
def run_sentinels(
    directory: Path, replicas: int = 2, sentinels: int = 3, down_after: int = 1000
) -> Iterator[tuple[str, list[int]]]:
    """A primary with replicas and sentinels, which call it `main`: the address for `connect`, and the processes of the
    replicas. `down_after`: ms until one that is silent is taken for down."""
    ports = free_ports(1 + replicas + sentinels)
    servers, watchers = ports[: 1 + replicas], ports[1 + replicas :]
    with contextlib.ExitStack() as stack:
        pids = []
        for place, port in enumerate(servers):
            home = directory / str(port)
            home.mkdir(parents=True)
            values: dict[str, object] = {"port": port, "bind": "127.0.0.1", "save": "", "appendonly": "yes"}
            values |= {"dir": home, "repl-diskless-sync-delay": 0, "maxmemory-policy": "noeviction"}
            # As docs/scale.md has them: else a bulk upload drops a replica that is behind.
            values |= {"repl-backlog-size": "256mb", "client-output-buffer-limit": "replica 1gb 512mb 60"}
            if place:
                values["replicaof"] = f"127.0.0.1 {servers[0]}"
            words = [word for name, value in values.items() for word in (f"--{name}", str(value))]
            pids.append(stack.enter_context(_running([str(binary()), *words], directory)).pid)
        for port in watchers:
            lines = [
                f"port {port}",
                "bind 127.0.0.1",
                f"sentinel monitor main 127.0.0.1 {servers[0]} {sentinels // 2 + 1}",
                f"sentinel down-after-milliseconds main {down_after}",
                "sentinel failover-timeout main 5000",
            ]
            path = directory / f"sentinel-{port}.conf"
            path.write_text("\n".join(lines) + "\n")
            stack.enter_context(_running([str(binary()), str(path), "--sentinel"], directory))
        for port in ports:
            client = stack.enter_context(contextlib.closing(Redis(port=port, socket_timeout=10)))
            wait_for(lambda client=client: _pings(client), "a server answers")
        primary = stack.enter_context(contextlib.closing(Redis(port=servers[0], socket_timeout=10)))
        wait_for(lambda: primary.wait(replicas, 100) == replicas, "the primary has its replicas", 30)
        hosts = ",".join(f"127.0.0.1:{port}" for port in watchers)
        yield f"redis+sentinel://{hosts}/main", pids[1:]


@contextlib.contextmanager
def stopped(*pids: int) -> Iterator[None]:
    """These processes stand still meanwhile."""
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)
