"""A backup brings everything back: records, bytes, log, and whatever follows from them, wherever it is put."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from backoffice.domain.files import File
from backoffice.domain.paging import Query
from backoffice.errors import Conflict, Unavailable
from backoffice.services.backups import SAFE_ATTEMPTS
from tests.support.backup_life import Life
from tests.support.backups import (
    SHELL,
    Site,
    actor,
    all_of,
    assert_readable,
    assert_same,
    furnish,
    person,
    site_over,
    small,
)
from tests.support.chunks import Place

FIXTURES = Path(__file__).resolve().parents[2] / "fixtures"
pytestmark = pytest.mark.real_only


@pytest.fixture
def site(redis: Any, place: Place) -> Site:
    return site_over(redis, place.directory)


@pytest.mark.cluster
def test_everything_comes_back(site: Site, target: Site, tmp_path: Path) -> None:
    bytes_of = furnish(site)
    before = site.dump()
    made = site.back_up(tmp_path / "a.backup")
    restored = target.restore(tmp_path / "a.backup")
    after = target.dump()
    assert restored.sound
    assert restored.counts.contents == made.counts.contents
    assert_same(before, after)
    assert target.differences(tmp_path / "a.backup") == []
    assert_readable(target, bytes_of)


@pytest.mark.parametrize("seed", range(2))
def test_any_history_comes_back(redis: Any, target: Site, tmp_path: Path, seed: int) -> None:
    """Whatever people did before, in whatever order; one archive after each part of it, each on the one before."""
    site, base = site_over(redis), None
    bytes_of = furnish(site, seed)
    life = Life(site, actor(person(site, "pat")), seed)
    for part in range(3):
        for _ in range(20):
            with suppress(Conflict):
                life.act()
        before = site.dump()
        path = tmp_path / f"{part}.backup"
        site.back_up(path, base=base)
        base = path
    assert base is not None
    assert target.restore(base, bases=(tmp_path,)).sound
    assert_same(before, target.dump())
    assert target.differences(base) == []
    assert_readable(target, bytes_of)


def test_an_archive_of_an_earlier_version_is_restored(target: Site) -> None:
    """It was made of what `furnish` makes (with smaller files), when this form was new: later versions open it."""
    restored = target.restore(FIXTURES / "backup-0.1.0.backup")
    assert restored.sound
    assert (restored.counts.contents, restored.header.format) == (7, 1)
    [report] = [file for file in _files(target) if file.name == "report.txt"]
    assert_readable(target, {report.id: b"second one"})


def _files(site: Site) -> list[File]:
    return [file for file in site.services.files.files.page(Query(limit=50)).items if file is not None]


class _Behind:
    """Replicas that have all of it when they are asked for the `at`-th time."""

    level = "replica:1"

    def __init__(self, at: int) -> None:
        self.left = at

    def barrier(self) -> None:
        self.left -= 1
        if self.left:
            raise Unavailable("Not enough replicas have confirmed the file; ask again.")


def test_a_restored_store_is_opened_when_its_replicas_have_it(site: Site, target: Site, tmp_path: Path) -> None:
    small(site)
    before = site.dump()
    site.back_up(tmp_path / "a.backup")
    steps = replace(target.services.backups, durability=_Behind(SAFE_ATTEMPTS)).restore(SHELL, tmp_path / "a.backup")
    opened = [target.services.backups.store.under_way() for _ in steps]
    assert all(opened[3:]), "until then nothing starts on it"
    assert not target.services.backups.store.under_way()
    assert_same(before, target.dump())


def test_where_the_replicas_do_not_get_it_nothing_is_left(site: Site, target: Site, tmp_path: Path) -> None:
    small(site)
    site.back_up(tmp_path / "a.backup")
    before = target.dump()
    with pytest.raises(Unavailable):
        all_of(replace(target.services.backups, durability=_Behind(-1)).restore(SHELL, tmp_path / "a.backup"))
    assert target.dump() == before
    assert target.restore(tmp_path / "a.backup").sound
