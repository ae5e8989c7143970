"""ZIP archives whose every byte has its place before anything is read: files are stored as they are, so lengths alone
say where each one lies. By PKWARE's APPNOTE 6.3.10; the numbers in brackets are its sections.

A CRC-32 is known only after its file was read, so it follows the bytes in a data descriptor (4.3.9), whose length does
not depend on it. ZIP64 (4.3.14, 4.5.3) where a length, a place or the number of files needs it, and nowhere else.

Libraries write archives, too (zipstream-ng knows lengths in advance). None that was looked at begins in the middle, or
makes the same bytes twice of files that come from iterators: it takes the time of the moment.
"""

from __future__ import annotations

import hashlib
import re
import struct
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import accumulate
from typing import Final

from backoffice.domain.files import numbered
from backoffice.domain.text import fold

MAX_32: Final = 0xFFFF_FFFF
"""In a field of 32 bits: see the ZIP64 field (4.4.1.4)."""
MAX_16: Final = 0xFFFF
DESCRIBED: Final = 1 << 3
FLAGS: Final = DESCRIBED | 1 << 11
"""A data descriptor follows; the name is UTF-8 (4.4.4)."""
PLAIN, ZIP64 = 20, 45
"""Versions needed to extract, times ten (4.4.3.2)."""
MADE_BY: Final = 3 << 8 | ZIP64
"""On Unix, by this version (4.4.2): external attributes are permissions."""
ATTRIBUTES: Final = 0o100644 << 16
"""A file that its owner may write (4.4.15)."""
FOLDER_ATTRIBUTES: Final = 0o040755 << 16 | 0x10
"""Likewise a folder, which DOS has a bit for."""

_LOCAL: Final = struct.Struct("<IHHHHHIIIHH")
_DESCRIPTOR: Final = struct.Struct("<IIII")
_DESCRIPTOR_64: Final = struct.Struct("<IIQQ")
_CENTRAL: Final = struct.Struct("<IHHHHHHIIIHHHHHII")
_END_64: Final = struct.Struct("<IQHHIIQQQQ")
_LOCATOR_64: Final = struct.Struct("<IIQI")
_END: Final = struct.Struct("<IHHHHIIH")
_TIME: Final = struct.Struct("<HHBi")

