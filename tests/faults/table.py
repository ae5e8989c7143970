"""All faults, by the names by which they are asked for."""

from __future__ import annotations

from typing import Final

from tests.faults.clocks import clock_jumps
from tests.faults.commands import commands
from tests.faults.damage import cut_log, damaged_log, flipped_bits
from tests.faults.failovers import cluster_failovers, failovers
from tests.faults.full import full_disk, full_memory
from tests.faults.kills import kills
from tests.faults.partitions import minority, networks
from tests.faults.power import power_cuts
from tests.faults.power_bytes import power_cuts_with_bytes
from tests.faults.stops import stops
from tests.faults.syncs import failing_syncs
from tests.faults.trial import Fault

FAULTS: Final[dict[str, Fault]] = {
    "kill": kills,
    "stop": stops,
    "commands": commands,
    "failover": failovers,
    "cluster": cluster_failovers,
    "disk": full_disk,
    "memory": full_memory,
    "cut-log": cut_log,
    "damaged-log": damaged_log,
    "bits": flipped_bits,
    "sync": failing_syncs,
    "clock": clock_jumps,
    "partition": minority,
    "network": networks,
    "power": power_cuts,
    "power-bytes": power_cuts_with_bytes,
}
SECONDS: Final = {
    "kill": 45,
    "stop": 35,
    "commands": 90,
    "failover": 45,
    "cluster": 30,
    "disk": 45,
    "memory": 15,
    "cut-log": 15,
    "damaged-log": 35,
    "bits": 40,
    "sync": 40,
    "clock": 60,
    "partition": 30,
    "network": 80,
    "power": 15,
    "power-bytes": 20,
}
"""About how long the bounded form of each takes on two cores that are free."""


def part(number: int, parts: int) -> list[str]:
    """The faults of one part of so many that take about as long as each other."""
    shares: list[list[str]] = [[] for _ in range(parts)]
    for name in sorted(FAULTS, key=SECONDS.__getitem__, reverse=True):
        min(shares, key=lambda share: sum(SECONDS[one] for one in share)).append(name)
    return shares[number - 1]
