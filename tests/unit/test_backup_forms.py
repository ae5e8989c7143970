"""The forms of a backup: what becomes of each kind of key, records as lines, members of archives, encrypted files."""

from __future__ import annotations

import re
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backoffice.domain.backups import BackupHeader
from backoffice.domain.uploads import Chunk
from backoffice.errors import IntegrityError, Invalid
from backoffice.stores import keys as spelled
from backoffice.stores.backup import sealed
from backoffice.stores.backup.base import Base
from backoffice.stores.backup.kinds import HASH, LEFT_OUT, NOUNS, STRING, ZSET, Class, kind_of
from backoffice.stores.backup.output import index_at
from backoffice.stores.backup.packs import Pack, Stretch, chunks_of, index_of
from backoffice.stores.backup.sealed import Key, PlainSink, SealedSink, SealedSource, new_cipher
from backoffice.stores.backup.tar import Names, Part, TarReader, TarWriter, json_member
from backoffice.stores.backup.values import Value
from backoffice.stores.keys import Keys

KEYS = Keys()


# -- kinds


def listed() -> list[str]:
    """A key of each kind that the head of `keys.py` lists."""
    found = re.findall(r"^    (\S+(?: \S+)*?)  +(?:string|hash|zset|set|stream)\b", spelled.__doc__ or "", re.MULTILINE)
    samples = {"noun": "files", "n": "3", "n // 64": "1", "id": "x1", "key of a chunk": "file:{x1}:chunk:3"}
    plain = [one.replace("{bo}", "(bo)") for one in found]
    filled = [re.sub(r"<([^>]*)>", lambda name: samples.get(name[1], "x"), one) for one in plain]
    return [one.replace("(bo)", "{bo}") for one in filled]


def test_every_kind_of_key_has_its_class() -> None:
    assert len(listed()) > 40
    for name in listed():
        assert kind_of(KEYS, name.encode()) is not None, name


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("users:x", Class.RECORD),
        ("users:by:created", Class.DERIVED),
        ("users:one:username", Class.DERIVED),
        ("users:one:reserved", Class.RECORD),
        ("files:facet:tag", Class.DERIVED),
        ("sessions:x", Class.TRANSIENT),
        ("uploads:x", Class.TRANSIENT),
        ("map:x", Class.CONTENT),
        ("map:x:scattered", Class.TRANSIENT),
        ("quota:x", Class.DERIVED),
        ("audit", Class.LOG),
        ("by:file:x", Class.DERIVED),
        ("segment:1:by:file:x", Class.DERIVED),
        ("intents", Class.TRANSIENT),
        ("daily:acts:x:1", Class.TRANSIENT),
        ("install", Class.RECORD),
        ("backup:restoring", Class.TRANSIENT),
    ],
)
def test_kinds_that_are_easily_mixed_up(name: str, expected: Class) -> None:
    kind = kind_of(KEYS, b"{bo}:" + name.encode())
    assert kind is not None
    assert kind.of is expected


def test_what_is_none_of_ours_is_left_alone() -> None:
    for key in (b"other", b"{other}:users:x", b"{bo}:unheard:x", b"file:x"):
        assert kind_of(KEYS, key) is None
    assert kind_of(KEYS, KEYS.staged("x1", 3, "0f")) is not None


def test_every_noun_is_a_record_unless_it_is_named() -> None:
    for noun in NOUNS.keys() | {"files", "uploads"}:
        kind = kind_of(KEYS, KEYS.record(noun, "x"))
        assert kind is not None
        assert kind.of is (Class.TRANSIENT if noun in LEFT_OUT else Class.RECORD)


# -- records as lines

BYTES = st.binary(max_size=20)
VALUES = st.one_of(
    st.tuples(st.just(HASH), st.dictionaries(BYTES, BYTES, min_size=1)),
    st.tuples(st.just(STRING), BYTES),
    st.tuples(st.just(ZSET), st.lists(st.tuples(BYTES, st.floats(allow_nan=False)), min_size=1)),
    st.tuples(st.just(HASH), st.none()),
)


