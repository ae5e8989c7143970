"""Many small requests over kept connections: by wrk where it is installed, else by a client of our own."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from benchmarks.site import ROOT, Failed

SCRIPT = Path(__file__).with_name("load.lua")
CLIENTS = 2
"""Threads of wrk, or processes of our own client; at most one for each connection."""
SLACK = 60


@dataclass(frozen=True, slots=True)
class Load:
    """One kind of request. In `path`, `#` stands for a number that no other request of the run has; `body` is a
    size."""

    host: str
    port: int
    path: str
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict)
    body: int = 0


@dataclass(frozen=True, slots=True)
class Outcome:
    """`p50`, `p99`, `worst`: ms until the answer was there. `failed`: answers that were errors, and connections lost.

    Of wrk's, `p99` is not that of the requests: it adds those that it would have sent while it waited longer than usual
    (`stats_correct`), so that one pause of 300 ms in two hundred requests of 5 ms is a p99 of 286 ms.
    """

    requests: int
    seconds: float
    failed: int
    p50: float
    p99: float
    worst: float

    @property
    def rate(self) -> float:
        return self.requests / self.seconds


def client_name() -> str:
    return "wrk" if shutil.which("wrk") else "a client of our own"


def run(load: Load, seconds: float, connections: int, *, wrk: str | None = None) -> Outcome:
    """Ask for so long. Raises Failed when a single answer was not what was asked for: what was measured then is
    something else. `wrk`: the program, "" for our own client, None for the one there is."""
    chosen = shutil.which("wrk") or "" if wrk is None else wrk
    found = _by_wrk(chosen, load, seconds, connections) if chosen else _by_ours(load, seconds, connections)
    if found.failed or not found.requests:
        raise Failed(f"{load.method} {load.path}: {found.failed} of {found.requests} requests failed")
    return found


def _by_wrk(program: str, load: Load, seconds: float, connections: int) -> Outcome:
    threads = min(CLIENTS, connections)
    times = [f"-t{threads}", f"-c{connections}", f"-d{max(1, round(seconds))}s", "--timeout", "30s"]
    headers = [f"{name}: {value}" for name, value in load.headers.items()]
    what = [load.method, load.path, str(load.body), str(threads), *headers]
    command = [program, *times, "-s", str(SCRIPT), f"http://{load.host}:{load.port}/", "--", *what]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=seconds + SLACK)
    line = next((line for line in done.stdout.splitlines() if line.startswith("{")), "")
    if done.returncode or not line:
        raise Failed(f"wrk: {(done.stderr or done.stdout).strip()[-500:]}")
    return Outcome(**json.loads(line))


def _by_ours(load: Load, seconds: float, connections: int) -> Outcome:
    clients = min(CLIENTS, connections)
    running = []
    for number in range(clients):
        share = connections // clients + (number < connections % clients)
        task = {**asdict(load), "seconds": seconds, "connections": share, "first": number, "step": clients}
        command = [sys.executable, "-m", "benchmarks.load_client", json.dumps(task)]
        running.append(subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True))
    found = []
    for process in running:
        output, errors = process.communicate(timeout=seconds + SLACK)
        if process.returncode:
            raise Failed(f"the client: {errors.strip()[-500:]}")
        found.append(json.loads(output))
    waited = sorted(ms for one in found for ms in one["waited"])
    spent = max(one["seconds"] for one in found)
    return Outcome(
        len(waited), spent, sum(one["failed"] for one in found), *(_share(waited, percent) for percent in (50, 99, 100))
    )


def _share(ordered: list[float], percent: int) -> float:
    return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)] if ordered else 0.0
