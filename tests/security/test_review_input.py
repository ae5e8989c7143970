"""Texts that are small on the wire and dear to handle, or that mean something to what handles them."""

from __future__ import annotations

import io
import logging
import sys
from collections.abc import Callable

import pytest
import structlog
from redis import Redis
from redis.exceptions import ResponseError

from backoffice import logs
from backoffice.domain.files import clean_name, clean_tags
from backoffice.domain.text import fold
from backoffice.domain.usernames import clean_username
from backoffice.domain.users import clean_email
from backoffice.errors import Invalid, WeakPassword
from backoffice.services.sign_in.passwords import Passwords
from backoffice.stores.records.cursors import Mark, decode_cursor, encode_cursor
from backoffice.web.api.mime_types import guess_type
from backoffice.web.api.parsing import MAX_CURSOR
from tests.support.processor_time import least_seconds
from tests.support.website import QUICK, Site, settings

MARKS = "a" + "\u0301\u0327" * 100_000
"""Combining marks in the wrong order: to bring these into order takes minutes."""


def test_I5_a_sign_in_of_combining_marks_costs_nothing(site: Site) -> None:
    site.add_user("ann")
    browser = site.browser()
    browser.get("/login")
    marks = MARKS[:20_000]  # as many as fit into what is read of a stranger
    for name, password in ((marks, "x" * 8), ("ann", marks), ("nobody", marks)):

        def sign_in(name: str = name, password: str = password) -> None:
            answer = browser.client.post(
                "/login",
                data={"csrf_token": browser.token, "username": name, "password": password},
                content_type="multipart/form-data",
            )
            assert answer.status_code in {401, 429}

        assert least_seconds(sign_in, 1) < 1


@pytest.mark.parametrize(
    "take", [clean_name, clean_username, clean_email, lambda text: clean_tags([text]), QUICK.check, QUICK.hash]
)
def test_I5_no_text_is_normalised_before_its_length_is_known(take: Callable[[str], object]) -> None:
    def refuse() -> None:
        with pytest.raises((Invalid, WeakPassword)):
            take(MARKS)
        fold(MARKS)

    assert least_seconds(refuse, 1) < 1


def test_A2_a_password_of_composed_characters_may_come_in_parts() -> None:
    passwords = Passwords(memory_kib=8, passes=1)
    letters = "".join(f"{number:b}" for number in range(40))[:128].replace("0", "o").replace("1", "e")
    apart = "".join(letter + "\u0323\u0302" for letter in letters)
    composed = "".join({"o": "\u1ed9", "e": "\u1ec7"}[letter] for letter in letters)
    assert passwords.verify(passwords.hash(passwords.check(apart)), composed)
    with pytest.raises(WeakPassword):
        passwords.check(apart + "x")


@pytest.mark.parametrize("name", ["//[", "http://[x", "//a\u2100b", "data:text/html,x", "data:image/png;base64,"])
def test_F5_a_name_is_no_address_to_guess_a_type_from(name: str) -> None:
    assert guess_type(name) == "application/octet-stream"


def test_guessing_goes_by_the_ending() -> None:
    assert [guess_type(name) for name in ("a.md", "b:c.png", "d/e.txt")] == ["text/markdown", "image/png", "text/plain"]


@pytest.mark.parametrize("name", ["я" * 127, "\U0001f600" * 63, "\ufdfa" * 85])
def test_D2_a_cursor_of_the_longest_name_is_taken(name: str) -> None:
    mark = Mark("", fold(clean_name(name)) + "\0" + "a" * 22)
    cursor = encode_cursor("name", mark)
    assert len(cursor) <= MAX_CURSOR
    assert decode_cursor(cursor, "name", numbered=False) == mark


def test_I2_a_terminal_shows_what_was_sent_escaped(monkeypatch: pytest.MonkeyPatch) -> None:
    root, out = logging.getLogger(), io.StringIO()
    handlers, level = root.handlers, root.level
    monkeypatch.setattr(out, "isatty", lambda: True, raising=False)
    monkeypatch.setattr(sys, "stderr", out)
    try:
        logs.configure(settings())
        log = logs.logger("test")
        log.info("request", path="/\x1b]0;owned\x07", agent="a\u202eb\r\nforged")
        log.error("failed", exc_info=ValueError("\x1b[2J"))
    finally:
        root.handlers = handlers
        root.setLevel(level)
        structlog.reset_defaults()
    shown = out.getvalue()
    assert "\\x1b]0;owned\\x07" in shown
    assert "\\x1b[2J" in shown
    assert "a\\u202eb\\r\\nforged" in shown
    for sent in ("\x1b]", "\x07", "\u202e", "\r", "\x1b[2J"):
        assert sent not in shown


def test_D3_readiness_of_a_store_that_takes_no_writes(site: Site, fake: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    """Reading works on; whoever looks after the site must be able to come in and delete."""

    def refuse() -> None:
        raise ResponseError("MISCONF Errors writing to the AOF file: No space left on device")

    monkeypatch.setattr(fake, "ping", refuse)
    assert site.browser().get("/readyz").status_code == 200
