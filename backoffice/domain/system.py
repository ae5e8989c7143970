"""What a site knows of itself: how it was set up, and which of its workers live."""

from __future__ import annotations

from dataclasses import dataclass

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
