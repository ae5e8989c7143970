"""Backups of a site whose chunks are encrypted: the archive has the bytes themselves, under a key of its own."""

from __future__ import annotations

from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from backoffice.domain.actions import Actions
from backoffice.errors import Invalid
from backoffice.secret import Secret
from backoffice.settings import Settings, SettingsError
from backoffice.stores.backup.sealed import Key
from backoffice.stores.encryption.data_keys import stored_keys
from tests.support.backups import KEYS, SHELL, Site, all_of, assert_readable, assert_same, emptied, furnish, site_over
from tests.support.chunks import Place
from tests.support.database import database
from tests.support.uploads import plain_chunks

pytestmark = pytest.mark.real_only
KEY = Key.new_text()


def site_key(number: int) -> str:
    return b64encode(bytes([number] * 32)).decode()


def encrypted(client: Any, number: int, directory: Path | None = None) -> Site:
    return site_over(client, directory, encryption_keys=(Secret(site_key(number)),))


def stored(site: Site) -> bytes:
    chunks = plain_chunks(database(site.client))
    return b"".join(chunks.get(content, index) or b"" for content, index, _ in chunks.scan())


@pytest.mark.parametrize("other", [2, None], ids=["another key", "no key"])
def test_it_is_restored_by_a_site_with_another_key_or_none(
    redis: Any, second_store: Redis, place: Place, tmp_path: Path, other: int | None
) -> None:
    site = encrypted(redis, 1, place.directory)
    bytes_of, before = furnish(site), site.dump()
    site.back_up(tmp_path / "a.backup", key=KEY)
    assert b"second one" not in (tmp_path / "a.backup").read_bytes()
    place.empty()
    target = encrypted(second_store, other) if other else site_over(second_store)
    assert emptied(target).restore(tmp_path / "a.backup", key=KEY).sound
    found = {key: value for key, value in before.items() if not key.startswith(b"file:{")}
    assert_same(found, {key: value for key, value in target.dump().items() if not key.startswith(b"file:{")})
    assert target.differences(tmp_path / "a.backup", key=KEY) == []
    Place().enter()
    assert (b"second one" in stored(target)) is (other is None)
    assert_readable(target, bytes_of)
    wrapped = stored_keys(target.db, KEYS)
    assert len(wrapped) == (1 if other else 0)
    place.enter()


def test_its_archive_has_to_be_encrypted(redis: Any, tmp_path: Path) -> None:
    site = encrypted(redis, 1)
    furnish(site)
    with pytest.raises(Invalid, match="a backup of it has to be"):
        all_of(site.services.backups.make(SHELL, tmp_path / "a.backup"))
    assert not list(tmp_path.iterdir())


def test_backups_by_the_clock_need_a_key_then(tmp_path: Path) -> None:
    environ = {"BACKOFFICE_ENCRYPTION_KEYS": site_key(1), "BACKOFFICE_BACKUP_DIR": str(tmp_path)}
    with pytest.raises(SettingsError, match="BACKOFFICE_BACKUP_KEY is needed"):
        Settings.from_env(environ, need_secret=False)


def test_what_comes_after_a_restore_is_encrypted_too(redis: Any, second_store: Redis, tmp_path: Path) -> None:
    furnish(site_over(redis))
    site_over(redis).back_up(tmp_path / "a.backup")
    target = emptied(encrypted(second_store, 2))
    assert target.restore(tmp_path / "a.backup").sound
    told = target.services.audit.page(SHELL, filters=(("action", str(Actions.SYSTEM_ENCRYPT)),))
    assert not told.items, "the log is that of the backup"
    furnish(target, seed=7)
    assert b"second one" not in stored(target)
