"""Names of files and fields made to hurt, sent to every route that takes a form (CVE-2026-8159).

A name costs its length: two forms with names of 50 kB once stopped a site for a minute.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator

import fakeredis
import pytest

from backoffice.web.route_access import SAFE_METHODS
from tests.support.website import Browser, Site, make_whole_site

LENGTH = 20_000
NAMES = {
    "letters": "a" * LENGTH,
    "slashes": "/" * LENGTH,
    "folders": "a/" * (LENGTH // 2),
    "quotes": '\\"' * (LENGTH // 2),
    "escapes": "\\\\" * (LENGTH // 2),
    "parameters": ";=" * (LENGTH // 2),
    "percents": "%22" * (LENGTH // 3),
    "dots": "." * LENGTH,
    "spaces": " " * LENGTH,
}
SECONDS = 0.5
"""Processor time for one form, many times what is needed; the quadratic pattern took more than two."""


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with fakeredis.FakeRedis(server=fakeredis.FakeServer(server_type="valkey")) as client:
        yield make_whole_site(client)


@pytest.fixture(scope="module")
def admin(site: Site) -> Browser:
    browser = site.signed_in("rosa", "admin")
    browser.get("/account")
    return browser


def addresses(site: Site) -> list[tuple[str, str]]:
    """Method and path of every route that changes something."""
    found = {
        (method, re.sub(r"<[^>]+>", "1", rule.rule))
        for rule in site.app.url_map.iter_rules()
        for method in (rule.methods or set()) - SAFE_METHODS
    }
    return sorted(found)


def form(name: str, token: str) -> bytes:
    fields = [
        f'name="csrf_token"\r\n\r\n{token}',
        f'name="file"; filename="{name}"\r\n\r\nx',
        f'name="{name}"\r\n\r\nx',
    ]
    return (
        b"".join(b"--X\r\nContent-Disposition: form-data; " + one.encode() + b"\r\n" for one in fields) + b"--X--\r\n"
    )


@pytest.mark.parametrize("kind", NAMES)
def test_CVE_2026_8159_hostile_names_cost_their_length_everywhere(site: Site, admin: Browser, kind: str) -> None:
    slow, seen = [], set()
    for method, path in addresses(site):
        before = time.process_time()
        answer = admin.open(
            f"{path}?csrf_token={admin.token}",
            method,
            data=form(NAMES[kind], admin.token),
            content_type="multipart/form-data; boundary=X",
            headers={"X-CSRFToken": admin.token},
        )
        seconds = time.process_time() - before
        if seconds > SECONDS or answer.status_code >= 500:
            slow.append((path, answer.status_code, seconds))
        seen.add(path)
        if path.startswith(("/logout", "/account")):
            admin.sign_in("rosa")
            admin.get("/account")
    assert not slow
    assert {"/my/files", "/upload_chunk", "/login", "/admin/users/new/"} <= seen
