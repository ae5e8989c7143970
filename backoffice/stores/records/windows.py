"""How long the first window of a walk is (`paging.py`)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

from backoffice.domain.paging import Query

LEAST: Final = 64
MOST: Final = 1_000
SPARE: Final = 1.25
"""How much longer it is than it would have to be if the records that match were spread evenly."""


def first_window(query: Query, counts: Sequence[int], total: int, length: int, entries: int = 1) -> int:
    """How many of the `length` records that are walked a page is likely to take. Of all `total`, `counts` meet each of
    the conditions, which are taken to have nothing to do with each other. `entries`: how many entries there are of a
    record where one meets them, if it is by its words."""
    matching = total * math.prod(min(1.0, count / max(1, total)) for count in counts)
    wanted = query.limit + 1 + (0 if query.cursor else query.offset)
    return max(LEAST, min(MOST, math.ceil(SPARE * entries * wanted * length / max(1.0, matching))))
