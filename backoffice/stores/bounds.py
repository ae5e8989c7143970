"""How much of the store one person may take, besides bytes of files."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Bounds:
    """None: any number.

    files  that an owner may have, and as many more in the trash
    acts   of a person in a day that leave an entry in the log. What makes room is not counted, so that it goes on
    """

    files: int | None = None
    acts: int | None = None


UNBOUNDED = Bounds()