@given(BYTES, VALUES, st.integers(0, 2**50))
def test_any_value_comes_back_from_its_line(name: bytes, typed: tuple[str, object], expires: int) -> None:
    value = Value(name, *typed, expires)
    line = value.line()
    assert line.count(b"\n") == 1
    assert Value.of_line(line) == value


# -- members


class Bytes:
    """A sink and source in memory."""

    name = "it"

    def __init__(self, data: bytes = b"") -> None:
        self.data, self.given = bytearray(data), 0

    @property
    def size(self) -> int:
        return len(self.data)

    def write(self, data: bytes | memoryview) -> None:
        self.data += data

    def read_at(self, offset: int, size: int) -> bytes:
        assert offset >= 0
        self.given += size
        return bytes(self.data[offset : offset + size])


def written(*contents: bytes, **manifest: object) -> bytes:
    sink = Bytes()
    writer = TarWriter(sink, 1_000)
    writer.add(Part.HEADER, [b"{}"])
    for one in contents:
        writer.add(Part.CHUNKS, [one[:3], memoryview(one)[3:]])
    writer.finish({"counts": 1, **manifest})
    return bytes(sink.data)


@given(st.lists(st.binary(max_size=2000), max_size=5))
def test_members_come_back(contents: list[bytes]) -> None:
    reader = TarReader(Bytes(written(*contents)))
    members = list(reader.members())
    assert [reader.read(one) for one in members if one.part is Part.CHUNKS] == contents
    assert reader.manifest()["counts"] == 1


@given(st.lists(st.binary(max_size=3000), max_size=5), st.text(max_size=3000))
def test_the_end_is_found_from_the_end(contents: list[bytes], text: str) -> None:
    source = Bytes(written(*contents, bytes(5000), text=text))
    assert TarReader(source).ending() == TarReader(source).manifest()
    source = Bytes(written(*[written(*contents, text=text), bytes(10_000)] * 9, needs=["a"]))
    assert TarReader(source).ending()["needs"] == ["a"]
    assert source.given < 5_000 + 24 * len(text)


@given(st.integers(1, 10**6))
def test_what_does_not_end_as_a_backup_has_no_end(cut: int) -> None:
    whole = written(b"one" * 100, bytes(3000))
    with pytest.raises(IntegrityError):
        TarReader(Bytes(whole[: -(cut % len(whole)) or None][:-1])).ending()


def test_a_base_is_read_in_steps(tmp_path: Path) -> None:
    base = tmp_path / "base.backup"
    with base.open("wb") as file:
        writer = TarWriter(PlainSink(file), 1_000)
        writer.add(Part.HEADER, json_member(BackupHeader("a", 1, "1", 1, 0).dump()))
        for number in range(3):
            pack = Pack()
            pack.add(Stretch(f"{number:022}", 1, 0, Chunk(3, bytes(16), bytes(32)).pack()), [b"abc"])
            writer.add(Part.CHUNKS, pack.pieces())
        writer.add(Part.BORROWED, json_member({"archive": "b", "contents": ["c", f"{1:022}"]}))
        writer.finish({"lost": [f"{2:022}"]})
    found = list[Base]()

    def read() -> Iterator[None]:
        found.append((yield from Base.read(base, None)))

    assert len(list(read())) == 6
    assert found[0].where == {f"{0:022}": "a", f"{1:022}": "b", "c": "b"}


@given(st.integers(0, 10**6), st.integers(0, 7))
def test_no_bit_of_a_member_changes_unseen(place: int, bit: int) -> None:
    whole = written(b"one" * 100, b"two" * 300)
    changed = bytearray(whole)
    changed[place % len(whole)] ^= 1 << bit
    reader = TarReader(Bytes(bytes(changed)))
    try:
        reader.header()
        reader.manifest()
        found = [reader.read(one) for one in reader.members() if one.part is Part.CHUNKS]
    except (IntegrityError, Invalid):
        return
    assert found == [b"one" * 100, b"two" * 300]


