"""How many cores there are for this process."""

from __future__ import annotations

import os


def usable_cores() -> int:
    """The cores this process may use, kept between 2 (one slow request must not stop the site) and 8."""
    have = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(8, max(2, have))
