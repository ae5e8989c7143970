"""Waiting for the replicas of one server: until they have what was written, and so that they stay near while much is.

A replica that takes a long upload may say nothing of itself for tens of seconds. Only what asks it, `WAIT`, is answered
in its place in the stream. So this asks again and again, and goes by how far the replicas are: one that gets on is
waited for, one that stands still is not. And who writes much asks every few MiB (`KeptNear`), which holds the writer
back to what its replicas take; otherwise they would be behind by hundreds of MiB when the last byte has come, and
`min-replicas-max-lag` would make the server refuse to be written to.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Mapping, Sequence
from threading import Lock
from typing import Any, Final

from backoffice.domain.waits import renew_waits
from backoffice.errors import BackofficeError
from backoffice.stores.through_library import Command

ROUND_MS: Final = 500
"""Of one question; then how far they are is looked at. Below the time in which any server has to answer."""
STILL_SECONDS: Final = 5.0
"""A replica that has got no further for so long stands still."""
MOST_SECONDS: Final = 30.0
"""For so long one that gets on is waited for: less than a client, or a proxy before it, waits for an answer."""
NEAR: Final = 8 * 1024 * 1024
"""Bytes that a process sends to a server until it asks for its replicas."""
SILENT_SECONDS: Final = 10
"""A replica tells every second how far it is, unless it takes a long stream."""
REST_SECONDS: Final = 10.0
"""Replicas that stood still are not waited for again for so long: what is written goes on, and the end decides."""

Ask = Callable[[Sequence[Command]], list[Any]]
"""Sends several commands over one connection to the server that is meant, and returns their replies."""


def await_replicas(ask: Ask, write: Command, wanted: int) -> bool:
    """Wait until so many replicas have all that was written to the server before; False: they stand still, or do not
    come to it in time. `write`: something that can be written at any time; `WAIT` covers what its connection wrote.

    Replicas get one stream, and so whoever has this has what anybody wrote before. What others write from now on does
    not count: where the server was at the first question is what has to be reached.
    """
    renew_waits()
    began = moved = time.monotonic()
    server, goal, furthest = "", 0, -1
    while True:
        _, info, reached = ask([write, ("INFO", "replication"), ("WAIT", wanted, ROUND_MS)])
        if int(reached) >= wanted:
            return True
        now, acknowledged = time.monotonic(), confirmed_by(info, wanted)
        if server != str(info.get("master_replid")):  # the first question, or another has become the primary
            server, goal, furthest = str(info.get("master_replid")), int(info["master_repl_offset"]), -1
        elif acknowledged >= goal:
            return True
        if acknowledged > furthest:
            furthest, moved = acknowledged, now
        if now - moved >= STILL_SECONDS or now - began >= MOST_SECONDS:
            return False


def confirmed_by(info: Mapping[str, Any], wanted: int) -> int:
    """How far the server's stream is with so many replicas, as they said last; -1 where there are fewer."""
    replicas = [one for name, one in info.items() if name.startswith("slave") and isinstance(one, dict)]
    offsets = sorted((int(one["offset"]) for one in replicas if one.get("state") == "online"), reverse=True)
    return offsets[wanted - 1] if len(offsets) >= wanted else -1


def near_replicas(info: Mapping[str, Any]) -> int:
    """How many replicas keep up with the server of this INFO, by its own judgement where it has one
    (`min-replicas-max-lag`): a replica that hangs, or whose host has gone, stays connected for a minute."""
    if "min_slaves_good_slaves" in info:
        return int(info["min_slaves_good_slaves"])
    each = [info.get(f"slave{number}") for number in range(int(info.get("connected_slaves", 0)))]
    states = [one for one in each if isinstance(one, Mapping)]
    far = [one for one in states if one.get("state") != "online" or int(one.get("lag", 0)) > SILENT_SECONDS]
    return len(each) - len(far)


def fewest_replicas(infos: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Of the primary of a cluster with the fewest of them, in the names of INFO."""
    least = min(infos, key=near_replicas)
    return {
        "connected_slaves": least.get("connected_slaves", 0),
        "replicas_near": near_replicas(least),
        "replicas_of": least.get("replicas_of", ""),
    }


class KeptNear:
    """Bytes on their way to servers with replicas, in this process. One for all who write."""

    def __init__(self, wanted: int) -> None:
        self._wanted, self._lock = wanted, Lock()
        self._sent: dict[Hashable, int] = {}
        self._rest_until: dict[Hashable, float] = {}

    def sent(self, server: Hashable, size: int, ask: Callable[[], tuple[Ask, Command]]) -> None:
        """So many bytes more go to this server. Every `NEAR` bytes somebody waits for its replicas, and fails at
        nothing: that is for who says that all is safe. `ask`: see `await_replicas`."""
        if not self._wanted:
            return
        with self._lock:
            together = self._sent.get(server, 0) + size
            due = together >= NEAR
            self._sent[server] = 0 if due else together
        if not due or time.monotonic() < self._rest_until.get(server, 0.0):
            return
        try:
            near = await_replicas(*ask(), self._wanted)
        except BackofficeError:
            near = False
        if not near:
            self._rest_until[server] = time.monotonic() + REST_SECONDS
