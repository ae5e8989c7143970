"""When the worker makes a backup, on which one it stands, which of them stay, and when one is proven."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from backoffice.domain import diagnosis
from backoffice.domain.backups import BackupNote, BackupNotes
from backoffice.domain.diagnosis import Verdict
from backoffice.domain.log_archive import Trimmed
from backoffice.errors import Invalid, StoreFull, Unavailable
from backoffice.services import backup_schedule
from backoffice.services.backup_schedule import BackupBusy, BackupSchedule, outdated
from backoffice.stores.backup.sealed import Key
from tests.support.backup_schedules import DAY, HOUR, Backups, archive, schedule_of


@pytest.fixture
def backups() -> Backups:
    return Backups()


@pytest.fixture
def schedule(backups: Backups, tmp_path: Path) -> BackupSchedule:
    return schedule_of(backups, tmp_path)


def test_what_stays_is_the_newest_and_what_they_need() -> None:
    archives = [archive("e", 5, "a"), archive("d", 4, "b"), archive("c", 3), archive("b", 2), archive("a", 1)]
    assert [one.header.archive for one in outdated(archives, 1)] == ["d", "c", "b"]
    assert [one.header.archive for one in outdated(archives, 2)] == ["c"]
    assert outdated(archives, 5) == []


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


def test_an_archive_from_the_future_keeps_none_from_being_made(schedule: BackupSchedule, backups: Backups) -> None:
    """It was made before the clock was set back."""
    now = schedule.now()
    backups.store.found = [archive("later", now + 400 * DAY), archive("a", now - 2 * DAY)]
    assert [one.header.archive for one in schedule.archives()] == ["a", "later"]
    while schedule.run_some():
        pass
    assert [base for _, base in backups.asked] == ["a.backup"]


def test_what_holds_the_key_does_not_show_it(schedule: BackupSchedule) -> None:
    shown = repr(replace(schedule, key="a pass phrase of some length"))
    assert "some length" not in shown + repr(Key.of_text("a pass phrase of some length"))


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


@pytest.mark.parametrize("note", [BackupNote(1, "a", "a.backup", 2), Trimmed(1, "1-0", 2, "aa", "bb", 3)])
def test_notes_of_a_later_version_are_read(note: BackupNote | Trimmed) -> None:
    """It may run beside this one."""
    later = json.dumps({**json.loads(note.dump()), "later": 1}).encode()
    assert type(note).load(later) == type(note).load(note.dump().encode()) == note
