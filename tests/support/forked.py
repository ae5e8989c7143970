"""Processes that are forked from one that has imported what they need: a start of Python takes most of its time for
imports."""

from __future__ import annotations

import multiprocessing
from typing import Final

CONTEXT: Final = multiprocessing.get_context("forkserver")
"""That one is started when it is first needed, and ends with this process."""
CONTEXT.set_forkserver_preload(["tests.support.small_server", "tests.support.other_process"])
