"""The session of forms and messages: opened when somebody asks for it, and then as Flask's own."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask, get_flashed_messages, request, session
from redis import Redis

from backoffice.web.cookies import CsrfSessionInterface, FormSession
from backoffice.web.route_access import asset, public
from tests.support.website import Site, make_site


def _part(app: Flask) -> None:
    @app.get("/asset")
    @asset
    def same_for_all() -> str:
        return "same"

    @app.get("/do/<what>")
    @public
    def do(what: str) -> dict[str, Any]:
        match what:
            case "set":
                session["a"] = 1
            case "drop":
                del session["a"]
            case "pop-missing":
                session.pop("missing", None)
            case "default":
                session.setdefault("a", 2)
            case "clear":
                session.clear()
            case "update":
                session.update(a=3, b=4)
            case "messages":
                get_flashed_messages()
        return dict(session)


@pytest.fixture
def site(fake: Redis) -> Site:
    return make_site(fake, _part)


def test_a_request_that_asks_nothing_of_the_session_verifies_no_cookie(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = site.browser()
    browser.get("/do/set")
    read: list[str] = []
    original = CsrfSessionInterface._read

    def noting(self: CsrfSessionInterface, app: Flask, request_: Any) -> dict[str, Any]:
        read.append(request.path)
        return original(self, app, request_)

    monkeypatch.setattr(CsrfSessionInterface, "_read", noting)
    for path in ("/asset", "/livez", "/do/look"):
        browser.get(path)
    assert read == ["/do/look"]


@pytest.mark.parametrize(
    ("steps", "held", "cookies"),
    [
        (("set", "look"), {"a": 1}, 1),
        (("set", "drop"), {}, 2),
        (("set", "default"), {"a": 1}, 1),
        (("default",), {"a": 2}, 1),
        (("set", "update"), {"a": 3, "b": 4}, 2),
        (("set", "pop-missing"), {"a": 1}, 1),
        (("set", "clear", "look"), {}, 2),
        (("clear",), {}, 1),  # the browser is told to forget what it may hold
        (("messages",), {}, 0),
        (("look",), {}, 0),
    ],
)
def test_a_cookie_is_given_when_something_changed(
    site: Site, steps: tuple[str, ...], held: dict[str, Any], cookies: int
) -> None:
    browser = site.browser()
    answers = [browser.get(f"/do/{step}") for step in steps]
    assert answers[-1].json == held
    assert sum(len(answer.headers.getlist("Set-Cookie")) for answer in answers) == cookies


def test_the_cookie_of_somebody_else_is_no_session(site: Site) -> None:
    browser = site.browser()
    browser.get("/do/set")
    good = browser.cookie("backoffice-form")
    for sent in ("", "x", good[:-1], good + "x", good.swapcase(), "é"):
        browser.client.set_cookie("backoffice-form", sent)
        assert browser.get("/do/look").json == {}
    browser.client.set_cookie("backoffice-form", good)
    assert browser.get("/do/look").json == {"a": 1}


def test_what_is_held_is_read_once() -> None:
    asked = []
    one = FormSession(lambda: asked.append(1) or {"a": 1})
    assert (asked, one.modified) == ([], False)
    assert (one["a"], "b" in one, len(one), list(one)) == (1, False, 1, ["a"])
    assert (asked, one.modified) == ([1], False)
