"""The door to the store, on each kind of server."""

from __future__ import annotations

from typing import Any

from redis import Redis

from backoffice.stores.client import Db


def database(client: Any) -> Db:
    """As the stores use it; the fake server knows no `#!lua`."""
    return Db(client, shebang=not (isinstance(client, Redis) and "fakeredis" in type(client).__module__))
