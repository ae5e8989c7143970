"""Sites to be backed up, and those that are made of their backups."""

from __future__ import annotations

import io
import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from redis import Redis
from redis.cluster import RedisCluster

from backoffice.composition import build_services
from backoffice.domain.access import Actor, system_actor
from backoffice.domain.deliveries import Delivery, RequestTerms, guest_credential
from backoffice.domain.files import File, FileSpec
from backoffice.domain.maintenance import Finding
from backoffice.domain.shares import ShareAccess
from backoffice.domain.users import User
from backoffice.services.backups import Made, Restored
from backoffice.services.container import Services
from backoffice.services.guests import ROLES
from backoffice.settings import ChunkPlace, Settings
from backoffice.stores.backup.kinds import Class, kind_of
from backoffice.stores.client import Client, Db, connect
from backoffice.stores.keys import Keys
from backoffice.stores.scan import scan
from tests.support.api_site import QUICK
from tests.support.servers import run_store

SHELL = system_actor("test", "shell")
KEYS = Keys()


@dataclass(frozen=True, slots=True)
class Site:
    """The services over one store, and the store."""

    services: Services
    client: Client
    settings: Settings

    @property
    def db(self) -> Db:
        return Db(self.client)

    # -- backups

    def back_up(self, path: Path, *, key: str = "", base: Path | None = None) -> Made:
        return all_of(self.services.backups.make(SHELL, path, key=key, base=base))

    def restore(self, path: Path, *, key: str = "", bases: tuple[Path, ...] = ()) -> Restored:
        """Raises AssertionError where `fsck` finds anything."""
        found: list[Finding] = []
        restored = all_of(
            self.services.backups.restore(
                SHELL, path, key=key, bases=bases, on_finding=lambda finding, _: found.append(finding)
            )
        )
        assert not found, found
        return restored

    def differences(self, path: Path, *, key: str = "") -> list[str]:
        """What is not as the archive says."""
        return list(all_of(self.services.backups.compare(SHELL, path, key=key)))

    # -- looking

    def dump(self) -> dict[bytes, Any]:
        """Every key that a backup brings back, with its value, without what is about the store itself."""
        found: dict[bytes, Any] = {}
        for batch in scan(self.db):
            for key in batch:
                kind = kind_of(KEYS, key)
                if kind is not None and kind.of is not Class.TRANSIENT and not _about_now(key):
                    found[key] = self._value(key)
        return found

    def _value(self, key: bytes) -> Any:
        call = self.db.call
        kind = call("TYPE", key)
        match kind.decode() if isinstance(kind, bytes) else kind:
            case "hash":
                row = call("HGETALL", key)
                value: Any = row if isinstance(row, dict) else dict(zip(row[::2], row[1::2], strict=True))
                own = (b"chunks", b"barrier", b"segments", b"account_ends", b"backup", b"backup_proven", b"quota_near")
                none = (b"versions", b"0")
                return {
                    one: text for one, text in value.items() if one not in (*own, b"reserved") and (one, text) != none
                }
            case "zset":
                return sorted(map(tuple, _pairs(call("ZRANGE", key, 0, -1, "WITHSCORES"))))
            case "stream":
                return call("XRANGE", key, "-", "+")
            case "set":
                return set(call("SMEMBERS", key))
            case _:
                return call("GET", key)

    def is_empty(self) -> bool:
        return not any(
            kind is None or kind.of is not Class.TRANSIENT
            for batch in scan(self.db)
            for key in batch
            if (kind := kind_of(KEYS, key)) is None or key != KEYS.install
        )


def _about_now(key: bytes) -> bool:
    """Indexes of sessions and uploads, which are left out."""
    return KEYS.split(key)[:1] in {("sessions",), ("uploads",)} or KEYS.split(key)[:2] == ("users", "by")


def _pairs(row: Any) -> list[tuple[bytes, float]]:
    if row and isinstance(row[0], list | tuple):
        return [(one, float(number)) for one, number in row]
    return [(one, float(number)) for one, number in zip(row[::2], row[1::2], strict=True)]


