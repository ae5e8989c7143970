"""The connection to Redis or Valkey: one factory for every kind of address, one way for commands."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache, partial
from typing import Any, Final
from urllib.parse import parse_qsl, unquote, urlsplit

from redis import Redis
from redis.cluster import ClusterNode, RedisCluster
from redis.connection import to_bool
from redis.driver_info import DriverInfo
from redis.exceptions import (
    NoScriptError,
    ResponseError,
)
from redis.retry import Retry

from backoffice.domain.access import Ground
from backoffice.errors import LaterVersion, Unavailable
from backoffice.stores.failures import ERRORS, raise_ours, store_errors
from backoffice.stores.resp_zero_copy import connection_options
from backoffice.stores.scripts import Script, load
from backoffice.stores.sentinels import Sentinels
from backoffice.stores.shards import transport_for
from backoffice.stores.through_library import Arg, Client, Command
from backoffice.stores.timed import Timed
from backoffice.stores.together import current_read, read_together
from backoffice.stores.transport import BACK_OFF, REPEATS, Direct, Pending
from backoffice.stores.watch import STALE, Compared, Watch, only_reads, unwatch, watched

__all__ = ["ANSWER_SECONDS", "Arg", "Client", "Command", "Db", "Pending", "connect", "store_errors"]

CONNECT_SECONDS = 1.0
SENTINEL_SECONDS = 1.0
"""It only says where the primary is."""
ANSWER_SECONDS = 5.0
RENEWALS = 5
"""How often what a request rests on may move while one script is sent again and again."""
MOST_CONNECTIONS = 1024
"""Of a process to one server: two for each of the most threads that can be asked for, and room."""

_MOVED: Final = object()


class Db:
    """What the control plane's stores use of a client: commands, pipelines and scripts. Values are bytes."""

    def __init__(self, client: Client, *, shebang: bool = True) -> None:
        """`shebang`: scripts begin with `#!lua`, so that a server checks memory before the first effect and refuses
        keys of another slot; only the fake server of the tests does without."""
        self.client = client
        transport = transport_for(client)
        self._direct, self._transport = isinstance(transport, Direct), Timed(transport)
        self._shebang, self._refusal = shebang, ""
        self._scripts: dict[tuple[str, bool, bool], Script] = {}

    @property
    def one_server(self) -> bool:
        """Whether all keys lie together, so that one script may use any of them."""
        return not isinstance(self.client, RedisCluster)

    @property
    def direct(self) -> bool:
        """Whether commands go over connections of our own, and not by way of the library."""
        return self._direct

    def refuse(self, reason: str) -> None:
        """From now on nothing is changed any more, also not for what is under way, and it is said why; "": it is."""
        self._refusal = reason

    def call(self, *command: Arg) -> Any:
        """One command, one round trip."""
        reading, watch = current_read(), watched()
        if reading is not None:
            return reading.many([command])[0]
        return self._one(command) if watch is None else self._watched(watch, [command])[0]

    def call_ahead(self, *command: Arg) -> Any:
        """One command that is not held back until it is known whether the one who asks still may (`watch.py`): what
        comes after it asks that, and then it has to be undone."""
        return self._one(command)

    def _one(self, command: Command) -> Any:
        try:
            return self._transport.call(command)
        except ERRORS as error:
            raise_ours(error)

    def many(self, commands: Sequence[Command]) -> list[Any]:
        """The replies of several commands sent together, in order: one round trip."""
        reading, watch = current_read(), watched()
        if reading is not None:
            replies: list[Any] = reading.many(commands)
            return replies
        return self._several(commands) if watch is None else self._watched(watch, commands)

    def together(self, *reads: Callable[[], Any]) -> list[Any]:
        """What these reads return. They do not depend on each other, so they share their round trips."""
        return read_together(self.many, reads)

    def alone(self, question: Any, ask: Callable[[], Any]) -> Any:
        """What `ask` gets from the client in one round trip: for questions that cannot be sent with others. `question`
        says which one it is."""
        reading = current_read()
        return ask() if reading is None else reading.alone(question, ask)

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
        try:
            return self._transport.many(commands)
        except ERRORS as error:
            raise_ours(error)

    def ask(self, *command: Arg) -> Pending:
        """Send a command that only reads, and go on."""
        if watched() is not None:
            self.many(())
        return self._transport.ask(command)

    def script(
        self,
        name: str,
        keys: Sequence[bytes],
        args: Sequence[Arg],
        *,
        allow_oom: bool = False,
        before: Sequence[Command] = (),
        ground: Ground | None = None,
    ) -> Any:
        """Run `<name>.lua`. `allow_oom`: also when memory is full (for what frees it). `before`: what is sent ahead of
        it, in the same trip. `ground`: what has to hold for it to have an effect; where something of that has moved,
        this is asked anew, and what a refusal raises comes out."""
        if self._refusal:
            raise LaterVersion(self._refusal)
        if current_read() is not None:
            question = (name, *keys, *args)
            again = partial(self.script, name, keys, args, allow_oom=allow_oom, before=before, ground=ground)
            return self.alone(question, again)
        if before and watched() is not None:
            self.many(())  # it may change something, and the script would look too late
        watch = watched()
        if watch is not None:
            answer = self._compared(name, keys, args, watch, allow_oom=allow_oom)
            if answer is _MOVED:
                watch.fail()
            unwatch()
            return answer
        if ground is None:
            return self._run(self._script(name, allow_oom=allow_oom), keys, args, before)
        for _ in range(RENEWALS):
            compared = Compared(ground.versions)
            answer = self._compared(name, keys, args, compared, allow_oom=allow_oom, before=before)
            if answer is not _MOVED:
                return answer
            ground.renew()
        raise Unavailable

    def _compared(
        self,
        name: str,
        keys: Sequence[bytes],
        args: Sequence[Arg],
        versions: Compared,
        *,
        allow_oom: bool,
        before: Sequence[Command] = (),
    ) -> Any:
        """What the script returns, `_MOVED` where it found another version and did nothing."""
        script = self._script(name, allow_oom=allow_oom, watched=True)
        try:
            return self._run(script, [*keys, *versions.keys], [*args, *versions.args], before)
        except ResponseError as error:
            if str(error).startswith(STALE):
                return _MOVED
            raise

    def _script(self, name: str, *, allow_oom: bool, watched: bool = False) -> Script:
        found = self._scripts.get((name, allow_oom, watched))
        if found is None:
            found = load(name, shebang=self._shebang, allow_oom=allow_oom, watched=watched)
            self._scripts[name, allow_oom, watched] = found
        return found

    def _run(self, script: Script, keys: Sequence[bytes], args: Sequence[Arg], before: Sequence[Command] = ()) -> Any:
        try:
            return self._several([*before, ("EVALSHA", script.sha, len(keys), *keys, *args)])[-1]
        except NoScriptError:  # what was sent ahead has been carried out
            return self._one(("EVAL", script.source, len(keys), *keys, *args))


