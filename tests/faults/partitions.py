"""A primary with a minority: its replicas and most sentinels are away, and nobody is told that anything is safe. By
servers that are stopped, and by a network that is cut; and a network that loses packets."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator

from tests.faults.failovers import BACK_WITHIN, site_over
from tests.faults.groups import MAX_LAG, run_sentinels
from tests.faults.load import Load, under_load
from tests.faults.networks import run_hosts
from tests.faults.sites import Running
from tests.faults.trial import Row, Trial

OTHER_SIDE_WITHIN = 40.0
"""Seconds until acts are acknowledged again on the other side: a vote, and connections that nobody has closed."""
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


def networks(trial: Trial) -> Iterator[Row]:
    """Three hosts with a server and a sentinel each. Each row is a network of its own."""
    yield from _cut_network(trial, "A", "the host of the primary and the site are cut off from the two others")
    yield from _cut_network(trial, "B", "the host of the primary is cut off from the site and the two others")
    yield from _bad_network(trial)


def _cut_network(trial: Trial, site_with: str, what: str) -> Iterator[Row]:
    """With the primary nobody is told a 201; with the others there is a new one soon. Then the old one follows."""
    row = Row(f"Network namespaces: {what}")
    for number in trial.rounds(5):
        directory = trial.place(f"network-{site_with}-{number}")
        with run_hosts(directory, site_with) as hosts, site_over(directory, hosts) as running:
            seed = f"e{trial.seed}.{site_with}.{number}"
            with under_load([running.client.url], running.client.token, running.oracle, seed, KINDS) as load:
                time.sleep(1.5)
                hosts.network.cut()
                cut = time.monotonic()
                time.sleep(AWAY)
                while site_with == "B" and _stands_still(load, cut) and time.monotonic() < cut + OTHER_SIDE_WITHIN:
                    time.sleep(0.5)
                during = [one - cut for client in load.clients for one in client.created if one - cut > 1.0]
                roles = [hosts.role(number) for number in (1, 2)] if site_with == "B" else []
                hosts.network.mend()
                mended = time.monotonic()
                while _stands_still(load, mended) and time.monotonic() < mended + OTHER_SIDE_WITHIN:
                    time.sleep(0.5)
                time.sleep(2.0)
            row.recovered.append(load.first_after(mended if site_with == "A" else cut + 0.2))
            if site_with == "A" and during:
                row.problems.append(f"a 201 after {max(during):.1f} s without replicas")
            if site_with == "B" and not during:
                row.problems.append(f"no 201 on the side of the majority; roles: {roles}")
            _judge_network(running, row, load)
    yield row


def _stands_still(load: Load, since: float) -> bool:
    return not any(one > since + 1.0 for client in load.clients for one in client.created)


def _bad_network(trial: Trial) -> Iterator[Row]:
    """Every twentieth packet to a server is lost, and lines are slow. What was acknowledged is there, and once."""
    row = Row("Network namespaces: each host loses every twentieth packet, over a line of 20 Mbit/s")
    for number in trial.rounds(5):
        directory = trial.place(f"network-bad-{number}")
        with run_hosts(directory, "A") as hosts, site_over(directory, hosts) as running:
            hosts.network.make_bad(0.05, "20mbit")
            bad = time.monotonic()
            url, token = running.client.url, running.client.token
            with under_load([url], token, running.oracle, f"l{trial.seed}.{number}", KINDS) as load:
                time.sleep(20.0 if trial.full else 8.0)
            hosts.network.make_good()
            running.wait_until_ready()
            row.recovered.append(load.first_after(bad))
            row.problems += [] if load.done else ["nothing was done at all"]
            _judge_network(running, row, load)
    yield row


def _judge_network(running: Running, row: Row, load: Load) -> None:
    row.runs += 1
    row.slowest = max(row.slowest or 0, load.slowest)
    row.problems += load.failures
    row.note = f"answers of the last run: {load.answers}"
    row.count(running.judge())
