"""Archives by their format alone: what other programs read of them, and lengths known before any byte."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backoffice.domain.text import fold
from backoffice.domain.zip_format import Entry, Layout, unique_names

GIB = 1024**3
WHEN = 1_700_000_001_000
NAMES = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="/\\"), min_size=1, max_size=40)
FILES = st.lists(st.tuples(NAMES, st.binary(max_size=300), st.integers(-(10**12), 10**14)), max_size=12)


def archive(entries: list[Entry], contents: list[bytes]) -> bytes:
    """All of it, as it is sent."""
    layout, crcs = Layout(entries), [zlib.crc32(data) for data in contents]
    found = b"".join(
        one.header() + data + one.descriptor(crc) for one, data, crc in zip(entries, contents, crcs, strict=True)
    )
    placed = zip(entries, layout.offsets, crcs, strict=True)
    found += b"".join(one.directory_entry(offset, crc) for one, offset, crc in placed) + layout.end()
    assert len(found) == layout.size
    return found


@given(FILES)
def test_python_reads_back_what_went_in(files: list[tuple[str, bytes, int]]) -> None:
    names = list(unique_names([(name,) for name, _, _ in files]))
    entries = [Entry(name, len(data), at) for name, (_, data, at) in zip(names, files, strict=True)]
    data = archive(entries, [data for _, data, _ in files])
    with zipfile.ZipFile(io.BytesIO(data)) as read:
        assert read.testzip() is None
        # The library takes what stands behind a NUL off and nothing else.
        assert [info.filename for info in read.infolist()] == names
        assert [read.read(info) for info in read.infolist()] == [data for _, data, _ in files]
        assert all(info.compress_type == zipfile.ZIP_STORED for info in read.infolist())


@given(FILES)
def test_each_byte_lies_where_the_layout_says(files: list[tuple[str, bytes, int]]) -> None:
    entries = [Entry(name, len(data), at) for name, data, at in files]
    layout, data = Layout(entries), archive(entries, [data for _, data, _ in files])
    for index, (one, offset) in enumerate(zip(entries, layout.offsets, strict=True)):
        assert data[offset : offset + one.header_size] == one.header()
        assert layout.first_at(offset) == index
        assert layout.first_at(offset + one.stored_size - 1) == index
        assert layout.checksums_within(offset, offset + one.header_size) == set()
        assert layout.checksums_within(offset + one.stored_size - 1, offset + one.stored_size) == {index}
    whole = list(layout.directory_within(0, layout.size))
    assert [index for index, _ in whole] == list(range(len(entries)))
    for index, at in whole:
        assert data[at : at + 4] == b"PK\x01\x02"
        assert [found for found, _ in layout.directory_within(at, at + 1)] == [index]
    assert layout.first_at(layout.directory_at) == len(entries)


def test_the_time_is_that_of_the_file() -> None:
    with zipfile.ZipFile(io.BytesIO(archive([Entry("a", 0, WHEN)], [b""]))) as read:
        (info,) = read.infolist()
    at = datetime.fromtimestamp(WHEN / 1000, UTC)
    assert info.date_time == (at.year, at.month, at.day, at.hour, at.minute, at.second // 2 * 2)
    assert struct.unpack("<HHBi", info.extra) == (0x5455, 5, 1, WHEN // 1000)


def directory(entries: list[Entry]) -> zipfile.ZipFile:
    """What a reader sees of an archive whose files are far too long to be here: `Sparse` has only what it looks at."""
    layout = Layout(entries)
    placed = zip(entries, layout.offsets, strict=True)
    tail = b"".join(one.directory_entry(offset, 7) for one, offset in placed) + layout.end()
    assert layout.directory_at + len(tail) == layout.size
    return zipfile.ZipFile(Sparse(layout.directory_at, tail))


class Sparse(io.RawIOBase):
    """Nothing but zeros up to `start`, then `tail`."""

    def __init__(self, start: int, tail: bytes) -> None:
        self._start, self._tail, self._at = start, tail, 0

    def seekable(self) -> bool:
        return True

    def readable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = 0) -> int:
        self._at = offset + (0, self._at, self._start + len(self._tail))[whence]
        return self._at

    def read(self, size: int = -1) -> bytes:
        low = self._at - self._start
        assert low >= 0, "nothing before the directory is looked at"
        found = self._tail[low:] if size < 0 else self._tail[low : low + size]
        self._at += len(found)
        return found


@pytest.mark.parametrize("size", [4 * GIB - 2, 4 * GIB - 1, 4 * GIB, 2**40])
def test_a_file_of_four_gibibytes_takes_zip64_and_one_byte_less_does_not(size: int) -> None:
    large = size >= 2**32 - 1
    first, second = Entry("large", size, WHEN), Entry("small", 3, WHEN)
    with directory([first, second]) as read:
        found = read.infolist()
    assert [(one.file_size, one.compress_size, one.CRC) for one in found] == [(size, size, 7), (3, 3, 7)]
    assert [one.header_offset for one in found] == [0, first.stored_size]
    assert [one.extract_version for one in found] == [45 if large else 20, 45 if first.stored_size >= 2**32 - 1 else 20]
    assert len(first.descriptor(7)) == (24 if large else 16)


def test_more_files_than_sixteen_bits_count() -> None:
    one = Entry("a", 0, WHEN)
    assert b"PK\x06\x06" not in Layout([one] * 65_534).end()
    assert b"PK\x06\x06" in Layout([one] * 65_535).end()
    with directory([one] * 65_536) as read:
        assert len(read.infolist()) == 65_536


def test_a_directory_behind_four_gibibytes() -> None:
    size = 4 * GIB - 2 - Entry("a", 0, WHEN).stored_size
    assert b"PK\x06\x06" not in Layout([Entry("a", size, WHEN)]).end()
    assert b"PK\x06\x06" in Layout([Entry("a", size + 1, WHEN)]).end()
    with directory([Entry("a", size + 1, WHEN)]) as read:
        assert read.infolist()[0].file_size == size + 1


HOSTILE = (
    "../../etc/passwd",
    "/etc/passwd",
    "a\\..\\b",
    "C:evil.txt",
    "..",
    ".",
    "",
    "a\0b",
    "tab\there",
    "x/",
    "NUL.txt",
    "con",
)


@given(st.lists(st.one_of(st.sampled_from(HOSTILE), NAMES, st.sampled_from(["a.txt", "A.TXT", "a (2).txt"]))))
def test_F6_names_have_no_path_and_are_no_others(names: list[str]) -> None:
    found = list(unique_names([(name,) for name in names]))
    assert len(found) == len(names)
    assert len({fold(name) for name in found}) == len(found)
    for name in found:
        assert not set(name) & {"/", "\\", "\0"}
        assert name not in {"", ".", ".."}
        assert name.partition(".")[0].casefold() not in {"nul", "con"}
        assert name[1:2] != ":" or not name[0].isascii() or not name[0].isalpha()


def test_duplicates_are_numbered() -> None:
    deep = [*(chr(97 + depth) * 255 for depth in range(20)), "same.txt"]
    assert [one[-14:] for one in unique_names([deep, deep, [*deep[:-1], "b"]])] == [
        "ttttt/same.txt",
        "t/same (2).txt",
        "tttttttttttt/b",
    ], "also where the path is longer than what is folded of a text"
    assert list(unique_names([(name,) for name in ("a.txt", "A.txt", "a.txt", "a (2).txt", "b")])) == [
        "a.txt",
        "A (2).txt",
        "a (3).txt",
        "a (2) (2).txt",
        "b",
    ]


def test_the_tag_is_another_for_other_files_names_or_order() -> None:
    def tag(*files: tuple[str, str]) -> str:
        return Layout([Entry(name, 1, WHEN) for _, name in files]).tag(key for key, _ in files)

    tags = [tag(), tag(("1", "a")), tag(("2", "a")), tag(("1", "b")), tag(("1", "a"), ("2", "b"))]
    tags.append(tag(("2", "b"), ("1", "a")))
    assert len(set(tags)) == len(tags)
    assert tag(("1", "a")) == tags[1]
