"""D3, D4, D6, D8: what happens when something goes wrong, and what nobody learns from it."""

from __future__ import annotations

import re
from typing import Any

import pytest
from flask import Flask, abort
from redis import Redis

from backoffice.errors import ChunkLost, Completing, StoreFull, TooMany, Unavailable, VersionMismatch
from backoffice.services.system import System
from backoffice.stores import durability
from backoffice.web.route_access import public
from tests.support.website import HTML, Site, make_site

INTERNAL = "redis.internal:6379 password=hunter2"
_FAILURES: dict[str, Exception] = {
    "runtime": RuntimeError(INTERNAL),
    "lost": ChunkLost(INTERNAL),
    "away": Unavailable(INTERNAL),
    "full": StoreFull(INTERNAL),
    "key": KeyError(INTERNAL),
    "unicode": UnicodeDecodeError("utf-8", INTERNAL.encode(), 0, 1, "x"),
    "memory": MemoryError(INTERNAL),
    "recursion": RecursionError(INTERNAL),
}


def _part(app: Flask) -> None:
    @app.get("/fail/<name>")
    @public
    def fail(name: str) -> str:
        raise _FAILURES[name]

    @app.get("/status/<int:status>")
    @public
    def status(status: int) -> str:
        abort(status, description=INTERNAL)

    @app.get("/wait/<name>")
    @public
    def wait(name: str) -> str:
        raise {"many": TooMany(retry_after=7), "completing": Completing(), "version": VersionMismatch(version=3)}[name]


@pytest.fixture
def site(fake: Redis) -> Site:
    return make_site(fake, _part)


@pytest.mark.parametrize("name", _FAILURES)
@pytest.mark.parametrize("accept", ["text/html", "*/*"])
def test_D3_D8_every_failure_is_an_answer_without_internals(site: Site, name: str, accept: str) -> None:
    answer = site.app.test_client().get(f"/fail/{name}", headers={"Accept": accept})
    assert answer.status_code == {"away": 503, "full": 507}.get(name, 500)
    for leak in ("redis", "hunter2", "Traceback", "Error:", ".py", "erkzeug", "lask", "ython"):
        assert leak not in answer.text
    request_id = answer.headers["X-Request-ID"]
    assert request_id in answer.text
    if accept == "*/*":
        assert answer.mimetype == "application/problem+json"
        assert answer.json["request_id"] == request_id


@pytest.mark.parametrize(
    "status", [400, 401, 403, 404, 405, 406, 408, 409, 410, 412, 413, 414, 415, 416, 418, 422, 429, 431, 500, 501, 503]
)
def test_D3_errors_of_the_framework_have_our_form(site: Site, status: int) -> None:
    client = site.app.test_client()
    problem = client.get(f"/status/{status}")
    assert problem.status_code == status
    assert problem.mimetype == "application/problem+json"
    assert re.fullmatch(r"[a-z_]+", problem.json["code"])
    page = client.get(f"/status/{status}", headers=HTML)
    assert (page.status_code, page.mimetype) == (status, "text/html")
    assert INTERNAL not in problem.text + page.text


def test_D8_the_error_page_does_not_fail_for_its_own_template(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_args: Any, **_kwargs: Any) -> str:
        raise RuntimeError(INTERNAL)

    monkeypatch.setattr("backoffice.web.errors.render_template", broken)
    answer = site.app.test_client().get("/nope", headers=HTML)
    assert (answer.status_code, answer.mimetype) == (404, "text/plain")
    assert "hunter2" not in answer.text


