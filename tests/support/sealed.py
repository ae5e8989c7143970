"""A world whose chunks are encrypted, and who takes care of its keys."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from backoffice.services.encryption import EncryptionCare
from backoffice.site_keys import LocalKey, SiteKeys
from backoffice.stores.encryption.chunks import EncryptedChunks
from backoffice.stores.encryption.data_keys import DataKeys
from backoffice.stores.encryption.state import RedisEncryption
from backoffice.stores.log.audit import RedisAudit
from tests.support.chunks import SITE_KEYS, Place
from tests.support.uploads import KEYS, World, plain_chunks

OTHER = LocalKey(bytes(range(1, 33)))


def sealed_world(redis: Any, place: Place) -> Iterator[World]:
    """For a fixture: as long as that lasts, chunks are encrypted."""
    Place(place.directory, sealed=True).enter()
    yield World.over(redis)
    place.enter()


def care(world: World, site_keys: SiteKeys = SITE_KEYS) -> EncryptionCare:
    chunks = EncryptedChunks(plain_chunks(world.db), DataKeys(world.db, KEYS, site_keys))
    return EncryptionCare(RedisEncryption(world.db, KEYS, site_keys, chunks), RedisAudit(world.db, KEYS))
