"""How much of the store one person may take, besides bytes of files."""

from __future__ import annotations

from dataclasses import dataclass

from backoffice.domain.limits import KEEP_VERSIONS, UNLIMITED_QUOTA


@dataclass(frozen=True, slots=True)
class Bounds:
    """None: any number.

    quota     bytes of an owner who has no quota of their own
    files     that an owner may have, as many more in the trash, and as many earlier versions
    acts      of a person in a day that leave an entry in the log. What makes room is not counted, so that it goes on
    versions  of a file that are kept besides what it holds
    """

    files: int | None = None
    acts: int | None = None
    quota: int | None = None
    versions: int = KEEP_VERSIONS

    @property
    def default_quota(self) -> int:
        """The quota as a number."""
        return UNLIMITED_QUOTA if self.quota is None else self.quota


UNBOUNDED = Bounds()
