"""H2 to H5, H9, I3: what every answer carries, whatever it answers."""

from __future__ import annotations

import re

import pytest
from flask import Flask, Response
from redis import Redis

from backoffice.web.headers import csp_nonce
from backoffice.web.route_access import public
from tests.support.website import HTML, SHELL, Site, make_site

EVERYWHERE = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
NONE = ("default-src", "object-src", "base-uri", "frame-ancestors")


def _part(app: Flask) -> None:
    @app.get("/strict")
    @public
    def strict() -> Response:
        return Response(
            "x", headers={"Content-Security-Policy": "sandbox; default-src 'none'", "Cache-Control": "private"}
        )

    @app.get("/nonce")
    @public
    def nonce() -> str:
        return csp_nonce()

    @app.get("/broken")
    @public
    def broken() -> str:
        raise RuntimeError("broken")


@pytest.fixture
def site(fake: Redis) -> Site:
    return make_site(fake, _part)


PATHS = (
    "/login",
    "/account",
    "/nope",
    "/broken",
    "/livez",
    "/readyz",
    "/metrics",
    "/static/css/base.css",
    "/static/nope",
    "/setup/x",
)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("accept", ["text/html", "*/*"])
def test_H2_H3_every_answer_has_the_headers(site: Site, path: str, accept: str) -> None:
    with site.app.test_client().get(path, headers={"Accept": accept}) as answer:
        for name, value in EVERYWHERE.items():
            assert answer.headers.getlist(name) == [value], name
        policy = dict(part.strip().partition(" ")[::2] for part in answer.headers["Content-Security-Policy"].split(";"))
        for directive in NONE:
            assert policy[directive] == "'none'"
        assert "unsafe" not in answer.headers["Content-Security-Policy"]
        assert policy["script-src"] == "'self'"
        assert re.fullmatch(r"[0-9a-f]{16}", answer.headers["X-Request-ID"])


def test_H2_answers_before_flask_have_them_too(site: Site) -> None:
    client = site.app.test_client()
    for answer in (client.get("/", headers={"Host": "evil.example"}), client.open("/", method="TRACE")):
        for name, value in EVERYWHERE.items():
            assert answer.headers[name] == value
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
        assert answer.headers["X-Request-ID"] == answer.json["request_id"]


def test_H2_a_view_may_be_stricter(site: Site) -> None:
    answer = site.app.test_client().get("/strict")
    assert answer.headers.getlist("Content-Security-Policy") == ["sandbox; default-src 'none'"]
    assert answer.headers["Cache-Control"] == "private"


def test_H2_nonces_are_used_once(site: Site) -> None:
    client = site.app.test_client()
    seen = set()
    for _ in range(3):
        answer = client.get("/nonce")
        assert f"'nonce-{answer.text}'" in answer.headers["Content-Security-Policy"]
        seen.add(answer.text)
    assert len(seen) == 3


def test_H2_pages_have_no_inline_code(site: Site) -> None:
    browser = site.signed_in("ann")
    _, secret = site.services.users.create(SHELL, username="new")
    for path in ("/login?confirm=1", "/logout", "/account", "/nope", f"/setup/{secret}", "/setup/x"):
        text = browser.get(path).text
        assert not re.search(r"\son\w+\s*=|\sstyle\s*=|javascript:|<style", text), path
        assert all("src=" in tag for tag in re.findall(r"<script[^>]*>", text)), path


def test_H3_HSTS_over_tls_only(fake: Redis) -> None:
    secure = make_site(fake, public_url="https://files.example.org")
    answer = secure.app.test_client().get("/login", base_url="https://files.example.org")
    assert answer.headers["Strict-Transport-Security"] == "max-age=63072000; includeSubDomains"
    below = make_site(fake, public_url="https://www.example.org/files/")
    answer = below.app.test_client().get("/login", base_url="https://www.example.org")
    assert answer.headers["Strict-Transport-Security"] == "max-age=63072000", "hosts below are not this site's"
    assert "Strict-Transport-Security" not in make_site(fake).app.test_client().get("/login").headers


def test_H4_CVE_2023_30861_answers_to_somebody_are_not_stored(site: Site) -> None:
    browser = site.signed_in("ann")
    for path in ("/account", "/", "/nope", "/metrics"):
        answer = browser.get(path)
        assert answer.headers["Cache-Control"] == "no-store", path
        assert {"Cookie", "Authorization"} <= set(answer.vary), path


def test_H4_static_files_may_be_kept_and_do_not_vary(site: Site) -> None:
    browser = site.signed_in("ann")
    page = browser.get("/account")
    hashed = re.findall(r'(?:href|src)="(/static/[^"]+)"', page.text)
    assert hashed
    for path in hashed:
        assert "?v=" in path
        with browser.client.get(path) as answer:
            assert answer.status_code == 200, path
            assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
            assert "Cookie" not in answer.vary
            assert "Set-Cookie" not in answer.headers
    for path in ("/static/css/base.css", "/static/css/base.css?v=0", "/static/css/base.css?v="):
        with browser.client.get(path) as answer:
            assert answer.headers["Cache-Control"] == "no-cache"


@pytest.mark.parametrize("method", ["TRACE", "TRACK", "CONNECT", "PROPFIND", "DEBUG", "get", "G\tT", "X" * 100])
def test_H5_unknown_methods_are_405(site: Site, method: str) -> None:
    answer = site.app.test_client().open("/login", method=method, environ_overrides={"REQUEST_METHOD": method})
    assert answer.status_code == 405
    assert "TRACE" not in answer.headers["Allow"]


def test_H5_known_methods_that_do_not_go_there_are_405_with_allow(site: Site) -> None:
    answer = site.app.test_client().delete("/login")
    assert answer.status_code == 405
    assert "POST" in answer.headers["Allow"]
    assert answer.json["code"] == "method_not_allowed"


def test_H9_no_cors(site: Site) -> None:
    headers = {
        "Origin": "https://evil.example",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization",
    }
    client = site.app.test_client()
    for method, path in (("OPTIONS", "/login"), ("OPTIONS", "/account"), ("GET", "/login"), ("GET", "/nope")):
        answer = client.open(path, method=method, headers=headers)
        assert not [name for name, _ in answer.headers if name.lower().startswith("access-control")]


@pytest.mark.parametrize(
    "payload", ["a\r\nSet-Cookie: x=1", "a%0d%0aSet-Cookie:%20x=1", "a\nb", "é\u2028", "\x00", "a" * 5000]
)
def test_I3_nothing_sent_becomes_a_header(site: Site, payload: str) -> None:
    client = site.app.test_client()
    for answer in (
        client.get("/account", query_string={"q": payload}, headers=HTML),
        client.get("/login", query_string={"next": f"/{payload}"}, headers=HTML),
        client.get(f"/{payload}", headers=HTML),
    ):
        for name, value in answer.headers:
            assert "\r" not in value, name
            assert "\n" not in value, name
            assert name != "Set-Cookie" or value.startswith("backoffice-form=")


def test_I3_hostile_request_ids_are_not_repeated(site: Site) -> None:
    answer = site.app.test_client().get("/livez", headers={"X-Request-ID": "aaaaaaaaaaaa"})
    assert answer.headers["X-Request-ID"] != "aaaaaaaaaaaa"
