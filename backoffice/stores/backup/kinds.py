"""What a backup does with each kind of key (`keys.py` lists them): one table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from backoffice.stores import files as file_store
from backoffice.stores import uploads as upload_store
from backoffice.stores.chunk_keys import BARRIER, split_chunk_key
from backoffice.stores.fsck.run import STORES
from backoffice.stores.keys import Keys
from backoffice.stores.records.store import RedisRecords
from backoffice.stores.sessions import RedisSessions
from backoffice.stores.users import NOUN as USERS


class Class(StrEnum):
    """What becomes of a key."""

    RECORD = "record"
    """Its value is in the archive, by its type, and is put back as it was."""
    CONTENT = "content"
    """Bytes of files and their maps: in the archive once for each content."""
    LOG = "log"
    """The log itself: its entries are in the archive."""
    DERIVED = "derived"
    """Made anew of records and log when they are put back."""
    TRANSIENT = "transient"
    """Left out: it is about what goes on just now, and ends by itself."""


HASH, STRING, ZSET = "hash", "string", "zset"


@dataclass(frozen=True, slots=True)
class Kind:
    """`type`: of a record's value. `expires`: it may have a time to live, which is kept as well."""

    of: Class
    type: str = HASH
    expires: bool = False


RECORD: Final = Kind(Class.RECORD)
CONTENT: Final = Kind(Class.CONTENT, STRING)
DERIVED: Final = Kind(Class.DERIVED)
TRANSIENT: Final = Kind(Class.TRANSIENT)

NOUNS: Final[Mapping[str, type[RedisRecords[Any]]]] = {store.noun: store for store in STORES}
"""Those that `fsck` looks through besides files and uploads."""
LEFT_OUT: Final = frozenset({upload_store.NOUN, RedisSessions.noun})
"""Nouns that are about what goes on just now: who is signed in, and what is arriving."""
_INDEXES: Final = frozenset({"by", "one", "facet"})
_NETWORKS: Final = "networks"
_KINDS: Final[Mapping[str, Kind]] = {
    "map": CONTENT,
    "quota": DERIVED,
    "lists": RECORD,
    "audit": Kind(Class.LOG),
    "seals": RECORD,
    "by": DERIVED,
    "segment": DERIVED,
    "segments": DERIVED,
    "full": DERIVED,
    "cut": DERIVED,
    "request": TRANSIENT,
    "daily": TRANSIENT,
    "reads": Kind(Class.RECORD, expires=True),
    "seen": TRANSIENT,
    "throttle": TRANSIENT,
    "throttled": TRANSIENT,
    "refusals": RECORD,
    "epoch": Kind(Class.RECORD, STRING),
    "worker": TRANSIENT,
    "workers": TRANSIENT,
    "worked": TRANSIENT,
    "step": RECORD,
    "intents": TRANSIENT,
    "keys": TRANSIENT,
    "install": RECORD,
    "backup": TRANSIENT,
}
"""By the first part of the name; those of nouns are judged by `kind_of`."""


def kind_of(keys: Keys, key: bytes) -> Kind | None:
    """What a backup does with this key; None for one that is none of ours."""
    parts = keys.split(key)
    if not parts:
        if split_chunk_key(key) is not None:
            return CONTENT
        return TRANSIENT if keys.is_staged(key) or key.startswith(BARRIER) else None
    name, *more = parts
    if name in NOUNS or name in {file_store.NOUN, upload_store.NOUN}:
        return _of_noun(name, more)
    kind = _KINDS.get(name)
    if name == "map" and len(more) > 1:
        return TRANSIENT  # of an upload, whose record is left out
    if name == "reads" and not more:
        return Kind(Class.RECORD, ZSET)
    if name == "refusals" and more[-1].endswith(_NETWORKS):
        return Kind(Class.RECORD, STRING)
    return kind


def _of_noun(noun: str, more: list[str]) -> Kind:
    if len(more) > 1 and more[0] in _INDEXES:
        # Names of users who were deleted: no record says them any more.
        return RECORD if (noun, *more) == (USERS, "one", "reserved") else DERIVED
    return TRANSIENT if noun in LEFT_OUT else RECORD
