"""Numbers for Prometheus: requests, how they ended, how long they took, and all that this process measures
(`measures.py`). No path and no name is in them. `docs/watching.md` has a table of all.

With several web processes, `PROMETHEUS_MULTIPROC_DIR` names an empty directory before the application is made
(`server/gunicorn_app.py` does that); each process counts into a file of its own there and whichever is asked adds all
of them up. Without it a process speaks for itself only."""

from __future__ import annotations

import os
import time
from bisect import bisect_left
from collections import Counter as Tally
from collections import deque
from collections.abc import Callable, Mapping
from threading import Lock
from typing import Final, Generic, TypeVar, cast

from flask import Flask, Request, Response, request
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest, values
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.multiprocess import MultiProcessCollector

from backoffice import measures
from backoffice.domain.system import SiteState
from backoffice.web.counted_files import reading
from backoffice.web.site_metrics import SiteCollector

M = TypeVar("M", Counter, Histogram)

_EXTENSION: Final = "backoffice.metrics"
_STARTED: Final = "backoffice.metrics.started"
_MOST_PENDING: Final = 20_000
_DIRECTORY = "PROMETHEUS_MULTIPROC_DIR"
_BUCKETS = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0)
_STORE_BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.5, 2.5)

THINGS: Final[Mapping[str, tuple[str, str, str, tuple[str, ...]]]] = {
    "chunks": (
        "chunks",
        "Chunks stored, refused when they were sent, read, and found damaged or missing",
        "act",
        ("stored", "refused", "read", "damaged"),
    ),
    "chunk_bytes": ("chunk_bytes", "Bytes of chunks stored and read", "act", ("stored", "read")),
    "sent_bytes": ("http_sent_bytes", "Bytes of bodies of answers", "", ()),
    "refused_credentials": (
        "refused_credentials",
        "Passwords, tokens and addresses of links that were refused",
        "credential",
        ("session", "token", "link"),
    ),
    "throttled": (
        "throttled",
        "Attempts and requests that were told to wait, by what they were counted by",
        "kind",
        ("account", "device", "requests"),
    ),
    "over_quota": ("quota_refusals", "Uploads refused for want of quota", "", ()),
    "errors": ("errors", "Refusals and failures that were answered, by their code", "code", ()),
}
"""Of each thing of `measures.py`: its name here, help, label, and kinds that are told before there were any: so that
the first one is a rise."""
LEVELS: Final[Mapping[str, tuple[str, str]]] = {
    "connections": ("http_connections", "Connections of clients"),
    "threads_busy": ("http_threads_busy", "Threads that have a request"),
    "requests_queued": ("http_requests_queued", "Requests that wait for a thread"),
}


class _Pending:
    """What was counted and does not stand in the library's numbers yet. To write there takes 5 to 10 µs each time, and
    a request counts ten things; to note it here takes one, and a hundred of a kind are written as fast as one."""

    def __init__(self) -> None:
        self._noted: deque[tuple[Counter | Histogram, float]] = deque()
        self._writing = Lock()

    def note(self, child: Counter | Histogram, amount: float) -> None:
        """Called in any thread."""
        self._noted.append((child, amount))
        if len(self._noted) > _MOST_PENDING:
            self.write()

    def write(self) -> None:
        """From now on the library's numbers have all that was noted before."""
        with self._writing:
            by_child: dict[Counter | Histogram, list[float]] = {}
            for _ in range(len(self._noted)):  # and not what comes meanwhile
                child, amount = self._noted.popleft()
                by_child.setdefault(child, []).append(amount)
            for child, amounts in by_child.items():
                if isinstance(child, Counter):
                    child.inc(sum(amounts))
                else:
                    _observe(child, amounts)


def _observe(child: Histogram, amounts: list[float]) -> None:
    """As the library does with one after the other; it has no door for many."""
    bounds, buckets, total = child._upper_bounds, child._buckets, child._sum  # noqa: SLF001
    for place, many in Tally(bisect_left(bounds, amount) for amount in amounts).items():
        buckets[place].inc(many)
    total.inc(sum(amounts))


class _Children(Generic[M]):
    """The children of a metric by their labels. The library checks and joins labels at every look; they are as many
    as it keeps itself."""

    def __init__(self, metric: M, pending: _Pending) -> None:
        self._metric: M = metric
        self._known: dict[tuple[str, ...], M] = {}
        self._pending = pending

    def of(self, *labels: str) -> M:
        child = self._known.get(labels)
        if child is None:
            child = self._known[labels] = self._metric.labels(*labels) if labels else self._metric
        return child

    def add(self, amount: float, *labels: str) -> None:
        """To a counter so much, to a histogram one of this size."""
        self._pending.note(self.of(*labels), amount)

    def count(self: _Children[Counter], *labels: str) -> None:
        self._pending.note(self.of(*labels), 1)


