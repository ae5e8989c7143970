"""How long the windows of a walk are (`paging.py`)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

from backoffice.domain.paging import Query

LEAST: Final = 64
MOST: Final = 1_000
SPARE: Final = 1.05
"""How much longer it is than it would have to be if the records that match were spread evenly. A second one for the
few that are missing takes less than what a longer first one reads for nothing."""


def first_window(query: Query, counts: Sequence[int], total: int, length: int, entries: int = 1) -> int:
    """How many of the `length` records that are walked a page is likely to take. Of all `total`, `counts` meet each of
    the conditions, which are taken to have nothing to do with each other. `entries`: how many entries there are of a
    record where one meets them, if it is by its words."""
    matching = total * math.prod(min(1.0, count / max(1, total)) for count in counts)
    wanted = query.limit + 1 + (0 if query.cursor else query.offset)
    return max(LEAST, min(MOST, math.ceil(SPARE * entries * wanted * length / max(1.0, matching))))


def next_window(walked: int, matched: int, missing: int, usual: int) -> int:
    """How many records further on the `missing` ones of a page are likely to be, where `matched` of those `walked` did
    match; at most `usual`."""
    if not matched:
        return usual
    return max(LEAST, min(usual, math.ceil(SPARE * missing * walked / matched)))
