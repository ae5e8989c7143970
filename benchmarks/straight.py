"""All keys of a store copied straight into a file and back, as they travel fastest: chunks by GET and SET, all else in
the server's own form, by DUMP and RESTORE. Nothing is understood of it, compared or made anew."""

from __future__ import annotations

import marshal
import os
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Final

from backoffice.stores.chunk_keys import split_chunk_key
from backoffice.stores.client import Command, Db
from backoffice.stores.scan import scan

TOGETHER: Final = 400
"""Keys: some 4 MB where they are chunks of 10 kB."""


def read_all(db: Db, path: Path) -> None:
    """Into a plain file, which is on the disk in the end."""
    with path.open("wb") as out:
        for keys in _some(key for batch in scan(db) for key in batch):
            values = db.many([("GET" if _is_chunk(key) else "DUMP", key) for key in keys])
            out.write(marshal.dumps([*keys, *values]))
        out.flush()
        os.fsync(out.fileno())


def write_all(db: Db, path: Path) -> None:
    """Into an empty store."""
    with path.open("rb") as kept:
        while True:
            try:
                found = marshal.load(kept)  # noqa: S302 - our own, of a moment ago
            except EOFError:
                return
            half = len(found) // 2
            db.many([_put(key, value) for key, value in zip(found[:half], found[half:], strict=True)])


def _put(key: bytes, value: bytes) -> Command:
    return ("SET", key, value) if _is_chunk(key) else ("RESTORE", key, 0, value)


def _is_chunk(key: bytes) -> bool:
    return split_chunk_key(key) is not None


def _some(keys: Iterator[bytes]) -> Iterator[Sequence[bytes]]:
    while some := list(islice(keys, TOGETHER)):
        yield some
