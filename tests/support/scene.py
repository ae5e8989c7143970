"""Services of people and of files over one store, and what belongs to people in it."""

from __future__ import annotations

from redis import Redis

from backoffice.domain.access import Actor
from backoffice.domain.users import User
from backoffice.services.archive import Archive
from backoffice.stores.log.archive import RedisArchive
from tests.support.people import ROOT, People
from tests.support.uploads import World


class Scene:
    """Services of people and of files over one store."""

    def __init__(self, fake: Redis) -> None:
        self.people, self.world = People(fake), World.over(fake)
        self.archive = Archive(RedisArchive(self.people.db, self.people.keys), self.people.log)

    def session(self, owner: User) -> str:
        return self.people.sessions.start_for(self.people.visitor(), owner).session.id

    def token(self, owner: User) -> str:
        made, _ = self.people.tokens.create(ROOT, name="backup", user_id=owner.id)
        return made.id

    def file(self, owner: User, *, trashed: bool = False) -> str:
        file = self.world.stored(self.writer(owner), [b"one"])
        if trashed:
            self.world.library.trash(ROOT, file.id)
        return file.id

    def upload(self, owner: User, *, whole: bool = False) -> str:
        writer, parts = self.writer(owner), [b"one", b"two"]
        return self.world.partly(writer, parts, 2 if whole else 0).id

    def writer(self, owner: User) -> Actor:
        """The owner as somebody who may write files of their own, which an auditor may not any more."""
        return Actor(owner.id, owner.username, ROOT.roles)
