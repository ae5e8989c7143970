"""A store, or a directory for bytes, that another site uses as well: what is that one's is never taken away."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from backoffice.errors import Conflict
from backoffice.settings import SettingsError
from backoffice.start import check_chunks, prepare_store
from backoffice.stores.backup.kinds import Class, kind_of
from backoffice.stores.keys import Keys
from backoffice.stores.scan import scan
from tests.support.backups import KEYS, SHELL, Site, all_of, assert_readable, furnish, site_over, small

pytestmark = pytest.mark.real_only


def break_off(target: Site, archive: Path) -> None:
    """A restore that is killed when it has put back contents and records: what it leaves is marked."""
    with target.services.backups.store.restore(archive, "", ()) as run:
        all_of(run.prepare())
        steps = run.steps()
        for step in steps:
            if step.what == "records":
                break
        steps.close()


def begun(client: Any, directory: Path | None = None, **changes: Any) -> Site:
    """A site of which the first process has started."""
    site = site_over(client, directory, **changes)
    prepare_store(site.settings, site.client)
    return site


def test_a_restore_that_begins_anew_leaves_what_another_site_has_in_the_store(
    site: Site, target: Site, tmp_path: Path
) -> None:
    furnish(site)
    site.back_up(tmp_path / "a.backup")
    break_off(target, tmp_path / "a.backup")
    other = begun(target.client, key_prefix="other")
    bytes_of = small(other)
    with pytest.raises(Conflict, match="not empty: it has bytes of files"):
        target.restore(tmp_path / "a.backup")
    assert_readable(other, bytes_of)
    own = [key for batch in scan(target.db, KEYS.control_keys) for key in batch]
    assert {kind.of for key in own if (kind := kind_of(KEYS, key))} <= {Class.TRANSIENT}


def test_two_sites_of_one_archive_are_not_restored_into_one_store(site: Site, target: Site, tmp_path: Path) -> None:
    """Their bytes have the same names: which of them the one that begins anew takes away, nobody can tell."""
    furnish(site)
    site.back_up(tmp_path / "a.backup")
    with target.services.backups.store.restore(tmp_path / "a.backup", "", ()) as run:
        all_of(run.prepare())
    with pytest.raises(Conflict, match="what a restore of another site has left"):
        site_over(target.client, key_prefix="other").restore(tmp_path / "a.backup")


def test_a_restore_that_begins_anew_leaves_nothing_of_the_first_one(site: Site, target: Site, tmp_path: Path) -> None:
    bytes_of = furnish(site)
    site.back_up(tmp_path / "a.backup")
    break_off(target, tmp_path / "a.backup")
    with target.services.backups.store.restore(tmp_path / "a.backup", "", ()) as run:
        all_of(run.prepare())
        run.fail()
    assert target.is_empty()
    target.restore(tmp_path / "a.backup")
    assert_readable(target, bytes_of)


def test_a_restore_goes_on_in_its_own_directory_only(site: Site, target: Site, tmp_path: Path) -> None:
    """Not in that of a site, of which the archive may even be."""
    prepare_store((live := begun(site.client, tmp_path / "live")).settings, live.client)
    bytes_of = furnish(live)
    live.back_up(tmp_path / "a.backup")
    first = site_over(target.client, tmp_path / "first")
    check_chunks(first.settings, first.client)
    break_off(first, tmp_path / "a.backup")
    second = site_over(target.client, tmp_path / "live")
    with pytest.raises(SettingsError, match=r"BACKOFFICE_CHUNKS is file:.*live, but"):
        check_chunks(second.settings, second.client)
    assert_readable(live, bytes_of)
    check_chunks(first.settings, first.client)
    first.restore(tmp_path / "a.backup")
    assert_readable(first, bytes_of)


def test_a_directory_with_bytes_is_taken_by_no_other_site(site: Site, target: Site, tmp_path: Path) -> None:
    bytes_of = furnish(live := begun(site.client, tmp_path / "live"))
    other = site_over(target.client, tmp_path / "live")
    with pytest.raises(SettingsError, match="has bytes of files of which this store knows nothing"):
        check_chunks(other.settings, other.client)
    check_chunks(live.settings, live.client)
    assert_readable(live, bytes_of)


@pytest.mark.parametrize("state", ["begun", "restoring"])
def test_what_another_site_has_in_the_store_is_no_stray(site: Site, state: str) -> None:
    other = begun(site.client, key_prefix="other")
    bytes_of = small(other)
    begun(site.client)
    if state == "restoring":
        keys = Keys("other")
        site.db.call("DEL", keys.install)
        site.db.call("SET", keys.restoring, "x")
    report = site.services.maintenance.repair(SHELL)
    assert not report.left
    assert report.repaired.total() == 0
    assert_readable(other, bytes_of)
    chunks = list(other.services.maintenance.store.chunks.scan())
    assert chunks
    assert all(stat.kept for _, _, stat in chunks)
