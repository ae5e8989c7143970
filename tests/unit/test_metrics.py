"""What is counted of every request, and by others."""

from __future__ import annotations

import re
import threading

import pytest
from flask import Flask
from prometheus_client import CollectorRegistry, Histogram, generate_latest

from backoffice.domain.system import Heartbeat, SiteNumbers, SiteState
from backoffice.web.metrics import _BUCKETS, _MOST_PENDING, Metrics, metrics_of


@pytest.fixture
def app() -> Flask:
    made = Flask("metrics")
    Metrics().init_app(made)
    made.add_url_rule("/a", "a", lambda: "a", methods=["GET", "PUT"])
    return made


def _numbers(app: Flask) -> dict[str, float]:
    state = SiteState(SiteNumbers(), [Heartbeat("a", 0), Heartbeat("b", 0)], {}, "disk", room=True)
    text = metrics_of(app).exposition(state).get_data(as_text=True)
    lines = [line.rpartition(" ") for line in text.splitlines() if not line.startswith("#")]
    return {name: float(value) for name, _, value in lines if not re.search(r"_created|_bucket", name)}


def test_requests_are_counted_by_method_endpoint_and_status(app: Flask) -> None:
    client = app.test_client()
    for _ in range(3):
        client.get("/a")
    client.put("/a", data=b"12345")
    client.get("/nothing")
    numbers = _numbers(app)
    assert {name: numbers[name] for name in numbers if name.startswith("backoffice_http_requests_total")} == {
        'backoffice_http_requests_total{endpoint="a",method="GET",status="200"}': 3,
        'backoffice_http_requests_total{endpoint="a",method="PUT",status="200"}': 1,
        'backoffice_http_requests_total{endpoint="none",method="GET",status="404"}': 1,
    }
    assert numbers["backoffice_http_received_bytes_total"] == 5
    assert numbers['backoffice_http_request_seconds_count{endpoint="a"}'] == 4
    assert numbers["backoffice_workers"] == 2


def test_bytes_are_there_before_any_came(app: Flask) -> None:
    assert _numbers(app)["backoffice_http_received_bytes_total"] == 0


def test_others_count_events_and_set_sizes(app: Flask) -> None:
    numbers = metrics_of(app)
    seen = numbers.counter("things", "Things seen", "kind")
    size = numbers.gauge("things_held", "Things held")
    for kind in ("round", "flat", "round"):
        seen(kind)
    size(7)
    size(4)
    found = _numbers(app)
    assert found['backoffice_things_total{kind="round"}'] == 2
    assert found['backoffice_things_total{kind="flat"}'] == 1
    assert found["backoffice_things_held"] == 4


def test_many_at_once_are_what_they_would_be_one_after_the_other(app: Flask) -> None:
    numbers, alone = metrics_of(app), CollectorRegistry()
    library = Histogram("one_by_one", "The library's own way", buckets=_BUCKETS, registry=alone)
    amounts = [*(bound for bound in _BUCKETS), *(n * 7919 % 1000 / 400 for n in range(500)), 0.0, 99.0]
    for amount in amounts:
        library.observe(amount)

    def count() -> None:
        for amount in amounts:
            numbers._seconds.add(amount, "a")
            numbers.counted("chunk_bytes", "read", 3)

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        numbers.is_at("connections", 1)  # which writes meanwhile
    for thread in threads:
        thread.join()
    state = SiteState(SiteNumbers(), [], {}, "disk", room=True)
    found = told(numbers.exposition(state).get_data(as_text=True))
    for name, value in told(generate_latest(alone).decode()).items():
        ours = re.sub(r"^one_by_one(_\w+)\{?", r'backoffice_http_request_seconds\1{endpoint="a",', name)
        ours = ours.replace(",}", "}") if name.endswith("}") else ours.rstrip(",") + "}"
        assert found[ours] == pytest.approx(4 * value), name
    assert found['backoffice_chunk_bytes_total{act="read"}'] == 4 * 3 * len(amounts)


def told(text: str) -> dict[str, float]:
    lines = [line.rpartition(" ") for line in text.splitlines() if not line.startswith("#") and "_created" not in line]
    return {name: float(value) for name, _, value in lines}


def test_where_nobody_writes_what_waits_is_bounded(app: Flask) -> None:
    numbers = metrics_of(app)
    for _ in range(_MOST_PENDING + 2):
        numbers.counted("chunks", "read", 1)
    assert len(numbers._pending._noted) < 5
