"""What every request needs at once: the user, and what the roles grant."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from backoffice.domain.roles import Role
from backoffice.domain.users import User
from backoffice.domain.versions import Version
from backoffice.stores.client import Db
from backoffice.stores.keys import Keys
from backoffice.stores.roles import RedisRoles
from backoffice.stores.users import NOUN, RedisUsers, is_login_of


class RedisAccounts:
    """Reads across users and roles."""

    def __init__(self, db: Db, keys: Keys, users: RedisUsers, roles: RedisRoles) -> None:
        self._db, self._keys, self._users, self._roles = db, keys, users, roles

    def load(self, user_id: str) -> tuple[User | None, Mapping[str, Role]]:
        """A user and all roles by name: one round trip, unless a role was changed since."""
        user, roles, _ = self.load_with_versions(user_id)
        return user, roles

    def load_with_versions(self, user_id: str) -> tuple[User | None, Mapping[str, Role], Sequence[Version]]:
        """The same, with the versions of what was read."""
        record = self._keys.record(NOUN, user_id)
        row, epoch = self._db.many([("HGETALL", record), self._roles.epoch_command])
        user = self._users.collection.decode(user_id, row)
        number = b"%d" % user.version if user is not None else b""
        versions = (Version(record, "version", number), Version(self._keys.roles_epoch, "", epoch or b""))
        return user, self._roles.as_of(epoch), versions

    def load_many(self, ids: Sequence[str]) -> tuple[Mapping[str, User], Mapping[str, Role]]:
        """Several, by id, without those that are not there. Likewise."""
        wanted = list(dict.fromkeys(ids))
        *rows, epoch = self._db.many(
            [*(("HGETALL", self._keys.record(NOUN, one)) for one in wanted), self._roles.epoch_command]
        )
        found = (self._users.collection.decode(one, row) for one, row in zip(wanted, rows, strict=True))
        return {user.id: user for user in found if user is not None}, self._roles.as_of(epoch)

    def find(self, login: str) -> tuple[User | None, Mapping[str, Role]]:
        """By user name or e-mail address. Two round trips, found or not."""
        user, roles = self.load(self._users.id_of(login))
        return (user if user is not None and is_login_of(login, user) else None), roles
