"""The door to the store, on each kind of server."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

from redis import Redis

from backoffice.stores.client import ANSWER_SECONDS, Db, connect
from backoffice.stores.transport import Direct


def database(client: Any) -> Db:
    """As the stores use it; the fake server knows no `#!lua`."""
    return Db(client, shebang=not (isinstance(client, Redis) and "fakeredis" in type(client).__module__))


@contextmanager
def client_of(url: str, password: str, timeout: float = ANSWER_SECONDS) -> Iterator[Db]:
    """The door to the store at that address."""
    with closing(connect(url, password, timeout=timeout)) as client:
        yield Db(client)


def idle(db: Db) -> int:
    """How many connections lie ready for a command."""
    assert isinstance(db._transport._transport, Direct)
    return len(db._transport._transport._idle)
