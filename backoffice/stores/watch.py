"""Versions that a request rests on, asked for with the first thing that it asks of the store.

Redis's WATCH guards a transaction by keys read before it. This does the same for a whole request, without a trip of
its own: what was remembered from an earlier request counts as read, and `Db` sends the question whether it is still so
along with the first reads, or lets the first script answer it before its first effect. So what was taken away is gone
at the next request, as if everything had been read anew.

A watch belongs to the thread that serves the request. Other threads that work for it begin after its first trip.

After that nothing is watched any more. What a request does later it does on a `Ground` (`domain/access.py`), whose
versions are compared by each script that acts (`Db.script`): the body of an upload may take an hour.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextvars import ContextVar
from typing import Any, Final

from backoffice.domain.versions import IdentityChanged, Version

STALE: Final = "STALE"
"""First word of the error by which `_watch.lua` says that something has changed."""

READS: Final = frozenset(
    {
        "GET",
        "GETRANGE",
        "STRLEN",
        "EXISTS",
        "PTTL",
        "HGET",
        "HMGET",
        "HGETALL",
        "ZCARD",
        "ZCOUNT",
        "ZLEXCOUNT",
        "ZRANGE",
        "ZRANK",
        "ZREVRANK",
        "ZSCORE",
        "XLEN",
        "XRANGE",
        "XREVRANGE",
        "PING",
        "INFO",
    }
)
"""Commands that may be sent together with the question; before any other it is asked by itself."""


def command_of(version: Version) -> tuple[bytes | str, ...]:
    """What asks for it."""
    return ("HGET", version.key, version.field) if version.field else ("GET", version.key)


def same(versions: Sequence[Version], replies: Sequence[Any]) -> bool:
    """Whether these replies to their commands say that nothing has moved."""
    return [reply or b"" for reply in replies] == [version.value for version in versions]


class Compared:
    """Versions as `_watch.lua` takes them: `keys` after the keys of the script, `args` after its arguments."""

    __slots__ = ("args", "keys")

    def __init__(self, versions: Sequence[Version]) -> None:
        pairs: list[bytes | str | int] = [part for one in versions for part in (one.field, one.value)]
        self.keys = tuple(version.key for version in versions)
        self.args = (*pairs, len(versions))


class Watch(Compared):
    """Versions that must still be so; `changed` is called when one is not."""

    __slots__ = ("_changed", "_versions", "commands")

    def __init__(self, versions: Sequence[Version], changed: Callable[[], None]) -> None:
        super().__init__(versions)
        self._changed, self._versions = changed, versions
        self.commands = tuple(map(command_of, versions))

    def check(self, replies: Sequence[Any]) -> None:
        """Compare the replies to `commands`; then nothing is watched any more. Raises IdentityChanged."""
        unwatch()
        if not same(self._versions, replies):
            self.fail()

    def fail(self) -> None:
        """Something has changed. Raises IdentityChanged."""
        unwatch()
        self._changed()
        raise IdentityChanged


_watched: ContextVar[Watch | None] = ContextVar("watched", default=None)


def watch(what: Watch) -> None:
    """From here on, until the store has been asked for something."""
    _watched.set(what)


def watched() -> Watch | None:
    """What has to be asked with the next thing."""
    return _watched.get()


def unwatch() -> None:
    """Nothing has to be asked any more."""
    _watched.set(None)


def only_reads(commands: Sequence[Sequence[Any]]) -> bool:
    """Whether none of these changes anything."""
    return all(command[0] in READS for command in commands)
