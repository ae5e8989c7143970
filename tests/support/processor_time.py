"""Processor time of what must cost no more than its length, on a machine that does other things as well."""

from __future__ import annotations

import time
from collections.abc import Callable

TRIES = 3


def least_seconds(call: Callable[[], object], below: float, tries: int = TRIES) -> float:
    """Processor seconds of `call`: of the first time that took less than `below`, else of the quickest. What else the
    machine does, and a collection of garbage, only add to it; what costs the square of its length is slow each time."""
    taken = []
    for _ in range(tries):
        began = time.process_time()
        call()
        taken.append(time.process_time() - began)
        if taken[-1] < below:
            break
    return min(taken)
