"""Real servers for tests: one store, a small cluster, a whole site. All on loopback or a Unix socket, all
stopped at the end."""

from __future__ import annotations

import contextlib
import os
import queue
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from redis import Redis
from redis.driver_info import DriverInfo
from redis.exceptions import RedisError

from backoffice.embedded import config
from backoffice.embedded.binary import ServerNotFound, server_binary
from backoffice.embedded.data_dir import Layout
from backoffice.embedded.discovery import socket_url
from backoffice.settings import Durability

DRIVER = DriverInfo()
"""Else each client reads the library's version from its files, twice: a third of the time in which one is made."""
ROOT = Path(__file__).resolve().parents[2]


def need(found: object, what: str) -> None:
    """Skip, with one line that says so, when this machine lacks `what`. In CI the skip becomes a failure
    (conftest.py)."""
    if not found:
        pytest.skip(f"NEEDS {what}, which this machine does not have")


def wait_for(condition: Callable[[], object], what: str, seconds: float = 15) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"after {seconds} s still not: {what}"
        time.sleep(0.02)


def binary() -> Path:
    """The bundled server, or the one that STORE_BINARY names: a Redis to run the tests on."""
    if other := os.environ.get("STORE_BINARY"):
        return Path(other)
    try:
        return server_binary()
    except ServerNotFound as error:
        pytest.skip(f"NEEDS the bundled store: {error}")


@dataclass(frozen=True, slots=True)
class Store:
    """A running store. `url` has no password in it."""

    socket: Path
    password: str
    pid: int

    @property
    def url(self) -> str:
        return socket_url(str(self.socket))

    def client(self) -> Redis:
        return Redis(unix_socket_path=str(self.socket), password=self.password, socket_timeout=10, driver_info=DRIVER)


@contextlib.contextmanager
def run_store(directory: Path, durability: Durability = Durability.OS) -> Iterator[Store]:
    """The bundled server with the configuration that the product gives it."""
    layout = Layout.at(directory)
    layout.prepare()
    path = config.write(layout, durability=durability, max_memory=2 * 1024**3)
    if "STORE_BINARY" in os.environ:  # a Redis does not know what Valkey alone has
        lines = layout.store_config.read_text().splitlines(keepends=True)
        layout.store_config.write_text("".join(line for line in lines if not line.startswith("commandlog-")))
    with _running([str(binary()), str(layout.store_config)], directory) as process:
        store = Store(path, layout.store_password.read_text().strip(), process.pid)
        with contextlib.closing(store.client()) as client:
            wait_for(lambda: _pings(client), "the store answers")
        yield store


@contextlib.contextmanager
def run_cluster(directory: Path, size: int = 3) -> Iterator[list[tuple[str, int]]]:
    """`size` primaries without replicas, all slots served. Yields their addresses."""
    with contextlib.ExitStack() as stack:
        ports = free_ports(2 * size)
        nodes, buses = ports[:size], ports[size:]
        clients = []
        for port, bus in zip(nodes, buses, strict=True):
            stack.enter_context(_running(_node(directory / str(port), port, bus), directory))
            client = stack.enter_context(contextlib.closing(Redis(port=port, socket_timeout=10)))
            clients.append(client)
        for client in clients:
            wait_for(lambda client=client: _pings(client), "a node answers")
        _join(clients, nodes, buses)
        yield [("127.0.0.1", port) for port in nodes]


def _node(directory: Path, port: int, bus: int, down_after: int = 3000) -> list[str]:
    directory.mkdir(parents=True)
    values = {
        "bind": "127.0.0.1",
        "port": port,
        "cluster-port": bus,
        "cluster-enabled": "yes",
        "cluster-node-timeout": down_after,
        "cluster-require-full-coverage": "no",
        "dir": directory,
        "save": "",
        "appendonly": "no",
        "maxmemory-policy": "noeviction",
        "logfile": directory / "log",
    }
    return [str(binary()), *(word for name, value in values.items() for word in (f"--{name}", str(value)))]


