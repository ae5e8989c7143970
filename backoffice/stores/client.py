"""The connection to Redis or Valkey: one factory for every kind of address, one place where its errors become ours."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.parse import unquote, urlsplit

from redis import Redis
from redis.backoff import ExponentialWithJitterBackoff
from redis.cluster import ClusterNode, RedisCluster
from redis.exceptions import (
    AuthenticationError,
    ClusterDownError,
    MasterDownError,
    NoScriptError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisClusterException,
    ResponseError,
    TryAgainError,
)
from redis.exceptions import ConnectionError as Disconnected
from redis.exceptions import TimeoutError as TimedOut
from redis.retry import Retry
from redis.sentinel import Sentinel

from backoffice.errors import StoreFull, Unavailable
from backoffice.stores.resp_zero_copy import connection_options
from backoffice.stores.scripts import Script, load
from backoffice.stores.watch import STALE, Watch, only_reads, unwatch, watched

Client = Redis | RedisCluster
Arg = bytes | str | int | float | memoryview
Command = tuple[Arg, ...]

CONNECT_SECONDS = 1.0
ANSWER_SECONDS = 5.0
REPEATS = 2
"""A frozen server holds a request for at most 3 * 5 s, below gunicorn's time-out; every change is safe to repeat."""

_DOWN = (
    Disconnected,
    TimedOut,
    ClusterDownError,
    MasterDownError,
    ReadOnlyError,
    TryAgainError,
    RedisClusterException,
)
_FULL = ("OOM ", "MISCONF ")
_WAIT = ("LOADING ", "NOREPLICAS ", "BUSY ", "CLUSTERDOWN ", "MASTERDOWN ")


@contextmanager
def store_errors() -> Iterator[None]:
    """Redis errors become `Unavailable` (also while loading or failing over) or `StoreFull`; a wrong command stays."""
    try:
        yield
    except AuthenticationError as error:
        raise Unavailable("The store refuses our password.") from error
    except OutOfMemoryError as error:
        raise StoreFull from error
    except _DOWN as error:
        raise Unavailable from error
    except ResponseError as error:
        text = str(error)
        if any(mark in text for mark in _FULL):
            raise StoreFull from error
        if text.startswith(_WAIT):
            raise Unavailable from error
        raise


class Db:
    """What the control plane's stores use of a client: commands, pipelines and scripts. Values are bytes."""

    def __init__(self, client: Client, *, shebang: bool = True) -> None:
        """`shebang`: scripts begin with `#!lua`, so that a server checks memory before the first effect and refuses
        keys of another slot; only the fake server of the tests does without."""
        self.client = client
        self._shebang = shebang
        self._scripts: dict[tuple[str, bool, bool], Script] = {}

    def call(self, *command: Arg) -> Any:
        """One command, one round trip."""
        watch = watched()
        return self._one(command) if watch is None else self._watched(watch, [command])[0]

    def _one(self, command: Command) -> Any:
        with store_errors():
            return self.client.execute_command(*command)  # type: ignore[no-untyped-call]

    def many(self, commands: Sequence[Command]) -> list[Any]:
        """The replies of several commands sent together, in order: one round trip."""
        watch = watched()
        return self._several(commands) if watch is None else self._watched(watch, commands)

    def _watched(self, watch: Watch, commands: Sequence[Command]) -> list[Any]:
        """The replies, and before they are given out the answer whether what is watched is still so. What changes
        something is sent after that."""
        together = commands if only_reads(commands) else ()
        asked = watch.commands
        replies = self._several([*asked, *together])
        watch.check(replies[: len(asked)])
        return replies[len(asked) :] if together or not commands else self._several(commands)

    def _several(self, commands: Sequence[Command]) -> list[Any]:
        if len(commands) < 2:
            # A pipeline costs more than the command that it would carry.
            return [self._one(command) for command in commands]
        with store_errors(), self.client.pipeline(transaction=False) as pipe:
            for command in commands:
                pipe.execute_command(*command)
            replies: list[Any] = pipe.execute()
            return replies

    def script(self, name: str, keys: Sequence[bytes], args: Sequence[Arg], *, allow_oom: bool = False) -> Any:
        """Run `<name>.lua`. `allow_oom`: also when memory is full (for what frees it)."""
        watch = watched()
        if watch is None:
            return self._run(self._script(name, allow_oom=allow_oom), keys, args)
        script = self._script(name, allow_oom=allow_oom, watched=True)
        try:
            answer = self._run(script, [*keys, *watch.keys], [*args, *watch.args])
        except ResponseError as error:
            if str(error).startswith(STALE):
                watch.fail()
            raise
        unwatch()
        return answer

    def _script(self, name: str, *, allow_oom: bool, watched: bool = False) -> Script:
        found = self._scripts.get((name, allow_oom, watched))
        if found is None:
            found = load(name, shebang=self._shebang, allow_oom=allow_oom, watched=watched)
            self._scripts[name, allow_oom, watched] = found
        return found

    def _run(self, script: Script, keys: Sequence[bytes], args: Sequence[Arg]) -> Any:
        try:
            return self._one(("EVALSHA", script.sha, len(keys), *keys, *args))
        except NoScriptError:
            return self._one(("EVAL", script.source, len(keys), *keys, *args))


