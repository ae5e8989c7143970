"""Two restores into one store: one of them has it, and whoever stood still meanwhile leaves it to the other."""

from __future__ import annotations

import time
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from backoffice.errors import Conflict
from backoffice.stores.backup import hold
from tests.support.backups import KEYS, SHELL, Site, all_of, assert_readable, small

pytestmark = pytest.mark.real_only


def begun(site: Site, target: Site, path: Path) -> tuple[dict[str, bytes], Generator[Any, None, Any]]:
    """The bytes of the files that are backed up, and a restore of them that writes already."""
    bytes_of = small(site)
    site.back_up(path)
    first = target.services.backups.restore(SHELL, path)
    for _ in range(4):
        next(first)
    return bytes_of, first


def test_two_do_not_restore_into_one_store(
    site: Site, target: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bytes_of, first = begun(site, target, tmp_path / "a.backup")
    monkeypatch.setattr(hold, "LEASE_MS", 1_000)  # so long the second one waits for one that may have been killed
    with pytest.raises(Conflict, match="under way"):
        target.restore(tmp_path / "a.backup")
    monkeypatch.undo()
    assert all_of(first).sound
    assert_readable(target, bytes_of)


def test_one_that_stood_still_leaves_the_store_to_the_one_that_came_after(
    site: Site, target: Site, tmp_path: Path
) -> None:
    bytes_of, first = begun(site, target, tmp_path / "a.backup")
    target.db.call("DEL", KEYS.backup_lease("restore"))
    second = target.services.backups.restore(SHELL, tmp_path / "a.backup")
    next(second)
    time.sleep(3)  # its thread looks now and then
    with pytest.raises(Conflict, match="stood still"):
        next(first)
    assert all_of(second).sound
    assert_readable(target, bytes_of)


def test_one_that_is_stopped_after_it_stood_still_empties_nothing(
    site: Site, target: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By then another one may have come to its end, and people work there."""
    bytes_of, first = begun(site, target, tmp_path / "a.backup")
    target.db.call("DEL", KEYS.backup_lease("restore"))
    assert target.restore(tmp_path / "a.backup").sound
    now = time.monotonic() + hold.LEASE_MS / 1000
    monkeypatch.setattr(hold.time, "monotonic", lambda: now)
    with pytest.raises(KeyboardInterrupt):
        first.throw(KeyboardInterrupt)
    monkeypatch.undo()
    assert_readable(target, bytes_of)
