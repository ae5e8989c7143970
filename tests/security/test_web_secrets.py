"""K1 to K3 and CVE-2025-47278: keys that sign, and secrets that nobody sees."""

from __future__ import annotations

import io
import json
import logging
import sys
from collections.abc import Iterator

import pytest
import structlog
from flask import Flask
from itsdangerous import BadSignature
from redis import Redis

from backoffice import logs
from backoffice.secret import Secret
from backoffice.web.route_access import public
from tests.support.website import KEY, PASSWORD, SHELL, Site, make_site, settings

OLD = "old-" + KEY
NEW = "new-" + KEY[::-1]


def signed_by(site: Site, key: str, cookie: str) -> bool:
    """Whether `cookie` verifies under `key` alone."""
    app = Flask("x")
    app.secret_key = key
    try:
        serializer = site.app.session_interface.get_signing_serializer(app)  # type: ignore[attr-defined]
        return bool(serializer.loads(cookie))
    except BadSignature:
        return False


def test_K1_no_key_no_application(fake: Redis) -> None:
    with pytest.raises(RuntimeError, match="key"):
        make_site(fake, secret_keys=())


def test_K2_CVE_2025_47278_after_a_rotation_the_newest_key_signs(fake: Redis) -> None:
    rotated = make_site(fake, secret_keys=(Secret(NEW), Secret(OLD)))
    browser = rotated.browser()
    browser.get("/login")
    cookie = browser.cookie("backoffice-form")
    assert signed_by(rotated, NEW, cookie)
    assert not signed_by(rotated, OLD, cookie)


def test_K2_what_the_old_key_signed_is_good_until_it_is_dropped(fake: Redis) -> None:
    before = make_site(fake, secret_keys=(Secret(OLD),))
    before.add_user("ann")
    old = before.browser()
    old.get("/login")
    for keys, status in (((Secret(NEW), Secret(OLD)), 303), ((Secret(NEW),), 403)):
        after = make_site(fake, secret_keys=keys).browser()
        after.client.set_cookie("backoffice-form", old.cookie("backoffice-form"))
        after.token = old.token
        assert after.post("/login", {"username": "ann", "password": PASSWORD}).status_code == status


def test_K2_a_forged_or_altered_form_cookie_is_worth_nothing(site: Site) -> None:
    site.add_user("ann")
    browser = site.browser()
    browser.get("/login")
    cookie = browser.cookie("backoffice-form")
    for forged in (cookie[:-2] + "xx", cookie.rpartition(".")[0], "e30.x.y", "", "." * 50, cookie + "\x7f"):
        browser.client.set_cookie("backoffice-form", forged)
        assert browser.post("/login", {"username": "ann", "password": PASSWORD}).status_code == 403


def _part(app: Flask) -> None:
    @app.get("/fail")
    @public
    def fail() -> str:
        password = "canary-in-a-local-variable"  # noqa: F841 - must not be printed with the trace
        raise RuntimeError("failed on purpose")


@pytest.fixture
def logged(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """What is logged, with logging as the product sets it up; put back afterwards."""
    written = io.StringIO()
    monkeypatch.setattr(sys, "stderr", written)
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    logs.configure(settings())
    yield written
    root.handlers, root.level = handlers, level
    structlog.reset_defaults()


def test_K3_no_secret_in_logs_answers_or_the_audit_log(fake: Redis, logged: io.StringIO) -> None:
    root = logging.getLogger()
    root.setLevel(logging.DEBUG)
    site = make_site(fake, _part)
    browser = site.signed_in("ann")
    token = site.token("ann")
    _, invite = site.services.users.create(SHELL, username="new")
    answers = [browser.get("/account"), browser.get("/fail"), browser.get("/nope")]
    answers.append(site.app.test_client().get("/fail", headers={"Authorization": f"Bearer {token}"}))
    answers.append(site.browser().sign_in("ann", "canary-wrong-password"))
    answers.append(site.browser().get("/setup/canary-wrong-invite-0123456789abcdef"))
    secrets = {
        KEY,
        PASSWORD,
        token,
        token[-43:],
        invite,
        browser.cookie("backoffice"),
        "canary-in-a-local-variable",
        "canary-wrong-password",
        "canary-wrong-invite",
    }
    entries = [entry.raw.decode() for entry in site.services.audit.page(SHELL, limit=200).items]
    written = logged.getvalue()
    assert "failed on purpose" in written
    shown = "\n".join(
        [written, *entries, *(a.text for a in answers), repr(site.services), repr(settings()), repr(site.app)]
    )
    for secret in secrets:
        assert secret not in shown


def test_I2_log_lines_cannot_be_broken(fake: Redis, logged: io.StringIO) -> None:
    site = make_site(fake, _part)
    client = site.app.test_client()
    for path in ('/fail\r\n{"event": "forged"}', "/fail\x1b[2J", "/fail\u2028", "/fail"):
        client.get("/fail" if path == "/fail" else path, headers={"User-Agent": "a\u2028b\x1b[31m"})
    logs.logger("test").info("request", path='/a\u2028b\x1b[2J\r\n{"event": "forged"}')
    lines = [line for line in logged.getvalue().split("\n") if line]
    assert len(lines) > 1
    for line in lines:
        parsed = json.loads(line)
        assert parsed["event"] != "forged"
        assert line.isascii()
        assert line.isprintable()
