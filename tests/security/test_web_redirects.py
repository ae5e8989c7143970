"""H8 and the open redirects of CVE-2018-16516, CVE-2023-49438, CVE-2021-32618."""

from __future__ import annotations

from urllib.parse import urljoin, urlsplit

import pytest

from backoffice.services import authorization
from backoffice.web.redirects import safe_next
from tests.support.website import Site

PAYLOADS = (
    "//evil.example",
    "///evil.example",
    "////evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "\\/evil.example",
    "/\\/evil.example",
    "/\t/evil.example",
    "/\n/evil.example",
    "/\r/evil.example",
    "\t//evil.example",
    " //evil.example",
    "//\tevil.example",
    "/ /evil.example",
    "http://evil.example",
    "https://evil.example",
    "HTTP://evil.example",
    "http:evil.example",
    "http:/evil.example",
    "http:///evil.example",
    "https:\\\\evil.example",
    "ftp://evil.example",
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)",
    "java\tscript:alert(1)",
    "\x01javascript:alert(1)",
    "/\x00/evil.example",
    "data:text/html,<script>alert(1)</script>",
    "vbscript:x",
    "evil.example",
    "@evil.example",
    "//localhost@evil.example",
    "http://localhost@evil.example",
    "http://localhost.evil.example",
    "//evil%E3%80%82example",
    "/\u2028/evil.example",
    "/\u00a0/evil.example",
    "\u3000//evil.example",
    "//[::1]@evil.example",
    "//evil.example/%2e%2e",
    "?next=//evil.example",
    "./\\evil.example",
    "#//evil.example",
    "/" + "a" * 5000,
    "/é",
    "",
)
KEPT = ("/", "/account", "/account?x=1&y=2", "/admin/users/?flt0_name_equals=a%20b", "/files/a%2Fb", "/a:b", "/x#y")


def leads(location: str, base: str = "http://localhost/login") -> str:
    """Where a browser would go, with what WHATWG drops and repairs."""
    cleaned = "".join(c for c in location.strip(" \x00\x01\t\n\r") if c not in "\t\n\r").replace("\\", "/")
    parts = urlsplit(urljoin(base, cleaned))
    return f"{parts.scheme}://{parts.netloc}"


@pytest.mark.parametrize("payload", PAYLOADS)
def test_H8_only_paths_of_this_site(payload: str) -> None:
    assert safe_next(payload) == "/"
    assert safe_next(payload, "/account") == "/account"


@pytest.mark.parametrize("path", KEPT)
def test_H8_real_paths_are_kept(path: str) -> None:
    assert safe_next(path) == path


def test_H8_no_target_is_the_start() -> None:
    assert safe_next(None) == "/"


def test_CVE_2023_49438_next_never_leads_away(site: Site) -> None:
    site.add_user("ann")
    for payload in PAYLOADS:
        browser = site.browser()
        answer = browser.get("/login", query_string={"next": payload})
        assert answer.status_code == 200
        assert "evil" not in answer.text, payload
        assert "alert(1)" not in answer.text, payload
        done = browser.sign_in("ann", next=payload)
        assert done.status_code == 303
        assert leads(done.location) == "http://localhost", payload
        again = browser.get("/login", query_string={"next": payload})
        assert again.status_code == 303
        assert leads(again.location) == "http://localhost", payload


@pytest.mark.parametrize(
    "path", ["//evil.example/admin", "/admin//evil.example", "/\\evil.example", "/account//", "/%5cevil.example"]
)
def test_H8_the_way_to_the_sign_in_page_and_back_stays_here(site: Site, path: str) -> None:
    answer = site.browser().client.get("/", headers={"Accept": "text/html"}, environ_overrides={"PATH_INFO": path})
    if answer.status_code in (301, 302, 303, 308):
        assert leads(answer.location) == "http://localhost"
        assert "next=//" not in answer.location


def test_H8_a_forged_referrer_does_not_decide(site: Site) -> None:
    browser = site.signed_in("ann")
    for referrer in (
        "http://evil.example/x",
        "http://localhost@evil.example/x",
        "//evil.example",
        "http://localhost//evil.example",
    ):
        answer = browser.post("/nope", headers={"Referer": referrer})
        assert "evil" not in answer.headers.get("Location", "")


def test_a_referrer_that_is_no_address_is_no_failure(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    browser = site.signed_in("ann")
    browser.get("/account")
    monkeypatch.setattr(authorization, "FRESH_MS", -1)  # the password was given too long ago
    answer = browser.post(
        "/account/tokens", {"name": "x", "preset": "all", "days": "7"}, headers={"Referer": "http://[x"}
    )
    assert (answer.status_code, answer.headers.get("Location")) == (303, "/login?confirm=1&act=token.create&next=/")
