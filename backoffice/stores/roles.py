"""Custom roles in the store; the built-in ones are in `domain/access.py`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from backoffice.domain.audit import AuditEvent
from backoffice.domain.limits import MAX_ROLES
from backoffice.domain.roles import Role, built_in_roles
from backoffice.errors import Conflict, InUse, NameTaken
from backoffice.stores.client import Command, Db
from backoffice.stores.keys import Keys
from backoffice.stores.records.commit import Commit
from backoffice.stores.records.indexes import Lexical, Sorted
from backoffice.stores.records.store import RedisRecords

NOUN = "roles"


class RedisRoles(RedisRecords[Role]):
    """Every change raises an epoch, by which each process knows that what it read before is stale."""

    noun, record = NOUN, Role
    indexes = (Sorted("created", lambda role: role.created_at), Lexical("name", lambda role: role.name))

    def __init__(self, db: Db, keys: Keys) -> None:
        super().__init__(db, keys)
        # Epoch and roles in one tuple, which is replaced whole, so that threads never see half of it.
        self._cached: tuple[bytes | None, Mapping[str, Role]] | None = None

    def all(self) -> Mapping[str, Role]:
        """All roles by name, built-in ones included; read again only after a change."""
        return self.as_of(self._db.call(*self.epoch_command))

    @property
    def epoch_command(self) -> Command:
        """What must be asked before `as_of`, on its own or together with other things."""
        return ("GET", self._keys.roles_epoch)

    def as_of(self, epoch: bytes | None) -> Mapping[str, Role]:
        """All roles as they were at this epoch, or later."""
        cached = self._cached
        if cached is not None and cached[0] == epoch:
            return cached[1]
        ids = self._db.call("ZRANGE", self._keys.index(NOUN, "created"), 0, -1)
        custom = self.collection.get_many([one.decode() for one in ids])
        found = {role.name: role for role in custom if role is not None} | {one.name: one for one in built_in_roles()}
        roles = MappingProxyType(dict(sorted(found.items())))
        self._cached = (epoch, roles)
        return roles

    def replace_several(self, pairs: Sequence[tuple[Role, Role]], events: Sequence[AuditEvent]) -> None:
        """Put the second of each pair in the place of the first, all or none, with an event for each. Raises
        VersionMismatch unless each is still the first."""
        first, *more = events
        commit = self._commit(first)
        for event in more:
            commit.add_event(event)
        for old, new in pairs:
            self.collection.replace(commit, old, new)
            self._replacing(commit, old, new)
        commit.run(self._db, when_full=True)

    def _inserting(self, commit: Commit, record: Role) -> None:
        """Raises NameTaken, and Conflict when there are too many."""
        key = self._keys.record(NOUN, record.id)
        commit.check("absent", key, error=NameTaken("This name is taken.", field="name"))
        error = Conflict(f"There can be at most {MAX_ROLES} custom roles.")
        commit.check("fewer", self._keys.index(NOUN, "created"), MAX_ROLES, error=error)

    def _removing(self, commit: Commit, old: Role) -> None:
        """Raises InUse (a user still holds it)."""
        held = InUse("Users still hold this role; take it from them first.")
        commit.check("absent", self._keys.index("users", "role", old.name), error=held)

    def _commit(self, event: AuditEvent) -> Commit:
        commit = super()._commit(event)
        commit.write("INCR", self._keys.roles_epoch)
        return commit
