"""How the store was set up."""

from __future__ import annotations

from backoffice.domain.audit import AuditEvent
from backoffice.domain.system import Installation
from backoffice.errors import Conflict
from backoffice.stores.client import Db
from backoffice.stores.keys import Keys
from backoffice.stores.records.commit import Commit


class RedisInstallation:
    """Port `InstallationStore`. The hash may be there before the record is: `RedisDurability.barrier` keeps a
    field in it."""

    def __init__(self, db: Db, keys: Keys) -> None:
        self._db, self._keys = db, keys

    def get(self) -> Installation | None:
        created_at, version, schema = self._db.call("HMGET", self._keys.install, "created_at", "version", "schema")
        return None if created_at is None else Installation(int(created_at), version.decode(), int(schema))

    def insert(self, installation: Installation, event: AuditEvent) -> None:
        """Raises Conflict when there is one already."""
        key, commit = self._keys.install, Commit(self._keys, event)
        commit.check("unset", key, "created_at", error=Conflict("The store is set up already."))
        fields = ("created_at", installation.created_at, "version", installation.version, "schema", installation.schema)
        commit.write("HSET", key, *fields)
        commit.run(self._db)