class Metrics:
    """The numbers of one application. It is a listener of `measures`."""

    def __init__(self) -> None:
        if _DIRECTORY in os.environ:
            # The library decides this when it is imported; here that is before the server knows its directory.
            values.ValueClass = values.MultiProcessValue()  # type: ignore[no-untyped-call]
        self._registry, self._pending = CollectorRegistry(), _Pending()
        labels = ("method", "endpoint", "status")
        self._requests = self._counter("http_requests", "Requests answered", *labels)
        self._seconds = self._histogram("http_request", "Time until the answer began", _BUCKETS, "endpoint")
        self._received = self._counter("http_received_bytes", "Bytes of request bodies, as announced")
        self._received.of()
        self._took = {
            "store": self._histogram("store_trip", "Time of a round trip to the store", _STORE_BUCKETS, "kind"),
            "barrier": self._histogram(
                "durability_barrier", "Time until what was written was safe", _STORE_BUCKETS, "kind"
            ),
        }
        self._failed = {
            "store": self._counter("store_failures", "Round trips to the store that brought no answer", "kind"),
            "barrier": self._counter("durability_barrier_failures", "Waits for safety that were in vain", "kind"),
        }
        for kind in ("read", "write", "script", "ahead"):
            self._failed["store"].of(kind)
        for kind in ("replicas", "directory"):
            self._failed["barrier"].of(kind)
        self._things = {thing: self._thing(*row) for thing, row in THINGS.items()}
        self._levels = {level: self.gauge(*row) for level, row in LEVELS.items()}

    def _counter(self, name: str, about: str, *labels: str) -> _Children[Counter]:
        return _Children(Counter(f"backoffice_{name}", about, labels, registry=self._registry), self._pending)

    def _histogram(self, name: str, about: str, buckets: tuple[float, ...], *labels: str) -> _Children[Histogram]:
        name = f"backoffice_{name}_seconds"
        return _Children(Histogram(name, about, labels, buckets=buckets, registry=self._registry), self._pending)

    def _thing(self, name: str, about: str, label: str, kinds: tuple[str, ...]) -> _Children[Counter]:
        made = self._counter(name, about, *([label] if label else []))
        for kind in kinds:
            made.of(kind)
        return made

    def init_app(self, app: Flask) -> None:
        """Count every request that reaches `app`, and what is measured meanwhile."""
        app.before_request(self._start)
        app.after_request(self._finish)
        app.extensions[_EXTENSION] = self
        measures.listen("numbers", self)

    def counter(self, name: str, about: str, label: str) -> Callable[[str], None]:
        """A new number `backoffice_<name>_total`, by the values of `label`. What comes back counts one event with the
        value that it is called with; there may be few different ones."""
        return self._counter(name, about, label).count

    def gauge(self, name: str, about: str) -> Callable[[float], None]:
        """A new number `backoffice_<name>` that goes up and down, of all web processes that live together. What comes
        back sets this process's part."""
        made = Gauge(f"backoffice_{name}", about, registry=self._registry, multiprocess_mode="livesum")
        return made.set

    # -- what is measured

    def took(self, step: str, kind: str, seconds: float, *, failed: bool) -> None:
        """A step has ended."""
        if step in self._took:
            self._took[step].add(seconds, kind)
            if failed:
                self._failed[step].count(kind)

    def counted(self, thing: str, kind: str, amount: int) -> None:
        """So many of a thing."""
        if kind:
            self._things[thing].add(amount, kind)
        else:
            self._things[thing].add(amount)

    def is_at(self, level: str, value: float) -> None:
        """How many there are now. The main loop of a worker says so about once a second (`server/main_loop.py`): what
        was counted meanwhile is written then, too, where other processes see it."""
        self._levels[level](value)
        self._pending.write()

    # -- what is told

    def exposition(self, state: SiteState) -> Response:
        """All numbers in Prometheus' text format, with those of the site."""
        site = CollectorRegistry()
        site.register(SiteCollector(state))
        return Response(self._of_processes() + generate_latest(site), content_type=CONTENT_TYPE_PLAIN_0_0_4)

    def _of_processes(self) -> bytes:
        self._pending.write()
        directory = os.environ.get(_DIRECTORY)
        if directory is None:
            return generate_latest(self._registry)
        registry = CollectorRegistry()
        MultiProcessCollector(registry, directory)  # type: ignore[no-untyped-call]
        with reading(directory):
            return generate_latest(registry)

    def _start(self) -> None:
        request.environ[_STARTED] = time.perf_counter()

    def _finish(self, response: Response) -> Response:
        asked: Request = request._get_current_object()  # type: ignore[attr-defined] # noqa: SLF001 -- Flask's own way
        endpoint = asked.endpoint or "none"
        self._requests.count(asked.method, endpoint, str(response.status_code))
        if "CONTENT_LENGTH" in asked.environ and (received := asked.content_length):
            self._received.add(received)
        if (started := asked.environ.get(_STARTED)) is not None:
            self._seconds.add(time.perf_counter() - started, endpoint)
        return response


def metrics_of(app: Flask) -> Metrics:
    """The numbers of this application, for whoever has something to count."""
    return cast(Metrics, app.extensions[_EXTENSION])
