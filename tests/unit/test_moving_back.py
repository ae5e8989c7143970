"""Undo of a move on the page of one's own files, as a browser without a script uses it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape

import pytest
from redis import Redis

from tests.support.roomy_site import roomy_site
from tests.support.website import Browser, Site
from tests.unit.test_folder_pages import actor_of, after, folder, names, store


@pytest.fixture(scope="module")
def shared() -> Iterator[tuple[Site, Redis]]:
    with roomy_site() as made:
        yield made


@pytest.fixture
def site(shared: tuple[Site, Redis]) -> Site:
    shared[1].flushall()
    shared[0].users.clear()
    return shared[0]


@pytest.fixture
def alice(site: Site) -> Browser:
    browser = site.signed_in("alice")
    browser.get("/")
    return browser


def undo_form(text: str) -> tuple[str, dict[str, str]]:
    """Where the message's button sends what."""
    [form] = re.findall(r'<form method="post" action="(/my/move/undo)".*?</form>', text)
    [fields] = re.findall(r'action="/my/move/undo".*?</form>', text)
    return form, {name: unescape(value) for name, value in re.findall(r'name="(\w+)" value="([^"]*)"', fields)}


def test_what_was_moved_goes_back(site: Site, alice: Browser) -> None:
    here, there = folder(site, "here"), folder(site, "there")
    a, b = store(site, "a.txt"), store(site, "b.txt", here.id)
    sent = {"file": [a.id, b.id], "folder": here.id, "into": there.id, "back": f"/?folder={there.id}"}
    text = after(alice, alice.post("/my/move", sent))
    assert "3 items are moved." in text
    where, fields = undo_form(text)
    assert fields["back"] == f"/?folder={there.id}"
    text = after(alice, alice.post(where, fields))
    assert "3 items are back where they were." in text
    assert names(alice.get(f"/?folder={there.id}")) == []
    assert names(alice.get("/?sort=name")) == ["here", "there", "a.txt"]
    assert names(alice.get(f"/?folder={here.id}")) == ["b.txt"]
    assert "undone already" in after(alice, alice.post(where, fields))


def test_what_was_changed_since_stays_and_is_said(site: Site, alice: Browser) -> None:
    there, other = folder(site, "there"), folder(site, "other")
    a, b = store(site, "a.txt"), store(site, "b.txt")
    text = after(alice, alice.post("/my/move", {"file": [a.id, b.id], "into": there.id, "back": "/"}))
    site.services.files.amend(actor_of(site), b.id, folder=other.id)
    where, fields = undo_form(text)
    text = after(alice, alice.post(where, fields))
    assert "1 item is back where it was." in text
    assert "“b.txt”: It was changed again since" in text
    assert names(alice.get(f"/?folder={other.id}")) == ["b.txt"]


def test_of_moves_only_ones_own_go_back(site: Site, alice: Browser) -> None:
    there, a = folder(site, "there"), store(site, "a.txt")
    where, fields = undo_form(after(alice, alice.post("/my/move", {"file": a.id, "into": there.id, "back": "/"})))
    eve = site.signed_in("eve")
    eve.get("/")
    assert "There is nothing to undo." in after(eve, eve.post(where, {"request": fields["request"], "back": "/"}))
    assert names(alice.get(f"/?folder={there.id}")) == ["a.txt"]
    assert "There is nothing to undo." in after(alice, alice.post(where, {**fields, "request": ""}))
