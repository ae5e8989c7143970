"""Identifiers under which a chunk may be kept before there is a record of it (port `IntentStore`).

Where a chunk and the records are not in one place, a small file is two steps: its chunk is kept, then one commit makes
the file. Whoever dies between the two leaves bytes that nothing names; so their identifier is noted before. It is noted
long before, with many others, so that this is no step of an upload; and it is taken off by the commit itself, which
fails where it is not there any more.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from threading import Lock
from typing import Final

from backoffice.domain.ids import new_id
from backoffice.domain.text import fold
from backoffice.domain.times import now_ms
from backoffice.domain.uploads import Intent
from backoffice.stores.client import Arg, Db
from backoffice.stores.files import NOUN as FILES
from backoffice.stores.keys import Keys
from backoffice.stores.records.codec import pairs

NOTED_TOGETHER: Final = 32
"""Of a process. So many entries are left by one that dies, until their time is over."""
LIFE_MS: Final = 60 * 60 * 1000
USABLE_MS: Final = LIFE_MS // 2
"""No request takes so long between its chunk and its commit as is left after this."""


class RedisIntents:
    """One object for each process. `barrier`: returns when what was written is safe; Unavailable where it is not. Bytes
    that lie elsewhere would outlive an identifier that was lost with the primary of the records, and belong to nobody.
    """

    def __init__(self, db: Db, keys: Keys, barrier: Callable[[], None] = lambda: None) -> None:
        self._db, self._keys, self._barrier = db, keys, barrier
        self._ready: list[Intent] = []
        self._lock = Lock()

    def take(self) -> Intent:
        """An identifier that nobody else has. Now and then a round trip or two, mostly none. Raises Unavailable."""
        usable_from = now_ms() - USABLE_MS
        with self._lock:
            while self._ready:
                intent = self._ready.pop()
                if intent.until - LIFE_MS > usable_from:
                    return intent
        first, *others = self._note()
        with self._lock:
            self._ready += others
        return first

    def _note(self) -> list[Intent]:
        until = now_ms() + LIFE_MS
        fresh = [Intent(new_id(), until) for _ in range(NOTED_TOGETHER)]
        entries: list[Arg] = [part for one in fresh for part in (one.file_id, one.until)]
        self._db.call("HSET", self._keys.intents, *entries)
        self._barrier()
        return fresh

    def due(self, now: int) -> list[str]:
        """Identifiers whose time is over."""
        noted = pairs(self._db.call("HGETALL", self._keys.intents))
        return [file_id.decode() for file_id, until in noted.items() if int(until) <= now]

    def give_up(self, file_ids: Sequence[str]) -> list[str]:
        """Those that no file has, nor holds as its content. From now on none will come, so what bytes there are can go;
        then `forget` them. Also when memory is full."""
        keys = [self._keys.intents, self._keys.unique(FILES, "content")]
        keys += (self._keys.record(FILES, one) for one in file_ids)
        args = [part for one in file_ids for part in (one, fold(one))]
        without = self._db.script("give_up_intents", keys, args, allow_oom=True) if file_ids else []
        return [one.decode() for one in without]

    def forget(self, file_ids: Sequence[str]) -> None:
        """There are no bytes under these."""
        self._db.call("HDEL", self._keys.intents, *file_ids)
