"""`traceparent` counts where it is valid, in the log, and decides nothing."""

from __future__ import annotations

import pytest
import structlog
from redis import Redis

from backoffice.domain.traceparent import TraceParent, parse_traceparent
from backoffice.stores.keys import Keys
from backoffice.traces import trace_environ
from tests.support.website import Site, make_whole_site

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
GOOD = f"00-{TRACE}-{SPAN}-01"


@pytest.fixture
def site(fake: Redis) -> Site:
    return make_whole_site(fake)


def test_a_valid_one_is_understood() -> None:
    assert parse_traceparent(GOOD) == TraceParent(TRACE, SPAN, sampled=True)
    assert parse_traceparent(f"00-{TRACE}-{SPAN}-00", trusted=True) == TraceParent(TRACE, SPAN, False, trusted=True)
    assert parse_traceparent(f" {GOOD}\t") == TraceParent(TRACE, SPAN, sampled=True)


def test_a_version_to_come_may_have_more_behind() -> None:
    assert parse_traceparent(f"cc-{TRACE}-{SPAN}-01-what-the-future-brings") is not None
    assert parse_traceparent(f"cc-{TRACE}-{SPAN}-01") is not None


@pytest.mark.parametrize(
    "header",
    [
        "",
        GOOD.upper(),
        f"{GOOD}-more",
        f"{GOOD}.more",
        f"ff-{TRACE}-{SPAN}-01",
        f"cc-{TRACE}-{SPAN}-01more",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE[:-1]}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}-1",
        f"{GOOD},{GOOD}",
        f"00-{TRACE[:-1]}\n-{SPAN}-01",
        f"cc-{TRACE}-{SPAN}-01-" + "x" * 300,
        "٠٠" + GOOD[2:],
    ],
)
def test_what_is_not_valid_is_not_there(header: str) -> None:
    assert parse_traceparent(header) is None


def test_each_line_of_the_request_has_the_trace_and_the_next_one_has_not(site: Site) -> None:
    client = site.app.test_client()
    client.get("/livez", headers={"traceparent": GOOD})
    assert structlog.contextvars.get_contextvars()["trace_id"] == TRACE
    client.get("/livez", headers={"traceparent": f"{GOOD}!"})
    assert "trace_id" not in structlog.contextvars.get_contextvars()


def test_the_trace_of_a_request_is_carried_to_what_it_runs_and_not_to_the_next_one(site: Site) -> None:
    client = site.app.test_client()
    client.get("/livez", headers={"traceparent": GOOD})
    assert trace_environ() == {"TRACEPARENT": GOOD}
    client.get("/livez")
    assert trace_environ() == {}


def test_the_trace_is_in_no_answer_and_no_entry_of_the_log(site: Site, fake: Redis) -> None:
    site.add_user("ann", "admin")
    own = {"Authorization": f"Bearer {site.token('ann')}", "traceparent": GOOD}
    made = site.app.test_client().put("/files/a.txt", data=b"x", headers=own)
    assert made.status_code == 201
    assert TRACE not in f"{made.headers}{made.text}"
    entries = str(fake.xrange(Keys().audit))
    assert made.headers["X-Request-ID"] in entries
    assert TRACE not in entries
