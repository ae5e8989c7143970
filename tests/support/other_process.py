"""Another process of the site, which remembers what it has read: it is asked who a credential stands for."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from multiprocessing.connection import Connection
from typing import Any

from redis import Redis
from redis.cluster import ClusterNode, RedisCluster

from backoffice.domain.access import Actor
from backoffice.domain.versions import IdentityChanged
from tests.support.forked import CONTEXT
from tests.support.people import People


def identify(people: People, secret: str, *, remembered: bool) -> Actor | None:
    """As the web does at the beginning of a request."""
    people.identities.begin_request()
    if secret.startswith("bo_"):
        found = people.tokens.authenticate(secret, ip="", agent="", request_id="r", remembered=remembered)
        return found[0] if found is not None else None
    known = people.sessions.authenticate(secret, ip="", agent="", via="web", request_id="r", remembered=remembered)
    return known.actor if known is not None else None


def serve(people: People, secret: str) -> frozenset[str] | None:
    """What whoever has this secret may do, by one request that looks at the store once; None for nobody."""
    try:
        actor = identify(people, secret, remembered=True)
        people.identities.confirm()
    except IdentityChanged:
        actor = identify(people, secret, remembered=False)
    return frozenset(map(str, actor.permissions)) if actor is not None else None


def _run(address: Any, questions: Connection) -> None:
    if isinstance(address, list):
        client: Any = RedisCluster(startup_nodes=[ClusterNode(*node) for node in address], socket_timeout=10)
    else:
        client = Redis(unix_socket_path=address[0], password=address[1], socket_timeout=10)
    people = People(client)
    with contextlib.suppress(EOFError):  # the test is over
        while True:
            questions.send(serve(people, questions.recv()))


class OtherProcess:
    """Its end here."""

    def __init__(self, questions: Connection) -> None:
        self._questions = questions

    def may(self, secret: str) -> frozenset[str] | None:
        self._questions.send(secret)
        found: frozenset[str] | None = self._questions.recv()
        return found


@contextlib.contextmanager
def other_process(address: Any) -> Iterator[OtherProcess]:
    """`address`: (path of a Unix socket, password), or the nodes of a cluster as a list."""
    here, there = CONTEXT.Pipe()
    process = CONTEXT.Process(target=_run, args=(address, there), daemon=True)
    process.start()
    there.close()
    try:
        yield OtherProcess(here)
    finally:
        here.close()
        process.join(20)
