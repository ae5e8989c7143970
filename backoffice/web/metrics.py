"""Numbers for Prometheus: how many requests, how they ended, how long they took. No path and no name is in them.

With several web processes, `PROMETHEUS_MULTIPROC_DIR` names an empty directory before the application is made
(`server/gunicorn_app.py` does that); each process counts into a file of its own there and whichever is asked adds all
of them up. Without it a process speaks for itself only."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator

from flask import Flask, Response, g, request
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest, values
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

_DIRECTORY = "PROMETHEUS_MULTIPROC_DIR"
_BUCKETS = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0)


class _Workers(Collector):
    """The one number that belongs to the site and not to the process that is asked."""

    def __init__(self, count: int) -> None:
        self._count = count

    def collect(self) -> Iterator[Metric]:
        yield GaugeMetricFamily("backoffice_workers", "Background workers alive", value=self._count)


class Metrics:
    """The numbers of one application."""

    def __init__(self) -> None:
        if _DIRECTORY in os.environ:
            # The library decides this when it is imported; here that is before the server knows its directory.
            values.ValueClass = values.MultiProcessValue()  # type: ignore[no-untyped-call]
        self._registry = CollectorRegistry()
        labels = ("method", "endpoint", "status")
        self._requests = Counter("backoffice_http_requests", "Requests answered", labels, registry=self._registry)
        self._seconds = Histogram(
            "backoffice_http_request_seconds",
            "Time until the answer began",
            ("endpoint",),
            buckets=_BUCKETS,
            registry=self._registry,
        )
        self._received = Counter(
            "backoffice_http_received_bytes", "Bytes of request bodies, as announced", registry=self._registry
        )

    def init_app(self, app: Flask) -> None:
        """Count every request that reaches `app`."""
        app.before_request(self._start)
        app.after_request(self._finish)

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
        self._requests.labels(request.method, endpoint, str(response.status_code)).inc()
        self._received.inc(request.content_length or 0)
        if "started" in g:
            self._seconds.labels(endpoint).observe(time.perf_counter() - g.started)
        return response
