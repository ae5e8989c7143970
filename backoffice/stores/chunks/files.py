"""The bytes of chunks on a file system: one file each.

    held/<id[:2]>/<id>/<n>     chunk n, until the time that is the file's time of modification
    kept/<id[:2]>/<id>/<n>     chunk n, for ever
    tmp/<random>               one that is being written
    id                         the identity of the directory (`in_use.py`)

A chunk is written and synced under a name in `tmp` and then linked to its own, which fails where that is taken: so it
is there whole or not at all, and one of many writers wins, on whichever host. To keep it, its name in `kept` is linked
before the one in `held` goes; to release it, the one in `held` is removed. The file system puts the two in order, and
whoever comes second finds out. Where a crash leaves both names, the kept one counts.

Several processes and hosts use the directory at once, if its file system has hard links and the `O_EXCL` and `link` of
POSIX (NFS has them).
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from typing import Final

from backoffice.domain.ids import is_id, new_id
from backoffice.domain.uploads import CarriedChunk, ChunkStat, KeptPlace
from backoffice.errors import ChunkLost, Unavailable
from backoffice.measures import timed
from backoffice.stores.chunks.disk import Disk
from backoffice.stores.chunks.paths import HELD, INDEX, KEPT, directory_of, path_of, paths_of

TEMPORARY: Final = "tmp"
RESERVE: Final = 512 * 1024**2
"""Bytes that uploads leave free, for the records of a store that may be on the same disk."""
RESERVE_FILES: Final = 10_000
ABANDONED_MS: Final = 3_600_000
"""A file that has been written for so long belongs to a process that died."""
TRIES: Final = 20
"""How often a directory that others remove, because it is empty, is made again."""


class FileChunks:
    """Port `ChunkStore`."""

    def __init__(self, disk: Disk) -> None:
        self._disk = disk

    @property
    def disk(self) -> Disk:
        """Where they lie."""
        return self._disk

    def put(self, file_id: str, index: int, data: bytes | memoryview, hold_until: int) -> bool:
        held, kept = path_of(HELD, file_id, index), path_of(KEPT, file_id, index)
        temporary = f"{TEMPORARY}/{secrets.token_hex(16)}"
        try:
            self._write(temporary, data, hold_until)
            if not self._link(temporary, held):
                return False
        except FileNotFoundError as error:
            raise Unavailable from error
        finally:
            self._disk.remove(temporary)
        # Now nobody else can put one there: what is kept was there before.
        if self._disk.stat(kept) is not None:
            self._disk.remove(held)
            return False
        return True

    def new_id(self, total: int) -> str:  # noqa: ARG002 -- one directory
        return new_id()

    def put_ahead(self, file_id: str, data: bytes | memoryview) -> None:
        temporary = f"{TEMPORARY}/{secrets.token_hex(16)}"
        try:
            self._write(temporary, data, 0)
            if not self._link(temporary, path_of(KEPT, file_id, 0)):
                raise Unavailable
        except FileNotFoundError as error:
            raise Unavailable from error
        finally:
            self._disk.remove(temporary)
        self.barrier(file_id)

    def _write(self, path: str, data: bytes | memoryview, hold_until: int) -> None:
        try:
            self._disk.write(path, data, hold_until)
        except FileNotFoundError:
            self._disk.make_directory(TEMPORARY)
            self._disk.write(path, data, hold_until)

    def _link(self, source: str, target: str) -> bool:
        """Give a chunk one more name; False where that is taken. Raises FileNotFoundError where there is no chunk."""
        for _ in range(TRIES):
            try:
                self._disk.link(source, target)
            except FileExistsError:
                return False
            except FileNotFoundError:
                if self._disk.stat(source) is None:
                    raise
                self._disk.make_directory(target.rpartition("/")[0])
            else:
                return True
        raise Unavailable

    def carry(
        self,
        file_id: str,  # noqa: ARG002 - as the port has it
        index: int,  # noqa: ARG002
        data: bytes | memoryview,  # noqa: ARG002
        hold_until: int | None = None,  # noqa: ARG002
    ) -> CarriedChunk | None:
        """The records are elsewhere."""
        return None

    def get(self, file_id: str, index: int) -> bytes | None:
        file = self._open(file_id, index)
        return None if file is None else self._disk.read(file)

    def _open(self, file_id: str, index: int) -> int | None:
        for path in paths_of(file_id, index):
            file = self._disk.open(path)
            if file is not None:
                return file
        return None

    def replace(self, file_id: str, index: int, data: bytes | memoryview) -> bool:
        """Other bytes for the same chunk, which lives as long as before; False where there is none any more."""
        for path in paths_of(file_id, index):
            found = self._disk.stat(path)
            if found is None:
                continue
            temporary = f"{TEMPORARY}/{secrets.token_hex(16)}"
            try:
                self._write(temporary, data, found.st_mtime_ns // 1_000_000)
                # Where it is freed at this very moment this one may stay behind: `fsck` finds it.
                if self._disk.replace(temporary, path):
                    return True
            finally:
                self._disk.remove(temporary)
        return False

    def within_commit(self, file_id: str, index: int) -> object | None:  # noqa: ARG002 - as the port has it
        return None

    def from_commit(self, value: bytes) -> bytes:
        return value

    def stream(self, file_id: str, indexes: Sequence[int]) -> Iterator[bytes]:
        """Close the iterator to stop early."""
        ahead: int | None = None
        try:
            for position, index in enumerate(indexes):
                file, ahead = ahead if ahead is not None else self._open(file_id, index), None
                if file is None:
                    raise ChunkLost(f"Chunk {index} of the file is not in the store.", index=index)
                value = self._disk.read(file)
                if position + 1 < len(indexes):
                    ahead = self._open(file_id, indexes[position + 1])
                    if ahead is not None:
                        self._disk.read_ahead(ahead)
                yield value
                # Kept alive, it would be one chunk more in memory while the next one is read.
                del value
        finally:
            if ahead is not None:
                self._disk.close(ahead)

    def stat(self, file_id: str, indexes: Sequence[int]) -> list[ChunkStat | None]:
        return self.stat_many([(file_id, index) for index in indexes])

    def stat_many(self, places: Sequence[tuple[str, int]]) -> list[ChunkStat | None]:
        return [self._stat(*place) for place in places]

    def _stat(self, file_id: str, index: int) -> ChunkStat | None:
        for path in paths_of(file_id, index):
            found = self._disk.stat(path)
            if found is not None:
                return ChunkStat(found.st_size, path.startswith(KEPT))
        return None

    # -- lifetimes

    def keep(self, file_id: str, total: int) -> list[int]:
        missing = [index for index in range(total) if not self._keep(file_id, index)]
        self._disk.remove_directory(directory_of(HELD, file_id))
        return missing

    def _keep(self, file_id: str, index: int) -> bool:
        held, kept = path_of(HELD, file_id, index), path_of(KEPT, file_id, index)
        try:
            self._link(held, kept)
        except FileNotFoundError:
            return self._disk.stat(kept) is not None
        self._disk.remove(held)
        return True

    def keep_within_commit(self, file_id: str, sizes: Sequence[int]) -> Sequence[KeptPlace] | None:  # noqa: ARG002
        return None

    def hold(self, file_id: str, index: int, until: int) -> None:
        held, kept = path_of(HELD, file_id, index), path_of(KEPT, file_id, index)
        try:
            self._disk.touch(kept, until)
            self._link(kept, held)
        except FileNotFoundError:
            return
        self._disk.remove(kept)

    def move(self, file_id: str, total: int, to_id: str, first: int, hold_until: int) -> list[int]:
        left = [index for index in range(total) if not self._move(file_id, index, to_id, first + index, hold_until)]
        self._disk.remove_directory(directory_of(HELD, file_id))
        return left

    def _move(self, file_id: str, index: int, to_id: str, to_index: int, hold_until: int) -> bool:
        old, held, kept = path_of(HELD, file_id, index), path_of(HELD, to_id, to_index), path_of(KEPT, to_id, to_index)
        try:
            self._disk.touch(old, hold_until)
            if not self._link(old, held):
                return False
        except FileNotFoundError:
            return self._disk.stat(held) is not None or self._disk.stat(kept) is not None
        if self._disk.stat(kept) is not None:
            self._disk.remove(held)
            return False
        self._disk.remove(old)
        return True

    def release(self, file_id: str, *indexes: int) -> None:
        for index in indexes:
            self._disk.remove(path_of(HELD, file_id, index))

    def delete(self, file_id: str, total: int) -> int:
        # In this order: one that is about to be kept is found under one of its names, or cannot be kept any more.
        held = self._delete_from(HELD, file_id, total)
        kept = self._delete_from(KEPT, file_id, total)
        if kept:
            self._disk.sync_directory(directory_of(KEPT, file_id).rpartition("/")[0])
        return len(held | kept)

    def _delete_from(self, tree: str, file_id: str, total: int) -> set[int]:
        directory = directory_of(tree, file_id)
        there = {index for index in self._indexes(directory) if index < total}
        gone = {index for index in there if self._disk.remove(f"{directory}/{index}")}
        self._disk.remove_directory(directory)
        return gone

    def sweep(self, now: int) -> int:
        freed = 0
        for file_id in self._ids(HELD):
            directory = directory_of(HELD, file_id)
            for index in self._indexes(directory):
                path = f"{directory}/{index}"
                found = self._disk.stat(path)
                if found is not None and found.st_mtime_ns < now * 1_000_000:
                    freed += self._disk.remove(path)
            self._disk.remove_directory(directory)
        for name in self._disk.names(TEMPORARY):
            path = f"{TEMPORARY}/{name}"
            found = self._disk.stat(path)
            # Not the time of modification: that is set to when the chunk may go.
            if found is not None and found.st_ctime_ns < (now - ABANDONED_MS) * 1_000_000:
                freed += self._disk.remove(path)
        return freed

    # -- the whole

    def scan(self) -> Iterator[tuple[str, int, ChunkStat]]:
        for tree in (HELD, KEPT):
            for file_id in self._ids(tree):
                for index in self._indexes(directory_of(tree, file_id)):
                    found = self._stat(file_id, index)
                    if found is not None:
                        yield file_id, index, found

    def _ids(self, tree: str) -> Iterator[str]:
        for shard in self._disk.names(tree):
            for name in self._disk.names(f"{tree}/{shard}"):
                if is_id(name):
                    yield name

    def _indexes(self, directory: str) -> list[int]:
        return [int(name) for name in self._disk.names(directory) if INDEX.fullmatch(name)]

    def barrier(self, file_id: str) -> None:
        # The bytes were safe before they had a name; now the names are, from the file's own directory up.
        directory = directory_of(KEPT, file_id)
        with timed("barrier", "directory"):
            while directory:
                self._disk.sync_directory(directory)
                directory = directory.rpartition("/")[0]

    @property
    def level(self) -> str:
        return "disk"

    def room(self) -> bool:
        room, files = self._disk.free()
        return room >= RESERVE and (files is None or files >= RESERVE_FILES)
