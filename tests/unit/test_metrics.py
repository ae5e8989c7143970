"""What is counted of every request, and by others."""

from __future__ import annotations

import re

import pytest
from flask import Flask

from backoffice.domain.system import Heartbeat, SiteNumbers, SiteState
from backoffice.web.metrics import Metrics, metrics_of


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
