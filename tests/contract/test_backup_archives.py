"""Archives: what is damaged is named and nothing of it stays, what is interrupted goes on, what is encrypted stays
shut, and one that stands on others needs just these."""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from backoffice.errors import Conflict, IntegrityError, Invalid, StoreFull, Unavailable
from backoffice.services.system import System
from backoffice.settings import SettingsError
from backoffice.start import check_store, prepare_store
from backoffice.stores.backup import hold, packs
from backoffice.stores.backup.emptying import Emptying
from backoffice.stores.backup.read_back import ReadBack
from backoffice.stores.backup.sealed import Key
from backoffice.stores.client import Client, connect
from tests.support.backups import (
    KEYS,
    SHELL,
    Site,
    all_of,
    assert_readable,
    emptied,
    furnish,
    site_over,
    small,
)

pytestmark = pytest.mark.real_only
KEY = Key.new_text()


# -- damage


@pytest.mark.parametrize("key", ["", KEY], ids=["plain", "encrypted"])
def test_a_damaged_archive_is_refused_and_leaves_nothing(site: Site, target: Site, tmp_path: Path, key: str) -> None:
    """A bit anywhere, or the end torn off: it is refused, which leaves the store as empty as before, or that bit means
    nothing, and everything is there."""
    small(site)
    whole, damaged = tmp_path / "a.backup", tmp_path / "b.backup"
    site.back_up(whole, key=key)
    data, chance = whole.read_bytes(), random.Random(5)  # noqa: S311 - to be repeated, not to be secret
    refused, told = 0, list[str]()
    for turn in range(40):
        at = chance.randrange(len(data))
        torn = turn % 4 == 0
        changed = data[:at] if torn else data[:at] + bytes([data[at] ^ 1 << chance.randrange(8)]) + data[at + 1 :]
        damaged.write_bytes(changed)
        try:
            restored = target.restore(damaged, key=key)
        except (IntegrityError, Invalid) as error:
            refused += 1
            told.append(str(error))
            assert target.is_empty()
            check_store(target.settings, target.client)
        else:
            assert restored.counts.contents == 5, at
            assert not torn or at > len(data) - 1024, "the end is torn off"
            assert target.differences(whole, key=key) == []
            emptied(target)
    assert refused > (30 if key else 20)
    assert all(str(damaged) in text or ".chunks." in text or ".records." in text for text in told), told


def test_a_missing_member_is_named(site: Site, target: Site, tmp_path: Path) -> None:
    small(site)
    site.back_up(tmp_path / "a.backup")
    data = (tmp_path / "a.backup").read_bytes()
    start = data.index(b"00000002.")
    stop = data.index(b"00000003.")
    (tmp_path / "a.backup").write_bytes(data[:start] + data[stop:])
    with pytest.raises(IntegrityError, match="member 2 is missing"):
        target.restore(tmp_path / "a.backup")


def test_what_is_no_backup_is_told_so(target: Site, tmp_path: Path) -> None:
    for name, data in (("empty", b""), ("text", b"hello\n" * 1000), ("zeros", bytes(4096))):
        (tmp_path / name).write_bytes(data)
        with pytest.raises(Invalid, match="is no backup"):
            target.restore(tmp_path / name)
    assert target.is_empty()


def test_a_store_that_is_not_empty_is_refused(site: Site, tmp_path: Path) -> None:
    bytes_of = small(site)
    site.back_up(tmp_path / "a.backup")
    with pytest.raises(Conflict, match="not empty"):
        site.restore(tmp_path / "a.backup")
    assert_readable(site, bytes_of)
    check_store(site.settings, site.client)


def test_a_damaged_chunk_is_named_and_the_rest_is_there(site: Site, target: Site, tmp_path: Path) -> None:
    bytes_of = small(site)
    bad = next(iter(bytes_of))
    site.db.call("SET", KEYS.chunk(bad, 0), b"something else")
    made = site.back_up(tmp_path / "a.backup")
    assert made.damaged == {bad: (bad, 1)}
    found: list[Any] = []
    steps = target.services.backups.restore(
        SHELL, tmp_path / "a.backup", on_finding=lambda finding, _: found.append(finding.what)
    )
    restored = all_of(steps)
    assert restored.lost == (bad,)
    assert not restored.sound
    assert any(bad in what for what in found)
    del bytes_of[bad]
    assert_readable(target, bytes_of)


# -- interruption


