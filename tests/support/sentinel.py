"""A primary, its replica, and a sentinel that watches them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from redis import Redis

from tests.support.servers import _pings, _running, binary, free_ports, wait_for


@dataclass(frozen=True, slots=True)
class SentinelPorts:
    """Of a primary, its replica, and the sentinel that watches them."""

    primary: int
    replica: int
    sentinel: int


@contextlib.contextmanager
def run_sentinel(directory: Path) -> Iterator[tuple[str, SentinelPorts]]:
    """A primary with a replica, and one sentinel, which calls them `main`. Yields the address for `connect`."""
    ports = SentinelPorts(*free_ports(3))
    common = {"bind": "127.0.0.1", "save": "", "repl-diskless-sync-delay": 0}
    primary = common | {"port": ports.primary}
    replica = common | {"port": ports.replica, "replicaof": f"127.0.0.1 {ports.primary}"}
    lines = [
        f"port {ports.sentinel}",
        "bind 127.0.0.1",
        f"sentinel monitor main 127.0.0.1 {ports.primary} 1",
        "sentinel down-after-milliseconds main 1000",
        "sentinel failover-timeout main 5000",
    ]
    (directory / "sentinel.conf").write_text("\n".join(lines) + "\n")
    with contextlib.ExitStack() as stack:
        for name, values in (("primary", primary), ("replica", replica)):
            (directory / name).mkdir()
            options = {**values, "dir": directory / name}
            words = [word for key, value in options.items() for word in (f"--{key}", str(value))]
            stack.enter_context(_running([str(binary()), *words], directory))
        stack.enter_context(_running([str(binary()), str(directory / "sentinel.conf"), "--sentinel"], directory))
        for port in (ports.primary, ports.replica, ports.sentinel):
            client = stack.enter_context(contextlib.closing(Redis(port=port, socket_timeout=10)))
            wait_for(lambda client=client: _pings(client), "a server answers")
        yield f"redis+sentinel://127.0.0.1:{ports.sentinel}/main", ports
