"""Traces that are sent: to a collector of a few lines, and to one that is away."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from redis import Redis

from backoffice.traces import start_tracing, use
from tests.support.website import make_whole_site


class Collector(BaseHTTPRequestHandler):
    """An OTLP/HTTP receiver."""

    got: list[ExportTraceServiceRequest]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        assert self.path == "/v1/traces"
        self.got.append(ExportTraceServiceRequest.FromString(body))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_args: Any) -> None:
        """Quiet."""


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[ExportTraceServiceRequest]]:
    got: list[ExportTraceServiceRequest] = []
    with HTTPServer(("127.0.0.1", 0), type("Own", (Collector,), {"got": got})) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{server.server_port}")
        yield got
        server.shutdown()
        thread.join(10)
    use(None)


def test_a_collector_gets_them(collector: list[ExportTraceServiceRequest], fake: Redis) -> None:
    tracing = start_tracing("web")
    assert tracing is not None
    assert make_whole_site(fake).app.test_client().get("/readyz", buffered=True).status_code == 200
    assert tracing.provider.force_flush(10_000)
    tracing.provider.shutdown()
    resources = [one for request in collector for one in request.resource_spans]
    about = {one.key: one.value.string_value for one in resources[0].resource.attributes}
    assert (about["service.name"], about["backoffice.role"]) == ("backoffice", "web")
    names = {span.name for one in resources for scope in one.scope_spans for span in scope.spans}
    assert names >= {"GET /readyz", "store read"}


def test_a_collector_that_is_away_keeps_no_request_waiting(fake: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor does one that takes connections and never answers: what sends is another thread."""
    with HTTPServer(("127.0.0.1", 0), Collector) as hung:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{hung.server_port}")
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "1")
        monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "50")
        monkeypatch.setenv("OTEL_BSP_MAX_QUEUE_SIZE", "32")
        monkeypatch.setenv("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "16")
        tracing = start_tracing("web")
        assert tracing is not None
        client = make_whole_site(fake).app.test_client()
        began = time.monotonic()
        for _ in range(100):  # more spans than the queue holds
            assert client.get("/livez", buffered=True).status_code == 200
        assert time.monotonic() - began < 20  # each would wait for a second
        use(None)
    threading.Thread(target=tracing.provider.shutdown, daemon=True).start()
