"""The archive: a tar file (ustar) that ordinary tools list and unpack, written in one go.

    00000000.header.<sha256>.json       which archive this is, of which store, on which it stands
    00000001.chunks.<sha256>.bin        contents (`packs.py`)
    ….records.<sha256>.jsonl.gz         records, a line each (`values.py`); of several of one key the last counts
    ….log.<sha256>.jsonl.gz             entries of the log, a line each, as `audit export` writes them
    ….borrowed.<sha256>.json            contents that are in an archive on which this one stands
    ….manifest.<sha256>.json            the last one: counts, what is not whole, SHA-256 of all names before it

A name has its place and the SHA-256 of what it names. So a member that is damaged, missing or elsewhere is found by
itself, and one that is torn off by the manifest.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Generator, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, Protocol

from backoffice.errors import IntegrityError, Invalid

BLOCK: Final = 512
LARGEST: Final = 256 * 1024**2
"""Bytes of a member that is believed: it is read as a whole. Those that are written have some MiB; the last one may
have more, where very much was purged while a backup ran."""
_NAME: Final = re.compile(r"([0-9]{8})\.([a-z]+)\.([0-9a-f]{64})\.[a-z.]+")
_END: Final = bytes(2 * BLOCK)
_SUM: Final = slice(148, 156)


class Part(StrEnum):
    """What a member holds."""

    HEADER = "header"
    CHUNKS = "chunks"
    RECORDS = "records"
    LOG = "log"
    BORROWED = "borrowed"
    MANIFEST = "manifest"


_SUFFIXES: Final = {
    Part.HEADER: "json",
    Part.CHUNKS: "bin",
    Part.RECORDS: "jsonl.gz",
    Part.LOG: "jsonl.gz",
    Part.BORROWED: "json",
    Part.MANIFEST: "json",
}


class Sink(Protocol):
    """Where an archive goes: bytes, one after the other."""

    def write(self, data: bytes | memoryview) -> None: ...


class Source(Protocol):
    """Where it is read from. Raises IntegrityError for what is not as it was written."""

    name: str

    @property
    def size(self) -> int:
        """Bytes of all."""

    def read_at(self, offset: int, size: int) -> bytes:
        """So many bytes, fewer at the end."""


@dataclass(frozen=True, slots=True)
class Member:
    """One member: its place among the others, what it holds, where its bytes are."""

    number: int
    part: Part
    sha256: str
    offset: int
    size: int
    name: str

    @property
    def end(self) -> int:
        """Where the next one begins."""
        return self.offset + -(-self.size // BLOCK) * BLOCK


class Names:
    """The digest of the names of members in their order."""

    def __init__(self) -> None:
        self._hash, self.count = hashlib.sha256(), 0

    def add(self, name: str) -> None:
        self._hash.update(f"{name}\n".encode())
        self.count += 1

    @property
    def sha256(self) -> str:
        return self._hash.hexdigest()


class TarWriter:
    """Writes members to a sink."""

    def __init__(self, sink: Sink, at_ms: int, names: Names | None = None) -> None:
        """`names`: of what is there already."""
        self._sink, self._at, self._names = sink, at_ms // 1000, names or Names()

    def add(self, part: Part, pieces: Sequence[bytes | memoryview], sha256: str = "") -> None:
        """One more member, of these pieces. `sha256`: of all of them, where it is known."""
        size = sum(map(len, pieces))
        name = f"{self._names.count:08d}.{part}.{sha256 or digest_of(pieces)}.{_SUFFIXES[part]}"
        self._sink.write(_head(name, size, self._at))
        for piece in pieces:
            self._sink.write(piece)
        self._sink.write(bytes(-size % BLOCK))
        self._names.add(name)

    def finish(self, manifest: dict[str, Any]) -> None:
        """The last member, and the end."""
        self.add(Part.MANIFEST, [_json({**manifest, "members": self._names.count, "names": self._names.sha256})])
        self._sink.write(_END)


class TarReader:
    """Reads members from a source. Raises IntegrityError, which names what is damaged."""

    def __init__(self, source: Source) -> None:
        self._source = source

    def members(self, start: int = 0, number: int = 0) -> Iterator[Member]:
        """Those from there on; ends before the end of the archive, or where it breaks off."""
        at = start
        while len(head := self._source.read_at(at, BLOCK)) == BLOCK and head.strip(b"\0"):
            member = self._member(head, at, number)
            yield member
            at, number = member.end, number + 1

    def _member(self, head: bytes, at: int, number: int) -> Member:
        try:
            name, size = _of_head(head)
            place, part, sha256, *_ = name.split(".")
            member = Member(int(place), Part(part), sha256, at + BLOCK, size, name)
        except ValueError as error:
            raise IntegrityError(f"{self._source.name} is damaged at byte {at}: no member begins there.") from error
        if member.number != number:
            raise IntegrityError(f"{self._source.name}: member {number} is missing; {name} is in its place.")
        return member

    def read(self, member: Member) -> bytes:
        """All of it."""
        data = self._source.read_at(member.offset, member.size)
        if hashlib.sha256(data).hexdigest() != member.sha256:
            raise IntegrityError(f"{self._source.name}: {member.name} is damaged.")
        return data

    def start(self, member: Member, size: int) -> bytes:
        """The beginning of it, of which nothing is proved."""
        return self._source.read_at(member.offset, min(size, member.size))

    def header(self) -> dict[str, Any]:
        """What the archive says of itself. Raises Invalid where it is none."""
        first = next(self.members(), None) if self._source.read_at(0, 9) == b"00000000." else None
        if first is None or first.part is not Part.HEADER:
            raise Invalid(f"{self._source.name} is no backup.")
        return self._object(first)

    def manifest(self) -> dict[str, Any]:
        """Its end, once it is certain that nothing between is missing. Looks at the heads of all members."""
        walk = self.walk()
        while True:
            try:
                next(walk)
            except StopIteration as end:
                found: dict[str, Any] = end.value
                return found

    def walk(self) -> Generator[Member, None, dict[str, Any]]:
        """All members, and then what `manifest` gives. What is encrypted is opened for that by and by."""
        names, last = Names(), None
        for member in self.members():
            if last is not None:
                names.add(last.name)
            last = member
            yield member
        if last is None or last.part is not Part.MANIFEST:
            after = f" after {last.name}" if last is not None else ""
            raise IntegrityError(f"{self._source.name} is not whole: it breaks off{after}.")
        found = self._object(last)
        if (found.get("members"), found.get("names")) != (names.count, names.sha256):
            raise IntegrityError(f"{self._source.name}: the members are not those of its manifest.")
        if self._source.read_at(last.end, len(_END) + 1) != _END:
            raise IntegrityError(f"{self._source.name} does not end where its manifest does.")
        return found

    def ending(self) -> dict[str, Any]:
        """Its end as it stands there: what is before that is not looked at."""
        end = max(0, self._source.size - len(_END))
        if self._source.read_at(end, len(_END)) == _END:
            for at in range(end - 2 * BLOCK, max(-1, end - LARGEST), -BLOCK):
                head = self._source.read_at(at, BLOCK)
                with suppress(ValueError, IntegrityError):  # it is a part of the text, which never looks like a head
                    member = self._member(head, at, int(head[:8]))
                    if member.part is Part.MANIFEST and member.end == end:
                        return self._object(member)
        raise IntegrityError(f"{self._source.name} is not whole: it does not end as a backup does.")

    def _object(self, member: Member) -> dict[str, Any]:
        try:
            found = json.loads(self.read(member))
        except ValueError as error:
            raise IntegrityError(f"{self._source.name}: {member.name} cannot be read.") from error
        if not isinstance(found, dict):
            raise IntegrityError(f"{self._source.name}: {member.name} cannot be read.")
        return found


def _head(name: str, size: int, at: int) -> bytes:
    """The head of a plain file that is for its owner alone, as POSIX has it (ustar)."""
    fields = (
        name.encode().ljust(100, b"\0"),
        b"0000600\0" + b"0000000\0" * 2,  # mode, user, group
        b"%011o\0%011o\0" % (size, at),
        b" " * 8,  # in the place of the sum
        b"0" + bytes(100),  # a plain file, no link
        b"ustar\x0000" + bytes(64),
        b"0000000\0" * 2,
    )
    head = bytearray(b"".join(fields).ljust(BLOCK, b"\0"))
    head[_SUM] = b"%06o\0 " % sum(head)
    return bytes(head)


def _of_head(head: bytes) -> tuple[str, int]:
    """Name and size. Raises ValueError for a head that is not, byte for byte, as `_head` makes it."""
    name, size, at = head[:100].rstrip(b"\0").decode("ascii"), int(head[124:135], 8), int(head[136:147], 8)
    if not _NAME.fullmatch(name) or size > LARGEST or _head(name, size, at) != head:
        raise ValueError("no head of a member")
    return name, size


def digest_of(pieces: Sequence[bytes | memoryview]) -> str:
    """SHA-256 of all of them, in hexadecimal."""
    found = hashlib.sha256()
    for piece in pieces:
        found.update(piece)
    return found.hexdigest()


def _json(value: dict[str, Any]) -> bytes:
    return json.dumps(value, indent=1).encode() + b"\n"


def json_member(value: dict[str, Any]) -> list[bytes]:
    """The pieces of a member that is one object."""
    return [_json(value)]
