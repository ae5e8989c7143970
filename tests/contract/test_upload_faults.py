"""The network fails at each call of the store, or the disk at each call of the file system, before it or after it:
nothing that a client was told is lost, nothing is left for ever, and a file is there whole or not at all."""

from __future__ import annotations

import contextlib
from enum import Enum
from pathlib import Path
from typing import Any

import pytest

from backoffice.errors import BackofficeError
from tests.support.chunks import Place
from tests.support.crashes import BOUNDS, EXPECTED, SCENARIOS, Journal, a_minute_later, come_back, prepare
from tests.support.database import database
from tests.support.upload_faults import Fault, FaultyDb, FaultyDisk
from tests.support.uploads import World

NEVER = 1000


class Came(Enum):
    """How the fault came: `IN_VAIN` is the lost answer of a call that had changed nothing, so that all is as when the
    call itself is lost."""

    NOT, IN_VAIN, IN_EARNEST = range(3)


def play(client: Any, scenario: str, fault: Fault, after: int, journal: Journal) -> Came:
    client.flushall()
    Place.current.empty()
    db = FaultyDb(client, shebang=database(client)._shebang)
    directory = Place.current.directory
    disk = FaultyDisk(directory, db) if directory is not None else None
    prepare(World.over(client, bounds=BOUNDS), scenario, journal)
    db.changes = lambda: int(client.info("persistence")["rdb_changes_since_last_save"])
    db.arm(fault, after)
    with contextlib.suppress(BackofficeError):
        SCENARIOS[scenario](World.over(client, db=db, disk=disk, bounds=BOUNDS), journal)
    if not db.disarm():
        return Came.NOT
    return Came.IN_VAIN if db.in_vain else Came.IN_EARNEST


BOTH = pytest.mark.parametrize("fault", [Fault.LOST, Fault.LOST_ANSWER])
STAGED = [one for one in SCENARIOS if one.endswith("_staged")]


@BOTH
@pytest.mark.real_only
@pytest.mark.usefixtures("place")
@pytest.mark.parametrize("scenario", [one for one in SCENARIOS if one not in STAGED])
def test_a_call_that_fails_does_no_harm(redis: Any, tmp_path: Path, scenario: str, fault: Fault) -> None:
    each_call_fails(redis, tmp_path, scenario, fault)


@BOTH
@pytest.mark.real_only
@pytest.mark.parametrize("scenario", STAGED)
def test_a_call_that_fails_does_no_harm_to_bytes_that_go_ahead(
    redis: Any, tmp_path: Path, scenario: str, fault: Fault
) -> None:
    """Before the script, as bytes in Redis may; those in a directory always do."""
    each_call_fails(redis, tmp_path, scenario, fault)


def each_call_fails(client: Any, directory: Path, scenario: str, fault: Fault) -> None:
    for after in range(NEVER):
        journal = Journal(directory / f"{after}")
        came = play(client, scenario, fault, after, journal)
        if came is Came.IN_VAIN:
            continue
        with a_minute_later():
            come_back(World.over(client, bounds=BOUNDS), scenario, journal)
        if came is Came.NOT:
            break
    assert after > (0 if "small_body" in scenario or scenario in EXPECTED else 4)
