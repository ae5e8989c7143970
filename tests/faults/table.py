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
PARTS: Final = {name: number for number, name in enumerate(FAULTS)}
"""In which part of four each is."""
