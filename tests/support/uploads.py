"""The chunk service as tests put it together: the real services over real stores, small limits, a clock to set."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ParamSpec, TypeVar

from redis.cluster import RedisCluster

from backoffice.domain.access import Actor, granted_by, system_actor
from backoffice.domain.actions import Actions
from backoffice.domain.audit import AuditEvent, ObjectRef
from backoffice.domain.files import File, FileSpec
from backoffice.domain.maintenance import Finding, Report
from backoffice.domain.times import now_ms
from backoffice.domain.uploads import Upload
from backoffice.domain.users import User, UserStatus
from backoffice.services.file_inspection import FileInspection
from backoffice.services.files import Files
from backoffice.services.folders import Folders
from backoffice.services.maintenance import Maintenance
from backoffice.services.uploads.completion import Completion
from backoffice.services.uploads.limits import UploadLimits
from backoffice.services.uploads.service import Uploads
from backoffice.stores.bounds import UNBOUNDED, Bounds
from backoffice.stores.chunks.disk import Disk
from backoffice.stores.chunks.files import FileChunks
from backoffice.stores.chunks.redis import RedisChunks
from backoffice.stores.client import Client, Db
from backoffice.stores.durability import RedisDurability, RedisHealth
from backoffice.stores.encryption.chunks import EncryptedChunks
from backoffice.stores.encryption.data_keys import DataKeys
from backoffice.stores.files import RedisFiles
from backoffice.stores.folders import RedisFolders
from backoffice.stores.fsck.long_indexes import LongIndexes
from backoffice.stores.fsck.run import Fsck
from backoffice.stores.intents import RedisIntents
from backoffice.stores.keys import Keys
from backoffice.stores.log.audit import RedisAudit
from backoffice.stores.records.commit import facets
from backoffice.stores.uploads import RedisUploads
from backoffice.stores.users import RedisUsers
from tests.support.chunks import SITE_KEYS, Place
from tests.support.database import database

KEYS = Keys("t")
CHUNK = 1000
"""Bytes of a chunk of a long body."""
LIMITS = UploadLimits(
    chunk_size=CHUNK,
    max_chunk_size=4 * CHUNK,
    max_file_size=100 * CHUNK,
    max_chunks=200,
    max_open=100,
    upload_seconds=3600,
    upload_max_seconds=24 * 3600,
    trash_seconds=3600,
    quota=1000 * CHUNK,
    least_chunk=1,
)


def person(name: str, ip: str = "192.0.2.1") -> Actor:
    """Somebody with the role `user`."""
    return Actor(name, name, roles=(("user", granted_by("user")),), ip=ip, request_id="r")


ALICE = person("alice")
OPERATOR = system_actor("olivia", "shell")
"""Who runs `fsck`."""


class Roomy(RedisHealth):
    """The fake server does not say how much memory it has."""

    def _has_room(self) -> bool:
        return True


def chunk_store(db: Db, disk: Disk | None = None) -> RedisChunks | FileChunks | EncryptedChunks:
    """The one of the place where the bytes of this test lie."""
    plain = plain_chunks(db, disk)
    here = Place.current
    return EncryptedChunks(plain, DataKeys(db, KEYS, SITE_KEYS), only=here.only) if here.sealed else plain


def plain_chunks(db: Db, disk: Disk | None = None) -> RedisChunks | FileChunks:
    """The one that has the bytes."""
    directory = Place.current.directory
    if directory is None:
        return RedisChunks(db, KEYS, RedisDurability(db, KEYS), Roomy(db))
    return FileChunks(disk or Disk(directory))


_enrolled: dict[tuple[type, tuple[Actor, ...]], list[tuple[bytes, bytes]]] = {}
"""What one empty server of that kind has after they were enrolled: each key and its dump."""


def enrol(client: Client, *people: Actor) -> None:
    """Let them be users, for nobody else has a quota. Before anything is in the log, nothing of it stays there."""
    if isinstance(client, RedisCluster) or client.dbsize():
        return _enrol(client, *people)
    kind, db = (type(client), people), database(client)
    if kind in _enrolled:
        known = db._script("commit", allow_oom=False).source
        db.many([("SCRIPT", "LOAD", known), *(("RESTORE", key, 0, dump) for key, dump in _enrolled[kind])])
    else:
        _enrol(client, *people)
        _enrolled[kind] = [(key, db.call("DUMP", key)) for key in client.scan_iter()]
    return None


def _enrol(client: Client, *people: Actor) -> None:
    db = database(client)
    users, quiet = RedisUsers(db, KEYS), not db.call("EXISTS", KEYS.audit)
    for one in people:
        event = AuditEvent(Actions.USER_CREATE, OPERATOR, ObjectRef("user", one.id, one.name))
        if users.get(one.id) is not None:
            continue
        users.insert(User(one.id, one.name, 1, 1, status=UserStatus.ACTIVE, roles=("user",)), event)
        if quiet:
            db.call("DEL", KEYS.audit, *(KEYS.audit_index(facet, value) for facet, value in facets(event)))


@dataclass(slots=True)
class Clock:
    """The services' clock. The store has its own: what dies by it, dies in real time."""

    ms: int = field(default_factory=now_ms)

    def __call__(self) -> int:
        return self.ms

    def forward(self, seconds: float) -> None:
        self.ms += int(seconds * 1000)