@cache
def _driver() -> DriverInfo:
    return DriverInfo()


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
        "retry": Retry(BACK_OFF, REPEATS),
        "max_connections": MOST_CONNECTIONS,
        # Else each connection that is made reads the library's version from its files.
        "driver_info": _driver(),
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
    for option, value in parse_qsl(parts.query, keep_blank_values=True):
        options[option] = bool(to_bool(value)) if option == "ssl_check_hostname" else value  # type: ignore[no-untyped-call]
    return found, parts.path.strip("/"), options


def _sentinel(url: str, options: dict[str, Any]) -> Client:
    hosts, path, extra = _hosts(url, 26379)
    service, _, db = path.partition("/")
    if not service:
        raise ValueError("redis+sentinel://host:port,…/service[/db]: the service is missing")
    # Each is asked once, and soon the next one: where the primary's host is gone, so is the sentinel on it, and with
    # the library's ten repetitions no request would live to hear what the others say.
    own: dict[str, Any] = {"socket_timeout": SENTINEL_SECONDS, "socket_connect_timeout": CONNECT_SECONDS}
    own["retry"] = Retry(BACK_OFF, 0)
    own |= {name: value for name, value in extra.items() if name.startswith("ssl")}
    own |= {name: found for name in ("username", "password") if (found := extra.pop(f"sentinel_{name}", None))}
    sentinel = Sentinels(hosts, sentinel_kwargs=own, **options, **extra)  # type: ignore[no-untyped-call]
    client: Redis = sentinel.master_for(service, db=int(db or 0))  # type: ignore[no-untyped-call]
    return client


def _cluster(url: str, options: dict[str, Any]) -> Client:
    hosts, _, extra = _hosts(url, 6379)
    nodes = [ClusterNode(host, port) for host, port in hosts]  # type: ignore[no-untyped-call]
    return RedisCluster(startup_nodes=nodes, **options, **extra)
