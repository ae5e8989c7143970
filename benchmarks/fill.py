"""Many users and files in the store of a site, fast: what the commits write that make them one by one, gathered.

Entries of the log go through the script of commits, hundreds in each; what a commit writes of records goes straight,
and what it puts into one sorted set in one command. Bytes of files there are none.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from itertools import islice
from multiprocessing import get_context
from typing import Final, TypeVar

from backoffice.domain.access import Actor, system_actor
from backoffice.domain.actions import Actions
from backoffice.domain.audit import AuditEvent, ObjectRef
from backoffice.domain.files import File
from backoffice.domain.uploads import Chunk
from backoffice.domain.users import USERS, User
from backoffice.services.records import plain
from backoffice.stores.client import Arg, Client, Command, Db, connect
from backoffice.stores.files import RedisFiles
from backoffice.stores.keys import Keys
from backoffice.stores.records.commit import Commit, Refusal
from backoffice.stores.users import RedisUsers
from benchmarks.records import Crowd

T = TypeVar("T")

BATCH: Final = 500
PIECE: Final = 10_000
LOADERS: Final = 2


def fill(url: str, crowd: Crowd, say: Callable[[str], None]) -> None:
    """Put them all into the store at `url`, from several processes."""
    kinds = ((_add_users_of, crowd.users), (_add_files_of, crowd.files))
    with ProcessPoolExecutor(LOADERS, get_context("spawn")) as pool:
        for add, count in kinds:
            starts = range(0, count, PIECE)
            tasks = [pool.submit(add, url, crowd, start, min(start + PIECE, count)) for start in starts]
            for number, task in enumerate(tasks, 1):
                task.result()
                if number % 10 == 0 or number == len(tasks):
                    say(f"  {min(number * PIECE, count):,} of {count:,} {'users' if add is _add_users_of else 'files'}")


class Bulk(Commit):
    """A commit of many records, into a store where nothing stands against them: what it writes is sent ahead of it, and
    is not checked."""

    def __init__(self, keys: Keys) -> None:
        super().__init__(keys)
        self._commands: list[Command] = []
        self._added: defaultdict[bytes, list[Arg]] = defaultdict(list)

    def check(self, op: str, key: bytes, *args: str | int | bytes, error: Refusal) -> None:
        """Not at all."""

    def write(self, command: str, key: bytes, *args: Arg) -> None:
        if command == "ZADD":
            self._added[key] += args
        else:
            self._commands.append((command, key, *args))

    def run(self, db: Db, *, when_full: bool = False) -> str:
        db.many([*self._commands, *(("ZADD", key, *args) for key, args in self._added.items())])
        return super().run(db, when_full=when_full)


def add_users(client: Client, users: Iterable[User]) -> None:
    db, keys = Db(client), Keys()
    store = RedisUsers(db, keys)
    for some in _pieces(users, BATCH):
        commit = Bulk(keys)
        for user in some:
            commit.add_event(user_created(user))
            store.collection.insert(commit, user)
        commit.run(db)


def add_files(client: Client, files: Iterable[File]) -> None:
    """Each as one body of one chunk leaves it, without the chunk."""
    db, keys = Db(client), Keys()
    store = RedisFiles(db, keys)
    for some in _pieces(files, BATCH):
        commit = Bulk(keys)
        for file in some:
            commit.add_event(file_created(file))
            commit.write("HINCRBY", keys.quota(file.owner), "used", file.size)
            commit.write("SET", keys.chunk_map(file.id), chunk_of(file).pack())
            store.collection.insert(commit, file)
        commit.run(db)


def user_created(user: User) -> AuditEvent:
    """The entry of one whom the shell makes."""
    values = {name: getattr(user, name) for name in USERS.recorded}
    changes = {name: (None, plain(value)) for name, value in values.items() if value or value == 0}
    ref = ObjectRef("user", user.id, user.username)
    return AuditEvent(Actions.USER_CREATE, system_actor("bench", "shell"), ref, changes=changes, at=user.created_at)


def file_created(file: File) -> AuditEvent:
    """The entry of an upload by a program."""
    actor = Actor(
        id=file.owner,
        name="somebody",
        via="api",
        ip=f"10.0.{file.created_at // 1000 % 250}.1",
        agent="curl/8.5.0",
        credential=f"token:{file.owner}",
        request_id=file.id[:16],
    )
    ref, data = ObjectRef("file", file.id, file.name), {"size": file.size, "sha256": file.sha256}
    return AuditEvent(Actions.FILE_CREATE, actor, ref, data=data, at=file.created_at)


def chunk_of(file: File) -> Chunk:
    return Chunk(file.size, bytes(16), file.digest)


def _add_users_of(url: str, crowd: Crowd, start: int, stop: int) -> None:
    with closing(connect(url)) as client:
        add_users(client, map(crowd.user, range(start, stop)))


def _add_files_of(url: str, crowd: Crowd, start: int, stop: int) -> None:
    with closing(connect(url)) as client:
        add_files(client, map(crowd.file, range(start, stop)))


def _pieces(items: Iterable[T], size: int) -> Iterator[list[T]]:
    rest = iter(items)
    while piece := list(islice(rest, size)):
        yield piece
