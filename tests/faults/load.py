"""Several clients who do acts of every kind at once, as long as they are let."""

from __future__ import annotations

import contextlib
import ssl
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from tests.faults.client import Client
from tests.faults.deeds import DEEDS, Doer, GaveUp
from tests.faults.oracle import Oracle

CLIENTS = 4


@dataclass(slots=True)
class Load:
    """`gaps`: the longest time in which nothing was acknowledged, of each client. `failures`: what clients died of."""

    oracle: Oracle
    clients: list[Client] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    gave_up: int = 0
    done: int = 0
    finished: list[float] = field(default_factory=list)

    @property
    def slowest(self) -> float:
        return max(client.slowest for client in self.clients)

    @property
    def answers(self) -> dict[int, int]:
        """How many of each status."""
        found: dict[int, int] = {}
        for client in self.clients:
            for status, number in client.statuses.items():
                found[status] = found.get(status, 0) + number
        return dict(sorted(found.items()))

    def first_after(self, moment: float) -> float:
        """Seconds from then until an act was done that was begun or asked again afterwards."""
        after = [one - moment for one in self.finished if one > moment]
        return min(after, default=float("nan"))


@contextlib.contextmanager
def under_load(
    urls: Sequence[str],
    token: str,
    oracle: Oracle,
    seed: str,
    kinds: Sequence[str] = tuple(DEEDS),
    patience: float = 60.0,
    trust: ssl.SSLContext | None = None,
) -> Iterator[Load]:
    """Clients are at work in the block, and come to the end of what they do after it. They spread over `urls`. `trust`:
    for addresses of https."""
    load, stop = Load(oracle), threading.Event()

    def work(number: int, client: Client) -> None:
        doer = Doer(client, oracle, f"{seed}.{number}", seconds=patience)
        while not stop.is_set():
            prepare, act = DEEDS[doer.chance.choice(kinds)]
            try:
                prepare(doer)
                act(doer)
            except GaveUp:
                load.gave_up += 1
                doer.prepared.clear()
            except Exception as error:  # noqa: BLE001 - it is judged by whoever injected the fault
                load.failures.append(f"{type(error).__name__}: {error}")
                return
            load.finished.append(time.monotonic())

    load.clients = [Client(urls[number % len(urls)], token, trust) for number in range(CLIENTS)]
    threads = [threading.Thread(target=work, args=one, daemon=True) for one in enumerate(load.clients)]
    for thread in threads:
        thread.start()
    try:
        yield load
    finally:
        stop.set()
        for thread in threads:
            thread.join(patience * 3)
        load.failures += ["a client did not come to its end" for thread in threads if thread.is_alive()]
        load.failures += [wrong for client in load.clients for wrong in client.wrong]
        load.done = len(load.finished)
