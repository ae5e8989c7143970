"""The primary dies, a replica takes its place, which had been stopped for a second before: what was acknowledged with
level `replica:1` is there; what was not is refused, not lost."""

from __future__ import annotations

import contextlib
import signal
import time
from collections.abc import Iterator
from pathlib import Path

from redis.exceptions import ResponseError

from tests.faults.groups import NODE_TIMEOUT_MS, Group, run_replicated_cluster, run_sentinels
from tests.faults.load import Load, under_load
from tests.faults.networks import Hosts
from tests.faults.oracle import Oracle
from tests.faults.sites import Running
from tests.faults.trial import Row, Trial

BACK_WITHIN = NODE_TIMEOUT_MS / 1000 + 6
"""Seconds until acts are acknowledged again: the time-out, the vote, and a busy machine."""
ALL_BACK_WITHIN = 30.0
"""Where an answer takes all replicas: until the last one, the old primary itself, follows."""
KINDS = ("PUT", "chunk upload", "batch", "replace content", "admin edit", "tus")
STALL = 1.0
RESTARTED_AFTER = 4.0
FILLER = "{bo}filler"


def failovers(trial: Trial) -> Iterator[Row]:
    """On a primary with two replicas and three sentinels."""
    rows = {
        "one": Row("Sentinel: the primary is killed while one replica of two hangs for 1 s"),
        "both": Row("Sentinel: the primary is killed after both replicas hung for 1 s"),
        "all": Row("Sentinel: the primary hangs, is replaced and comes back; 201 after both replicas"),
        "some": Row("Sentinel: the same, 201 after one replica of two"),
    }
    for number in trial.rounds(5):
        for kind, row in rows.items():
            if kind in {"one", "some"} and not trial.full:
                continue
            directory = trial.place(f"sentinel-{kind}-{number}")
            with run_sentinels(directory) as group:
                seed = f"f{trial.seed}.{kind}.{number}"
                if kind in {"all", "some"}:
                    _hang(directory, group, row, seed, trial.chance(seed).uniform(2.5, 4.5), 2 if kind == "all" else 1)
                else:
                    stalled = list(group.servers)[1 : 2 if kind == "one" else 3]
                    _fail_over(directory, group, row, stalled, seed)
    rows["some"].known("a replica that follows the old primary still confirms what the new one never gets")
    yield from (row for row in rows.values() if row.runs)


def _hang(directory: Path, group: Group, row: Row, seed: str, seconds: float, replicas: int) -> None:
    """Whatever the old one says until it is told that it is none any more is said in good faith, and lost."""
    primary = next(iter(group.servers))
    with site_over(directory, group, replicas) as running:
        with under_load([running.client.url], running.client.token, running.oracle, seed, KINDS) as load:
            time.sleep(1.5)
            group.signal(signal.SIGSTOP, primary)
            stopped = time.monotonic()
            time.sleep(seconds)
            group.signal(signal.SIGCONT, primary)
            time.sleep(BACK_WITHIN - seconds + 2)
        _judge(running, row, load, stopped, ALL_BACK_WITHIN if replicas == 2 else BACK_WITHIN)


@contextlib.contextmanager
def site_over(directory: Path, group: Group | Hosts, replicas: int = 1) -> Iterator[Running]:
    environ = {"REDIS_URL": group.url, "BACKOFFICE_REPLICAS": str(replicas)}
    running = Running.start(directory / "data", environ, Oracle(lenient=True))
    try:
        yield running
    finally:
        running.site.close()


def cluster_failovers(trial: Trial) -> Iterator[Row]:
    """On three primaries with a replica each: the one that has the records is killed, after its replica hung where the
    site can wait for replicas there."""
    row = Row("Cluster 3+3: the primary of the records is killed after its replica hung for 1 s")
    plain = Row("Cluster 3+3: the primary of the records is killed; no level of replicas")
    for number in trial.rounds(3):
        directory = trial.place(f"cluster-{number}")
        with run_replicated_cluster(directory) as group:
            primary = _owner(group)
            replica = list(group.servers)[list(group.servers).index(primary) + 3]
            seed = f"c{trial.seed}.{number}"
            try:
                _fail_over(directory, group, row, [replica], seed, primary)
            except AssertionError as error:
                if "not supported on a cluster" not in str(error):
                    raise
                row.not_tried = "this version does not wait for replicas on a cluster"
                _fail_over(directory, group, plain, [], seed, primary, replicas=0)
    plain.known("without a level of replicas nothing is promised for the loss of a primary")
    yield from (one for one in (row, plain) if one.runs or one.not_tried)


def _owner(group: Group) -> int:
    slot = int(group.ask(next(iter(group.servers)), "CLUSTER", "KEYSLOT", "{bo}"))
    return list(group.servers)[slot // (-(-16384 // 3))]


def _fail_over(
    directory: Path, group: Group, row: Row, stalled: list[int], seed: str, primary: int = 0, replicas: int = 1
) -> None:
    primary = primary or next(iter(group.servers))
    with site_over(directory, group, replicas) as running:
        with under_load([running.client.url], running.client.token, running.oracle, seed, KINDS) as load:
            time.sleep(1.5)
            group.signal(signal.SIGSTOP, *stalled)
            if stalled:
                _fill_the_way(group, primary)
            time.sleep(STALL)
            group.signal(signal.SIGKILL, primary)
            killed = time.monotonic()
            group.signal(signal.SIGCONT, *stalled)
            time.sleep(RESTARTED_AFTER)
            group.start(primary)  # it comes back as a replica; of two servers one alone takes no writes
            time.sleep(BACK_WITHIN - RESTARTED_AFTER + 2)
        _judge(running, row, load, killed)


def _fill_the_way(group: Group, primary: int) -> None:
    """What is on its way to a replica that hangs arrives when that goes on, also when the sender has died. So the
    sockets are filled first: from here on a write stays with the primary, and dies with it."""
    with contextlib.suppress(ResponseError):  # it has noticed that nobody follows: then nobody is told of a 201 either
        for _ in range(6):
            group.ask(primary, "SET", FILLER, bytes(8 * 1024**2), "PX", 2_000)
        group.ask(primary, "DEL", FILLER)


def _judge(running: Running, row: Row, load: Load, killed: float, most: float = BACK_WITHIN) -> None:
    row.runs += 1
    back = load.first_after(killed + 0.2)
    row.recovered.append(back)
    row.slowest = max(row.slowest or 0, load.slowest)
    row.problems += load.failures
    if not back <= most:
        row.problems.append(f"nothing was acknowledged for {back:.1f} s")
    row.count(running.judge())
    row.note = (
        f"answers of the last run: {load.answers}; acts without a promise that were lost: {running.oracle.undone}"
    )