_FIRST_DOS, _LAST_DOS = datetime(1980, 1, 1, tzinfo=UTC), datetime(2107, 12, 31, 23, 59, 58, tzinfo=UTC)
_UNSAFE: Final = re.compile(r"[/\\\x00-\x1f\x7f]")
_DRIVE: Final = re.compile(r"^([A-Za-z]):")
_DEVICE: Final = re.compile(r"(con|prn|aux|nul|(com|lpt)[0-9\u00b9\u00b2\u00b3])(\.|\s*$)", re.IGNORECASE)
"""What Windows takes for a device and not for a file."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A file in an archive, or a folder: its name ends with a slash (4.3.8), and it has no bytes. `modified_at`: ms."""

    name: str
    size: int
    modified_at: int

    @property
    def raw_name(self) -> bytes:
        return self.name.encode()

    @property
    def folder(self) -> bool:
        return self.name.endswith("/")

    @property
    def large(self) -> bool:
        """Whether its length takes ZIP64."""
        return self.size >= MAX_32

    @property
    def header_size(self) -> int:
        """Bytes of its local header (4.3.7)."""
        return _LOCAL.size + len(self.raw_name) + _TIME.size + (20 if self.large else 0)

    @property
    def descriptor_size(self) -> int:
        if self.folder:
            return 0
        return (_DESCRIPTOR_64 if self.large else _DESCRIPTOR).size

    @property
    def stored_size(self) -> int:
        """Bytes that it takes before the directory."""
        return self.header_size + self.size + self.descriptor_size

    def header(self) -> bytes:
        """Its local header (4.3.7): lengths and CRC-32 are in the descriptor (4.4.4, bit 3)."""
        extra = struct.pack("<HHQQ", 1, 16, 0, 0) if self.large else b""
        extra += self._time
        lengths = MAX_32 if self.large else 0
        needs, name = ZIP64 if self.large else PLAIN, self.raw_name
        moment = _dos_time(self.modified_at)
        return (
            _LOCAL.pack(0x04034B50, needs, self._flags, 0, *moment, 0, lengths, lengths, len(name), len(extra))
            + name
            + extra
        )

    def descriptor(self, crc: int) -> bytes:
        """What follows its bytes (4.3.9); lengths have 8 bytes where its header has a ZIP64 field (4.3.9.2)."""
        if self.folder:
            return b""
        return (_DESCRIPTOR_64 if self.large else _DESCRIPTOR).pack(0x08074B50, crc, self.size, self.size)

    def directory_size(self, offset: int) -> int:
        """Bytes of `directory_entry`."""
        numbers = 2 * self.large + (offset >= MAX_32)
        return _CENTRAL.size + len(self.raw_name) + _TIME.size + (4 + 8 * numbers if numbers else 0)

    def directory_entry(self, offset: int, crc: int) -> bytes:
        """Its header in the central directory (4.3.12), with a ZIP64 field of what needs one (4.5.3)."""
        numbers = [self.size, self.size] if self.large else []
        numbers += [offset] if offset >= MAX_32 else []
        extra = struct.pack(f"<HH{len(numbers)}Q", 1, 8 * len(numbers), *numbers) if numbers else b""
        extra += self._time
        size, name = min(self.size, MAX_32), self.raw_name
        needs, moment = ZIP64 if numbers else PLAIN, _dos_time(self.modified_at)
        head = (0x02014B50, MADE_BY, needs, self._flags, 0, *moment, crc, size, size, len(name), len(extra))
        attributes = FOLDER_ATTRIBUTES if self.folder else ATTRIBUTES
        return _CENTRAL.pack(*head, 0, 0, 0, attributes, min(offset, MAX_32)) + name + extra

    @property
    def _flags(self) -> int:
        return FLAGS & ~DESCRIBED if self.folder else FLAGS

    @property
    def _time(self) -> bytes:
        """The time in seconds of UTC, for a DOS time has no zone (field 0x5455, 4.6.1)."""
        return _TIME.pack(0x5455, 5, 1, max(0, min(self.modified_at // 1000, 2**31 - 1)))


class Layout:
    """Where everything lies in the archive of these files."""

    def __init__(self, entries: Sequence[Entry]) -> None:
        self.entries = tuple(entries)
        ends = list(accumulate((one.stored_size for one in self.entries), initial=0))
        self.offsets, self.directory_at = ends[:-1], ends[-1]
        placed = zip(self.entries, self.offsets, strict=True)
        self.directory_size = sum(one.directory_size(offset) for one, offset in placed)
        self.size = self.directory_at + self.directory_size + len(self.end())
        """Bytes of the whole archive."""

    def first_at(self, place: int) -> int:
        """Index of the entry that byte `place` belongs to; their number, where it belongs to none."""
        return len(self.entries) if place >= self.directory_at else bisect_right(self.offsets, place) - 1

    def directory_within(self, start: int, stop: int) -> Iterator[tuple[int, int]]:
        """Entries whose part of the directory has bytes among [start, stop): index, and where that part begins."""
        at = self.directory_at
        if stop <= at:
            return
        for index, (entry, offset) in enumerate(zip(self.entries, self.offsets, strict=True)):
            end = at + entry.directory_size(offset)
            if at < stop and end > start:
                yield index, at
            at = end

    def checksums_within(self, start: int, stop: int) -> set[int]:
        """Entries whose CRC-32 is told of among bytes [start, stop): in their descriptor or in the directory."""
        found = {index for index, _ in self.directory_within(start, stop)}
        first, last = self.first_at(start), min(self.first_at(stop - 1) + 1, len(self.entries))
        for index in range(first, last):
            end = self.offsets[index] + self.entries[index].stored_size
            if start < end and stop > end - self.entries[index].descriptor_size:
                found.add(index)
        return found

    def end(self) -> bytes:
        """What stands at the end: with ZIP64 its record and locator (4.3.14, 4.3.15), then the old record (4.3.16)."""
        count, size, at = len(self.entries), self.directory_size, self.directory_at
        before = b""
        if count >= MAX_16 or size >= MAX_32 or at >= MAX_32:
            before = _END_64.pack(0x06064B50, _END_64.size - 12, MADE_BY, ZIP64, 0, 0, count, count, size, at)
            before += _LOCATOR_64.pack(0x07064B50, 0, at + size, 1)
        few = min(count, MAX_16)
        return before + _END.pack(0x06054B50, 0, 0, few, few, min(size, MAX_32), min(at, MAX_32), 0)

    def tag(self, ids: Iterable[str]) -> str:
        """The same for the same bytes only, if those of an id never change."""
        found = hashlib.sha256(b"zip 1")
        for one, key in zip(self.entries, ids, strict=True):
            found.update(f"\0{key}\0{one.name}\0{one.size}\0{one.modified_at}".encode())
        return found.hexdigest()[:32]


def unique_names(paths: Sequence[Sequence[str]], empty: Sequence[Sequence[str]] = ()) -> Iterator[str]:
    """For each path, of folders and a file, a name in the archive that leads nowhere else and is no other's, also where
    capitals do not count: duplicates are numbered. Then those of `empty` folders, of which some may be the same."""
    plain = [[_plain_name(part) for part in path] for path in paths]
    bare = [tuple(map(_plain_name, path)) for path in empty]
    # Part by part: `fold` looks at the beginning of a text, and a path may be longer than that.
    folders = {one: tuple(map(fold, one)) for one in {*(tuple(path[:-1]) for path in plain), *bare}}
    taken = {one[:depth] for one in set(folders.values()) for depth in range(1, len(one) + 1)}
    last = dict[tuple[str, ...], int]()
    for *path, name in plain:
        place, found = folders[tuple(path)], name
        key = (*place, fold(name))
        while (*place, fold(found)) in taken:
            last[key] = last.get(key, 1) + 1
            found = numbered(name, last[key])
        taken.add((*place, fold(found)))
        yield "/".join((*path, found))
    yield from ("/".join((*path, "")) for path in bare)


def _plain_name(name: str) -> str:
    """A name that no program takes for a path or a device (4.4.17.1): names that are stored have no slash, but one may
    be older than that rule."""
    name = _DRIVE.sub(r"\1_", _UNSAFE.sub("_", name))
    return f"_{name}" if name in {"", ".", ".."} or _DEVICE.match(name) else name


def _dos_time(ms: int) -> tuple[int, int]:
    """Time and date (4.4.6), in UTC."""
    seconds = max(_FIRST_DOS.timestamp(), min(ms // 1000, _LAST_DOS.timestamp()))
    at = datetime.fromtimestamp(seconds, UTC)
    return (
        at.hour << 11 | at.minute << 5 | at.second // 2,
        (at.year - 1980) << 9 | at.month << 5 | at.day,
    )
