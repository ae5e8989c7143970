"""Flask without what only others pay for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Flask


class Application(Flask):
    """A Flask application whose views and hooks are all plain functions."""

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """The function itself. Flask asks of each hook and view at each request whether it is a coroutine function: a
        tenth of what a small request costs, and none is."""
        return func
