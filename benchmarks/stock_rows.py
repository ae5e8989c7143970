"""The rows of a large site in the SQLite database of `stock_admin.py`."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from backoffice.domain.access import BUILT_IN
from benchmarks.records import Crowd

OFFSET = 2
"""The identifier of the first user; 1 is who signs in."""


def load(database: Path, crowd: Crowd) -> None:
    """Into the tables that are there, and let SQLite look at them for its plans."""
    roles = {name: number for number, name in enumerate(BUILT_IN, 1)}
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("PRAGMA cache_size = -200000")
        connection.executemany("INSERT INTO role (name, id) VALUES (?, ?)", roles.items())
        connection.executemany("INSERT INTO user VALUES (?, ?, ?, ?, ?, ?, ?)", _users(crowd))
        pairs = ((number + OFFSET, roles[name]) for number in range(crowd.users) for name in crowd.user(number).roles)
        connection.executemany("INSERT INTO roles_of_users VALUES (?, ?)", pairs)
        connection.executemany("INSERT INTO file VALUES (?, ?, ?, ?, ?, ?, ?)", _files(crowd))
        connection.commit()
        connection.execute("ANALYZE")
        connection.commit()
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _users(crowd: Crowd) -> Iterator[tuple[object, ...]]:
    for number in range(crowd.users):
        one = crowd.user(number)
        own = (one.username, one.email, one.password, one.status.value)
        yield (number + OFFSET, *own, _written(one.last_login_at), _written(one.created_at))


def _files(crowd: Crowd) -> Iterator[tuple[object, ...]]:
    for number in range(crowd.files):
        one, owner = crowd.file(number), crowd.owner(number) + OFFSET
        yield (number + 1, one.name, one.size, one.mime_type, one.sha256, owner, _written(one.created_at))


def _written(ms: int) -> str:
    """As SQLAlchemy keeps a `DateTime` in SQLite."""
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
