"""What the services need of the store of identifiers whose bytes may come before their record."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from backoffice.domain.uploads import Intent


class IntentStore(Protocol):
    """Identifiers under which a chunk may be kept before there is a record of it (`ChunkStore.put_ahead`)."""

    def take(self) -> Intent:
        """An identifier that nobody else has. Now and then one round trip, mostly none."""

    def due(self, now: int) -> list[str]:
        """Identifiers whose time is over."""

    def give_up(self, file_ids: Sequence[str]) -> list[str]:
        """Those that no file has, nor holds as its content. From now on none will come, so what bytes there are can go;
        then `forget` them. Also when memory is full."""

    def forget(self, file_ids: Sequence[str]) -> None:
        """There are no bytes under these."""
