"""The one place where the errors of Redis become ours."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

from redis.exceptions import (
    AskError,
    AuthenticationError,
    ClusterError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisClusterException,
    RedisError,
    ResponseError,
    TryAgainError,
)
from redis.exceptions import ConnectionError as Disconnected
from redis.exceptions import TimeoutError as TimedOut

from backoffice.errors import StoreFull, Unavailable

_DOWN = (
    Disconnected,
    TimedOut,
    ClusterError,
    AskError,
    ReadOnlyError,
    TryAgainError,
    RedisClusterException,
)
"""`ClusterError` is also what the library says when it has asked sixteen times for keys of a slot that is moving;
`MovedError` is an `AskError`, and the states of a cluster that is down are `ClusterError`s."""
ERRORS = (RedisError, RedisClusterException)
_FULL = ("OOM ", "MISCONF ")
_WAIT = ("LOADING ", "BUSY ", "CLUSTERDOWN ", "MASTERDOWN ")
_OF_A_PIPELINE = " of pipeline caused error: "
"""What the library puts, after the command, before the words of the server."""


class TakesNoChanges(Unavailable):
    """The store takes no changes just now, for its replicas are away; try again in a moment."""

    code = "store_read_only"


@contextmanager
def store_errors() -> Iterator[None]:
    """Redis errors become `Unavailable` (also while loading or failing over) or `StoreFull`; a wrong command stays."""
    try:
        yield
    except ERRORS as error:
        raise_ours(error)


def raise_ours(error: Exception) -> NoReturn:
    """What `store_errors` makes of one of `ERRORS`."""
    if isinstance(error, AuthenticationError):
        raise Unavailable("The store refuses our password.") from error
    if isinstance(error, OutOfMemoryError):
        raise StoreFull from error
    if isinstance(error, _DOWN):
        raise Unavailable from error
    if isinstance(error, ResponseError):
        text = str(error)
        if any(mark in text for mark in _FULL):
            raise StoreFull from error
        said = text.rpartition(_OF_A_PIPELINE)[2]
        if said.startswith("NOREPLICAS "):
            raise TakesNoChanges from error
        if said.startswith(_WAIT):
            raise Unavailable from error
    raise error
