"""Dates in HTTP are whole seconds, and a file can get other content within one."""

from __future__ import annotations

from dataclasses import replace

import pytest

from backoffice.domain.file_versions import with_content
from tests.unit.test_download import CREATED, DATE, FILE, LATER, Served


def test_no_two_contents_of_a_file_have_one_date() -> None:
    other = replace(FILE, id="g" * 25)
    second = with_content(FILE, other, CREATED + 100, "u1")
    third = with_content(second, FILE, CREATED + 200, "u1")
    much_later = with_content(third, other, CREATED + 60_000, "u1")
    assert Served(second).get(**{"If-Modified-Since": DATE}).status_code == 200
    assert Served(second).get(**{"If-Unmodified-Since": DATE}).status_code == 412
    assert Served(third).get(**{"If-Modified-Since": LATER}).status_code == 200
    assert (second.changed_at, third.changed_at) == (CREATED + 100, CREATED + 200)
    assert much_later.stored_at == CREATED + 60_000


def test_no_date_is_later_than_the_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("backoffice.web.download.now_ms", lambda: CREATED + 100)
    new = Served(with_content(FILE, FILE, CREATED + 100, "u1"))
    assert new.get().headers["Last-Modified"] == DATE
    assert new.get(**{"If-Modified-Since": DATE}).status_code == 200
    monkeypatch.setattr("backoffice.web.download.now_ms", lambda: CREATED + 1_000)
    assert new.get().headers["Last-Modified"] == LATER
