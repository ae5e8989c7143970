"""Backups give nothing away and nothing back that was taken away."""

from __future__ import annotations

import base64
import json
import stat
from pathlib import Path

import pytest
from click.testing import CliRunner
from redis import Redis

from backoffice.commands.backup import key as make_key
from backoffice.domain.access import ANONYMOUS
from backoffice.domain.uploads import Chunk
from backoffice.errors import BadCredentials, IntegrityError, Invalid
from backoffice.settings import SettingsError
from backoffice.start import check_store
from backoffice.stores.backup.packs import index_of
from backoffice.stores.backup.sealed import Key
from tests.support.backups import KEYS, SHELL, Site, another_store, emptied, furnish, person, site_over

PASSWORD = "violet-harbour-93-lantern"


@pytest.fixture
def site(real: Redis) -> Site:
    return site_over(real)


@pytest.fixture(scope="module")
def second_store(tmp_path_factory: pytest.TempPathFactory):  # type: ignore[no-untyped-def]  # noqa: ANN201
    with another_store(tmp_path_factory.mktemp("second") / "store") as client:
        yield client


@pytest.fixture
def target(second_store: Redis) -> Site:
    return emptied(site_over(second_store))


def test_D7_archives_and_keys_are_for_their_owner_alone(site: Site, tmp_path: Path) -> None:
    furnish(site)
    steps = site.services.backups.make(SHELL, tmp_path / "a.backup")
    next(steps)
    assert stat.S_IMODE((tmp_path / "a.backup.part").stat().st_mode) == 0o600
    for _ in steps:
        pass
    assert stat.S_IMODE((tmp_path / "a.backup").stat().st_mode) == 0o600
    assert CliRunner().invoke(make_key, [str(tmp_path / "key")]).exit_code == 0
    assert stat.S_IMODE((tmp_path / "key").stat().st_mode) == 0o600
    before = (tmp_path / "key").read_bytes()
    assert CliRunner().invoke(make_key, [str(tmp_path / "key")]).exit_code == 1
    assert (tmp_path / "key").read_bytes() == before, "a key that is there is what opens archives"


def test_D7_rights_come_back_as_they_were_and_no_session_does(site: Site, target: Site, tmp_path: Path) -> None:
    user = person(site, "ada")
    site.services.users.update(SHELL, user.id, roles=["auditor"])
    gone = person(site, "gone")
    site.services.users.disable(SHELL, gone.id)
    now = site.services.users.store.get(user.id)
    assert now is not None
    started = site.services.sessions.start_for(SHELL, now)
    assert site.services.sessions.authenticate(started.secret, ip="", agent="", via="web", request_id="r") is not None
    site.back_up(tmp_path / "a.backup")
    target.restore(tmp_path / "a.backup")
    back = target.services.users.store.get(user.id)
    assert back is not None
    assert back.roles == ("auditor",)
    assert target.services.sessions.authenticate(started.secret, ip="", agent="", via="web", request_id="r") is None
    target.services.sessions.sign_in(ANONYMOUS, "ada", PASSWORD)
    with pytest.raises(BadCredentials):
        target.services.sessions.sign_in(ANONYMOUS, "gone", PASSWORD)
    assert not any(KEYS.split(key)[:2] == ("sessions", started.session.id) for key in target.dump())


def test_D7_an_encrypted_archive_is_shut_to_others(site: Site, target: Site, tmp_path: Path) -> None:
    contents = [one for one in furnish(site).values() if len(one) > 16]
    key = Key.new_text()
    site.back_up(tmp_path / "a.backup", key=key)
    site.back_up(tmp_path / "plain.backup")
    data, plain = (tmp_path / "a.backup").read_bytes(), (tmp_path / "plain.backup").read_bytes()
    assert [one for one in contents if one[:16] in plain]
    assert not [one for one in contents if one[:16] in data]
    assert b'"ada"' not in data  # with its quotes: by chance three letters are in it now and then
    assert b"$argon2" not in data
    with pytest.raises(Invalid, match="does not open"):
        target.restore(tmp_path / "a.backup", key=Key.new_text())
    # The last segment without its end, and with one of another place.
    (tmp_path / "a.backup").write_bytes(data[:-40])
    with pytest.raises(IntegrityError, match="breaks off"):
        target.restore(tmp_path / "a.backup", key=key)
    assert target.is_empty()


def test_D7_an_archive_names_no_place_of_its_own(tmp_path: Path) -> None:
    """What a pack calls a content becomes a part of keys and of paths."""
    entry = base64.b64encode(Chunk(1, bytes(16)).pack()).decode()
    for name in ("../../etc", "a/b", "a}b", ".", "", "a" * 40):
        with pytest.raises(IntegrityError):
            index_of(json.dumps([[name, 1, 0, entry, []]]).encode() + b"\n", "it")


def test_D7_nothing_starts_on_a_store_that_is_restored_by_half(site: Site) -> None:
    site.db.call("SET", KEYS.restoring, "x1")
    try:
        with pytest.raises(SettingsError, match="has not come to its end"):
            check_store(site.settings, site.client)
    finally:
        site.db.call("DEL", KEYS.restoring)  # other tests start on this store
