"""Sessions in the store. They die by themselves: each record and each user's list has its time to live."""

from __future__ import annotations

from backoffice.domain.audit import AuditEvent
from backoffice.domain.sessions import Session
from backoffice.stores.client import Db
from backoffice.stores.collection import Collection
from backoffice.stores.commit import Commit
from backoffice.stores.indexes import Facet, Sorted
from backoffice.stores.keys import Keys

NOUN = "sessions"
CLOCKS_MS = 60_000
"""How far the clocks of the hosts and of the store may differ before a sweep takes a living session's entry."""


def sessions_collection(db: Db, keys: Keys) -> Collection[Session]:
    """The noun and its indexes, both ordered by the moment the session dies."""
    return Collection(
        db,
        keys,
        NOUN,
        Session,
        [
            Sorted("expires", lambda session: session.expires_at),
            Facet("user", lambda session: (session.user,), lambda session: session.expires_at, "expires"),
        ],
    )


class RedisSessions:
    """An index may name a session that has vanished; readers pass over it."""

    def __init__(self, db: Db, keys: Keys) -> None:
        self._db, self._keys = db, keys
        self.collection = sessions_collection(db, keys)

    def get(self, session_id: str) -> Session | None:
        return self.collection.get(session_id)

    def of_user(self, user_id: str) -> list[Session]:
        """The latest to die first. Drops entries of vanished ones on the way."""
        key = self._keys.index(NOUN, "user", user_id)
        ids = [one.decode() for one in self._db.call("ZRANGE", key, 0, -1, "REV")]
        found = self.collection.get_many(ids)
        gone = [one for one, session in zip(ids, found, strict=True) if session is None]
        if gone:
            self._db.call("ZREM", key, *gone)
        return [session for session in found if session is not None]

    def insert(self, session: Session, event: AuditEvent) -> None:
        commit = Commit(self._keys, event)
        self._insert(commit, session)
        commit.run(self._db)

    def touch(self, session: Session, seen_at: int, expires_at: int) -> None:
        """Note that it was used. Not an act."""
        keys = [self._keys.record(NOUN, session.id), *self._ordered(session)]
        self._db.script("touch", keys, [session.id, expires_at, "seen_at", seen_at, "expires_at", expires_at])

    def replace(self, old: Session, new: Session, event: AuditEvent) -> None:
        """Another secret (so another id) for the same session, or a newer `auth_at`. Raises VersionMismatch."""
        commit = Commit(self._keys, event)
        if old.id == new.id:
            self.collection.replace(commit, old, new)
            self._mortal(commit, new)
        else:
            self.collection.remove(commit, old)
            self._insert(commit, new)
        commit.run(self._db)

    def remove(self, session: Session, event: AuditEvent) -> None:
        """Raises VersionMismatch when it has ended already."""
        commit = Commit(self._keys, event)
        self.collection.remove(commit, session)
        commit.run(self._db, freeing=True)

    def sweep(self, now: int) -> int:
        """Drop index entries of sessions that vanished by themselves; how many. (The users' lists die whole.)"""
        key = self._keys.index(NOUN, "expires")
        return int(self._db.call("ZREMRANGEBYSCORE", key, "-inf", f"({now - CLOCKS_MS}"))

    def _insert(self, commit: Commit, session: Session) -> None:
        self.collection.insert(commit, session)
        self._mortal(commit, session)

    def _mortal(self, commit: Commit, session: Session) -> None:
        """The record dies with the session, the user's list with the last of them."""
        commit.write("PEXPIREAT", self._keys.record(NOUN, session.id), session.expires_at)
        _, listed = self._ordered(session)
        commit.write("PEXPIREAT", listed, session.ends_at, "NX")
        commit.write("PEXPIREAT", listed, session.ends_at, "GT")

    def _ordered(self, session: Session) -> tuple[bytes, bytes]:
        return self._keys.index(NOUN, "expires"), self._keys.index(NOUN, "user", session.user)
