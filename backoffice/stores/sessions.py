"""Sessions in the store. They die by themselves: each record and each user's list has its time to live."""

from __future__ import annotations

from backoffice.domain.audit import AuditEvent
from backoffice.domain.limits import MAX_SESSIONS, MAX_SIGN_INS
from backoffice.domain.sessions import Session
from backoffice.errors import Conflict
from backoffice.stores.records.commit import Commit
from backoffice.stores.records.indexes import Facet, Sorted
from backoffice.stores.records.store import RedisRecords, note_use

NOUN = "sessions"
CLOCKS_MS = 60_000
"""How far the clocks of the hosts and of the store may differ before a sweep takes a living session's entry."""


class RedisSessions(RedisRecords[Session]):
    """An index may name a session that has vanished; readers pass over it. All are ordered by the moment of death: that
    is the order of last use, but for those that are near the end of their longest life."""

    noun, record = NOUN, Session
    indexes = (
        Sorted("expires", lambda session: session.expires_at),
        Facet("user", lambda session: (session.user,), lambda session: session.expires_at, "expires"),
        Facet("ip", lambda session: (session.ip,) if session.ip else (), lambda session: session.expires_at, "expires"),
    )
    order = "expires"
    expiring = True

    def of_user(self, user_id: str) -> list[Session]:
        """The latest to die first. Drops entries of vanished ones on the way."""
        key = self._keys.index(NOUN, "user", user_id)
        ids = [one.decode() for one in self._db.call("ZRANGE", key, 0, -1, "REV")]
        found = self.collection.get_many(ids)
        gone = [one for one, session in zip(ids, found, strict=True) if session is None]
        if gone:
            self._db.call("ZREM", key, *gone)
        return [session for session in found if session is not None]

    def insert(self, record: Session, event: AuditEvent) -> None:
        """Raises Conflict when the user has too many, some of which may have vanished."""
        commit = self._commit(event)
        error = Conflict(f"A user has at most {MAX_SESSIONS} sessions.")
        commit.check("fewer", self._keys.index(NOUN, "user", record.user), MAX_SESSIONS, error=error)
        commit.charge("sign-ins", event, MAX_SIGN_INS)
        self._insert(commit, record)
        commit.run(self._db, when_full=True)

    def touch(self, session: Session, seen_at: int, expires_at: int) -> None:
        """Note that it was used. Not an act."""
        keys = [self._keys.record(NOUN, session.id), *self._ordered(session)]
        note_use(self._db, keys, [session.id, expires_at, "seen_at", seen_at, "expires_at", expires_at])

    def replace(self, old: Session, new: Session, event: AuditEvent) -> None:
        """Another secret (so another id) for the same session, or a newer `auth_at`. Raises VersionMismatch."""
        commit = self._commit(event)
        commit.charge("sign-ins", event, MAX_SIGN_INS)
        if old.id == new.id:
            self.collection.replace(commit, old, new)
            self.mortal(commit, new)
        else:
            self.collection.remove(commit, old)
            self._insert(commit, new)
        commit.run(self._db, when_full=True)

    def sweep(self, now: int) -> int:
        """Drop index entries of sessions that vanished by themselves; how many. (Other lists die whole.)"""
        key = self._keys.index(NOUN, "expires")
        return int(self._db.call("ZREMRANGEBYSCORE", key, "-inf", f"({now - CLOCKS_MS}"))

    def _insert(self, commit: Commit, session: Session) -> None:
        self.collection.insert(commit, session)
        self.mortal(commit, session)

    def mortal(self, commit: Commit, session: Session) -> None:
        """The record dies with the session, the lists of its user and address with the last of them."""
        commit.write("PEXPIREAT", self._keys.record(NOUN, session.id), session.expires_at)
        _, *lists = self._ordered(session)
        for listed in lists:
            commit.write("PEXPIREAT", listed, session.ends_at, "NX")
            commit.write("PEXPIREAT", listed, session.ends_at, "GT")

    def _ordered(self, session: Session) -> list[bytes]:
        """The index of all, then the lists that die with the last of them."""
        lists = [self._keys.index(NOUN, "user", session.user)]
        if session.ip:
            lists.append(self._keys.index(NOUN, "ip", session.ip))
        return [self._keys.index(NOUN, "expires"), *lists]
