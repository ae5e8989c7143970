"""Addresses made for many rows at once."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from flask import Flask, url_for

from backoffice.web.url_pattern import UrlPattern

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
