"""Pages are compressed, and their length tells nothing of what is secret in them (BREACH)."""

from __future__ import annotations

import gzip
import re

import pytest
from redis import Redis

from tests.support.website import HTML, Site, make_whole_site

GZIP = {"Accept-Encoding": "gzip, br"}
TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')


@pytest.fixture
def site(fake: Redis) -> Site:
    return make_whole_site(fake)


def test_CVE_2013_3587_no_two_pages_have_the_token_in_the_same_form(site: Site) -> None:
    browser = site.signed_in("ann")
    pages = [browser.get("/account").text for _ in range(4)]
    tokens = {TOKEN.findall(page)[0] for page in pages}
    assert len(tokens) == 4
    assert all(len(set(TOKEN.findall(page))) == 1 for page in pages)
    for token in tokens:
        assert browser.open("/account/sessions/end", "POST", data={"csrf_token": token}).status_code == 303


def test_H1_a_token_that_was_altered_is_refused(site: Site) -> None:
    browser = site.signed_in("ann")
    token = TOKEN.findall(browser.get("/account").text)[0]
    for wrong in (token[:-8] + "AAAAAAA=", token[: len(token) // 2], token[4:], token + token, "é", "=", "AA=="):
        assert browser.open("/account/sessions/end", "POST", data={"csrf_token": wrong}).status_code == 403


def test_pages_are_compressed_for_whoever_takes_it(site: Site) -> None:
    browser = site.signed_in("ann")
    plain = browser.get("/account")
    small = browser.client.get("/account", headers={**HTML, **GZIP})
    assert "Content-Encoding" not in plain.headers
    assert small.headers["Content-Encoding"] == "gzip"
    assert "Accept-Encoding" in plain.vary
    assert "Accept-Encoding" in small.vary
    assert small.headers["Content-Length"] == str(len(small.data))
    assert len(small.data) < len(plain.data) / 2
    whole = gzip.decompress(small.data).decode()
    assert TOKEN.sub("", whole) == TOKEN.sub("", plain.text)
    assert "Content-Encoding" not in browser.get("/account", headers={"Accept-Encoding": "gzip;q=0"}).headers


@pytest.mark.parametrize("name", ["css/base.css", "js/app.js"])
def test_static_files_are_compressed(site: Site, name: str) -> None:
    plain = site.browser().get(f"/static/{name}")
    small = site.browser().get(f"/static/{name}", headers=GZIP)
    assert gzip.decompress(small.data) == plain.data
    assert len(small.data) < len(plain.data) / 2
    assert "Cookie" not in small.vary
    tag = small.headers["ETag"]
    again = site.browser().get(f"/static/{name}", headers={**GZIP, "If-None-Match": tag})
    assert (again.status_code, again.data) == (304, b"")


@pytest.mark.parametrize("path", ["/openapi.json", "/livez", "/static/favicon.svg", "/files"])
def test_other_answers_are_as_they_are(site: Site, path: str) -> None:
    assert "Content-Encoding" not in site.signed_in("ann").get(path, headers=GZIP).headers
