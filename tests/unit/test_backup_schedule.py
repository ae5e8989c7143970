"""When the worker makes a backup, on which one it stands, which of them stay, and when one is proven."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

import pytest

from backoffice.domain import diagnosis
from backoffice.domain.backups import ArchiveFile, BackupHeader, BackupNote, BackupNotes, BackupProgress
from backoffice.domain.diagnosis import Verdict
from backoffice.errors import Invalid, StoreFull, Unavailable
from backoffice.services import backup_schedule
from backoffice.services.backup_schedule import BackupBusy, BackupSchedule, outdated
from backoffice.worker.proofs import Proofs

HOUR = 3600 * 1000


def archive(name: str, at: int, *needs: str, base: str = "", place: Path = Path()) -> ArchiveFile:
    return ArchiveFile(place / f"{name}.backup", BackupHeader(name, at, "1", 1, 0, base=base), frozenset(needs))


def test_what_stays_is_the_newest_and_what_they_need() -> None:
    archives = [archive("e", 5, "a"), archive("d", 4, "b"), archive("c", 3), archive("b", 2), archive("a", 1)]
    assert [one.header.archive for one in outdated(archives, 1)] == ["d", "c", "b"]
    assert [one.header.archive for one in outdated(archives, 2)] == ["c"]
    assert outdated(archives, 5) == []


@dataclass
class Store:
    """Remembers what it is told, and has the archives that it is given."""

    found: list[ArchiveFile] = field(default_factory=list)
    noted: BackupNotes = field(default_factory=BackupNotes)
    held: bool = True
    failures: list[str] = field(default_factory=list)
    looked: int = 0
    released: int = 0

    def archives(self, directory: Path, key: str) -> list[ArchiveFile]:
        self.looked += 1
        return self.found

    def notes(self) -> BackupNotes:
        return self.noted

    def lease(self, token: str, milliseconds: int) -> bool:
        return self.held

    def release(self, token: str) -> None:
        self.released += 1

    def note_failed(self, at: int, why: str) -> None:
        self.failures.append(why)


@dataclass
class Backups:
    """Makes a file in three steps."""

    store: Store = field(default_factory=Store)
    asked: list[tuple[str, str]] = field(default_factory=list)
    fails: Exception | None = None

    def make(self, actor: Any, path: Path, *, key: str = "", base: Path | None = None) -> Iterator[BackupProgress]:
        self.asked.append((path.name, base.name if base is not None else ""))
        for done in range(3):
            if self.fails is not None:
                raise self.fails
            yield BackupProgress("contents", done, 3)
        path.write_bytes(b"")
        self.store.found = [archive(path.name, int(time.time() * 1000)), *self.store.found]


@pytest.fixture
def backups() -> Backups:
    return Backups()


@pytest.fixture
def schedule(backups: Backups, tmp_path: Path) -> BackupSchedule:
    now = int(time.time() * 1000)
    return BackupSchedule(cast(Any, backups), tmp_path, hours=24, keep=3, full=3, prove=2, now=lambda: now)


def test_one_is_made_when_it_is_due_and_not_before(schedule: BackupSchedule, backups: Backups) -> None:
    while schedule.run_some():
        pass
    assert len(backups.asked) == 1
    assert not schedule.run_some()
    assert len(backups.asked) == 1
    later = replace(schedule, now=lambda: int(time.time() * 1000) + 25 * HOUR)
    while later.run_some():
        pass
    assert len(backups.asked) == 2


def test_another_worker_that_makes_it_is_left_alone(schedule: BackupSchedule, backups: Backups) -> None:
    backups.store.held = False
    assert not schedule.run_some()
    assert backups.asked == []
    assert backups.store.failures == []
    with pytest.raises(BackupBusy):
        next(schedule.make(backup_schedule.WORKER))
    backups.store.held = True
    while schedule.run_some():
        pass
    assert len(backups.asked) == 1


def test_a_worker_that_was_away_for_too_long_leaves_it_to_another(
    schedule: BackupSchedule, backups: Backups, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backup_schedule, "TURN_SECONDS", 0)
    steps = schedule.make(backup_schedule.WORKER)
    next(steps)
    backups.store.held = False
    with pytest.raises(BackupBusy):
        next(steps)
    assert backups.store.released == 1


def test_it_is_a_step_at_a_time(schedule: BackupSchedule, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backup_schedule, "TURN_SECONDS", -1)
    assert schedule.run_some()
    assert schedule.run_some()


@pytest.mark.parametrize("error", [StoreFull(), Unavailable(), OSError(28, "No space left on device")])
def test_a_failure_is_remembered_and_it_is_tried_again_later(
    schedule: BackupSchedule, backups: Backups, error: Exception
) -> None:
    backups.fails = error
    if isinstance(error, OSError):
        assert not schedule.run_some()
    else:
        with pytest.raises(type(error)):
            schedule.run_some()
    assert len(backups.store.failures) == 1
    assert not schedule.run_some()
    assert len(backups.asked) == 1


def test_an_interrupted_one_goes_on(schedule: BackupSchedule, backups: Backups, tmp_path: Path) -> None:
    (tmp_path / "backoffice-before.backup.part").write_bytes(b"")
    while schedule.run_some():
        pass
    assert backups.asked == [("backoffice-before.backup", "")]


def test_every_so_many_th_one_is_full(schedule: BackupSchedule, backups: Backups, tmp_path: Path) -> None:
    for found, base in (
        ([], ""),
        ([archive("a", 1)], "a.backup"),
        ([archive("b", 2, base="a"), archive("a", 1)], "b.backup"),
        ([archive("c", 3, base="b"), archive("b", 2, base="a"), archive("a", 1)], ""),
        ([archive("b", 2, base="a")], ""),
    ):
        backups.store.found, backups.asked = found, []
        schedule._running.listing = None
        list(schedule.make(backup_schedule.WORKER))
        assert [one for _, one in backups.asked] == [base]
        for path in tmp_path.glob("*.backup"):
            path.unlink()


def test_a_directory_that_is_not_there_is_made(schedule: BackupSchedule, backups: Backups, tmp_path: Path) -> None:
    there = replace(schedule, directory=tmp_path / "not" / "there")
    assert there.archives() == []
    while there.run_some():
        pass
    assert len(backups.asked) == 1


def test_a_directory_that_cannot_be_read_stops_no_worker(
    schedule: BackupSchedule, backups: Backups, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any) -> Any:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "glob", refuse)
    with pytest.raises(Unavailable, match="Permission denied"):
        schedule.run_some()
    assert len(backups.store.failures) == 1
    with pytest.raises(Unavailable):
        schedule.to_be_proven()


def test_without_a_directory_there_is_none(backups: Backups) -> None:
    schedule = BackupSchedule(cast(Any, backups), None, hours=1)
    assert not schedule.run_some()
    assert schedule.to_be_proven() is None
    with pytest.raises(Invalid, match="BACKOFFICE_BACKUP_DIR"):
        list(schedule.make(backup_schedule.WORKER))


def test_a_proof_is_due_at_first_and_every_so_many_th_time(schedule: BackupSchedule, backups: Backups) -> None:
    store = backups.store
    assert schedule.to_be_proven() is None
    schedule._running.listing = None
    store.found, store.noted = [archive("a", 1)], BackupNotes(BackupNote(1, "a"))
    assert schedule.to_be_proven() == store.found[0].path
    store.noted = BackupNotes(BackupNote(2, "b"), BackupNote(1, "a"))
    store.found = [archive("b", 2), archive("a", 1)]
    schedule._running.listing = None
    assert schedule.to_be_proven() is None
    looked = store.looked
    assert schedule.to_be_proven() is None
    assert store.looked == looked, "there are no others"
    schedule._running.listing = None
    store.noted = BackupNotes(BackupNote(3, "c"), BackupNote(1, "a"))
    store.found = [archive("c", 3), archive("b", 2), archive("a", 1)]
    assert schedule.to_be_proven() == store.found[0].path


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


DAY = 24 * HOUR


@pytest.mark.parametrize(
    ("notes", "hours", "verdicts"),
    [
        (BackupNotes(), 0, (Verdict.WARNING, Verdict.WARNING)),
        (BackupNotes(BackupNote(99 * DAY, "a", "f")), 24, (Verdict.GOOD, Verdict.WARNING)),
        (BackupNotes(BackupNote(99 * DAY, "a", "f", 2)), 24, (Verdict.BAD, Verdict.WARNING)),
        (BackupNotes(BackupNote(97 * DAY, "a", "f")), 24, (Verdict.WARNING, Verdict.WARNING)),
        (BackupNotes(BackupNote(97 * DAY, "a", "f")), 0, (Verdict.GOOD, Verdict.WARNING)),
        (BackupNotes(BackupNote(92 * DAY, "a", "f"), BackupNote(5 * DAY, "a", "f")), 0, (Verdict.WARNING,) * 2),
        (BackupNotes(BackupNote(99 * DAY, "a"), BackupNote(50 * DAY, "b")), 0, (Verdict.GOOD, Verdict.GOOD)),
        (
            BackupNotes(BackupNote(99 * DAY, "a"), None, "The disk is full.", 99 * DAY),
            24,
            (Verdict.BAD, Verdict.WARNING),
        ),
    ],
)
def test_old_and_missing_ones_are_told(notes: BackupNotes, hours: int, verdicts: tuple[Verdict, ...]) -> None:
    found = diagnosis.backups(notes, 100 * DAY, hours)
    assert [one.topic for one in found] == ["backup", "proof"]
    assert tuple(one.verdict for one in found) == verdicts
