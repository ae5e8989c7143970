"""Spans, held against the SDK's own exporter for tests."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode
from redis import Redis

from backoffice import measures, traces
from backoffice.errors import Unavailable
from backoffice.settings import TrustedProxies
from backoffice.traces import Tracing, start_tracing, traced, use, wanted
from backoffice.worker.loop import Job, Worker
from tests.support.website import Site, make_whole_site

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
SENT = {"traceparent": f"00-{TRACE}-{SPAN}-01"}


@pytest.fixture
def spans() -> Iterator[InMemorySpanExporter]:
    """All that are ended from now on."""
    exporter, provider = InMemorySpanExporter(), TracerProvider(shutdown_on_exit=False)
    processor = SimpleSpanProcessor(exporter)
    provider.add_span_processor(processor)
    use(Tracing(provider, processor))
    yield exporter
    use(None)


@pytest.fixture
def site(spans: InMemorySpanExporter, fake: Redis) -> Site:
    made = make_whole_site(fake)
    made.add_user("zoroaster", "admin")
    spans.clear()
    return made


def told(span: ReadableSpan) -> dict[str, Any]:
    return dict(span.attributes or {})


def of_request(spans: InMemorySpanExporter) -> tuple[ReadableSpan, list[ReadableSpan]]:
    """The one of the request, and those within it."""
    found = spans.get_finished_spans()
    [request] = [one for one in found if one.kind is SpanKind.SERVER]
    return request, [one for one in found if one is not request]


def test_a_request_is_a_span_and_what_it_does_is_within(site: Site, spans: InMemorySpanExporter) -> None:
    own = {"Authorization": f"Bearer {site.token('zoroaster')}"}
    spans.clear()
    answer = site.app.test_client().put("/files/secret-name.txt", data=b"x", headers=own, buffered=True)
    request, within = of_request(spans)
    assert request.name == "PUT /files/<name:name>"
    assert told(request) == {
        "http.request.method": "PUT",
        "http.route": "/files/<name:name>",
        "http.response.status_code": 201,
        "url.scheme": "http",
        "backoffice.request_id": answer.headers["X-Request-ID"],
    }
    assert {one.name for one in within} >= {"store script"}
    for one in within:
        assert one.parent is not None
        assert one.context.trace_id == request.context.trace_id
        assert cast(int, one.start_time) >= cast(int, request.start_time)
    everything = "".join(one.to_json() for one in spans.get_finished_spans())
    for private in ("secret-name", "zoroaster", site.users["zoroaster"], "127.0.0.1"):
        assert private not in everything


def test_chunks_are_spans_on_their_way_in_and_out(site: Site, spans: InMemorySpanExporter) -> None:
    own = {"Authorization": f"Bearer {site.token('zoroaster')}", "Content-Type": "application/octet-stream"}
    client = site.app.test_client()
    begun = client.post("/upload_chunk?chunk_index=0&total_chunks=1", data=b"x" * 1000, headers=own, buffered=True).json
    assert "chunk write" in {one.name for one in spans.get_finished_spans()}
    file = {"file_id": begun["file_id"], "name": "a", "mime_type": "text/plain", "total_size": 1000}
    headers = {"Authorization": own["Authorization"]}
    assert client.post("/upload_complete", json=file, headers=headers, buffered=True).status_code == 201
    spans.clear()
    some = {**headers, "Range": "bytes=0-9"}
    assert client.get(f"/files/{begun['file_id']}", headers=some, buffered=True).data == b"x" * 10
    request, within = of_request(spans)
    assert "chunk read" in {one.name for one in within}
    assert all(one.context.trace_id == request.context.trace_id for one in within)


def test_a_failure_is_one_without_a_word_of_what_failed(
    site: Site, spans: InMemorySpanExporter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(site.services.system), "ready", lambda _self: 1 / 0)
    assert site.app.test_client().get("/readyz", buffered=True).status_code == 500
    request, _ = of_request(spans)
    assert request.status.status_code is StatusCode.ERROR
    assert request.status.description is None
    assert request.events == ()


def test_strangers_do_not_decide_of_which_trace_a_request_is(site: Site, spans: InMemorySpanExporter) -> None:
    site.app.test_client().get("/livez", headers=SENT, buffered=True)
    request, _ = of_request(spans)
    assert request.parent is None
    assert f"{request.context.trace_id:032x}" != TRACE
    assert [f"{one.context.trace_id:032x}" for one in request.links] == [TRACE]


def test_a_proxy_of_ours_does(spans: InMemorySpanExporter, fake: Redis) -> None:
    site = make_whole_site(fake, trusted_proxies=TrustedProxies(count=1))
    site.app.test_client().get("/livez", headers=SENT, buffered=True)
    request, _ = of_request(spans)
    assert request.parent is not None
    assert (f"{request.context.trace_id:032x}", f"{request.parent.span_id:016x}") == (TRACE, SPAN)


def test_each_batch_of_the_worker_is_a_span(spans: InMemorySpanExporter) -> None:
    def fails() -> bool:
        measures.took("store", "read", 0.001)
        raise Unavailable

    Worker(cast(Any, None), cast(Any, None))._attempt(Job("purge", 1, fails))
    store, job = spans.get_finished_spans()
    assert (store.name, job.name) == ("store read", "job purge")
    assert store.parent is not None
    assert store.parent.span_id == job.context.span_id
    assert told(store) == {"db.system.name": "redis", "db.operation.name": "read"}
    assert told(job) == {"error.type": "Unavailable"}


# --- off, and where the collector is away


def test_without_a_collector_nothing_is_traced(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)
    assert start_tracing("web") is None
    with traced("job purge"):
        assert traces.tracing() is None


@pytest.mark.parametrize(
    ("environ", "on"),
    [
        ({}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": ""}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318"}, True),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://c:4318/v1/traces"}, True),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318", "OTEL_SDK_DISABLED": "true"}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318", "OTEL_TRACES_EXPORTER": "none"}, False),
    ],
)
def test_when_traces_are_wanted(environ: dict[str, str], on: bool) -> None:
    assert wanted(environ) is on


def test_without_the_packages_the_site_runs_and_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setitem(__import__("sys").modules, "opentelemetry.sdk.trace", None)
    assert start_tracing("web") is None
    assert "the extra `otel` is not installed" in "".join(capsys.readouterr())
