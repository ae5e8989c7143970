"""A store in which every kind of record is there, for `fsck` to look at and for tests to damage."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from typing import Any

from backoffice.domain.actions import Actions
from backoffice.domain.audit import AuditEvent
from backoffice.domain.files import File, OnConflict
from backoffice.domain.permissions import Permissions
from backoffice.domain.roles import Role
from backoffice.domain.sessions import Session
from backoffice.domain.times import now_ms
from backoffice.domain.tokens import Token
from backoffice.domain.uploads import Upload
from backoffice.domain.users import User, UserStatus
from backoffice.stores.roles import RedisRoles
from backoffice.stores.sessions import RedisSessions
from backoffice.stores.tokens import RedisTokens
from backoffice.stores.users import RedisUsers
from tests.support.uploads import ALICE, KEYS, World, person

PARTS = [b"a" * 1000, b"b" * 500, b"c"]
BOB = person("bob", "198.51.100.7")
INDEX, ONE = KEYS.index, KEYS.unique


def add_people(world: World) -> None:
    """Users, a role, tokens and sessions."""
    now, db = now_ms(), world.db
    users, tokens, sessions = RedisUsers(db, KEYS), RedisTokens(db, KEYS), RedisSessions(db, KEYS)
    role = Role("scanner", "Looks", frozenset({Permissions.FILES_READ}), now, now)
    RedisRoles(db, KEYS).insert(role, AuditEvent(Actions.ROLE_CREATE, ALICE))
    for name in ("alice", "bob", "eve"):
        user = User(
            name,
            name,
            now,
            now,
            email=f"{name}@example.org",
            status=UserStatus.ACTIVE,
            roles=("user", "scanner"),
            invite=f"hash-{name}",
        )
        there = users.get(name)
        if there is None:
            users.insert(user, AuditEvent(Actions.USER_CREATE, ALICE))
        else:
            users.replace(there, replace(user, version=there.version + 1), AuditEvent(Actions.USER_CREATE, ALICE))
        token = Token(f"token{name}", name, "for a script", "hash", 1, now)
        tokens.insert(token, AuditEvent(Actions.TOKEN_CREATE, ALICE))
        session = Session(f"session{name}", name, 1, now, now, now, now + 60_000, now + 600_000)
        sessions.insert(session, AuditEvent(Actions.SESSION_START, ALICE))
    eve = users.get("eve")
    assert eve is not None
    users.remove(eve, AuditEvent(Actions.USER_DELETE, ALICE))


def live_a_little(world: World, seed: int, steps: int = 25) -> None:
    """A random history of uploads and files, with every state that there is at the end."""
    chance = random.Random(seed)  # noqa: S311 - to be repeated, not to be secret
    for step in range(steps):
        actor = chance.choice((ALICE, BOB))
        parts = [chance.randbytes(chance.randint(1, 900)) for _ in range(chance.randint(1, 4))]
        name = chance.choice(("a.txt", "B.txt", "Ä ö.pdf", f"{step}.bin"))
        match chance.randrange(8):
            case 0:
                world.partly(actor, parts, len(parts) - 1, name=name)
            case 1:
                world.service.cancel(actor, world.partly(actor, parts, 1).id)
            case 2:
                world.library.trash(actor, world.stored(actor, parts, name).id)
            case 3:
                world.library.purge(actor, world.stored(actor, parts, name).id)
            case 4:
                file = world.stored(actor, parts, name)
                world.library.trash(actor, file.id)
                world.library.restore(actor, file.id)
            case 5:
                world.stored(actor, parts, name, tags=("new", name[:1]), on_conflict=OnConflict.REPLACE)
            case _:
                file = world.stored(actor, parts, name, mime_type="text/plain")
                world.library.rename(actor, file.id, f"r {file.id}")
    for name in ("a.txt", "a.txt", "B.txt"):
        world.stored(ALICE, [name.encode()], name, on_conflict=OnConflict.REPLACE)
    world.library.digest_pending(set(), lambda: None)


@dataclass(frozen=True, slots=True)
class Scene:
    """A sound store with a file of three chunks and an upload that has two of its three."""

    world: World
    file: File
    upload: Upload

    @classmethod
    def over(cls, client: Any) -> Scene:
        world = World.over(client)
        add_people(world)
        live_a_little(world, 3, 6)
        file = world.stored(ALICE, PARTS, "a report.txt", tags=("blue",))
        return cls(world, file, world.partly(ALICE, PARTS, 2, name="coming.txt"))

    def call(self, *command: Any) -> Any:
        return self.world.db.call(*command)


def lose_a_chunk_of_the_upload(scene: Scene) -> None:
    scene.world.lose(scene.upload.id, 1)


def leave_chunks_without_a_record(scene: Scene) -> None:
    for index in (0, 70):
        scene.world.exchange("nobodys", index, b"x", kept=True)
