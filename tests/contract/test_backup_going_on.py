"""What an interrupted backup has left, and what comes while contents are copied."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from backoffice.domain.actions import Actions
from backoffice.domain.audit import AuditEvent
from backoffice.errors import Unavailable
from backoffice.stores.backup import collect, contents, output
from backoffice.stores.backup.snapshot import Snapshot
from tests.support.backups import SHELL, Site, actor, assert_readable, furnish, person, store_file

pytestmark = pytest.mark.real_only


def test_what_an_earlier_version_has_left_is_not_gone_on_with(
    site: Site, target: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The header says which version may put the records back, and the records are those of now."""
    bytes_of = furnish(site)
    path = tmp_path / "a.backup"
    monkeypatch.setattr(collect, "SCHEMA", collect.SCHEMA - 1)
    steps = site.services.backups.make(SHELL, path)
    for _ in range(4):
        next(steps)
    steps.close()
    monkeypatch.undo()
    made = site.back_up(path)
    assert (made.header.schema, made.resumed) == (collect.SCHEMA, 0)
    target.restore(path)
    assert_readable(target, bytes_of)


def test_changes_are_heard_while_contents_are_copied(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the server keeps all of them in its memory until the last one is copied."""
    furnish(site)
    who, heard = actor(person(site, "pat")), list[int]()
    asked, listened = Snapshot.catch_up, Snapshot.listen
    came = list[int]()

    def late(snapshot: Snapshot) -> Iterator[int]:
        yield from asked(snapshot)
        if not came:
            came.append(1)
            for n in range(3):
                store_file(site, who, f"late-{n}.bin", bytes([n]) * 100_000)

    def noted(snapshot: Snapshot) -> None:
        heard.append(len(came))
        listened(snapshot)

    monkeypatch.setattr(contents, "FETCHED", 100_000)
    monkeypatch.setattr(Snapshot, "catch_up", late)
    monkeypatch.setattr(Snapshot, "listen", noted)
    assert site.back_up(tmp_path / "a.backup").damaged == {}
    assert heard.count(1) >= 3


def test_what_was_recorded_meanwhile_is_read_in_pieces(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The transaction that ends it, which keeps the store from everything else, reads the last entries alone."""
    furnish(site)
    asked, settled, read = Snapshot.catch_up, Snapshot.settle, list[int]()

    def late(snapshot: Snapshot) -> Iterator[int]:
        for _ in range(30):
            site.services.audit.log.record(AuditEvent(Actions.SYSTEM_PROVE, SHELL, data={}))
        yield from asked(snapshot)

    def counted(snapshot: Snapshot) -> None:
        before = snapshot.entries.count
        settled(snapshot)
        read.append(snapshot.entries.count - before)

    monkeypatch.setattr(Snapshot, "catch_up", late)
    monkeypatch.setattr(Snapshot, "settle", counted)
    made = site.back_up(tmp_path / "a.backup")
    assert made.counts.entries > 30
    assert read == [0]


def test_what_the_disk_did_not_take_meanwhile_is_told(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk says once that it has lost something: who asks again in the end gets no error any more."""
    furnish(site)

    def lost(_file: int) -> None:
        raise OSError(errno.EIO, "lost")

    monkeypatch.setattr(output, "_SYNCED", 1)
    monkeypatch.setattr(os, "fdatasync", lost)
    with pytest.raises(Unavailable, match="lost"):
        site.back_up(tmp_path / "a.backup")
    assert not (tmp_path / "a.backup").exists()
