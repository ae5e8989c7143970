"""Keys of archives: what was begun with one is gone on with that one, and what a pass phrase costs is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from backoffice.domain.backup_runs import BegunOtherwise
from backoffice.errors import IntegrityError, Invalid
from backoffice.services.backup_schedule import BackupSchedule
from backoffice.stores.backup import sealed
from backoffice.stores.backup.sealed import MAGIC, Key
from tests.support.backups import SHELL, Site, all_of, emptied, small

pytestmark = pytest.mark.real_only
KEY = Key.new_text()
PHRASE = "a pass phrase of some length"
OLD_HEAD = (
    MAGIC
    + b'{"by": "passphrase", "key": "ec172520113cde3ac5c53fbff1273fc793af5c0578a0a891a67f2447cb7534d3041f2889eb3144'
    b'788ee655264910b334", "nonce": "b382a9e667568a139d193c19", "salt": "711dab2ae8300181c0d5270147310670"}\n'
)


def begin(site: Site, path: Path, key: str) -> Path:
    """One that is stopped; what it leaves."""
    steps = site.services.backups.make(SHELL, path, key=key)
    while next(steps).done == 0:
        pass
    steps.close()
    return path.with_name(f"{path.name}.part")


def test_what_another_key_has_begun_is_not_begun_anew_unasked(site: Site, target: Site, tmp_path: Path) -> None:
    """Hours of work would be lost to a mistake in the name of a key."""
    small(site)
    for n, (before, key) in enumerate(((KEY, Key.new_text()), (KEY, PHRASE), (KEY, ""), ("", KEY))):
        path = tmp_path / f"{n}.backup"
        part = begin(site, path, before)
        left = part.read_bytes()
        with pytest.raises(BegunOtherwise, match=r"\.part was begun with (a|another|no) key"):
            site.back_up(path, key=key)
        assert part.read_bytes() == left
        site.back_up(path, key=before)
        emptied(target).restore(path, key=before)


def test_what_was_stopped_before_there_was_anything_is_gone_on_with_any_key(site: Site, tmp_path: Path) -> None:
    small(site)
    for n, left in enumerate((b"", MAGIC[:7], MAGIC, MAGIC + b'{"by": "ke')):
        path = tmp_path / f"{n}.backup"
        path.with_name(f"{path.name}.part").write_bytes(left)
        site.back_up(path, key=KEY)


def test_a_schedule_whose_key_was_changed_begins_anew(site: Site, tmp_path: Path) -> None:
    small(site)
    begin(site, tmp_path / "backoffice-1.backup", KEY)
    schedule = BackupSchedule(site.services.backups, tmp_path, key=Key.new_text())
    made = all_of(schedule.make(SHELL))
    assert (made.path.name, made.resumed) == ("backoffice-1.backup", 0)


def test_an_archive_says_what_its_pass_phrase_costs(
    site: Site, target: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So the cost may be another one in a later version; an archive without it has that of the first ones."""
    small(site)
    path = tmp_path / "a.backup"
    monkeypatch.setattr(sealed, "COST", sealed.Cost(2**10, 4, 2))
    site.back_up(path, key=PHRASE)
    monkeypatch.undo()
    assert b'"scrypt": [1024, 4, 2]' in path.read_bytes()
    target.restore(path, key=PHRASE)
    for n, r, p in ((2**40, 8, 1), (2**15, 2**20, 1), (2**15, 8, 2**20), (0, 8, 1), (1000, 8, 1)):
        told = path.read_bytes().replace(b"[1024, 4, 2]", f"[{n}, {r}, {p}]".encode())
        (tmp_path / "b.backup").write_bytes(told)
        with pytest.raises((IntegrityError, Invalid)):
            emptied(target).restore(tmp_path / "b.backup", key=PHRASE)


def test_an_archive_from_before_costs_were_told_is_opened(tmp_path: Path) -> None:
    """Its head, as the version before made it."""
    path = tmp_path / "old"
    path.write_bytes(OLD_HEAD)
    with path.open("rb") as file:
        assert sealed.cipher_of(file, Key.of_text(PHRASE), "old").head == OLD_HEAD