def all_of(steps: Any) -> Any:
    """What all steps come to."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value


def site_over(client: Client, directory: Path | None = None, **changes: Any) -> Site:
    """`directory`: where the bytes lie, None = in the store."""
    if directory is not None:
        directory.mkdir(exist_ok=True)
    settings = Settings(chunks=ChunkPlace(directory), chunk_size=64 * 1024, max_chunk_size=64 * 1024, **changes)
    services = build_services(settings, client, passwords=QUICK)
    return Site(services, client, settings)


@contextmanager
def another_store(directory: Path) -> Iterator[Redis]:
    """An empty server beside the one that all tests share."""
    directory.mkdir()
    with run_store(directory) as store:
        client = connect(store.url, store.password)
        assert not isinstance(client, RedisCluster)
        try:
            yield client
        finally:
            client.close()


def emptied(site: Site) -> Site:
    """The same with nothing in it."""
    if isinstance(site.client, RedisCluster):
        site.client.flushall(target_nodes=RedisCluster.PRIMARIES)
    else:
        site.client.flushall()
    return site


def assert_same(before: dict[bytes, Any], after: dict[bytes, Any]) -> None:
    """The second dump has what the first one had, and of the log more only at its end; bytes that no file has any more
    need not be there."""
    log = before[KEYS.audit]
    assert after[KEYS.audit][: len(log)] == log
    for key in before.keys() | after.keys():
        kind, there, now = kind_of(KEYS, key), before.get(key), after.get(key)
        assert kind is not None
        if key == KEYS.audit or there == now:
            continue
        if KEYS.split(key)[:1] == ("by",):
            assert isinstance(now, bytes), key
            assert now.startswith(there or b""), key
        else:
            assert kind.of is Class.CONTENT, (key, there, now)
            assert there is None or now is None, key


# -- something of everything


def actor(user: User) -> Actor:
    """A person who may do everything, with a session."""
    return Actor(user.id, user.username, roles=SHELL.roles, credential="session:0")


def person(site: Site, name: str) -> User:
    user, _ = site.services.users.create(SHELL, username=name, email=f"{name}@example.org", roles=("user",))
    return site.services.users.set_password(SHELL, user.id, "violet-harbour-93-lantern")


def body(data: bytes) -> Callable[[memoryview], int]:
    return io.BytesIO(data).readinto


def store_file(site: Site, owner: Actor, name: str, data: bytes, **spec: Any) -> File:
    return site.services.uploads.upload_stream(owner, FileSpec(name, **spec), body(data), len(data))


def small(site: Site) -> dict[str, bytes]:
    """A few files."""
    site.services.system.install("1")
    who = actor(person(site, "ada"))
    return {store_file(site, who, f"{n}.txt", bytes([n]) * 40 * n).id: bytes([n]) * 40 * n for n in range(1, 6)}


SIZES = (0, 1, 900, 70_000, 64 * 1024 * 3, 200_001)


def furnish(site: Site, seed: int = 0, sizes: Sequence[int] = SIZES) -> dict[str, bytes]:
    """People, files of every state and size, folders, versions, links, shares, requests, a token, a job, a view, an
    upload under way, somebody who left. The bytes of files that can be read, by identifier."""
    chance, services = random.Random(seed), site.services  # noqa: S311 - to be repeated, not to be secret
    services.system.install("1.2.3")
    ada, bob, eve = (person(site, f"{name}-{seed}") for name in ("ada", "bob", "eve"))
    owner, other = actor(ada), actor(bob)
    bytes_of: dict[str, bytes] = {}
    for number, size in enumerate(sizes):
        data = chance.randbytes(size)
        file = store_file(site, owner if number % 2 else other, f"Ä ö {number}.bin", data, tags=("blue",))
        bytes_of[file.id] = data
    services.roles.create(SHELL, name=f"scanner-{seed}", description="Looks", permissions=["files:read"])
    folder = services.folders.create(owner, name="Reports")
    inner = services.folders.create(owner, name="2026", parent=folder.id)
    kept = store_file(site, owner, "report.txt", b"first", folder=inner.id)
    services.uploads.replace_content(owner, kept.id, body(b"second one"))
    bytes_of[kept.id] = b"second one"
    trashed = store_file(site, owner, "old.txt", b"away")
    services.files.trash(owner, trashed.id)
    gone = store_file(site, owner, "gone.txt", b"x" * 100_000)
    services.files.trash(owner, gone.id)
    services.files.purge(owner, gone.id)
    services.links.create(owner, file=kept.id, password="violet-harbour-93-lantern", max_downloads=3)
    services.shares.create(owner, folder=folder.id, user=bob.username, access=ShareAccess.WRITE)
    request, _ = services.requests.create(owner, name="Send it", terms=RequestTerms(max_files=10))
    credential = guest_credential(request.id, "0" * 10)
    guest = Actor(request.id, "a guest", roles=ROLES, credential=credential, acts_for=owner.id)
    services.uploads.upload_stream(guest, FileSpec("d.txt", delivery=Delivery(review=True)), body(b"mine"), 4)
    services.tokens.create(SHELL, name="backup", user_id=ada.id)
    services.sessions.start_for(SHELL, ada)
    services.views.create(owner, section="files", name="mine", query="search=x")
    services.uploads.put_chunk(owner, upload_id=None, index=0, total_chunks=2, data=b"x" * 64, size=128, name="coming")
    services.users.delete(SHELL, eve.id)
    for _ in range(3):
        _, opened = services.files, services.files.open(owner, kept.id)
        b"".join(opened.read())
    return bytes_of


def assert_readable(site: Site, bytes_of: dict[str, bytes]) -> None:
    """All of these files are there, byte for byte."""
    for file_id, data in bytes_of.items():
        file = site.services.files.files.get(file_id)
        assert file is not None, file_id
        reader = replace(SHELL, id=file.owner)
        assert b"".join(site.services.files.open(reader, file_id).read()) == data