def test_D8_failures_are_logged_with_the_request_id(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    answer = site.app.test_client().get("/fail/runtime")
    out = "".join(capsys.readouterr())
    assert "request failed" in out
    assert answer.headers["X-Request-ID"] in out


def test_the_store_away_is_a_polite_503_everywhere(site: Site) -> None:
    browser = site.signed_in("ann")

    class Away:
        def __getattr__(self, _name: str) -> Any:
            def away(*_args: Any, **_kwargs: Any) -> Any:
                raise Unavailable(INTERNAL)

            return away

    working = site.services
    site.swap(sessions=Away(), tokens=Away(), users=Away(), system=Away())
    for path in ("/account", "/", "/login", "/nope"):
        answer = browser.get(path)
        assert answer.status_code == 503
        assert answer.headers["Retry-After"] == "5"
        assert answer.headers["Refresh"] == "10"
        assert "does not answer just now" in answer.text
    # Strangers get the sign-in page still, and a refusal when they use it (A6: nobody gets in uncounted).
    stranger = site.browser()
    assert stranger.get("/login").status_code == 200
    refused = stranger.post("/login", {"username": "ann", "password": "x"})
    assert refused.status_code == 503
    assert "Refresh" not in refused.headers
    bearer = {"Authorization": "Bearer bo_" + "a" * 22 + "_" + "b" * 43}
    assert site.app.test_client().get("/", headers=bearer).json["code"] == "unavailable"
    assert site.app.test_client().get("/livez").status_code == 200
    assert browser.client.get("/static/favicon.svg", buffered=True).status_code == 200
    ready = site.app.test_client().get("/readyz")
    assert (ready.status_code, ready.json) == (503, {"status": "unavailable"})
    site.swap(sessions=working.sessions, tokens=working.tokens, users=working.users, system=working.system)
    assert browser.signed_in


def test_D4_health_tells_nothing_else(site: Site) -> None:
    client = site.app.test_client()
    assert client.get("/livez").json == {"status": "alive"}
    assert client.get("/readyz").json == {"status": "ready"}
    assert client.get("/metrics").status_code == 401


def test_D4_only_who_may_see_the_system_gets_details_of_readiness(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(durability, "server_info", lambda _db: {"maxmemory_policy": "noeviction"})
    site.add_user("otto", "operator")
    site.add_user("ann")
    client = site.app.test_client()

    def ask(token: str = "") -> Any:
        answer = client.get("/readyz?verbose", headers={"Authorization": f"Bearer {token}"} if token else {})
        assert answer.status_code == 200
        return answer.json

    assert ask() == ask(site.token("ann")) == ask(site.token("otto", "files:read")) == {"status": "ready"}
    found = ask(site.token("otto", "system:read"))
    assert found["status"] == "ready"
    assert {"eviction", "durability", "memory", "room", "schema", "workers"} <= {
        one["check"] for one in found["checks"]
    }
    assert all(set(one) == {"check", "verdict", "text"} for one in found["checks"])


def test_a_token_that_is_none_learns_nothing_from_readiness(site: Site) -> None:
    answer = site.app.test_client().get("/readyz?verbose", headers={"Authorization": "Bearer bo_x"})
    assert "checks" not in (answer.json or {})


def test_D4_readiness_asks_the_store(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[System] = []

    def ready(self: System) -> None:
        asked.append(self)

    monkeypatch.setattr(System, "ready", ready)
    site.app.test_client().get("/readyz")
    assert len(asked) == 1


def test_D4_metrics_want_the_right_and_have_no_names(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = site.signed_in("zoroaster")
    assert plain.get("/metrics").status_code == 403
    monkeypatch.setattr(durability, "server_info", lambda _db: {})  # the imitation of the store has none
    site.add_user("otto", "operator")
    bearer = {"Authorization": f"Bearer {site.token('otto', 'system:read')}"}
    client = site.app.test_client()
    client.get("/setup/very-secret-link")
    text = client.get("/metrics", headers=bearer).text
    assert 'backoffice_http_requests_total{endpoint="pages.setup",method="GET",status="404"} 1.0' in text
    assert "\nbackoffice_workers 0.0\n" in text
    for private in ("very-secret-link", "zoroaster", "otto", "127.0.0.1"):
        assert private not in text


def test_metrics_count_the_workers_that_live(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(durability, "server_info", lambda _db: {})  # the imitation of the store has none
    site.add_user("otto", "operator")
    bearer = {"Authorization": f"Bearer {site.token('otto', 'system:read')}"}
    for host in ("web-1", "web-2"):
        site.services.system.heartbeats.beat(host)
    text = site.app.test_client().get("/metrics", headers=bearer).text
    assert "# TYPE backoffice_workers gauge\nbackoffice_workers 2.0\n" in text
    assert "web-1" not in text


def test_D6_CVE_2024_34069_debugging_is_impossible(fake: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLASK_DEBUG", "1")
    site = make_site(fake, _part)
    assert not site.app.debug
    client = site.app.test_client()
    assert client.get("/console").status_code == 404
    assert client.get("/?__debugger__=yes&cmd=resource&f=style.css").status_code == 401
    assert client.get("/fail/runtime").status_code == 500


def test_what_waiting_helps_against_says_so(site: Site) -> None:
    client = site.app.test_client()
    many, completing, version = (client.get(f"/wait/{name}") for name in ("many", "completing", "version"))
    assert (many.status_code, many.headers["Retry-After"]) == (429, "7")
    assert (completing.status_code, completing.headers["Retry-After"]) == (409, "1")
    assert (version.status_code, version.json["version"]) == (412, 3)


def test_a_person_in_a_browser_gets_a_page_and_a_program_gets_a_problem(site: Site) -> None:
    client = site.app.test_client()
    for accept, kind in (
        ("text/html", "text/html"),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "text/html"),
        ("*/*", "application/problem+json"),
        ("application/json", "application/problem+json"),
        ("application/json, text/html;q=0.5", "application/problem+json"),
        ("", "application/problem+json"),
    ):
        assert client.get("/nope", headers={"Accept": accept}).mimetype == kind
    bearer = {"Authorization": "Bearer x", **HTML}
    assert client.get("/nope", headers=bearer).mimetype == "application/problem+json"


def test_strangers_are_led_to_the_sign_in_page_and_back(site: Site) -> None:
    browser = site.browser()
    answer = browser.get("/account?tab=tokens")
    assert (answer.status_code, answer.location) == (303, "/login?next=/account?tab%3Dtokens")
    site.add_user("ann")
    browser.get(answer.location)
    assert 'name="next" value="/account?tab=tokens"' in browser.get(answer.location).text
