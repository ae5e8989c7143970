"""Files of backups that are not as they should be: what somebody else put there, what goes on behind the end, what
unpacks to more than is believed."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

import pytest

from backoffice.errors import Conflict, IntegrityError
from backoffice.stores.backup import output, restore, sealed
from backoffice.stores.backup.kinds import HASH, ZSET
from backoffice.stores.backup.output import Output, opened
from backoffice.stores.backup.restore import unpacked
from backoffice.stores.backup.sealed import Key
from backoffice.stores.backup.tar import Member, Part, json_member
from backoffice.stores.backup.values import Value, writes

MEMBER = Member(3, Part.RECORDS, "0" * 64, 512, 100, "00000003.records")


def finished(path: Path) -> None:
    made = Output(path, None)
    for _ in made.left():
        pass
    made.start(1000)
    made.add(Part.HEADER, json_member({"a": 1}))
    made.finish({})


@pytest.mark.parametrize("more", [b"x", bytes(512), b"\0" * 10_240])
def test_what_comes_after_the_end_is_told(tmp_path: Path, more: bytes) -> None:
    path = tmp_path / "a.backup"
    finished(path)
    file, reader = opened(path, None)
    with file:
        reader.manifest()
    with path.open("ab") as longer:
        longer.write(more)
    file, reader = opened(path, None)
    with file, pytest.raises(IntegrityError, match="does not end where its manifest does"):
        reader.manifest()


def test_an_end_that_is_torn_off_is_told(tmp_path: Path) -> None:
    path = tmp_path / "a.backup"
    finished(path)
    os.truncate(path, path.stat().st_size - 1)
    file, reader = opened(path, None)
    with file, pytest.raises(IntegrityError, match="does not end where its manifest does"):
        reader.manifest()


def test_lines_that_break_off_or_are_too_many_are_damage(monkeypatch: pytest.MonkeyPatch) -> None:
    packed = gzip.compress(b"{}\n" * 100)
    assert len(unpacked(packed, MEMBER)) == 100
    for damaged in (packed[:-9], packed + b"x", packed + packed):
        with pytest.raises(IntegrityError, match="cannot be unpacked"):
            unpacked(damaged, MEMBER)
    monkeypatch.setattr(restore, "LONGEST", 299)
    with pytest.raises(IntegrityError, match="cannot be unpacked"):
        unpacked(packed, MEMBER)


def test_a_file_of_somebody_else_is_not_written_into(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever prepared it would read the whole site."""
    part = tmp_path / "a.backup.part"
    part.write_bytes(b"")
    monkeypatch.setattr(os, "geteuid", lambda: tmp_path.stat().st_uid + 1)
    Output(tmp_path / "a.backup", None).close()  # the directory is that user's as well
    monkeypatch.undo()
    os.link(part, tmp_path / "also")
    with pytest.raises(Conflict, match="not made by this user"):
        Output(tmp_path / "a.backup", None)


def test_a_file_of_another_owner_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.backup.part").write_bytes(b"")
    asked = os.fstat

    def of_another(handle: int) -> os.stat_result:
        found = list(asked(handle))
        found[4] += 1
        return os.stat_result(found)

    monkeypatch.setattr(output.os, "fstat", of_another)
    with pytest.raises(Conflict, match="not made by this user"):
        Output(tmp_path / "a.backup", None)


@pytest.mark.parametrize("key", [None, Key.of_text(Key.new_text())], ids=["plain", "encrypted"])
def test_wherever_it_is_torn_it_is_gone_on_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, key: Key | None
) -> None:
    """Also between the bytes of a member and what fills its last block up."""
    for name, value in (("SEGMENT", 1000), ("_STORED", 1028)):
        monkeypatch.setattr(sealed, name, value)
    said = {"a": "x" * (488 - sum(map(len, json_member({"a": ""}))))}
    head = json_member(said)
    assert sum(map(len, head)) == 488, "it ends where a segment does"
    path, part = tmp_path / "a.backup", tmp_path / "a.backup.part"

    def begun() -> Output:
        made = Output(path, key)
        for _ in made.left():
            pass
        return made

    first = begun()
    first.start(1000)
    first.add(Part.HEADER, head)
    first.add(Part.RECORDS, [bytes(3000)])
    first.close()
    whole = part.read_bytes()
    for size in range(0, len(whole) + 1, 25):
        part.write_bytes(whole[:size])
        again = begun()
        again.start(1000)
        if not again.members:
            again.add(Part.HEADER, head)
        again.finish({})
        file, reader = opened(path, key)
        with file:
            assert reader.header() == said
            assert reader.manifest()
        path.unlink()


def test_what_others_may_read_is_closed_to_them(tmp_path: Path) -> None:
    part = tmp_path / "a.backup.part"
    part.write_bytes(b"")
    part.chmod(0o666)
    Output(tmp_path / "a.backup", None).close()
    assert part.stat().st_mode & 0o777 == 0o600


def test_one_that_is_finished_between_two_looks_is_not_written_into(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was opened as the unfinished one, which got its name before it could be locked."""
    path = tmp_path / "a.backup"
    asked = output.fcntl.flock

    def late(handle: object, how: int) -> None:
        monkeypatch.undo()
        path.with_name("a.backup.part").replace(path)
        asked(handle, how)

    path.with_name("a.backup.part").write_bytes(b"a whole backup")
    monkeypatch.setattr(output.fcntl, "flock", late)
    with pytest.raises(Conflict, match="being written"):
        Output(path, None)
    assert path.read_bytes() == b"a whole backup"


@pytest.mark.parametrize(("kind", "value"), [(HASH, {b"%d" % n: b"x" for n in range(12_001)}), (ZSET, None)])
def test_a_large_record_is_written_in_several_commands(kind: str, value: dict[bytes, bytes] | None) -> None:
    """A server refuses one of more than a million words."""
    members = [(b"%d" % n, float(n)) for n in range(12_001)]
    cleared, *found = writes(b"key", Value(b"key", kind, members if value is None else value))
    assert cleared == ("DEL", b"key")
    assert [len(one) for one in found] == [10_002, 10_002, 4_004]
    assert len({one[at] for one in found for at in range(2, len(one))}) > 12_000
