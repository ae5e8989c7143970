"""The data keys: few, kept in the store, wrapped by the site's keys. They wrap the keys of files, which the chunks
carry; so another site key means a few keys wrapped anew, and no chunk rewritten."""

from __future__ import annotations

import json
import os
import time
from base64 import b64decode, b64encode
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from threading import Lock
from typing import Final

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from backoffice.domain.access import Actor, system_actor
from backoffice.domain.actions import Actions
from backoffice.domain.audit import AuditEvent
from backoffice.domain.times import now_ms
from backoffice.errors import Conflict, KeyMissing
from backoffice.site_keys import KEY_BYTES, SiteKey, SiteKeys, WrappingFailed
from backoffice.stores.client import Db
from backoffice.stores.keys import Keys
from backoffice.stores.records.codec import pairs
from backoffice.stores.records.commit import Commit

SETUP: Final = system_actor("setup", "system")
LOOK_SECONDS: Final = 60.0
"""How often a process that writes looks whether there is a newer data key."""


@dataclass(frozen=True, slots=True)
class WrappedKey:
    """A data key as the store has it. `wrapped_by`: the name of a site key. `made_at`: epoch ms."""

    number: int
    wrapped_by: str
    wrapped: bytes
    made_at: int

    @property
    def about(self) -> bytes:
        """What it is bound to."""
        return f"backoffice data key {self.number}".encode()

    def stored(self) -> str:
        """As it is stored: JSON."""
        row = {"by": self.wrapped_by, "key": b64encode(self.wrapped).decode(), "made_at": self.made_at}
        return json.dumps(row, separators=(",", ":"), sort_keys=True)

    @classmethod
    def read(cls, number: bytes, text: bytes) -> WrappedKey:
        """From the stored form."""
        row = json.loads(text)
        return cls(int(number), row["by"], b64decode(row["key"]), row["made_at"])


class DataKeys:
    """Of one process: reads them when they are needed first, and makes the first one where there is none."""

    def __init__(self, db: Db, keys: Keys, site_keys: SiteKeys) -> None:
        self._db, self._keys, self._site = db, keys, site_keys
        self._ciphers: Mapping[int, AESGCM] = {}
        """Replaced as a whole: who finds what is wanted there takes no lock."""
        self._looked_at = -LOOK_SECONDS
        self._lock = Lock()

    def newest(self) -> tuple[int, AESGCM]:
        """The one that new keys of files are wrapped by, with its number; made where there is none. Where a newer one
        cannot be opened now (its key management service is away) it is the newest that this process has.

        Raises KeyMissing, Unavailable, StoreFull.
        """
        # Where there is one, one thread asks for newer ones: the others do not wait for a service that hangs.
        if self._is_due and self._lock.acquire(blocking=not self._ciphers):
            try:
                if self._is_due:
                    self._look()
                    if not self._ciphers:
                        self._make_first()
            finally:
                self._lock.release()
        known = self._ciphers
        number = max(known)
        return number, known[number]

    @property
    def _is_due(self) -> bool:
        return time.monotonic() - self._looked_at >= LOOK_SECONDS

    def get(self, number: int) -> AESGCM | None:
        """None where there is none of that number. Raises KeyMissing, Unavailable."""
        if number not in self._ciphers:
            with self._lock:
                if number not in self._ciphers:
                    self._load(self._ciphers)
        return self._ciphers.get(number)

    def _make_first(self) -> None:
        event = AuditEvent(Actions.SYSTEM_ENCRYPT, SETUP, data={"data_key": 1, "site_key": self._site.first.name})
        with suppress(Conflict):  # another process came first at this moment
            self.add(1, event)
        self._load({})

    def make_unrecorded(self) -> None:
        """The first one, for a store that is being made of a backup. Nobody else uses it yet, and what was known of
        another one counts no more."""
        made = self._wrapped(1, os.urandom(KEY_BYTES), now_ms(), self._site.first)
        self._db.call("HSETNX", self._keys.data_keys, 1, made.stored())
        with self._lock:
            self._load({})

    def stored(self) -> list[WrappedKey]:
        """All of them, in their order, as they are stored."""
        return stored_keys(self._db, self._keys)

    def unwrap(self, one: WrappedKey) -> bytes:
        """Raises KeyMissing."""
        return unwrapped(one, self._site)

    def add(self, number: int, event: AuditEvent) -> None:
        """Make one of that number. Raises Conflict where another process did so meanwhile, KeyMissing where the site's
        key does not wrap."""
        made = self._wrapped(number, os.urandom(KEY_BYTES), event.at or now_ms(), self._site.first)
        commit = Commit(self._keys, event)
        commit.check("unset", self._keys.data_keys, str(number), error=Conflict("There is such a key already."))
        commit.write("HSET", self._keys.data_keys, number, made.stored())
        commit.run(self._db)

    def rewrap(self, event: AuditEvent) -> int:
        """Wrap all of them by the first of the site's keys; how many were not. Raises KeyMissing, and Conflict where
        one was changed meanwhile."""
        first = self._site.first
        changed = [
            (one, self._wrapped(one.number, self.unwrap(one), one.made_at, first))
            for one in self.stored()
            if one.wrapped_by != first.name
        ]
        if changed:
            commit = Commit(self._keys, event)
            for old, new in changed:
                error = Conflict("Somebody else wraps the keys just now.")
                commit.check("equal", self._keys.data_keys, str(old.number), old.stored(), error=error)
                commit.write("HSET", self._keys.data_keys, new.number, new.stored())
            commit.run(self._db)
        return len(changed)

    def _wrapped(self, number: int, key: bytes, made_at: int, by: SiteKey) -> WrappedKey:
        bare = WrappedKey(number, by.name, b"", made_at)
        try:
            return WrappedKey(number, by.name, by.wrap(key, bare.about), made_at)
        except WrappingFailed as error:
            raise KeyMissing(str(error)) from error

    def _look(self) -> None:
        try:
            self._load(self._ciphers)
        except KeyMissing:
            if not self._ciphers:
                raise
            self._looked_at = time.monotonic()  # each write would wait for it anew

    def _load(self, known: Mapping[int, AESGCM]) -> None:
        """All that there are; those that are known are not opened again."""
        for one in self.stored():
            if one.number not in known:
                known = {**known, one.number: AESGCM(self.unwrap(one))}
                self._ciphers = known
        self._looked_at = time.monotonic()


def unwrapped(one: WrappedKey, site_keys: SiteKeys) -> bytes:
    """The data key itself, 32 bytes. Raises KeyMissing."""
    key = site_keys.named(one.wrapped_by)
    if key is None:
        raise KeyMissing(f"The site key {one.wrapped_by} is not among those of the settings.")
    try:
        return key.unwrap(one.wrapped, one.about)
    except WrappingFailed as error:
        raise KeyMissing(str(error)) from error


def stored_keys(db: Db, keys: Keys) -> list[WrappedKey]:
    """All data keys of a store, in their order."""
    found = pairs(db.call("HGETALL", keys.data_keys))
    return sorted((WrappedKey.read(*one) for one in found.items()), key=lambda one: one.number)


def actor_event(actor: Actor, data_key: int, site_key: str) -> AuditEvent:
    """That somebody had keys made or wrapped anew."""
    return AuditEvent(Actions.SYSTEM_ENCRYPT, actor, data={"data_key": data_key, "site_key": site_key})
