"""What requests cost: processor time of each program, and what the store says of itself."""

from __future__ import annotations

import os
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from redis import Redis

from benchmarks.peer_servers import Peer
from benchmarks.site import Site, descendants, processes

TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Cost:
    """Sums since the start. `cpu`: seconds of each program, user and system. `commands`: seconds that the store spent
    in commands, those inside of scripts once. `reads`: how often it read from a connection, which is a round trip each
    as long as what is sent is small."""

    cpu: Mapping[str, float]
    commands: float = 0.0
    reads: int = 0

    def since(self, before: Cost) -> Cost:
        spent = {name: seconds - before.cpu[name] for name, seconds in self.cpu.items()}
        return Cost(spent, self.commands - before.commands, self.reads - before.reads)

    def each(self, requests: int) -> dict[str, float]:
        """Of one request, in ms."""
        found = {name: seconds * 1000 / requests for name, seconds in self.cpu.items()}
        return found | {"commands": self.commands * 1000 / requests}


Meter = Callable[[], Cost]


def of_site(site: Site) -> Meter:
    """The processes are those of now: a program that is started again is not followed."""
    programs, store = site.programs(), site.plain_client()

    def read() -> Cost:
        stats: Any = store.info("stats")
        seconds = stats["eventloop_duration_cmd_sum"] / 1_000_000
        return Cost(_cpu(programs), seconds, int(stats["total_reads_processed"]))

    return read


def of_servers(site: Site, ports: Sequence[int]) -> Meter:
    """Where the store is not one that the site has started: `web`, and `store` of the servers with these ports."""
    programs = {"web": site.programs()["web"], "store": [_process(port) for port in ports]}
    return lambda: Cost(_cpu(programs))


def _process(port: int) -> int:
    with Redis(port=port) as client:
        found: Any = client.info("server")
        return int(found["process_id"])


def of_peer(peer: Peer) -> Meter:
    return lambda: Cost(_cpu({"web": [peer.pid, *descendants(peer.pid, processes())]}))


def round_trips(site: Site, ask: Callable[[], object], times: int = 9) -> int:
    """Of one request that sends little, when only the web speaks to the store. Median: now and then one makes more."""
    store, found = site.plain_client(), list[int]()
    ask()
    with site.worker_paused():
        for _ in range(times):
            before = _reads(store)
            ask()
            # Asking is a read, too.
            found.append(_reads(store) - before - 1)
    return statistics.median_low(found)


def _reads(store: Redis) -> int:
    stats: Any = store.info("stats")
    return int(stats["total_reads_processed"])


def _cpu(programs: Mapping[str, list[int]]) -> dict[str, float]:
    return {name: sum(map(_seconds, pids)) for name, pids in programs.items()}


def _seconds(pid: int) -> float:
    """User and system time of a process with all its threads (proc_pid_stat(5), fields 14 and 15)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS
