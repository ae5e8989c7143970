"""Hosts with a network between them that can be cut and made bad: network namespaces behind two bridges.

    site ── bridge A ══ trunk ══ bridge B
             host 0              host 1, host 2

Each host has a server and a sentinel. All of it goes again at the end.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from redis import Redis

from tests.faults.groups import COMMON, NODE_TIMEOUT_MS, SERVICE
from tests.faults.trial import NotTried
from tests.support.servers import _pings, _running, binary, wait_for

HOSTS: Final = 3
SERVER, SENTINEL = 6379, 26379


def ip(*words: str) -> None:
    """Raises NotTried."""
    try:
        ran = subprocess.run(["ip", *words], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise NotTried("there is no `ip` here (Debian: apt install iproute2)") from None
    if ran.returncode:
        raise NotTried(f"no network can be made here, which takes root: ip {' '.join(words)}: {ran.stderr.strip()}")


@dataclass(slots=True)
class Network:
    """`site_with`: on whose side the site is, A (host 0) or B (the others)."""

    site_with: str
    tag: str = field(default_factory=lambda: f"{os.getpid() % 100_000:05d}")

    @property
    def subnet(self) -> str:
        return f"10.213.{os.getpid() % 250}"

    def host(self, number: int) -> str:
        return f"bo{self.tag}h{number}"

    def address(self, number: int) -> str:
        return f"{self.subnet}.{10 + number}"

    def make(self, stack: contextlib.ExitStack) -> None:
        for bridge in "AB":
            ip("link", "add", f"bo{self.tag}{bridge}", "type", "bridge")
            stack.callback(_gone, "link", "del", f"bo{self.tag}{bridge}")
            ip("link", "set", f"bo{self.tag}{bridge}", "up")
        ip("link", "add", f"bo{self.tag}t", "type", "veth", "peer", "name", f"bo{self.tag}u")
        stack.callback(_gone, "link", "del", f"bo{self.tag}t")
        for end, bridge in (("t", "A"), ("u", "B")):
            ip("link", "set", f"bo{self.tag}{end}", "master", f"bo{self.tag}{bridge}")
            ip("link", "set", f"bo{self.tag}{end}", "up")
        ip("address", "add", f"{self.subnet}.1/24", "dev", f"bo{self.tag}{self.site_with}")
        for number in range(HOSTS):
            self._make_host(number, stack)

    def _make_host(self, number: int, stack: contextlib.ExitStack) -> None:
        host, wire = self.host(number), f"bo{self.tag}w{number}"
        ip("netns", "add", host)
        stack.callback(_gone, "netns", "del", host)
        ip("link", "add", wire, "type", "veth", "peer", "name", "eth0", "netns", host)
        ip("link", "set", wire, "master", f"bo{self.tag}{'B' if number else 'A'}")
        ip("link", "set", wire, "up")
        ip("-n", host, "address", "add", f"{self.address(number)}/24", "dev", "eth0")
        ip("-n", host, "link", "set", "eth0", "up")
        ip("-n", host, "link", "set", "lo", "up")

    def cut(self) -> None:
        """No packet goes from one side to the other; nobody is told."""
        ip("link", "set", f"bo{self.tag}t", "down")

    def mend(self) -> None:
        ip("link", "set", f"bo{self.tag}t", "up")

    def make_bad(self, lost: float, rate: str) -> None:
        """What comes to a host is lost with this probability; what it sends leaves it at that rate, so that it waits.
        Raises NotTried."""
        for number in range(HOSTS):
            within = ["ip", "netns", "exec", self.host(number)]
            losing = ["-A", "INPUT", "-i", "eth0", "-m", "statistic", "--mode", "random", "--probability", str(lost)]
            slow = ["qdisc", "add", "dev", "eth0", "root", "tbf", "rate", rate, "burst", "16k", "latency", "400ms"]
            for command in (["iptables", *losing, "-j", "DROP"], ["tc", *slow]):
                if shutil.which(command[0]) is None:
                    raise NotTried(f"there is no {command[0]} here (Debian: apt install iptables iproute2)")
                ran = subprocess.run([*within, *command], capture_output=True, text=True, check=False)
                if ran.returncode:
                    raise NotTried(f"the network cannot be made bad here: {ran.stderr.strip()}")

    def make_good(self) -> None:
        for number in range(HOSTS):
            for command in ("iptables -F INPUT", "tc qdisc del dev eth0 root"):
                subprocess.run(["ip", "netns", "exec", self.host(number), *command.split()], check=True)


def _gone(*words: str) -> None:
    subprocess.run(["ip", *words], capture_output=True, check=False)


@dataclass(frozen=True, slots=True)
class Hosts:
    """`url`: what `REDIS_URL` says."""

    network: Network
    url: str

    def role(self, number: int) -> str:
        with contextlib.closing(Redis(self.network.address(number), SERVER, socket_timeout=5)) as client:
            return str(client.execute_command("ROLE")[0].decode())


@contextlib.contextmanager
def run_hosts(directory: Path, site_with: str) -> Iterator[Hosts]:
    """The primary is on host 0. Raises NotTried where no network can be made."""
    with contextlib.ExitStack() as stack:
        network = Network(site_with)
        network.make(stack)
        stack.callback(network.mend)
        for number in range(HOSTS):
            within = ["ip", "netns", "exec", network.host(number)]
            (directory / str(number)).mkdir()
            stack.enter_context(_running([*within, *_server(network, directory, number)], directory))
        for number in range(HOSTS):
            wait_for(lambda number=number: _answers(network, number, SERVER), "a server answers")
        for number in range(HOSTS):
            within = ["ip", "netns", "exec", network.host(number)]
            stack.enter_context(_running([*within, *_sentinel(network, directory, number)], directory))
        for number in range(HOSTS):
            wait_for(lambda number=number: _knows_all(network, number), "the sentinels know each other", 60)
        sentinels = ",".join(f"{network.address(number)}:{SENTINEL}" for number in range(HOSTS))
        yield Hosts(network, f"redis+sentinel://{sentinels}/{SERVICE}")


def _server(network: Network, directory: Path, number: int) -> list[str]:
    own = {"replicaof": f"{network.address(0)} {SERVER}"} if number else {}
    # A cut connection is noticed by a replica within the time in which a server counts as gone.
    values = {**COMMON, "bind": "0.0.0.0", "protected-mode": "no", "port": SERVER, "repl-timeout": 5, **own}  # noqa: S104
    values["dir"] = directory / str(number)
    return [str(binary()), *(word for name, value in values.items() for word in (f"--{name}", str(value)))]


def _sentinel(network: Network, directory: Path, number: int) -> list[str]:
    path = directory / str(number) / "sentinel.conf"
    lines = [
        f"port {SENTINEL}",
        "bind 0.0.0.0",
        "protected-mode no",
        f"dir {directory / str(number)}",
        f"sentinel monitor {SERVICE} {network.address(0)} {SERVER} 2",
        f"sentinel down-after-milliseconds {SERVICE} {NODE_TIMEOUT_MS}",
        f"sentinel failover-timeout {SERVICE} 5000",
    ]
    path.write_text("\n".join(lines) + "\n")
    return [str(binary()), str(path), "--sentinel"]


def _answers(network: Network, number: int, port: int) -> bool:
    with contextlib.closing(Redis(network.address(number), port, socket_timeout=5)) as client:
        return _pings(client)


def _knows_all(network: Network, number: int) -> bool:
    if not _answers(network, number, SENTINEL):
        return False
    with contextlib.closing(Redis(network.address(number), SENTINEL, socket_timeout=5)) as client:
        known = client.sentinel_master(SERVICE)
    return bool(known["num-slaves"] == HOSTS - 1 and known["num-other-sentinels"] == HOSTS - 1)
