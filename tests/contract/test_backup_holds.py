"""Two restores into one store: one of them has it, and whoever stood still meanwhile leaves it to the other."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from backoffice.errors import Conflict
from backoffice.stores.backup import hold
from tests.support.backups import KEYS, SHELL, Site, all_of, assert_readable, site_over, small

pytestmark = pytest.mark.real_only


@pytest.fixture
def site(redis: Any) -> Site:
    return site_over(redis)


def test_two_do_not_restore_into_one_store(
    site: Site, target: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hold, "LEASE_MS", 1_000)
    bytes_of = small(site)
    site.back_up(tmp_path / "a.backup")
    first = target.services.backups.restore(SHELL, tmp_path / "a.backup")
    for _ in range(4):
        next(first)
    with pytest.raises(Conflict, match="under way"):
        target.restore(tmp_path / "a.backup")
    assert all_of(first).sound
    assert_readable(target, bytes_of)


def test_one_that_stood_still_leaves_the_store_to_the_one_that_came_after(
    site: Site, target: Site, tmp_path: Path
) -> None:
    bytes_of = small(site)
    site.back_up(tmp_path / "a.backup")
    first = target.services.backups.restore(SHELL, tmp_path / "a.backup")
    for _ in range(4):
        next(first)
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
    bytes_of = small(site)
    site.back_up(tmp_path / "a.backup")
    first = target.services.backups.restore(SHELL, tmp_path / "a.backup")
    for _ in range(4):
        next(first)
    target.db.call("DEL", KEYS.backup_lease("restore"))
    assert target.restore(tmp_path / "a.backup").sound
    now = time.monotonic() + hold.LEASE_MS / 1000
    monkeypatch.setattr(hold.time, "monotonic", lambda: now)
    with pytest.raises(KeyboardInterrupt):
        first.throw(KeyboardInterrupt)
    monkeypatch.undo()
    assert_readable(target, bytes_of)
