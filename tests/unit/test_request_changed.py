"""A request for files is changed by its owner on a page, without a script."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape

import pytest
from redis import Redis

from backoffice.domain.links import Link
from tests.support.requests import Requesting, requesting_site
from tests.support.website import Browser, Site


@pytest.fixture(scope="module")
def shared() -> Iterator[tuple[Site, Redis]]:
    with requesting_site() as made:
        yield made


@pytest.fixture
def on(shared: tuple[Site, Redis]) -> Requesting:
    shared[1].flushall()
    return Requesting(shared[0])


def enter(on: Requesting, name: str = "ann") -> Browser:
    browser = on.site.browser()
    browser.sign_in(name)
    return browser


def form_of(page: str) -> dict[str, str]:
    """What a browser would send of the form as it is shown."""
    shown = page.split("/edit", 1)[1]
    found = dict[str, str]()
    for field in re.findall(r"<input[^>]*>", shown):
        named, value = re.search(r'name="(\w+)"', field), re.search(r'value="([^"]*)"', field)
        if named and ('type="radio"' not in field or "checked" in field) and 'type="checkbox"' not in field:
            found[named[1]] = unescape(value[1]) if value else ""
    found["message"] = unescape(re.search(r"<textarea[^>]*>(.*?)</textarea>", shown, re.DOTALL)[1])  # type: ignore[index]
    return {**found, "days": ""}


def now(on: Requesting, link: Link) -> Link:
    return on.site.services.requests.get(on.owner(), link.id)


def test_what_is_entered_anew_is_changed_and_nothing_else(on: Requesting) -> None:
    link, _ = on.request(
        message="two\nlines", password="violet harbour 93", terms={"max_bytes": 1_234_567, "types": (".pdf",)}
    )
    ann, path = enter(on), f"/my/requests/{link.id}/edit"
    assert f'href="{path}"' in ann.get(f"/my/requests/{link.id}").text
    form = form_of(ann.get(path).text)
    assert (form["name"], form["max_mb"], form["types"], form["review"]) == ("Reports", "2", ".pdf", "1")
    assert ann.post(path, {**form, "message": "two\r\nlines"}).status_code == 303
    assert now(on, link).terms == link.terms
    assert (now(on, link).message, now(on, link).password, now(on, link).expires_at) == (
        link.message,
        link.password,
        link.expires_at,
    )
    form = form_of(ann.get(path).text)
    more = {"name": "Other reports", "message": "", "max_files": "7", "max_mb": "", "max_file_mb": "3", "days": "7"}
    assert ann.post(path, {**form, **more, "types": "txt image/*", "review": "0"}).status_code == 303
    changed = now(on, link)
    assert (changed.name, changed.message, changed.max_files) == ("Other reports", "", 7)
    assert (changed.max_bytes, changed.max_file_size, changed.types) == (0, 3_000_000, (".txt", "image/*"))
    assert not changed.review
    assert changed.expires_at < link.expires_at
    assert changed.password == link.password
    assert ann.post(path, {**form_of(ann.get(path).text), "no_password": "1"}).status_code == 303
    assert not now(on, link).password


@pytest.mark.parametrize(
    ("field", "value", "told"),
    [
        ("name", "", "The title is one line"),
        ("days", "400", "365 days"),
        ("days", "x", "Choose how long"),
        ("max_files", "0", "1 to 10000 files"),
        ("max_mb", "-1", "A whole number"),
        ("types", "a/b/c", "no ending of a name"),
        ("password", "short", "at least 8"),
        ("message", "x" * 2001, "at most 2000 characters"),
    ],
)
def test_what_does_not_do_is_told_beside_its_field_and_kept(on: Requesting, field: str, value: str, told: str) -> None:
    link, _ = on.request()
    ann, path = enter(on), f"/my/requests/{link.id}/edit"
    answer = ann.post(path, {**form_of(ann.get(path).text), field: value})
    assert answer.status_code == 400
    assert told in re.split(f'id="{field}-error"', answer.text)[1][:400]
    assert now(on, link) == link


def test_one_that_was_changed_meanwhile_is_shown_as_it_is_now(on: Requesting) -> None:
    link, _ = on.request()
    ann, path = enter(on), f"/my/requests/{link.id}/edit"
    form = form_of(ann.get(path).text)
    on.site.services.requests.update(on.owner(), link.id, name="From elsewhere")
    answer = ann.post(path, {**form, "name": "Mine"})
    assert answer.status_code == 409
    assert "changed meanwhile" in answer.text
    assert form_of(answer.text)["name"] == "From elsewhere"
    assert now(on, link).name == "From elsewhere"


def test_nobody_changes_that_of_another(on: Requesting) -> None:
    link, _ = on.request()
    on.site.add_user("bob")
    bob = enter(on, "bob")
    for answer in (bob.get(f"/my/requests/{link.id}/edit"), bob.post(f"/my/requests/{link.id}/edit", {"name": "x"})):
        assert answer.status_code == 404
    assert now(on, link) == link