@given(st.integers(0, 10**6))
def test_nothing_is_torn_off_unseen(place: int) -> None:
    whole = written(b"one" * 100, b"two" * 300)
    end = len(whole) - 1024 - 512
    reader = TarReader(Bytes(whole[: place % end]))
    with pytest.raises((IntegrityError, Invalid)):
        reader.manifest()


def test_ordinary_tools_read_it(tmp_path: Path) -> None:
    (tmp_path / "a.tar").write_bytes(written(b"one", b"two"))
    with tarfile.open(tmp_path / "a.tar") as archive:
        names = archive.getnames()
        assert [name.split(".")[1] for name in names] == ["header", "chunks", "chunks", "manifest"]
        extracted = archive.extractfile(names[1])
        assert extracted is not None
        assert extracted.read() == b"one"


def test_a_pack_has_its_chunks() -> None:
    pack = Pack()
    entries = b"".join(Chunk(size, bytes(16)).pack() for size in (3, 4, 5))
    pack.add(Stretch("abc", 5, 1, entries, (2,)), [b"one", b"three"])
    pack.add(Stretch("abd", 1, 0, Chunk(1, bytes(16)).pack()), [b"x"])
    data = b"".join(pack.pieces())
    (first, second), at = index_of(data, "it")
    assert [(place, bytes(part)) for place, _, part in chunks_of(memoryview(data), first, at)] == [
        (1, b"one"),
        (3, b"three"),
    ]
    assert second.last
    assert not first.last


@pytest.mark.parametrize("row", ["[1]", '[["a b", 1, 0, "", []]]', '[["abc", 1, 0, "AAAA", []]]', "{}", "nothing"])
def test_an_index_that_makes_no_sense_is_damage(row: str) -> None:
    with pytest.raises(IntegrityError, match="its index cannot be read"):
        index_of(row.encode() + b"\n", "it")


def test_a_long_index_is_read_without_the_bytes() -> None:
    pack = Pack()
    for number in range(3000):
        pack.add(Stretch(f"c{number}", 1, 0, Chunk(1, bytes(16)).pack()), [b"x"])
    sink = Bytes()
    TarWriter(sink, 0).add(Part.CHUNKS, pack.pieces())
    reader = TarReader(sink)
    [member] = reader.members()
    assert len(index_at(reader, member)) == 3000


# -- encrypted files


@given(st.lists(st.binary(max_size=300), max_size=8), st.integers(0, 10**4), st.binary(max_size=200))
def test_what_is_sealed_comes_back_also_where_it_went_on(parts: list[bytes], at: int, more: bytes) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sealed, "SEGMENT", 100)
        patch.setattr(sealed, "_STORED", 128)
        whole = b"".join(parts)
        cut = at % (len(whole) + 1)
        with io_file() as file:
            cipher = new_cipher(Key.of_text(Key.new_text()))
            sink = SealedSink(file, cipher)
            sink.cut(0)
            for one in parts:
                sink.write(one)
            sink.close()
            again = SealedSink(file, cipher)
            again.cut(cut)
            again.write(more)
            again.close()
            source = SealedSource(file, cipher, "it")
            source.check_end()
            assert source.read_at(0, 10**6) == whole[:cut] + more
            assert source.size == cut + len(more)
            assert source.read_at(7, 150) == (whole[:cut] + more)[7:157]


def io_file() -> BinaryIO:
    return tempfile.TemporaryFile()  # type: ignore[return-value]


@pytest.mark.parametrize(
    "text", ["", "short", "two lines\nof text that is long", f"{sealed._MARK}AAAA", f"{sealed._MARK}%"]
)
def test_what_is_no_key_is_refused(text: str) -> None:
    with pytest.raises(Invalid):
        Key.of_text(text)


def test_names_are_counted() -> None:
    one, other = Names(), Names()
    one.add("a")
    other.add("b")
    assert (one.count, one.sha256 == other.sha256) == (1, False)
