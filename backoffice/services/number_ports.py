"""What the state of the whole needs of the store. As in `ports`: a store matches by shape."""

from __future__ import annotations

from typing import Protocol

from backoffice.domain.system import SiteNumbers


class NumberStore(Protocol):
    """How much there is and how much waits."""

    def read(self, now: int) -> SiteNumbers:
        """At this moment (ms)."""
