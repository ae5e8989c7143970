"""kill -9 of the process that serves, and of the store, after each call of the store, and each that changes the file
system where that has the bytes; then the client comes back.

What was answered as complete is there byte for byte; the rest goes on or is gone; `fsck` finds nothing.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from backoffice.settings import Durability
from tests.support.chunks import Place
from tests.support.crashes import SCENARIOS, STAGED, Run, a_minute_later, replay
from tests.support.servers import ROOT, Store, run_store


@dataclass(slots=True)
class Nursery:
    """Has children that die."""

    process: subprocess.Popen[str]

    def run(self, run: Run) -> int:
        """The signal that a child died of, 0 = it came to its end."""
        status = int(self._ask(run))
        assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0
        return os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0

    def calls_of(self, run: Run) -> tuple[list[int], int]:
        """When all goes well: the numbers of the calls after which something is other than before, and of the last."""
        differing, calls = json.loads(self._ask(replace(run, journal=run.journal + ".well")))
        return differing, calls

    def _ask(self, run: Run) -> str:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(run.line())
        self.process.stdin.flush()
        return self.process.stdout.readline()


@pytest.fixture(scope="module")
def nursery() -> Iterator[Nursery]:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.support.crashes"],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        yield Nursery(process)
        assert process.stdin is not None
        process.stdin.close()


def a_run(scenario: str, store: Store, journal: Path) -> Run:
    chunks = str(Place.current.directory or "")
    return Run(scenario, store.url, store.password, str(journal), after=0, kill=0, chunks=chunks)


def empty(store: Store) -> None:
    with store.client() as client:
        client.flushall()
    Place.current.empty()


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_the_serving_process_dies(nursery: Nursery, store_server: Store, tmp_path: Path, scenario: str) -> None:
    killed_after_each_call(nursery, store_server, tmp_path, scenario)


@pytest.mark.usefixtures("in_directory")
@pytest.mark.parametrize("scenario", [name for name in SCENARIOS if name not in STAGED])
def test_the_serving_process_dies_with_the_bytes_in_a_directory(
    nursery: Nursery, store_server: Store, tmp_path: Path, scenario: str
) -> None:
    killed_after_each_call(nursery, store_server, tmp_path, scenario)


def killed_after_each_call(nursery: Nursery, store: Store, tmp_path: Path, scenario: str) -> None:
    """It dies after each that changes something, and after no other."""
    for number in range(2):  # by the first one the server learns the scripts
        empty(store)
        differing, calls = nursery.calls_of(a_run(scenario, store, tmp_path / f"j{-number}"))
    for after in [*differing, calls + 1]:
        empty(store)
        run = replace(a_run(scenario, store, tmp_path / f"j{after}"), after=after)
        assert nursery.run(run) == (signal.SIGKILL if after <= calls else 0), f"{after} of {calls}"
        with a_minute_later():
            replay(run)


@pytest.mark.slow
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_the_store_dies(nursery: Nursery, tmp_path: Path, scenario: str) -> None:
    data = tmp_path / "store"
    data.mkdir()
    with contextlib.ExitStack() as stack:
        store = stack.enter_context(run_store(data, Durability.DISK))
        for number in range(2):  # by the first one the server learns the scripts
            empty(store)
            differing, _ = nursery.calls_of(a_run(scenario, store, tmp_path / f"j{-number}"))
        for after in differing:
            run = replace(a_run(scenario, store, tmp_path / f"j{after}"), after=after, kill=store.pid)
            empty(store)
            assert nursery.run(run) == 0
            stack.close()
            store = stack.enter_context(run_store(data, Durability.DISK))
            with a_minute_later():
                replay(run)
