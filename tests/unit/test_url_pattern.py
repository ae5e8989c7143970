"""Addresses made once for many rows, or for many requests."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from flask import Flask, url_for

from backoffice.web.assets import init_assets
from backoffice.web.url_pattern import UrlPattern, page_url, template_url

KEYS = ["3Wey1KvKHu08b4n3BMHgPb", "1795779189956-0", "a b", "a/b?c=d&e#f", "%41", "ä\u202e", "'\"><b>"]


@pytest.fixture
def request_to_somewhere() -> Iterator[None]:
    app = Flask(__name__)
    app.add_url_rule("/things/<key>/change", "change", lambda key: key)
    app.add_url_rule("/things", "details", lambda: "")
    with app.test_request_context():
        yield


@pytest.mark.usefixtures("request_to_somewhere")
@pytest.mark.parametrize("key", KEYS)
def test_it_leads_where_url_for_leads(key: str) -> None:
    in_path = UrlPattern(lambda key: url_for("change", key=key))(key)
    assert unquote(in_path) == unquote(url_for("change", key=key))
    assert urlsplit(in_path).query == urlsplit(in_path).fragment == ""
    in_query = UrlPattern(lambda key: url_for("details", url="/?q=0", id=key))(key)
    assert parse_qs(urlsplit(in_query).query) == {"id": [key], "url": ["/?q=0"]}


@pytest.mark.usefixtures("request_to_somewhere")
def test_an_identifier_stands_in_it_as_it_is() -> None:
    assert UrlPattern(lambda key: url_for("change", key=key))(KEYS[0]) == url_for("change", key=KEYS[0])


def test_what_is_remembered_is_where_url_for_leads_now(tmp_path: Path) -> None:
    style = tmp_path / "a.css"
    style.write_text("a { }")
    app = Flask(__name__, static_folder=str(tmp_path), static_url_path="/static")
    app.add_url_rule("/things", "details", lambda: "")
    app.add_url_rule("/things/<key>", "thing", lambda key: key)
    init_assets(app)
    seen = set()
    for base in ("http://localhost/", "http://localhost/below/", "http://localhost/"):
        with app.test_request_context(base_url=base):
            assert template_url("details") == page_url("details") == url_for("details")
            assert template_url("details", q="a") == url_for("details", q="a")
            assert template_url("thing", key="a") == url_for("thing", key="a")
            found = template_url("static", filename="a.css")
            assert found == url_for("static", filename="a.css")
            assert template_url("static", filename="gone.css") == url_for("static", filename="gone.css")
            seen.add(found)
        style.write_text("b { color: red }")
        os.utime(style, (1, 1))
    assert len(seen) == 3
