"""Sentinel: who the primary is, and whether the sentinels and the replicas that belong to it are there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from redis import Redis
from redis.exceptions import AuthenticationError, RedisError, ResponseError
from redis.exceptions import ConnectionError as Disconnected
from redis.exceptions import TimeoutError as TimedOut
from redis.sentinel import MasterNotFoundError, Sentinel, SentinelConnectionPool

from backoffice.stores.cluster import place_of


class Sentinels(Sentinel):
    """As the library's; what went wrong is said in a sentence, not by its clients and pools."""

    def discover_master(self, service_name: str) -> tuple[str, int]:
        """Host and port of the primary. Raises MasterNotFoundError."""
        try:
            found: tuple[str, int] = super().discover_master(service_name)  # type: ignore[no-untyped-call]
        except MasterNotFoundError:
            raise MasterNotFoundError(self._reason(service_name)) from None
        return found

    def _reason(self, service_name: str) -> str:
        why = []
        for place, answer in _masters(self):
            if isinstance(answer, RedisError):
                why.append(f"{place}: {_said(answer)}")
            elif service_name not in answer:
                others = ", ".join(sorted(answer)) or "none"
                why.append(f"{place} knows no {service_name!r} (it knows: {others})")
            else:
                why.append(f"{place} holds its primary for down")
        return f"no sentinel names a primary. {'; '.join(why)}"


@dataclass(frozen=True, slots=True)
class Watched:
    """What the sentinels say. `silent`: why each that does not answer does not, by its place; `quorum`: why a lost
    primary would not be replaced, "" = it would; `down`: replicas that do not answer them."""

    primary: str
    sentinels: int
    silent: Mapping[str, str]
    quorum: str
    replicas: tuple[str, ...]
    down: tuple[str, ...]


def watched_by_sentinels(client: object) -> Watched | None:
    """None where the store is not behind Sentinel. Each sentinel is asked once, and has a second."""
    pool = getattr(client, "connection_pool", None)
    if not isinstance(pool, SentinelConnectionPool):
        return None
    manager, name = pool.sentinel_manager, pool.service_name
    primary, quorum, replicas, silent = "", "no sentinel knows it", [], {}
    for sentinel, (place, answer) in zip(manager.sentinels, _masters(manager), strict=True):
        if isinstance(answer, RedisError):
            silent[place] = _said(answer)
        elif name in answer and not primary:
            primary = f"{answer[name]['ip']}:{answer[name]['port']}"
            quorum = _quorum(sentinel, name)
            replicas = sentinel.sentinel_slaves(name)
    down = tuple(_place(one) for one in replicas if one["is_sdown"] or one["is_odown"] or one["is_disconnected"])
    there = tuple(_place(one) for one in replicas if _place(one) not in down)
    return Watched(primary, len(manager.sentinels), silent, quorum, there, down)


def _masters(manager: Sentinel) -> Iterator[tuple[str, Any]]:
    """Of each sentinel its place, and what it watches by name, or the error that it is asked with."""
    for sentinel in list(manager.sentinels):
        place = place_of(sentinel)
        try:
            yield place, sentinel.sentinel_masters()
        except (Disconnected, TimedOut, ResponseError) as error:
            yield place, error


def _said(error: RedisError) -> str:
    if isinstance(error, AuthenticationError) or str(error).startswith("NOAUTH"):
        return "it wants another password: sentinel_password, at the end of REDIS_URL"
    return str(error).rstrip(".")


def _quorum(sentinel: Redis, name: str) -> str:
    try:
        sentinel.execute_command("SENTINEL CKQUORUM", name)  # type: ignore[no-untyped-call]
    except ResponseError as error:
        return str(error)
    return ""


def _place(state: Mapping[str, Any]) -> str:
    return f"{state['ip']}:{state['port']}"
