"""What a client was told while somebody died (`crashes.py`)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


class Journal:
    """What the client was told, kept by the client: it survives the worker and the store."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def note(self, what: str, *details: object) -> None:
        with self._path.open("a") as out:
            out.write(json.dumps([what, *details]) + "\n")

    def of(self, what: str) -> list[list[Any]]:
        lines = self._path.read_text().splitlines() if self._path.exists() else []
        return [details for kind, *details in map(json.loads, lines) if kind == what]
