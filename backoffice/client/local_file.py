"""A file on its way out: read in chunks, once, and watched for changes meanwhile."""

from __future__ import annotations

import hashlib
import os
import stat
import unicodedata
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from backoffice.client.errors import ClientError, printable_path
from backoffice.domain.invisible import plain_spaces

STDIN: Final = 0
SMALLEST_CHUNK: Final = 256 * 1024
"""Bytes. Where something in between takes no more than that, nothing sensible can be done."""
Version = tuple[int, int, int]
"""Size, time of the last change, and that of the inode."""
NAMELESS: Final = "its name is not UTF-8 text; give it one with --name"


@dataclass(frozen=True, slots=True)
class SiteLimits:
    """What the site takes: three sizes in bytes, and a number."""

    chunk_size: int
    max_chunk_size: int
    max_file_size: int
    max_chunks: int

    def chunk_size_for(self, size: int) -> int:
        """Size of the chunks of a file: the good one, unless there were too many of them. Raises ClientError."""
        if size > min(self.max_file_size, self.max_chunks * self.max_chunk_size):
            raise ClientError(f"{size} bytes are too many: the site takes files of at most {self.max_file_size}.")
        return max(self.chunk_size, -(-size // self.max_chunks))


@dataclass(frozen=True, slots=True)
class LocalFile:
    """An open file as the site will know it. `name` is as the site keeps it."""

    name: str
    size: int
    chunk_size: int
    max_chunks: int
    _file: int
    _version: Version
    even_chunks: int = 0
    """If not 0, it is cut into so many that differ in a byte at most, as the site's page does it."""

    @property
    def total_chunks(self) -> int:
        return self.even_chunks or -(-self.size // self.chunk_size) or 1

    def chunk_start(self, index: int) -> int:
        """Its first byte. The end, for the index after the last."""
        if self.even_chunks:
            base, longer = divmod(self.size, self.even_chunks)
            return index * base + min(index, longer)
        return min(index * self.chunk_size, self.size)

    def chunk_length(self, index: int) -> int:
        return self.chunk_start(index + 1) - self.chunk_start(index)

    def cut_as(self, total_chunks: int, lengths: Mapping[int, int]) -> LocalFile | None:
        """The same, cut into so many chunks, some of which have these lengths; None where it is not known how."""
        return next(
            (
                one
                for one in self._ways_to_cut(total_chunks, lengths)
                if one.total_chunks == total_chunks
                and all(one.chunk_length(index) == length for index, length in lengths.items())
            ),
            None,
        )

    def _ways_to_cut(self, total: int, lengths: Mapping[int, int]) -> Iterator[LocalFile]:
        """The last chunk is as long as the others, or as long as what they leave."""
        yield replace(self, chunk_size=max(1, -(-self.size // total)), even_chunks=total)
        for index, length in lengths.items():
            size = length if index < total - 1 or total == 1 else (self.size - length) // (total - 1)
            yield replace(self, chunk_size=max(1, size), even_chunks=0)
            return

    def in_smaller_chunks(self) -> LocalFile | None:
        """The same in chunks of half the size, None where that would be too small, or give too many of them."""
        size = max(min(self.chunk_size, self.size) // 2, SMALLEST_CHUNK)
        if size >= min(self.chunk_size, self.size) or -(-self.size // size) > self.max_chunks:
            return None
        return replace(self, chunk_size=size, even_chunks=0)

    def read_chunk(self, index: int) -> bytes:
        """Chunk `index`. Raises ClientError when the file is shorter than it was."""
        wanted, parts = self.chunk_length(index), []
        at = self.chunk_start(index)
        while wanted:
            try:
                part = os.pread(self._file, wanted, at)
            except OSError as error:
                raise ClientError(f"it cannot be read: {error.strerror}.") from error
            if not part:
                raise self._changed()
            parts.append(part)
            at, wanted = at + len(part), wanted - len(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def sha256(self) -> str:
        """Of all of it, in hexadecimal. Raises as `read_chunk`."""
        digest = hashlib.sha256()
        for index in range(self.total_chunks):
            digest.update(self.read_chunk(index))
        return digest.hexdigest()

    def check_unchanged(self, digest: str) -> None:
        """Raises FileChanged when somebody wrote to the file since it was opened; `digest`: SHA-256 of what was read.

        A date can be set back, as programs for disk images and vaults do. The time of the last change of the inode
        cannot, but a new name or mode changes it too: then the bytes decide.
        """
        now = _stamp(os.fstat(self._file))
        if now != self._version and (now[:2] != self._version[:2] or self.sha256() != digest):
            raise self._changed()

    def _changed(self) -> ClientError:
        return FileChanged("it was changed while it was being read; nothing was made of it.")


class FileChanged(ClientError):
    """What was read is of two versions."""


@contextmanager
def open_local(path: Path, name: str | None, limits: SiteLimits) -> Iterator[LocalFile]:
    """Open `path` for reading. Raises ClientError."""
    try:
        # Without O_NONBLOCK a named pipe would let us wait for a writer.
        file = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise ClientError(f"it cannot be read: {error.strerror}.") from error
    try:
        found = os.fstat(file)
        if stat.S_ISDIR(found.st_mode):
            raise ClientError(f"it is a directory; name the files in it, such as {printable_path(str(path / '*'))}")
        if not stat.S_ISREG(found.st_mode):
            raise ClientError("it is not a file.")
        yield _local_file(file, found, _name(path, name), limits)
    finally:
        os.close(file)


def standard_input(name: str, limits: SiteLimits) -> LocalFile | None:
    """What standard input was redirected from, when that is a file that nobody has begun to read: so that it can be
    read again. None for a pipe or a terminal. Raises ClientError."""
    file = STDIN
    found = os.fstat(file)
    if not stat.S_ISREG(found.st_mode) or os.lseek(file, 0, os.SEEK_CUR):
        return None
    return _local_file(file, found, clean_name(name), limits)


def _local_file(file: int, found: os.stat_result, name: str, limits: SiteLimits) -> LocalFile:
    size = found.st_size
    return LocalFile(name, size, limits.chunk_size_for(size), limits.max_chunks, file, _stamp(found))


def _name(path: Path, name: str | None) -> str:
    return clean_name(path.name if name is None else name)


def clean_name(name: str) -> str:
    """The name in NFC with plain spaces, as the site keeps it. Raises ClientError."""
    try:
        name.encode()
    except UnicodeEncodeError:
        raise ClientError(NAMELESS) from None
    return plain_spaces(unicodedata.normalize("NFC", name))


def _stamp(found: os.stat_result) -> Version:
    return found.st_size, found.st_mtime_ns, found.st_ctime_ns


def checksum(data: bytes) -> str:
    """As the site's fields want it."""
    return f"sha256:{hashlib.sha256(data).hexdigest()}"
