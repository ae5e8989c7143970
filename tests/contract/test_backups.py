"""A backup brings everything back: records, bytes, log, and whatever follows from them, wherever it is put."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from backoffice.domain.files import File
from backoffice.domain.paging import Query
from backoffice.errors import Conflict
from tests.support.backup_life import Life
from tests.support.backups import Site, actor, assert_readable, assert_same, furnish, person, site_over
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
