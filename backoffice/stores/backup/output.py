"""The file of a backup that is being made: `FILE.part`, which gets its name when all of it is on the disk. What an
interrupted run has left there is gone on with.

Hashing, and encrypting and writing, are done beside reading, by a thread each: these do not hold the interpreter while
they work.
"""

from __future__ import annotations

import errno
import fcntl
import gzip
import os
import stat
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from pathlib import Path
from queue import Queue
from threading import Thread
from typing import Any, BinaryIO, Final

from backoffice.directories import sync_directory
from backoffice.domain.backup_runs import BegunOtherwise
from backoffice.errors import Conflict, IntegrityError, Invalid, StoreFull, Unavailable
from backoffice.stores.backup.packs import MOST_INDEX, Stretch, index_of
from backoffice.stores.backup.sealed import (
    Key,
    PlainSink,
    PlainSource,
    SealedSink,
    SealedSource,
    cipher_of,
    has_no_head,
    is_sealed,
    new_cipher,
)
from backoffice.stores.backup.tar import Member, Names, Part, TarReader, TarWriter, digest_of

_FULL: Final = {errno.ENOSPC, errno.EDQUOT}
_AHEAD: Final = 2
"""Members that wait to be written."""
_SMALL: Final = 128 * 1024
"""Bytes of a piece on average."""
_SYNCED: Final = 32 * 1024**2
"""Bytes after which the file is given to the disk."""
_PEEK: Final = 64 * 1024
Job = Callable[[TarWriter], None]


class Output:
    """A file that is being made."""

    def __init__(self, path: Path, key: Key | None) -> None:
        """Raises Conflict where it is there already, or being made by another process, or was begun with another key
        (BegunOtherwise); Invalid; OSError."""
        if not path.name:
            raise Invalid("A backup needs the name of a file.")
        self.path, self._part = path, path.with_name(f"{path.name}.part")
        if path.exists():
            raise Conflict(f"{path} is there already.")
        self._file = _locked(self._part)
        try:
            self._sink, self._source = self._opened(key)
        except BaseException:
            self._file.close()
            raise
        self._jobs: Queue[Job | None] = Queue(_AHEAD)
        self._hashing = ThreadPoolExecutor(1, "backup-hashing")
        self._failure: BaseException | None = None
        self._thread: Thread | None = None
        self._disk = ThreadPoolExecutor(1, "backup-syncing")
        self._syncing: Future[None] | None = None
        self._synced = 0
        self.members = 0
        """How many there are."""

    def _opened(self, key: Key | None) -> tuple[Any, Any]:
        name, cipher, sealed = str(self._part), None, is_sealed(self._file)
        if sealed if key is None else not sealed and not has_no_head(self._file):
            raise BegunOtherwise(_begun(name, "a key" if sealed else "no key"))
        if key is None:
            return PlainSink(self._file), PlainSource(self._file, name)
        if sealed:
            try:
                cipher = cipher_of(self._file, key, name)
            except Invalid as error:
                raise BegunOtherwise(_begun(name, "another key")) from error
            except IntegrityError:
                cipher = None  # its head is torn: nothing came after it
        if cipher is None:
            self._file.truncate(0)
            cipher = new_cipher(key)
        return SealedSink(self._file, cipher), SealedSource(self._file, cipher, name, unfinished=True)

    # -- what is there

    def left(self) -> Generator[None, None, tuple[dict[str, Any] | None, list[Stretch]]]:
        """What an interrupted run has left, read in steps: its header and its packs, all of which are whole;
        (None, []) = nothing. What comes after these is cut off. Called first."""
        reader, names, end = TarReader(self._source), Names(), 0
        header, found = None, list[Stretch]()
        try:
            header = reader.header()
            for member in reader.members():
                if member.part not in {Part.HEADER, Part.CHUNKS}:
                    break
                data = reader.read(member)
                if not self._source.read_at(member.end - 1, 1):
                    break  # what fills its last block up is torn off
                if member.part is Part.CHUNKS:
                    found += index_of(data, member.name)[0]
                names.add(member.name)
                end = member.end
                yield
        except (IntegrityError, Invalid):
            pass  # from there on it is torn
        self._begin(end, names)
        return (header, found) if end else (None, [])

    def forget_left(self) -> None:
        """Begin anew, in the place of what `left` found."""
        self._begin(0, Names())

    def _begin(self, end: int, names: Names) -> None:
        self._sink.cut(end)
        self._names, self.members = names, names.count

    # -- what comes

    def start(self, at_ms: int) -> None:
        """From now on members may be added."""
        writer = TarWriter(self._sink, at_ms, self._names)
        self._thread = Thread(target=self._write, args=(writer,), name="backup", daemon=True)
        self._thread.start()

    def add(self, part: Part, pieces: Sequence[bytes | memoryview]) -> None:
        """One more member. Raises StoreFull or Unavailable where one of those before could not be written."""
        self._add(part, partial(_joined, pieces))

    def add_lines(self, part: Part, lines: Sequence[bytes]) -> None:
        """One more member, of these lines, which are compressed. Raises as `add`."""
        self._add(part, partial(_compressed, lines))

    def _add(self, part: Part, make: Callable[[], Sequence[bytes | memoryview]]) -> None:
        made = self._hashing.submit(_with_digest, make)
        self._put(lambda writer: writer.add(part, *made.result()))
        self.members += 1

    def finish(self, manifest: dict[str, Any]) -> int:
        """Write the manifest and give the file its name; its bytes."""
        self._put(lambda writer: writer.finish(manifest))
        self._stop()
        self._sink.close()
        os.fsync(self._file.fileno())
        size = os.fstat(self._file.fileno()).st_size
        self._part.replace(self.path)
        sync_directory(self.path.parent)
        self._file.close()
        return size

    def close(self) -> None:
        """Leave it for another run, unless it is finished."""
        if not self._file.closed:
            self._end_thread()
            self._file.close()

    def _put(self, job: Job) -> None:
        self._check()
        self._jobs.put(job)

    def _stop(self) -> None:
        self._end_thread()
        self._check()

    def _end_thread(self) -> None:
        if self._thread is not None:
            self._jobs.put(None)
            self._thread.join()
            self._thread = None
        self._hashing.shutdown()
        self._disk.shutdown()

    def _check(self) -> None:
        failure, self._failure = self._failure, None
        if isinstance(failure, OSError):
            told = f"{self._part}: {failure.strerror}"
            raise (StoreFull(told) if failure.errno in _FULL else Unavailable(told)) from failure
        if failure is not None:
            raise failure

    def _sync_some(self) -> None:
        """Have what the disk has not got yet given to it, from time to time, while more is written: so that at the end
        little is left. Raises OSError where that failed the time before: whoever asks again is not told of it."""
        size = self._file.tell()
        if size - self._synced < _SYNCED or not (self._syncing is None or self._syncing.done()):
            return
        self._end_sync()
        self._file.flush()
        self._synced, self._syncing = size, self._disk.submit(os.fdatasync, self._file.fileno())

    def _end_sync(self) -> None:
        syncing, self._syncing = self._syncing, None
        if syncing is not None:
            syncing.result()

    def _write(self, writer: TarWriter) -> None:
        while (job := self._jobs.get()) is not None:
            self._tried(partial(job, writer))
            self._tried(self._sync_some)
        self._tried(self._end_sync)

    def _tried(self, act: Callable[[], None]) -> None:
        """What fails is told by whoever adds the next one."""
        if self._failure is None:
            try:
                act()
            except BaseException as error:  # noqa: BLE001 - raised there
                self._failure = error