@dataclass(slots=True)
class World:
    """Services, the stores below them, and `fsck` beside them."""

    db: Db
    chunks: RedisChunks | FileChunks | EncryptedChunks
    uploads: RedisUploads
    files: RedisFiles
    service: Uploads
    library: Files
    folders: Folders
    inspection: FileInspection
    maintenance: Maintenance
    clock: Clock

    @classmethod
    def over(
        cls,
        client: Client,
        limits: UploadLimits = LIMITS,
        db: Db | None = None,
        disk: Disk | None = None,
        keys: Keys = KEYS,
        bounds: Bounds = UNBOUNDED,
    ) -> World:
        """`db`, `disk`: another way to the same store, for tests that look at or disturb what goes over it. Where the
        bytes lie, `chunks.Place` says. `keys`: with the same prefix. `bounds`: of files; of their versions the limits
        say the same."""
        db, clock, limits = db or database(client), Clock(), replace(limits, keep_versions=bounds.versions)
        files, durability, health = RedisFiles(db, keys, bounds), RedisDurability(db, keys), Roomy(db)
        chunks = chunk_store(db, disk)
        uploads, users, audit = RedisUploads(db, keys, files), RedisUsers(db, keys), RedisAudit(db, keys)
        enrol(client, ALICE, person("bob"))
        completion = Completion(uploads, files, chunks, RedisIntents(db, keys), durability, clock)
        service = Uploads(uploads, files, chunks, audit, completion, health, limits, clock)
        library = Files(files, uploads, chunks, users, audit, limits.quota, limits.trash_seconds, clock)
        folders = Folders(
            store=RedisFolders(db, keys),
            audit=audit,
            files=files,
            chunks=chunks,
            trash_seconds=limits.trash_seconds,
            now=clock,
        )
        inspection = FileInspection(files, uploads, chunks, audit, clock)
        maintenance = Maintenance(Fsck(db, keys, chunks), audit, LongIndexes(db, keys))
        return cls(db, chunks, uploads, files, service, library, folders, inspection, maintenance, clock)

    # -- doing

    def begin(self, actor: Actor, parts: Sequence[bytes], *, name: str = "", sized: bool = True) -> Upload:
        """An upload that has none of its chunks yet."""
        return self.service.start(
            actor, total_chunks=len(parts), size=sum(map(len, parts)) if sized else None, name=name
        )

    def put(self, actor: Actor, upload_id: str, index: int, parts: Sequence[bytes]) -> None:
        self.service.put_chunk(actor, upload_id=upload_id, index=index, total_chunks=len(parts), data=parts[index])

    def partly(self, actor: Actor, parts: Sequence[bytes], count: int, *, name: str = "") -> Upload:
        """An upload that has its first `count` chunks."""
        upload = self.begin(actor, parts, name=name)
        for index in range(count):
            self.put(actor, upload.id, index, parts)
        return upload

    def stored(self, actor: Actor, parts: Sequence[bytes], name: str = "a.txt", **options: Any) -> File:
        """A whole file, chunk by chunk."""
        upload = self.partly(actor, parts, len(parts))
        return self.service.complete(actor, upload.id, FileSpec(name, **options), total_size=sum(map(len, parts)))

    def read(self, actor: Actor, file_id: str) -> bytes:
        return b"".join(self.library.open(actor, file_id).read())

    # -- damaging

    def lose(self, file_id: str, index: int) -> None:
        """A chunk is there no more, kept or not."""
        self.chunks.hold(file_id, index, now_ms() + 60_000)
        self.chunks.release(file_id, index)

    def exchange(self, file_id: str, index: int, data: bytes, *, kept: bool) -> None:
        """Other bytes are there, or some where there were none."""
        self.lose(file_id, index)
        self.chunks.put(file_id, index, data, now_ms() + 1_000_000)
        if kept:
            self.chunks.keep(file_id, index + 1)

    # -- judging

    def fsck(self, *, fix: bool = False) -> tuple[Report, list[Finding]]:
        """The report and the findings."""
        found: list[Finding] = []
        run = self.maintenance.repair if fix else self.maintenance.check
        report = run(OPERATOR, on_finding=lambda finding, _: found.append(finding))
        return report, found

    def assert_sound(self) -> None:
        """`fsck` finds nothing."""
        _, found = self.fsck()
        assert not found, "\n".join(f"{one.invariant.name}: {one.what}" for one in found)


def reader(body: bytes, step: int = 700, *, fail_at: int = -1) -> Callable[[memoryview], int]:
    """A body that arrives in pieces of `step` bytes; with `fail_at` the connection breaks there."""
    at = 0

    def read_into(view: memoryview) -> int:
        nonlocal at
        if 0 <= fail_at <= at:
            raise ConnectionResetError("the connection broke")
        count = min(len(view), step, len(body) - at)
        view[:count] = body[at : at + count]
        at += count
        return count

    return read_into


T = TypeVar("T")
P = ParamSpec("P")
