"""A primary with a minority: its replicas and most sentinels are away, and nobody is told that anything is safe."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator

from tests.faults.failovers import BACK_WITHIN, site_over
from tests.faults.groups import MAX_LAG, run_sentinels
from tests.faults.load import under_load
from tests.faults.trial import Row, Trial

AWAY = MAX_LAG + 4.0
KINDS = ("PUT", "chunk upload")


def minority(trial: Trial) -> Iterator[Row]:
    """They are stopped, which for whoever talks to them is as if the network were cut. No 201 after the time in which a
    replica has to be heard of, nor before: each asks a replica."""
    row = Row("Sentinel: the primary is left with a minority, replicas and two of three sentinels away")
    for number in trial.rounds(5):
        directory = trial.place(f"minority-{number}")
        with run_sentinels(directory) as group, site_over(directory, group) as running:
            away = [*list(group.servers)[1:], *list(group.sentinels)[:2]]
            with under_load(
                [running.client.url], running.client.token, running.oracle, f"n{trial.seed}", KINDS
            ) as load:
                time.sleep(1.5)
                group.signal(signal.SIGSTOP, *away)
                cut = time.monotonic()
                time.sleep(AWAY)
                during = [one - cut for client in load.clients for one in client.created if one - cut > 1.0]
                group.go_on()
                back = time.monotonic()
                time.sleep(BACK_WITHIN)
            row.runs += 1
            row.recovered.append(load.first_after(back))
            row.slowest = max(row.slowest or 0, load.slowest)
            row.problems += [f"a 201 after {max(during):.1f} s without replicas"] if during else []
            row.problems += load.failures
            row.note = f"answers of the last run: {load.answers}"
            row.count(running.judge())
    yield row
