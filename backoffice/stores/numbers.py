"""How much there is and how much waits, in one round trip: for who watches the site."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from backoffice.domain.jobs import JobState
from backoffice.domain.system import Queue, SiteNumbers
from backoffice.stores.backup.store import NOTE_FIELDS, notes_of
from backoffice.stores.client import Command, Db
from backoffice.stores.keys import Keys
from backoffice.stores.records.codec import pairs
from backoffice.stores.records.collection import flat_pairs

QUEUES: Final[Mapping[str, tuple[str, str, bool]]] = {
    "digest": ("files", "undigested", False),
    "expire": ("uploads", "expires", True),
    "collect uploads": ("uploads", "gc", True),
    "follow folders": ("folders", "moving", False),
    "purge folders": ("folders", "purge", True),
    "purge": ("files", "purge", True),
    "collect files": ("files", "gc", False),
    "jobs": ("jobs", "open", False),
}
"""What waits for a worker, by the name of its job: noun and index, and whether the scores are moments that are still to
come; else all that is in it waits, from its score on."""


class RedisNumbers:
    """Port `NumberStore`."""

    def __init__(self, db: Db, keys: Keys) -> None:
        self._db, self._keys = db, keys

    def read(self, now: int) -> SiteNumbers:
        """All of them. `now` in ms. What it takes of the store does not grow with what there is."""
        queues = [self._keys.index(noun, index) for noun, index, _ in QUEUES.values()]
        states = [self._keys.index("jobs", "state", state) for state in JobState]
        commands: list[Command] = [
            ("HGETALL", self._keys.worked),
            ("HMGET", self._keys.install, *NOTE_FIELDS),
            ("ZCARD", self._keys.index("uploads", "created")),
            ("ZCARD", self._keys.index("files", "created")),
            *(("ZCARD", key) for key in states),
            *(("ZCOUNT", key, "-inf", now if due else "+inf") for key, (*_, due) in _with_keys(queues)),
            *(("ZRANGE", key, 0, 0, "WITHSCORES") for key in queues),
        ]
        worked: Any
        noted: Any
        worked, noted, uploads, files, *rest = self._db.many(commands)
        jobs, rest = rest[: len(states)], rest[len(states) :]
        return SiteNumbers(
            uploads=int(uploads),
            files=int(files),
            jobs={str(state): int(count) for state, count in zip(JobState, jobs, strict=True)},
            queues=[
                Queue(name, int(count), _age(first, now) if int(count) else 0)
                for name, count, first in zip(QUEUES, rest[: len(queues)], rest[len(queues) :], strict=True)
            ],
            worked={name.decode(): int(number) for name, number in pairs(worked).items()},
            backups=notes_of(noted),
        )


def _with_keys(queues: list[bytes]) -> list[tuple[bytes, tuple[str, str, bool]]]:
    return list(zip(queues, QUEUES.values(), strict=True))


def _age(first: Any, now: int) -> int:
    """How long (ms) what comes first has waited."""
    return max([0, *(now - int(float(score)) for _, score in flat_pairs(first))])
