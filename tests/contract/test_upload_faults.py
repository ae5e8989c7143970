"""The network fails at each call of the store, or the disk at each call of the file system, before it or after it:
nothing that a client was told is lost, nothing is left for ever, and a file is there whole or not at all."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import pytest

from backoffice.errors import BackofficeError
from tests.support.chunks import Place
from tests.support.crashes import SCENARIOS, Journal, a_minute_later, come_back
from tests.support.database import database
from tests.support.upload_faults import Fault, FaultyDb, FaultyDisk
from tests.support.uploads import World

NEVER = 1000


def play(client: Any, scenario: str, fault: Fault, after: int, journal: Journal) -> bool:
    """Whether the fault came."""
    client.flushall()
    Place.current.empty()
    db = FaultyDb(client, shebang=database(client)._shebang)
    directory = Place.current.directory
    disk = FaultyDisk(directory, db) if directory is not None else None
    db.arm(fault, after)
    with contextlib.suppress(BackofficeError):
        SCENARIOS[scenario](World.over(client, db=db, disk=disk), journal)
    return db.disarm()


@pytest.mark.real_only
@pytest.mark.usefixtures("place")
@pytest.mark.parametrize("fault", [Fault.LOST, Fault.LOST_ANSWER])
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_a_call_that_fails_does_no_harm(redis: Any, tmp_path: Path, scenario: str, fault: Fault) -> None:
    for after in range(NEVER):
        journal = Journal(tmp_path / f"{after}")
        came = play(redis, scenario, fault, after, journal)
        with a_minute_later():
            come_back(World.over(redis), scenario, journal)
        if not came:
            break
    assert after > (0 if "small_body" in scenario else 4)
