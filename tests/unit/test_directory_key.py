"""The key of the data directory: in a file, wrapped by a key of the site."""

from __future__ import annotations

import json
import os
from base64 import b64encode
from pathlib import Path

import pytest

from backoffice.domain.encryption import DirectoryKey
from backoffice.embedded.data_dir import DataDirectoryError, Layout
from backoffice.embedded.directory_key import DirectoryKeys
from backoffice.embedded.fscrypt import KEY_BYTES
from backoffice.errors import KeyMissing
from backoffice.site_keys import KMS, KmsCommand, LocalKey, SiteKeys

ONE, OTHER = LocalKey(bytes(range(32))), LocalKey(bytes(range(1, 33)))


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    made = Layout.at(tmp_path / "data")
    made.prepare()
    return made


def test_what_was_made_is_opened_again_by_the_site_key_alone(layout: Layout) -> None:
    key = DirectoryKeys(layout, SiteKeys([ONE])).make()
    assert len(key) == KEY_BYTES
    path = layout.directory_key
    assert path.stat().st_mode & 0o777 == 0o600
    row = json.loads(path.read_text())
    assert sorted(row) == ["format", "key", "made_at", "wrapped_by"]
    assert (row["format"], row["wrapped_by"]) == (1, ONE.name)
    assert key not in path.read_bytes()
    assert b64encode(key) not in path.read_bytes()
    assert DirectoryKeys(layout, SiteKeys([OTHER, ONE])).key() == key
    assert DirectoryKeys(layout, SiteKeys([ONE])).state() == DirectoryKey(ONE.name, row["made_at"])
    assert DirectoryKeys(layout, SiteKeys([ONE])).make() != key


def test_without_the_key_a_line_says_which_one(layout: Layout) -> None:
    DirectoryKeys(layout, SiteKeys([ONE])).make()
    for keys in (SiteKeys(), SiteKeys([OTHER])):
        with pytest.raises(KeyMissing, match=f"BACKOFFICE_ENCRYPTION_KEYS lacks its key {ONE.name}$"):
            DirectoryKeys(layout, keys).key()


def test_another_site_key_wraps_the_same_key(layout: Layout) -> None:
    key = DirectoryKeys(layout, SiteKeys([ONE])).make()
    before = layout.directory_key.read_bytes()
    DirectoryKeys(layout, SiteKeys([ONE, OTHER])).rewrap()
    assert layout.directory_key.read_bytes() == before
    made_at = json.loads(before)["made_at"]
    DirectoryKeys(layout, SiteKeys([OTHER, ONE])).rewrap()
    assert DirectoryKeys(layout, SiteKeys([OTHER])).key() == key
    assert DirectoryKeys(layout, SiteKeys([OTHER])).state() == DirectoryKey(OTHER.name, made_at)
    assert [path.name for path in layout.root.iterdir() if path.name.startswith(".")] == []
    layout.directory_key.unlink()
    DirectoryKeys(layout, SiteKeys([ONE])).rewrap()
    assert not layout.directory_key.exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="NEEDS root, for files of somebody else")
def test_the_key_of_a_site_that_runs_as_somebody_else_stays_theirs(layout: Layout) -> None:
    DirectoryKeys(layout, SiteKeys([ONE])).make()
    os.chown(layout.directory_key, 4321, 4322)
    DirectoryKeys(layout, SiteKeys([OTHER, ONE])).rewrap()
    found = layout.directory_key.stat()
    assert (found.st_uid, found.st_gid, found.st_mode & 0o777) == (4321, 4322, 0o600)


def test_a_service_wraps_it_and_is_tried_before_anything_relies_on_it(layout: Layout, tmp_path: Path) -> None:
    program = tmp_path / "kms"
    program.write_text(
        "#!/usr/bin/env python3\nimport base64, sys\n"
        "value = base64.b64decode(sys.stdin.readline())\n"
        "print(base64.b64encode(bytes(one ^ 85 for one in value)).decode())\n"
    )
    program.chmod(0o700)
    kms = SiteKeys([KmsCommand(program)])
    key = DirectoryKeys(layout, kms).make()
    assert DirectoryKeys(layout, kms).key() == key
    with pytest.raises(KeyMissing, match=f"BACKOFFICE_KMS_COMMAND is not set, which has its key {KMS}"):
        DirectoryKeys(layout, SiteKeys([ONE])).key()
    before = layout.directory_key.read_bytes()
    program.write_text(f"#!/bin/sh\necho {b64encode(bytes(64)).decode()}\n")
    with pytest.raises(KeyMissing, match="does not open what it has wrapped"):
        DirectoryKeys(layout, kms).make()
    assert layout.directory_key.read_bytes() == before


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "is damaged: put it back from a copy"),
        ("[]", "is damaged"),
        ('{"format": 1}', "is damaged"),
        ('{"format": 1, "key": "*", "wrapped_by": "x", "made_at": 1}', "is damaged"),
        ('{"format": 2, "key": "", "wrapped_by": "x", "made_at": 1}', "has the format 2, which this version"),
    ],
)
def test_a_file_that_is_none_is_told(layout: Layout, text: str, told: str) -> None:
    layout.directory_key.write_text(text)
    keys = DirectoryKeys(layout, SiteKeys([ONE]))
    for call in (keys.state, keys.key, keys.rewrap):
        with pytest.raises(DataDirectoryError, match=told):
            call()
    assert layout.directory_key.read_text() == text


def test_a_flipped_bit_is_noticed(layout: Layout) -> None:
    keys = DirectoryKeys(layout, SiteKeys([ONE]))
    keys.make()
    row = json.loads(layout.directory_key.read_text())
    row["key"] = ("B" if row["key"][0] == "A" else "A") + row["key"][1:]
    layout.directory_key.write_text(json.dumps(row))
    with pytest.raises(KeyMissing, match=r"directory\.key cannot be opened: The key"):
        keys.key()
