"""Who somebody is, remembered from one request to the next (port `IdentityStore`)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from threading import Lock
from typing import Any, Final, TypeVar

from backoffice.domain.identities import Identity
from backoffice.domain.sessions import Session
from backoffice.domain.tokens import Token
from backoffice.domain.versions import Version
from backoffice.stores.client import Db
from backoffice.stores.keys import Keys
from backoffice.stores.recent import Recent
from backoffice.stores.records.store import RedisRecords
from backoffice.stores.roles import RedisRoles
from backoffice.stores.sessions import RedisSessions
from backoffice.stores.tokens import RedisTokens
from backoffice.stores.users import RedisUsers
from backoffice.stores.watch import Watch, command_of, same, unwatch, watch, watched

REMEMBERED: Final = 10_000
"""Identities that a process remembers; those used longest ago go first."""

C = TypeVar("C", Token, Session)


@dataclass(frozen=True, slots=True)
class _Entry:
    identity: Identity[Any]
    watch: Watch


class RedisIdentities:
    """What was read of a token or session, its user and the roles is remembered, with the versions that it had. Where
    it is given out again these are watched (`watch.py`): the first thing that is asked of the store then fails with
    IdentityChanged if one of them has moved.

    The times of last use change no version: a remembered `used_at`, `seen_at` or `expires_at` may be older than what
    the store has.
    """

    def __init__(
        self,
        db: Db,
        keys: Keys,
        users: RedisUsers,
        roles: RedisRoles,
        tokens: RedisTokens,
        sessions: RedisSessions,
        most: int = REMEMBERED,
    ) -> None:
        self._db, self._keys = db, keys
        self._users, self._roles, self._tokens, self._sessions = users, roles, tokens, sessions
        self._entries = Recent[_Entry](most)
        self._counts: Counter[str] = Counter()
        self._lock = Lock()

    def of_token(self, token_id: str, *, remembered: bool = False) -> Identity[Token] | None:
        """A token and its user; None where one of them is not there. `remembered`: as it is remembered, to be confirmed
        by the first thing that this request asks of the store. No round trip then, else two."""
        return self._get(self._tokens, token_id, remembered=remembered)

    def of_session(self, session_id: str, *, remembered: bool = False) -> Identity[Session] | None:
        """The same for a session."""
        return self._get(self._sessions, session_id, remembered=remembered)

    def note_use(self, credential: Token | Session) -> None:
        """Remember new times of use, where the credential is remembered."""
        entry = self._entries.get(credential.id)
        if entry is not None and entry.identity.credential.version == credential.version:
            self._entries.put(credential.id, replace(entry, identity=replace(entry.identity, credential=credential)))

    @property
    def unconfirmed(self) -> bool:
        """Whether this request rests on what is remembered, and has not asked the store for anything yet."""
        return watched() is not None

    def confirm(self) -> None:
        """Ask now whether it still holds, if nothing was asked since. Raises IdentityChanged, Unavailable."""
        watching = watched()
        if watching is not None:
            self._db.many(())

    def unmoved(self, versions: Sequence[Version]) -> bool:
        """Whether the store still has all these. One round trip."""
        return same(versions, self._db.many([command_of(version) for version in versions]))

    def begin_request(self) -> None:
        """Nothing of an earlier request of this thread is watched any more."""
        unwatch()

    def counts(self) -> Mapping[str, int]:
        """What happened since this was asked last: `remembered`, `read`, `changed`, `dropped` (there were too many)."""
        with self._lock:
            counts, self._counts = self._counts, Counter()
        return counts

    def __len__(self) -> int:
        return len(self._entries)

    def _get(self, store: RedisRecords[C], credential_id: str, *, remembered: bool) -> Identity[C] | None:
        entry = self._entries.get(credential_id) if remembered else None
        if entry is None:
            self._count("read")
            return self._read(store, credential_id)
        self._count("remembered")
        watch(entry.watch)
        return entry.identity

    def _read(self, store: RedisRecords[C], credential_id: str) -> Identity[C] | None:
        record = self._keys.record(store.noun, credential_id)
        row, epoch = self._db.many([("HGETALL", record), self._roles.epoch_command])
        credential = store.collection.decode(credential_id, row)
        user = self._users.get(credential.user) if credential is not None else None
        if credential is None or user is None:
            self._entries.pop(credential_id)
            return None
        versions = (
            Version(record, "version", b"%d" % credential.version),
            Version(self._keys.record(self._users.noun, user.id), "version", b"%d" % user.version),
            Version(self._keys.roles_epoch, "", epoch or b""),
        )
        identity = Identity(credential, user, self._roles.as_of(epoch), versions)
        entry = _Entry(identity, Watch(versions, partial(self._changed, credential_id)))
        self._count("dropped", self._entries.put(credential_id, entry))
        return identity

    def _changed(self, credential_id: str) -> None:
        self._count("changed")
        self._entries.pop(credential_id)

    def _count(self, what: str, times: int = 1) -> None:
        if times:
            with self._lock:
                self._counts[what] += times
