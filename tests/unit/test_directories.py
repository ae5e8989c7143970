"""What we make for people's data is there after a power cut: each new name's directory was synced after it was made."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path

import fakeredis
import pytest

from backoffice.directories import make_directory
from backoffice.embedded import append_only_log
from backoffice.embedded.data_dir import Layout, keep_secret
from backoffice.embedded.directory_key import DirectoryKeys
from backoffice.stores.chunks.in_use import wrong_place_reason
from tests.support.chunks import SITE_KEYS
from tests.support.database import database
from tests.support.uploads import KEYS


def prepare(root: Path) -> None:
    Layout.at(root / "a" / "data").prepare()


def make_secret(root: Path) -> None:
    keep_secret(root / "secret.key")


def make_key(root: Path) -> None:
    DirectoryKeys(Layout.at(root), SITE_KEYS).make()


def remember(root: Path) -> None:
    append_only_log.remember(Layout.at(root))


def for_bytes(root: Path) -> None:
    with fakeredis.FakeRedis(server=fakeredis.FakeServer(server_type="valkey")) as client:
        assert wrong_place_reason(database(client), KEYS, root / "a" / "bytes") == ""


def for_backups(root: Path) -> None:
    make_directory(root / "a" / "b" / "backups", 0o700)


@pytest.mark.parametrize("act", [prepare, make_secret, make_key, remember, for_bytes, for_backups])
def test_every_new_name_is_on_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, act: Callable[[Path], None]
) -> None:
    """A directory has been synced when all that it had in the end was in it."""
    seen: dict[str, set[str]] = {}

    def synced(file: int) -> None:
        if stat.S_ISDIR(os.fstat(file).st_mode):
            seen[str(Path(f"/proc/self/fd/{file}").readlink())] = set(os.listdir(file))

    monkeypatch.setattr(os, "fsync", synced)
    act(tmp_path)
    for place, directories, files in os.walk(tmp_path):
        there = {*directories, *files}
        assert there <= seen.get(place, set()), place


def test_what_is_there_stays_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir(0o750)
    make_directory(tmp_path / "there", 0o700)
    assert (tmp_path / "there").stat().st_mode & 0o777 == 0o750
    make_directory(tmp_path / "x" / "new", 0o700)
    assert (tmp_path / "x" / "new").stat().st_mode & 0o777 == 0o700
    (tmp_path / "file").write_text("x")
    with pytest.raises(FileExistsError):
        make_directory(tmp_path / "file")
