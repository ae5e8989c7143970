"""Whether this process can read what is encrypted, another key, and the chunks from before."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from backoffice.domain.access import Actor
from backoffice.domain.audit import AuditEvent
from backoffice.domain.encryption import DataKey, Encryption
from backoffice.errors import Conflict, KeyMissing
from backoffice.site_keys import KMS, SiteKeys
from backoffice.stores.client import Db
from backoffice.stores.encryption.chunks import EncryptedChunks
from backoffice.stores.encryption.data_keys import DataKeys, actor_event, stored_keys, unwrapped
from backoffice.stores.keys import Keys
from backoffice.stores.records.commit import Commit

_STEP = 16
"""Chunks between two looks of whoever runs it."""


class RedisEncryption:
    """Port `EncryptionStore`. `chunks`: None where no site key is set."""

    def __init__(self, db: Db, keys: Keys, site_keys: SiteKeys, chunks: EncryptedChunks | None) -> None:
        self._db, self._keys, self._site, self._chunks = db, keys, site_keys, chunks

    def state(self) -> Encryption:
        known = stored_keys(self._db, self._keys)
        data_keys = tuple(DataKey(one.number, one.wrapped_by, one.made_at) for one in known)
        only = self._chunks is not None and self._chunks.only
        return Encryption(tuple(key.name for key in self._site.keys), data_keys, only=only)

    def rotate(self, actor: Actor) -> int:
        keys, name = DataKeys(self._db, self._keys, self._site), self._site.first.name
        number = max((one.number for one in keys.stored()), default=0) + 1
        keys.add(number, actor_event(actor, number, name))
        keys.rewrap(actor_event(actor, number, name))
        return number

    def convert(self) -> Iterator[tuple[int, int]]:
        if self._chunks is None:
            raise Conflict
        looked_at = converted = 0
        for step in batched_places(self._chunks):
            looked_at += len(step)
            converted += sum(self._chunks.convert(*place) for place in step)
            yield looked_at, converted

    def note_conversion(self, conversion: str, event: AuditEvent) -> None:
        commit, field = Commit(self._keys, event), f"converted:{conversion}"
        commit.check("unset", self._keys.install, field, error=Conflict("It is recorded already."))
        commit.write("HSET", self._keys.install, field, event.at)
        commit.run(self._db, when_full=True)


def batched_places(chunks: EncryptedChunks) -> Iterator[tuple[tuple[str, int], ...]]:
    """Where chunks are, a few at a time."""
    places = ((file_id, index) for file_id, index, _ in chunks.scan())
    while step := tuple(islice(places, _STEP)):
        yield step


def unreadable_reason(db: Db, keys: Keys, site_keys: SiteKeys) -> str:
    """Why what is encrypted cannot be read with these keys, "" when it can. Raises Unavailable."""
    missing = set()
    for one in stored_keys(db, keys):
        if site_keys.named(one.wrapped_by) is None:
            missing.add(one.wrapped_by)
            continue
        try:
            unwrapped(one, site_keys)
        except KeyMissing as error:
            return f"BACKOFFICE_ENCRYPTION_KEYS, BACKOFFICE_KMS_COMMAND: {error}"
    if not missing:
        return ""
    if KMS in missing:
        return "The stored files are encrypted by keys that BACKOFFICE_KMS_COMMAND wraps, and that is not set"
    names = ", ".join(sorted(missing))
    return f"The stored files are encrypted, and BACKOFFICE_ENCRYPTION_KEYS lacks the key {names}"
