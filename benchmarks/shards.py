"""A cluster of the bundled server, three primaries without replicas, or one of its servers by itself, over TCP, on a
throwaway directory."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from redis import Redis
from redis.exceptions import RedisError

from backoffice.embedded.binary import server_binary
from benchmarks.site import Failed

SHARDS = 3
SLOTS = 16384
PATIENCE = 30.0


@contextlib.contextmanager
def shards(directory: Path) -> Iterator[list[int]]:
    """Their ports. As durable as the bundled store at level `os`."""
    ports = _free_ports(2 * SHARDS)
    nodes, buses = ports[:SHARDS], ports[SHARDS:]
    with contextlib.ExitStack() as running:
        for port, bus in zip(nodes, buses, strict=True):
            running.enter_context(_server(directory, port, {"cluster-enabled": "yes", "cluster-port": bus}))
        _join(nodes, buses)
        yield nodes


@contextlib.contextmanager
def server(directory: Path) -> Iterator[int]:
    """The port of one server that is set up as each of these."""
    [port] = _free_ports(1)
    with _server(directory, port, {}), Redis(port=port) as client:
        _until(client.ping, "the server answers")
        yield port


@contextlib.contextmanager
def _server(directory: Path, port: int, more: Mapping[str, object]) -> Iterator[None]:
    home = directory / str(port)
    home.mkdir(parents=True)
    values: dict[str, object] = {
        "bind": "127.0.0.1",
        "port": port,
        "dir": home,
        "logfile": home / "log",
        "save": "",
        "appendonly": "yes",
        "appendfsync": "no",
        "hash-max-listpack-value": 300,
        "zset-max-listpack-entries": 512,
        "stream-node-max-bytes": 16384,
        **more,
    }
    words = [word for name, value in values.items() for word in (f"--{name}", str(value))]
    process = subprocess.Popen([str(server_binary()), *words], stdin=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.terminate()
        process.wait()


def _join(nodes: list[int], buses: list[int]) -> None:
    share = -(-SLOTS // len(nodes))
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(Redis(port=port)) for port in nodes]
        for client in clients:
            _until(client.ping, "a shard answers")
        for place, client in enumerate(clients):
            client.execute_command("CLUSTER", "SET-CONFIG-EPOCH", place + 1)
            last = min((place + 1) * share, SLOTS) - 1
            client.execute_command("CLUSTER", "ADDSLOTSRANGE", place * share, last)
        for port, bus in zip(nodes[1:], buses[1:], strict=True):
            clients[0].execute_command("CLUSTER", "MEET", "127.0.0.1", port, bus)
        for client in clients:
            _until(lambda client=client: _whole(_info(client)), "the cluster is whole")


def _whole(info: str) -> bool:
    """One that knows of all slots refuses commands for a while yet."""
    return "cluster_slots_ok:16384" in info and "cluster_state:ok" in info


def _info(client: Redis) -> str:
    found: object = client.execute_command("CLUSTER", "INFO")  # type: ignore[no-untyped-call]
    if isinstance(found, dict):
        return "\n".join(f"{name}:{value}" for name, value in found.items())
    return found.decode() if isinstance(found, bytes) else str(found)


def _until(condition: object, what: str) -> None:
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        with contextlib.suppress(RedisError, OSError):
            if callable(condition) and condition():
                return
        time.sleep(0.05)
    raise Failed(f"after {PATIENCE:.0f} s still not: {what}")


def _free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        held = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in held:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in held]
