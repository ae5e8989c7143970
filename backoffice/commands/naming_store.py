"""Which store it is that does not answer, or refuses: an operator with several has to be told."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from redis.exceptions import ResponseError

from backoffice.commands.cli_settings import address
from backoffice.errors import Unavailable
from backoffice.settings import Settings, SettingsError
from backoffice.stores.failures import TakesNoChanges


@contextmanager
def naming_store(settings: Settings) -> Iterator[None]:
    """For the first commands that the store gets. Raises Unavailable with its address, without any secret, and
    SettingsError where it refuses what every command needs: the database, or the rights."""
    place = address(settings, with_password=False)
    try:
        yield
    except TakesNoChanges:  # it answers
        raise
    except Unavailable as error:
        cause = error.__cause__
        # Our own sentence for a wrong password says all there is to say; else the client library knows more.
        why = str(error) if cause is None or error.args != Unavailable().args else f"{str(cause).rstrip('.')}."
        raise Unavailable(
            f"The store at {place} does not answer: {why} Check that it runs, REDIS_URL and REDIS_PASSWORD."
        ) from error
    except ResponseError as error:
        raise SettingsError([f"The store at {place} refuses: {error}. {_advice(str(error))}"]) from error


def _advice(reason: str) -> str:
    if "DB index" in reason:
        return "REDIS_URL ends in the number of a database that it does not have; most have 0 to 15."
    if "NOPERM" in reason or "permission" in reason:
        return "Give its user the rights to all commands and keys, or take another in REDIS_URL."
    return "Check REDIS_URL: this must be a Redis or Valkey, 7.2 or newer."
