"""Proofs of backups: a process beside the worker, one at a time, which ends with it."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import pytest

from backoffice.domain.backups import BackupNote, BackupNotes
from backoffice.services.backup_schedule import BackupSchedule
from backoffice.worker.proofs import Proofs
from tests.support.backup_schedules import Backups, archive, schedule_of


@pytest.fixture
def backups() -> Backups:
    return Backups()


@pytest.fixture
def schedule(backups: Backups, tmp_path: Path) -> BackupSchedule:
    return schedule_of(backups, tmp_path)


@pytest.mark.parametrize(("status", "failures"), [(0, 0), (1, 1)])
def test_a_proof_runs_beside_the_worker(schedule: BackupSchedule, backups: Backups, status: int, failures: int) -> None:
    store = backups.store
    store.found, store.noted = [archive("a", 1)], BackupNotes(BackupNote(1, "a"))
    code = f"import sys; print('It is damaged.'); sys.exit({status})"
    proofs = Proofs(schedule, command=lambda _: [sys.executable, "-c", code])
    assert not proofs.run()
    until = time.monotonic() + 10
    while proofs._process is not None and time.monotonic() < until:
        proofs.run()
        if proofs._process is not None and proofs._process.poll() is not None:
            store.found = []
    assert [one for one in store.failures if "It is damaged." in one and "a.backup" in one] == store.failures
    assert len(store.failures) == failures


def test_a_proof_ends_with_the_worker(schedule: BackupSchedule, backups: Backups) -> None:
    backups.store.found, backups.store.noted = [archive("a", 1)], BackupNotes(BackupNote(1, "a"))
    proofs = Proofs(schedule, command=lambda _: [sys.executable, "-c", "import time; time.sleep(60)"])
    proofs.run()
    process = proofs._process
    assert process is not None
    proofs.stop()
    assert process.poll() is not None


def test_a_proof_that_does_not_end_is_ended(
    schedule: BackupSchedule, backups: Backups, monkeypatch: pytest.MonkeyPatch
) -> None:
    backups.store.found, backups.store.noted = [archive("a", 1)], BackupNotes(BackupNote(1, "a"))
    code = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(flush=True); time.sleep(60)"
    proofs = Proofs(schedule, command=lambda _: [sys.executable, "-c", code])
    proofs.run()
    process, output = proofs._process, proofs._output
    assert process is not None
    assert output is not None
    until = time.monotonic() + 10
    while not output.tell() and time.monotonic() < until:
        time.sleep(0.02)
        output.seek(0, 2)
    monkeypatch.setattr("backoffice.worker.proofs.PATIENCE", 0.2)
    proofs.stop()
    assert process.poll() == -9
    assert backups.store.released == 1


def test_one_worker_proves_at_a_time(schedule: BackupSchedule, backups: Backups) -> None:
    backups.store.found, backups.store.noted = [archive("a", 1)], BackupNotes(BackupNote(1, "a"))
    backups.store.held = False
    proofs = Proofs(schedule, command=lambda _: [sys.executable, "-c", ""])
    proofs.run()
    assert proofs._process is None


def test_the_end_of_what_a_proof_says_is_told(schedule: BackupSchedule, backups: Backups) -> None:
    store = backups.store
    store.found, store.noted = [archive("a", 1)], BackupNotes(BackupNote(1, "a"))
    code = "import sys; print('found: x\\n' * 5000 + 'It is damaged.'); sys.exit(1)"
    proofs = Proofs(schedule, command=lambda _: [sys.executable, "-c", code])
    proofs.run()
    assert proofs._process is not None
    proofs._process.wait()
    proofs.run()
    assert [one.endswith("It is damaged.") for one in store.failures] == [True]


def test_a_proof_that_cannot_be_started_is_told_and_tried_later(schedule: BackupSchedule, backups: Backups) -> None:
    store = backups.store
    store.found, store.noted = [archive("a", 1)], BackupNotes(BackupNote(1, "a"))
    proofs = Proofs(schedule, command=lambda _: ["/there/is/none"])
    proofs.run()
    proofs.run()
    assert [("a.backup" in one, "No such file" in one) for one in store.failures] == [(True, True)]
    assert store.released == 1
    proofs.stop()