def _with_digest(make: Callable[[], Sequence[bytes | memoryview]]) -> tuple[Sequence[bytes | memoryview], str]:
    pieces = make()
    return pieces, digest_of(pieces)


def _joined(pieces: Sequence[bytes | memoryview]) -> Sequence[bytes | memoryview]:
    """Many small ones in one: to hash and to write each by itself takes longer than to copy them."""
    return [b"".join(pieces)] if sum(map(len, pieces)) < len(pieces) * _SMALL else pieces


def _compressed(lines: Sequence[bytes]) -> Sequence[bytes]:
    return [gzip.compress(b"".join(lines), 1, mtime=0)]


def _begun(name: str, how: str) -> str:
    return f"{name} was begun with {how}: name that, to go on, or remove the file, to begin anew."


def opened(path: Path, key: Key | None) -> tuple[BinaryIO, TarReader]:
    """An archive to be read. Raises Invalid, IntegrityError, OSError. The file is the caller's to close."""
    file = path.open("rb")
    try:
        if is_sealed(file):
            source = SealedSource(file, cipher_of(file, key, str(path)), str(path))
            source.check_end()
            return file, TarReader(source)
        return file, TarReader(PlainSource(file, str(path)))
    except BaseException:
        file.close()
        raise


def index_at(reader: TarReader, member: Member) -> list[Stretch]:
    """The index of a pack, without its bytes."""
    size = _PEEK
    while b"\n" not in (start := reader.start(member, size)) and size < min(member.size, MOST_INDEX):
        size *= 8
    return index_of(start, member.name)[0]


def _locked(part: Path) -> BinaryIO:
    """The file, of which nobody else has a part. Raises Conflict, OSError."""
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
    file = os.fdopen(os.open(part, flags, 0o600), "r+b")
    try:
        _expect_ours(file, part)
        _lock(file, part)
        with suppress(PermissionError):  # of a file system without modes
            os.fchmod(file.fileno(), 0o600)
    except BaseException:
        file.close()
        raise
    return file


def _lock(file: BinaryIO, part: Path) -> None:
    """Raises Conflict where another process has it, or has finished it since it was opened: then it is whole."""
    alone = True
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        alone = os.path.samestat(os.fstat(file.fileno()), part.stat())
    except (BlockingIOError, FileNotFoundError):
        alone = False
    if not alone:
        raise Conflict(f"{part} is being written by another process.")


def _expect_ours(file: BinaryIO, part: Path) -> None:
    """Raises Conflict for what somebody else may have put in its place in order to read all of it."""
    found = os.fstat(file.fileno())
    # A mount may give all its files to one user, whoever makes them: then the directory is that one's as well.
    known = {os.geteuid(), part.parent.stat().st_uid}
    if not stat.S_ISREG(found.st_mode) or found.st_nlink > 1 or found.st_uid not in known:
        raise Conflict(f"{part} was not made by this user: remove it, or name another file.")
