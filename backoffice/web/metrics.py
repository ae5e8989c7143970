"""Numbers for Prometheus: how many requests, how they ended, how long they took. No path and no name is in them.

With several web processes, `PROMETHEUS_MULTIPROC_DIR` names an empty directory before the application is made
(`server/gunicorn_app.py` does that); each process counts into a file of its own there and whichever is asked adds all
of them up. Without it a process speaks for itself only."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from typing import Final, Generic, TypeVar, cast

from flask import Flask, Response, g, request
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest, values
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

M = TypeVar("M", Counter, Histogram)

_EXTENSION: Final = "backoffice.metrics"
_DIRECTORY = "PROMETHEUS_MULTIPROC_DIR"
_BUCKETS = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0)


class _Workers(Collector):
    """The one number that belongs to the site and not to the process that is asked."""

    def __init__(self, count: int) -> None:
        self._count = count

    def collect(self) -> Iterator[Metric]:
        yield GaugeMetricFamily("backoffice_workers", "Background workers alive", value=self._count)


class _Children(Generic[M]):
    """The children of a metric by their labels. The library checks and joins labels at every look; they are as many
    as it keeps itself."""

    def __init__(self, metric: M) -> None:
        self._metric: M = metric
        self._known: dict[tuple[str, ...], M] = {}

    def of(self, *labels: str) -> M:
        child = self._known.get(labels)
        if child is None:
            child = self._known[labels] = self._metric.labels(*labels)
        return child

    def count(self: _Children[Counter], *labels: str) -> None:
        self.of(*labels).inc()


class Metrics:
    """The numbers of one application."""

    def __init__(self) -> None:
        if _DIRECTORY in os.environ:
            # The library decides this when it is imported; here that is before the server knows its directory.
            values.ValueClass = values.MultiProcessValue()  # type: ignore[no-untyped-call]
        self._registry = CollectorRegistry()
        labels = ("method", "endpoint", "status")
        self._requests = _Children(
            Counter("backoffice_http_requests", "Requests answered", labels, registry=self._registry)
        )
        self._seconds = _Children(
            Histogram(
                "backoffice_http_request_seconds",
                "Time until the answer began",
                ("endpoint",),
                buckets=_BUCKETS,
                registry=self._registry,
            )
        )
        self._received = Counter(
            "backoffice_http_received_bytes", "Bytes of request bodies, as announced", registry=self._registry
        )

    def init_app(self, app: Flask) -> None:
        """Count every request that reaches `app`."""
        app.before_request(self._start)
        app.after_request(self._finish)
        app.extensions[_EXTENSION] = self

    def counter(self, name: str, about: str, label: str) -> Callable[[str], None]:
        """A new number `backoffice_<name>_total`, by the values of `label`. What comes back counts one event with the
        value that it is called with; there may be few different ones."""
        return _Children(Counter(f"backoffice_{name}", about, (label,), registry=self._registry)).count

    def gauge(self, name: str, about: str) -> Callable[[float], None]:
        """A new number `backoffice_<name>` that goes up and down, of all web processes that live together. What comes
        back sets this process's part."""
        made = Gauge(f"backoffice_{name}", about, registry=self._registry, multiprocess_mode="livesum")
        return made.set

    def exposition(self, *, workers: int) -> Response:
        """All numbers in Prometheus' text format. `workers`: how many background workers live, wherever they run."""
        registry = self._registry
        if _DIRECTORY in os.environ:
            registry = CollectorRegistry()
            MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        site = CollectorRegistry()
        site.register(_Workers(workers))
        return Response(generate_latest(registry) + generate_latest(site), content_type=CONTENT_TYPE_PLAIN_0_0_4)

    def _start(self) -> None:
        g.started = time.perf_counter()

    def _finish(self, response: Response) -> Response:
        endpoint = request.endpoint or "none"
        self._requests.count(request.method, endpoint, str(response.status_code))
        if received := request.content_length:
            self._received.inc(received)
        if (started := g.get("started")) is not None:
            self._seconds.of(endpoint).observe(time.perf_counter() - started)
        return response


def metrics_of(app: Flask) -> Metrics:
    """The numbers of this application, for whoever has something to count."""
    return cast(Metrics, app.extensions[_EXTENSION])
