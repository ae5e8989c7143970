"""What a site knows of itself: how it was set up, and which of its workers live."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from backoffice.domain.backups import BackupNotes

NOTHING_DONE: Final[Mapping[str, int]] = MappingProxyType({})
SCHEMA = 1
"""Number of the form in which records are stored. A version that stores them in another form has a higher one."""


@dataclass(frozen=True, slots=True)
class Installation:
    """The setting-up of a store: when (ms), by which version of the product, and in which form it stores records."""

    created_at: int
    version: str
    schema: int = SCHEMA


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """A worker that lives: its host, and how long ago (ms) it last said so, by the store's clock."""

    host: str
    age_ms: int


@dataclass(frozen=True, slots=True)
class Queue:
    """What waits for a worker: the name of the job that it waits for, how many, and how long (ms) the first one has."""

    name: str
    due: int
    oldest_ms: int


@dataclass(frozen=True, slots=True)
class SiteNumbers:
    """How much there is: uploads that are open, files that are there, jobs by their state, what waits for a worker,
    what workers have done since the site was set up (`worker/counts.py`), and what is noted of backups."""

    uploads: int = 0
    files: int = 0
    jobs: Mapping[str, int] = field(default_factory=dict)
    queues: Sequence[Queue] = ()
    worked: Mapping[str, int] = field(default_factory=dict)
    backups: BackupNotes = field(default_factory=BackupNotes)


@dataclass(frozen=True, slots=True)
class SiteState:
    """The site as a whole: `numbers`, the workers that live, facts about the store (`System.status`), what a 201
    promises, and whether uploads are taken."""

    numbers: SiteNumbers
    workers: Sequence[Heartbeat]
    store: Mapping[str, str]
    durability: str
    room: bool
