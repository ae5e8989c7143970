"""The search for garbage is as it was when all who wanted it otherwise are done, in whatever order."""

from __future__ import annotations

import gc

from backoffice.stores.collector import OBJECTS, seldom


def test_it_is_as_it_was_when_the_last_one_is_done() -> None:
    before = gc.get_threshold()
    first, second = seldom(), seldom()
    first.__enter__()
    second.__enter__()
    assert gc.get_threshold() == (OBJECTS, *before[1:])
    first.__exit__(None, None, None)
    assert gc.get_threshold() == (OBJECTS, *before[1:])
    second.__exit__(None, None, None)
    assert gc.get_threshold() == before
