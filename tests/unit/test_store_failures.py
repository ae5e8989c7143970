"""What the store's errors become, also where the library puts words of its own before them."""

from __future__ import annotations

import pytest
from redis import Redis
from redis.exceptions import AskError, ClusterError, MovedError, RedisError, ResponseError, TryAgainError

from backoffice.errors import StoreFull, Unavailable
from backoffice.stores.failures import TakesNoChanges, store_errors


def within_a_pipeline(text: str) -> ResponseError:
    error = ResponseError(text)
    Redis().pipeline().annotate_exception(error, 1, ("SET", "barrier:{1}", b"1"))
    assert str(error) != text
    return error


@pytest.mark.parametrize("make", [ResponseError, within_a_pipeline])
@pytest.mark.parametrize(
    ("text", "becomes"),
    [
        ("NOREPLICAS Not enough good replicas to write.", TakesNoChanges),
        ("LOADING the dataset in memory", Unavailable),
        ("BUSY a script is running", Unavailable),
        ("CLUSTERDOWN the cluster is down", Unavailable),
        ("MISCONF errors writing to the AOF file", StoreFull),
        ("WRONGTYPE Operation against a key holding the wrong kind of value", ResponseError),
        ("ERR a command of LOADING that nobody knows", ResponseError),
    ],
)
def test_what_passes_is_told_from_a_wrong_command(
    make: type[ResponseError], text: str, becomes: type[RedisError]
) -> None:
    with pytest.raises(becomes), store_errors():
        raise make(text)


@pytest.mark.parametrize(
    "error",
    [
        ClusterError("TTL exhausted."),  # the library has asked as often as it does
        AskError("12289 127.0.0.1:7308"),
        MovedError("12289 127.0.0.1:7308"),
        TryAgainError("Multiple keys request during rehashing of slot"),
    ],
)
def test_a_slot_that_is_moving_is_no_fault(error: RedisError) -> None:
    with pytest.raises(Unavailable), store_errors():
        raise error
