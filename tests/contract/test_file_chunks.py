"""What is special about chunks in a directory: what is on the disk when, what may be a path, and a disk that fails."""

from __future__ import annotations

import errno
import os
import shutil
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from backoffice.domain.durability import weaker
from backoffice.domain.files import FileSpec
from backoffice.domain.times import now_ms
from backoffice.domain.uploads import ChunkStat
from backoffice.errors import BackofficeError, StoreFull, Unavailable
from backoffice.stores.chunks import files
from backoffice.stores.chunks.disk import Disk, P, T
from backoffice.stores.chunks.files import ABANDONED_MS, FileChunks
from tests.support.chunks import Place
from tests.support.servers import need
from tests.support.uploads import ALICE, World

PARTS = [b"a" * 1000, b"b" * 500]


def later() -> int:
    return now_ms() + 1_000_000


class SpyDisk(Disk):
    """Notes each call, and lets calls of one operation fail."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.calls: list[tuple[str, Any]] = []
        self.failing: tuple[Callable[..., Any], int] | None = None

    def call(self, operation: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        self.calls.append((operation.__name__.strip("_"), args[0]))
        return super().call(self._broken if self._fails(operation) else operation, *args, **kwargs)

    def _fails(self, operation: Callable[..., Any]) -> bool:
        return self.failing is not None and operation is self.failing[0]

    def _broken(self, *_args: Any, **_options: Any) -> Any:
        assert self.failing is not None
        raise OSError(self.failing[1], os.strerror(self.failing[1]))


@pytest.fixture
def root(in_directory: Place) -> Path:
    assert in_directory.directory is not None
    return in_directory.directory


@pytest.fixture
def disk(root: Path) -> SpyDisk:
    return SpyDisk(root)


@pytest.fixture
def chunks(disk: SpyDisk) -> FileChunks:
    return FileChunks(disk)


def tree(root: Path) -> list[str]:
    """All files."""
    return sorted(str(one.relative_to(root)) for one in root.rglob("*") if one.is_file())


# --- what is on the disk when


def test_bytes_are_synced_before_they_have_a_name(chunks: FileChunks, disk: SpyDisk) -> None:
    chunks.put("ab1", 0, b"bytes", later())
    names = [name for name, _ in disk.calls]
    assert names.index("write") < names.index("utime") < names.index("sync") < names.index("close")
    assert names.index("close") < names.index("link")
    assert names.count("sync") == 1


def test_the_barrier_syncs_every_directory_up_to_the_root(
    chunks: FileChunks, disk: SpyDisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    chunks.put("ab1", 0, b"bytes", later())
    chunks.keep("ab1", 1)
    synced = list[str]()
    monkeypatch.setattr(disk, "sync_directory", synced.append)
    chunks.barrier("ab1")
    assert synced == ["kept/ab/ab1", "kept/ab", "kept"]


@pytest.mark.real_only
def test_names_are_synced_before_the_commit_that_makes_a_file(
    redis: Redis, root: Path, disk: SpyDisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World.over(redis, disk=disk)
    commit = world.uploads.complete
    seen = list[list[str]]()

    def look(*args: Any, **options: Any) -> Any:
        seen.append([name for name, _ in disk.calls])
        return commit(*args, **options)

    upload = world.partly(ALICE, PARTS, 2)
    disk.calls.clear()
    monkeypatch.setattr(world.uploads, "complete", look)
    world.service.complete(ALICE, upload.id, FileSpec("a"), total_size=1500)
    assert seen[0].count("link") >= 2
    assert seen[0][-9:] == ["open", "sync", "close"] * 3
    assert world.chunks.level == "disk"


def test_all_of_it_is_for_the_owner_alone(chunks: FileChunks, root: Path) -> None:
    chunks.put("ab1", 0, b"bytes", later())
    chunks.put("ab2", 0, b"bytes", later())
    chunks.keep("ab1", 1)
    modes = {one.is_dir(): stat.S_IMODE(one.stat().st_mode) for one in root.rglob("*")}
    assert modes == {True: 0o700, False: 0o600}


def test_nothing_is_left_of_what_was_deleted(chunks: FileChunks, root: Path) -> None:
    for index in (0, 1):
        chunks.put("ab1", index, b"bytes", later())
    chunks.keep("ab1", 1)
    assert chunks.delete("ab1", 2) == 2
    assert tree(root) == []
    assert list(root.glob("*/ab/*")) == []


def test_another_process_finds_what_is_there(chunks: FileChunks, root: Path) -> None:
    chunks.put("ab1", 0, b"kept", later())
    chunks.put("ab1", 1, b"held", later())
    chunks.keep("ab1", 1)
    again = FileChunks(Disk(root))
    assert list(again.stream("ab1", [0, 1])) == [b"kept", b"held"]
    assert again.stat("ab1", [0, 1]) == [ChunkStat(4, kept=True), ChunkStat(4, kept=False)]
    assert not again.put("ab1", 0, b"other", later())


def test_a_chunk_with_both_names_is_a_kept_one(chunks: FileChunks, root: Path) -> None:
    """As a crash leaves it between the two steps of keeping."""
    chunks.put("ab1", 0, b"bytes", now_ms() - 1)
    (root / "kept/ab/ab1").mkdir(parents=True)
    (root / "kept/ab/ab1/0").hardlink_to(root / "held/ab/ab1/0")
    assert chunks.stat("ab1", [0]) == [ChunkStat(5, kept=True)]
    assert chunks.sweep(now_ms()) == 1
    chunks.release("ab1", 0)
    assert chunks.get("ab1", 0) == b"bytes"
    assert tree(root) == ["kept/ab/ab1/0"]


def test_the_sweep_takes_what_is_over_and_what_was_abandoned(chunks: FileChunks, root: Path) -> None:
    now = now_ms()
    chunks.put("ab1", 0, b"over", now - 1)
    chunks.put("ab2", 0, b"not yet", now + 60_000)
    chunks.put("ab3", 0, b"kept", now - 1)
    chunks.keep("ab3", 1)
    (root / "tmp/half").write_bytes(b"half a chu")
    assert chunks.sweep(now) == 1
    assert tree(root) == ["held/ab/ab2/0", "kept/ab/ab3/0", "tmp/half"]
    assert not (root / "held/ab/ab1").exists()
    assert chunks.sweep(now + ABANDONED_MS + 60_000) == 2
    assert tree(root) == ["kept/ab/ab3/0"]


def test_what_is_none_of_ours_is_left_alone(chunks: FileChunks, root: Path) -> None:
    chunks.put("ab1", 0, b"bytes", later())
    (root / "held/ab/ab1/notes.txt").write_text("x")
    (root / "held/ab/not an id").mkdir()
    assert [one[:2] for one in chunks.scan()] == [("ab1", 0)]
    assert chunks.delete("ab1", 10) == 1
    assert tree(root) == ["held/ab/ab1/notes.txt"]


# --- two at once, with the second one between any two steps of the first


class MetDisk(Disk):
    """Does something before one of its calls."""

    def __init__(self, root: Path, at: int, meet: Callable[[], object]) -> None:
        super().__init__(root)
        self.left, self._meet = at, meet

    def call(self, operation: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        if self.left == 0:
            self._meet()
        self.left -= 1
        return super().call(operation, *args, **kwargs)


Act = Callable[[FileChunks], Any]


def outcomes(root: Path, first: Act, second: Act) -> list[tuple[Any, Any, bytes | None]]:
    """What the two said, and the chunk afterwards, wherever they met."""
    found = []
    for at in range(100):
        other, said = FileChunks(Disk(root)), list[Any]()
        other.delete("ab1", 9)
        other.put("ab1", 0, b"bytes", now_ms() - 1)
        disk = MetDisk(root, at, lambda other=other, said=said: said.append(second(other)))  # type: ignore[misc]
        answer = first(FileChunks(disk))
        if not said:
            assert found
            return found
        found.append((answer, said[0], other.get("ab1", 0)))
    raise AssertionError("it has no end")


def keep(chunks: FileChunks) -> Any:
    return chunks.keep("ab1", 1)


def test_what_is_deleted_while_it_is_being_kept_is_gone(root: Path) -> None:
    def delete(chunks: FileChunks) -> Any:
        return chunks.delete("ab1", 1)

    assert {left for _, _, left in outcomes(root, delete, keep)} == {None}
    for missing, deleted, left in outcomes(root, keep, delete):
        assert deleted == 1
        assert left is None
        assert missing in ([], [0])


@pytest.mark.parametrize(
    "free", [lambda it: it.release("ab1", 0), lambda it: it.sweep(now_ms())], ids=["release", "sweep"]
)
def test_what_was_said_to_be_kept_is_there(root: Path, free: Act) -> None:
    for missing, _, left in outcomes(root, keep, free):
        assert left == (None if missing else b"bytes")
    for _, missing, left in outcomes(root, free, keep):
        assert left == (None if missing else b"bytes")


def test_other_bytes_never_come_in_the_place_of_kept_ones(root: Path) -> None:
    def put(chunks: FileChunks) -> Any:
        return chunks.put("ab1", 0, b"other", later())

    for pair in ((put, keep), (keep, put)):
        for first, second, left in outcomes(root, *pair):
            assert left == b"bytes"
            assert (first, second) in (([], False), (False, []))


# --- what may be a path


@pytest.mark.parametrize("file_id", ["", "a", "../etc", "..", "ab/../../x", "ab\0", "a.b", "/ab", "é" * 3, "a" * 33])
def test_nothing_but_an_identifier_becomes_a_path(chunks: FileChunks, disk: SpyDisk, file_id: str) -> None:
    for act in (
        lambda: chunks.put(file_id, 0, b"x", later()),
        lambda: chunks.get(file_id, 0),
        lambda: list(chunks.stream(file_id, [0])),
        lambda: chunks.stat(file_id, [0]),
        lambda: chunks.keep(file_id, 1),
        lambda: chunks.hold(file_id, 0, later()),
        lambda: chunks.release(file_id, 0),
        lambda: chunks.delete(file_id, 1),
        lambda: chunks.barrier(file_id),
    ):
        with pytest.raises(ValueError):
            act()
    assert disk.calls == []


@pytest.mark.parametrize("index", [-1, 10**10, "../0", "00", True])
def test_nothing_but_an_index_becomes_a_name(chunks: FileChunks, disk: SpyDisk, index: Any) -> None:
    with pytest.raises(ValueError):
        chunks.put("ab1", index, b"x", later())
    assert disk.calls == []


def test_the_root_is_held_on_to(chunks: FileChunks, root: Path) -> None:
    """What is mounted over it, or put in its place, gets nothing."""
    chunks.put("ab1", 0, b"bytes", later())
    root.rename(root.with_name("moved"))
    root.mkdir()
    assert chunks.get("ab1", 0) == b"bytes"
    chunks.put("ab1", 1, b"more", later())
    assert tree(root) == []


# --- a disk that fails

FULL = [errno.ENOSPC, errno.EDQUOT]
BROKEN = [errno.EIO, errno.EROFS, errno.EACCES, errno.EMFILE, errno.ESTALE, errno.ENOTDIR]


@pytest.mark.parametrize("number", [*FULL, *BROKEN])
@pytest.mark.parametrize("operation", [os.open, os.write, os.utime, os.link, os.mkdir])
def test_a_chunk_that_cannot_be_written_is_refused_and_leaves_nothing(
    chunks: FileChunks, disk: SpyDisk, root: Path, operation: Callable[..., Any], number: int
) -> None:
    disk.failing = operation, number
    with pytest.raises(StoreFull if number in FULL else Unavailable):
        chunks.put("ab1", 0, b"bytes", later())
    disk.failing = None
    assert tree(root) == []
    assert chunks.put("ab1", 0, b"bytes", later())


@pytest.mark.parametrize("operation", [os.open, os.fstat, os.read])
def test_bytes_that_cannot_be_read_are_an_outage_and_not_an_absence(
    chunks: FileChunks, disk: SpyDisk, operation: Callable[..., Any]
) -> None:
    chunks.put("ab1", 0, b"bytes", later())
    disk.failing = operation, errno.EIO
    with pytest.raises(Unavailable):
        chunks.get("ab1", 0)
    with pytest.raises(Unavailable):
        list(chunks.stream("ab1", [0]))


@pytest.mark.parametrize("act", [FileChunks.keep, FileChunks.delete])
def test_keeping_and_deleting_say_when_they_cannot(
    chunks: FileChunks, disk: SpyDisk, act: Callable[[FileChunks, str, int], Any]
) -> None:
    chunks.put("ab1", 0, b"bytes", later())
    disk.failing = os.unlink, errno.EIO
    with pytest.raises(Unavailable):
        act(chunks, "ab1", 1)
    disk.failing = None
    assert chunks.get("ab1", 0) == b"bytes"
    act(chunks, "ab1", 1)


def test_no_directory_is_an_outage(tmp_path: Path) -> None:
    chunks = FileChunks(Disk(tmp_path / "nowhere"))
    for act in (lambda: chunks.get("ab1", 0), lambda: chunks.put("ab1", 0, b"", later()), chunks.room):
        with pytest.raises(Unavailable):
            act()
    assert not (tmp_path / "nowhere").exists()


def test_a_directory_that_was_removed_is_an_outage(chunks: FileChunks, root: Path) -> None:
    chunks.put("ab1", 0, b"bytes", later())
    shutil.rmtree(root)
    with pytest.raises(Unavailable):
        chunks.put("ab1", 1, b"bytes", later())


@pytest.mark.real_only
def test_no_room_refuses_uploads_and_nothing_else(redis: Redis, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    world = World.over(redis)
    file = world.stored(ALICE, PARTS)
    monkeypatch.setattr(files, "RESERVE", shutil.disk_usage(root).total)
    with pytest.raises(StoreFull):
        world.begin(ALICE, PARTS)
    world.library.trash(ALICE, file.id)
    world.library.purge(ALICE, file.id)
    assert tree(root) == []


@pytest.mark.real_only
def test_a_full_disk_keeps_what_it_has(redis: Redis, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    need(os.geteuid() == 0 and shutil.which("mount"), "the right to mount a small disk")
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(root)], check=False)
    need(mounted.returncode == 0, "the right to mount a small disk")
    monkeypatch.setattr(files, "RESERVE", 0)
    monkeypatch.setattr(files, "RESERVE_FILES", 0)
    try:
        _fill(World.over(redis))
    finally:
        subprocess.run(["umount", "-l", str(root)], check=True)


def _fill(world: World) -> None:
    kept = world.stored(ALICE, [b"kept"])
    refused: BackofficeError | None = None
    for _ in range(100):
        try:
            upload = world.begin(ALICE, [b"x" * 4000])
            world.put(ALICE, upload.id, 0, [b"x" * 4000])
        except BackofficeError as error:
            refused = error
            break
    assert isinstance(refused, StoreFull)
    assert world.read(ALICE, kept.id) == b"kept"
    world.assert_sound()
    world.library.purge(ALICE, kept.id)
    world.put(ALICE, upload.id, 0, [b"x" * 4000])


@pytest.mark.parametrize(
    ("records", "chunks", "both"),
    [
        ("disk", "disk", "disk"),
        ("os", "disk", "os"),
        ("memory", "disk", "memory"),
        ("replica:1", "replica:1", "replica:1"),
        ("disk+replica:1", "disk", "disk"),
        ("replica:1", "disk", "os"),
    ],
)
def test_a_promise_is_that_of_the_weaker_half(records: str, chunks: str, both: str) -> None:
    assert weaker(records, chunks) == weaker(chunks, records) == both