def connect(url: str, password: str | None = None, *, timeout: float = ANSWER_SECONDS) -> Client:
    """A client for `redis://`, `rediss://`, `unix://`, `redis+sentinel://h1:p,h2:p/service/db` or
    `redis+cluster://h1:p,h2:p` (`rediss+…` for TLS). Made after a fork, one for each process.

    Raises ValueError for another address, `Unavailable` when a cluster or a sentinel does not answer.
    """
    scheme = url.partition("://")[0]
    options: dict[str, Any] = {
        "decode_responses": False,
        "protocol": 2,
        "socket_timeout": timeout,
        "socket_connect_timeout": CONNECT_SECONDS,
        # No PING before a command: a store that refuses writes (a full disk) refuses PING, too, and would seem to
        # refuse reading. A connection that has gone is found by the command itself, and made anew.
        "health_check_interval": 0,
        "retry": Retry(ExponentialWithJitterBackoff(base=0.02, cap=0.3), REPEATS),
    }
    if password:
        options["password"] = password
    with store_errors():
        if scheme in {"redis", "rediss", "unix"}:
            return Redis.from_url(url, **options, **connection_options())
        if scheme in {"redis+sentinel", "rediss+sentinel"}:
            return _sentinel(url, options | connection_options())
        if scheme in {"redis+cluster", "rediss+cluster"}:
            return _cluster(url, options)
    raise ValueError(f"not the address of a store: {scheme}://…")


def _hosts(url: str, port: int) -> tuple[list[tuple[str, int]], str, dict[str, Any]]:
    """Hosts with ports, path, and options that the address carries."""
    parts = urlsplit(url)
    login, _, hosts = parts.netloc.rpartition("@")
    found = []
    for host in hosts.split(","):
        name = urlsplit(f"//{host}")
        if not name.hostname:
            raise ValueError("the address of the store names no host")
        found.append((name.hostname, name.port or port))
    options: dict[str, Any] = {"ssl": True} if parts.scheme.startswith("rediss+") else {}
    user, _, password = login.partition(":")
    if user:
        options["username"] = unquote(user)
    if password:
        options["password"] = unquote(password)
    return found, parts.path.strip("/"), options


def _sentinel(url: str, options: dict[str, Any]) -> Client:
    hosts, path, extra = _hosts(url, 26379)
    service, _, db = path.partition("/")
    if not service:
        raise ValueError("redis+sentinel://host:port,…/service[/db]: the service is missing")
    own = {"socket_timeout": options["socket_timeout"], "socket_connect_timeout": CONNECT_SECONDS}
    if "ssl" in extra:
        own["ssl"] = True
    sentinel = Sentinel(hosts, sentinel_kwargs=own, **options, **extra)  # type: ignore[no-untyped-call]
    client: Redis = sentinel.master_for(service, db=int(db or 0))  # type: ignore[no-untyped-call]
    return client


def _cluster(url: str, options: dict[str, Any]) -> Client:
    hosts, _, extra = _hosts(url, 6379)
    nodes = [ClusterNode(host, port) for host, port in hosts]  # type: ignore[no-untyped-call]
    return RedisCluster(startup_nodes=nodes, **options, **extra)
