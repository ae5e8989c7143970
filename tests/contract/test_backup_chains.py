"""Archives that are encrypted stay shut; those that stand on others need just these."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from backoffice.errors import BackofficeError, Conflict, IntegrityError, Invalid
from backoffice.stores.backup.sealed import Key
from tests.support.backups import (
    KEYS,
    Site,
    actor,
    assert_readable,
    furnish,
    person,
    small,
    store_file,
)

pytestmark = pytest.mark.real_only
KEY = Key.new_text()


# -- encryption


def test_an_encrypted_archive_says_nothing_without_its_key(site: Site, target: Site, tmp_path: Path) -> None:
    small(site)
    path = tmp_path / "a.backup"
    site.back_up(path, key=KEY)
    assert b'"ada"' not in path.read_bytes()
    assert b"\x03" * 20 not in path.read_bytes()
    phrase = "a long enough pass phrase"
    for key, told in (("", "is encrypted"), (Key.new_text(), "does not open"), (phrase, "by a key")):
        with pytest.raises(Invalid, match=told):
            target.restore(path, key=key)
    with pytest.raises(Invalid, match="A key file has"):
        target.restore(path, key="short")
    site.back_up(tmp_path / "b.backup", key=phrase)
    target.restore(tmp_path / "b.backup", key=phrase)


def test_segments_are_in_their_places(
    site: Site, target: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (("SEGMENT", 1000), ("_STORED", 1028)):
        monkeypatch.setattr(f"backoffice.stores.backup.sealed.{name}", value)
    small(site)
    path = tmp_path / "a.backup"
    site.back_up(path, key=KEY)
    data = path.read_bytes()
    head = data.index(b"}\n") + 2
    segments = [data[at : at + 1028] for at in range(head, len(data), 1028)]
    assert len(segments) > 5
    for changed in (
        [*segments[:2], segments[3], segments[2], *segments[4:]],
        [*segments[:2], *segments[3:]],
        segments[:-1],
        [*segments, segments[-1]],
    ):
        path.write_bytes(data[:head] + b"".join(changed))
        with pytest.raises((IntegrityError, Invalid), match=r"damaged|not in its place|breaks off"):
            target.restore(path, key=KEY)
        assert target.is_empty()


# -- one that stands on others


def test_contents_of_a_base_are_not_read_again(site: Site, target: Site, tmp_path: Path) -> None:
    bytes_of = furnish(site)
    site.back_up(tmp_path / "1.backup")
    who = actor(person(site, "late"))
    more = {store_file(site, who, f"{n}.bin", bytes([n]) * 90_000).id: bytes([n]) * 90_000 for n in range(3)}
    second = site.back_up(tmp_path / "2.backup", base=tmp_path / "1.backup")
    assert (second.counts.contents, second.counts.bytes) == (3, 270_000)
    site.services.files.rename(who, next(iter(more)), "another name")
    third = site.back_up(tmp_path / "3.backup", base=tmp_path / "2.backup")
    assert (third.counts.contents, third.counts.borrowed) == (0, second.counts.borrowed + 3)
    with pytest.raises(Conflict, match="stands on another one"):
        target.restore(tmp_path / "3.backup", bases=(tmp_path / "2.backup",))
    assert target.is_empty()
    target.restore(tmp_path / "3.backup", bases=(tmp_path,))
    assert_readable(target, bytes_of | more)
    assert target.differences(tmp_path / "3.backup") == []


def test_another_base_does_not_pass_for_it(site: Site, target: Site, tmp_path: Path) -> None:
    small(site)
    site.back_up(tmp_path / "1.backup")
    site.back_up(tmp_path / "2.backup", base=tmp_path / "1.backup")
    site.back_up(tmp_path / "other.backup")
    (tmp_path / "1.backup").unlink()
    shutil.copy(tmp_path / "other.backup", tmp_path / "1.backup")
    with pytest.raises(Conflict, match="stands on another one"):
        target.restore(tmp_path / "2.backup", bases=(tmp_path / "1.backup",))


def test_a_damaged_base_is_named(site: Site, target: Site, tmp_path: Path) -> None:
    small(site)
    site.back_up(tmp_path / "1.backup")
    site.back_up(tmp_path / "2.backup", base=tmp_path / "1.backup")
    data = bytearray((tmp_path / "1.backup").read_bytes())
    data[data.index(b"\x05" * 40)] ^= 1
    (tmp_path / "1.backup").write_bytes(data)
    with pytest.raises(IntegrityError, match=r"1\.backup.*chunks.* is damaged"):
        target.restore(tmp_path / "2.backup", bases=(tmp_path,))
    assert target.is_empty()


def test_the_base_is_of_the_same_site(site: Site, target: Site, tmp_path: Path) -> None:
    small(site)
    target.services.system.install("1")
    target.db.call("HSET", KEYS.install, "created_at", 1)
    target.back_up(tmp_path / "other.backup")
    with pytest.raises(BackofficeError, match="another site"):
        site.back_up(tmp_path / "1.backup", base=tmp_path / "other.backup")
