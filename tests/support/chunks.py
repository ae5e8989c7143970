"""Where the bytes of chunks lie in a test: in Redis or in a directory. What must hold does not depend on it."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from backoffice.site_keys import LocalKey, SiteKeys

PLACES = ("redis", "file")
SITE_KEYS = SiteKeys([LocalKey(bytes(range(32)))])


def unsynced(file: int) -> None:
    """Stands for `os.fsync`: processes die in tests, machines do not, and on a busy disk the wait is nearly all that a
    test takes. That each call for it may fail, is tried all the same."""
    os.fstat(file)


@dataclass(frozen=True, slots=True)
class Place:
    """`directory`: None for Redis. `current` is that of the test that runs: every `World` is over it. `sealed`: chunks
    are encrypted, by SITE_KEYS; `only`: others are refused."""

    directory: Path | None = None
    sealed: bool = False
    only: bool = False

    current: ClassVar[Place]

    def enter(self) -> None:
        """From now on bytes lie here."""
        Place.current = self
        if self.directory is not None:
            self.directory.mkdir(exist_ok=True)

    def empty(self) -> None:
        """Away with all of them; the directory itself stays."""
        for one in self.directory.iterdir() if self.directory is not None else ():
            shutil.rmtree(one)


Place.current = Place()