def forked(site_of: Any, steps_of: Any, after: int) -> None:
    """Take so many steps in a process of its own, which is killed then."""
    child = os.fork()
    if not child:
        try:
            steps = steps_of(site_of())
            for _ in range(after):
                next(steps, None)
        finally:
            os.kill(os.getpid(), 9)
    os.waitpid(child, 0)


@pytest.mark.parametrize("key", ["", KEY], ids=["plain", "encrypted"])
def test_a_backup_that_is_killed_goes_on(
    site: Site,
    target: Site,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    anew: Callable[[], Client],
    key: str,
) -> None:
    monkeypatch.setattr(packs, "FULL", 40_000)
    monkeypatch.setattr("backoffice.stores.backup.contents.FULL", 40_000)
    for name, value in (("SEGMENT", 10_000), ("_STORED", 10_028)):
        monkeypatch.setattr(f"backoffice.stores.backup.sealed.{name}", value)
    bytes_of, path = furnish(site), tmp_path / "a.backup"
    for after in (1, 3, 5, 8):
        forked(
            lambda: site_over(anew()),
            lambda own: own.services.backups.make(SHELL, path, key=key),
            after,
        )
        assert not path.exists()
        part = path.with_name("a.backup.part")
        if after == 5:  # torn in the middle of a write
            with part.open("r+b") as file:
                file.truncate(max(0, part.stat().st_size - 700))
    made = site.back_up(path, key=key)
    assert made.resumed > 40_000
    target.restore(path, key=key)
    assert_readable(target, bytes_of)
    assert target.differences(path, key=key) == []


def test_a_restore_that_is_killed_opens_the_store_to_nobody(
    site: Site, second_store: Redis, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bytes_of = small(site)
    site.back_up(tmp_path / "a.backup")
    target = emptied(site_over(second_store))
    monkeypatch.setattr(hold, "LEASE_MS", 300)  # of those that are killed
    for after in (1, 2, 3, 4, 6):
        own = second_store.connection_pool.connection_kwargs

        def again() -> Site:
            return site_over(connect(f"unix://{own['path']}", own["password"]))  # noqa: B023 - called at once

        forked(again, lambda site: site.services.backups.restore(SHELL, tmp_path / "a.backup"), after)
        with pytest.raises(SettingsError, match="has not come to its end"):
            check_store(target.settings, target.client)
    monkeypatch.undo()
    target.restore(tmp_path / "a.backup")
    check_store(target.settings, target.client)
    assert_readable(target, bytes_of)


def test_two_do_not_write_the_same_file(site: Site, tmp_path: Path) -> None:
    small(site)
    first = site.services.backups.make(SHELL, tmp_path / "a.backup")
    next(first)
    with pytest.raises(Conflict, match="being written"):
        site.back_up(tmp_path / "a.backup")
    all_of(first)
    with pytest.raises(Conflict, match="is there already"):
        site.back_up(tmp_path / "a.backup")


# -- two at once, and what is left when it ends in between


def test_a_store_that_is_not_empty_is_never_marked(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else the next restore would empty it."""
    bytes_of = small(site)
    site.back_up(tmp_path / "a.backup")

    def away(_: Emptying) -> str:
        raise Unavailable

    monkeypatch.setattr(Emptying, "_found", away)
    with pytest.raises(Unavailable):
        site.restore(tmp_path / "a.backup")
    monkeypatch.undo()
    check_store(site.settings, site.client)
    with pytest.raises(Conflict, match="not empty"):
        site.restore(tmp_path / "a.backup")
    assert_readable(site, bytes_of)


def test_a_process_that_starts_while_a_restore_begins_does_not_go_on(
    target: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = System.install

    def meanwhile(system: System, version: str) -> None:
        target.db.call("SET", KEYS.restoring, "x")
        asked(system, version)

    monkeypatch.setattr(System, "install", meanwhile)
    with pytest.raises(SettingsError, match="has not come to its end"):
        prepare_store(target.settings, target.client)


def test_what_fails_while_it_is_checked_leaves_nothing(
    site: Site, target: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small(site)
    site.back_up(tmp_path / "a.backup")

    def full(*_: object, **__: object) -> None:
        raise StoreFull

    monkeypatch.setattr(ReadBack, "steps", full)
    with pytest.raises(StoreFull):
        target.restore(tmp_path / "a.backup")
    assert target.is_empty()
    check_store(target.settings, target.client)
