"""A back office for files: upload, find and hand out files, and account for every act."""

from __future__ import annotations

import importlib
from typing import Any

__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    """`create_app`, for `flask --app backoffice`; looked up late, so that importing the package starts nothing."""
    if name == "create_app":
        return importlib.import_module("backoffice.wsgi").create_app
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