def _join(clients: Sequence[Redis], ports: Sequence[int], buses: Sequence[int]) -> None:
    share = -(-16384 // len(clients))
    for place, client in enumerate(clients):
        client.execute_command("CLUSTER", "SET-CONFIG-EPOCH", place + 1)
        first = place * share
        client.execute_command("CLUSTER", "ADDSLOTSRANGE", first, min(first + share, 16384) - 1)
    for port, bus in zip(ports[1:], buses[1:], strict=True):
        clients[0].execute_command("CLUSTER", "MEET", "127.0.0.1", port, bus)
    for client in clients:
        wait_for(lambda client=client: _joined(client, len(clients)), "the cluster is whole", 30)


def _joined(client: Redis, size: int) -> bool:
    info = client.execute_command("CLUSTER", "INFO")
    text = str(info)
    return (
        re.search(r"cluster_state\W+ok", text) is not None
        and re.search(rf"cluster_known_nodes\W+{size}\b", text) is not None
        and re.search(r"cluster_slots_ok\W+16384", text) is not None
    )


def free_ports(count: int) -> list[int]:
    """Ports nobody listens on now. All are held at once, so that they differ."""
    with contextlib.ExitStack() as stack:
        held = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in held:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in held]


def _pings(client: Redis) -> bool:
    try:
        return bool(client.ping())
    except (OSError, RedisError):  # not there yet, or still loading
        return False


@contextlib.contextmanager
def _running(command: Sequence[str], directory: Path) -> Iterator[subprocess.Popen[bytes]]:
    with (directory / "output").open("ab") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, stdin=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@dataclass(slots=True)
class Site:
    """`manage.py up` as a person runs it, with what it says."""

    process: subprocess.Popen[str]
    lines: list[str] = field(default_factory=list)
    _queue: queue.Queue[str | None] = field(default_factory=queue.Queue)

    @classmethod
    def start(cls, data: Path, *arguments: str, environ: Mapping[str, str] | None = None, port: int = 0) -> Site:
        """`environ` comes on top of this process's. Port 0: any free one; `url` says which."""
        command = [sys.executable, str(ROOT / "manage.py"), "up", "--data", str(data), "--port", str(port), *arguments]
        process = subprocess.Popen(
            command,
            env={**os.environ, "PYTHONUNBUFFERED": "1", **(environ or {})},
            cwd=data.parent,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            text=True,
            start_new_session=True,
        )
        site = cls(process)
        threading.Thread(target=site._read, daemon=True).start()
        return site

    def _read(self) -> None:
        with self.process.stdout or contextlib.nullcontext([]) as output:  # type: ignore[union-attr]
            for line in output:
                self._queue.put(line.rstrip("\n"))
        self._queue.put(None)

    def expect(self, text: str, seconds: float = 60) -> str:
        """Read on until a line has `text`; that line."""
        end = time.monotonic() + seconds
        while True:
            try:
                line = self._queue.get(timeout=max(end - time.monotonic(), 0.01))
            except queue.Empty:
                line = None
            if line is None:
                raise AssertionError(f"{text!r} was not said within {seconds} s. Said:\n" + "\n".join(self.lines))
            self.lines.append(line)
            if text in line:
                return line

    def said(self) -> list[str]:
        """All lines up to now."""
        with contextlib.suppress(queue.Empty):
            while (line := self._queue.get_nowait()) is not None:
                self.lines.append(line)
        return self.lines

    def ready(self, seconds: float = 60) -> str:
        """Wait until it is ready; its address."""
        return self.expect("Ready: ", seconds).partition("Ready: ")[2].strip()

    def stop(self, number: signal.Signals = signal.SIGTERM, seconds: float = 60) -> int:
        self.process.send_signal(number)
        return self.process.wait(seconds)

    def close(self) -> None:
        """For the end of a test, however it went: nothing may stay behind."""
        family = descendants(self.process.pid)
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(60)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        wait_for(lambda: not alive(family), "all processes of the site have ended", 60)


def descendants(pid: int) -> set[int]:
    """The processes below `pid`, at any depth (Linux)."""
    parents: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except (OSError, IndexError):
                continue  # it ended while we looked
            parents.setdefault(parent, []).append(int(entry.name))
    found: set[int] = set()
    level = [pid]
    while level:
        level = [child for parent in level for child in parents.get(parent, [])]
        found |= set(level)
    return found


def alive(pids: set[int]) -> set[int]:
    """Those of `pids` that still run; zombies do not."""
    running = set()
    for pid in pids:
        with contextlib.suppress(OSError, IndexError):
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z":
                running.add(pid)
    return running
