"""Links to folders: every way in, what shuts it, and what is counted."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from redis import Redis

from backoffice.domain.links import LinkState
from backoffice.services import folder_trash
from tests.support.links import DATA, SHELL, Tree, download
from tests.support.website import PASSWORD, Site

NEVER = "/s/" + "0" * 22 + "x" * 43


@pytest.fixture
def on(shared: tuple[Site, Redis]) -> Tree:
    site, client = shared
    client.flushall()
    return Tree(site)


def test_Z7_a_ticket_is_for_one_file_or_for_the_archive(on: Tree) -> None:
    browser = on.stranger()
    assert download(browser, on.path, file=on.one.id).status_code == 200
    for other in (f"/files/{on.two.id}", "/zip", "/file"):
        assert browser.get(on.path + other).status_code == 303, other
    ticket, forger = browser.cookie("backoffice-links"), on.stranger()
    for forged, way in (
        (ticket.replace(on.one.id, on.two.id), f"/files/{on.two.id}"),
        (ticket.replace(on.one.id, "zip"), "/zip"),
    ):
        forger.client.set_cookie("backoffice-links", forged)
        assert forger.get(on.path + way).status_code == 303, way
    # Nor is it one of another link, to the same file, that counts its own.
    other_link, other_path = on.share(folder=on.plans.id, max_downloads=1)
    forger.client.set_cookie("backoffice-links", ticket.replace(on.link.id, other_link.id))
    assert forger.get(f"{other_path}/files/{on.one.id}").status_code == 303
    assert on.now(other_link).downloads == 0
    archive = download(on.stranger(), on.path, all="1")
    assert on.now(on.link).downloads == 2
    other = on.stranger()
    download(other, on.path, all="1")
    assert other.get(f"{on.path}/files/{on.one.id}").status_code == 303
    part = other.get(f"{on.path}/zip", headers={"Range": "bytes=10-", "If-Range": archive.headers["ETag"]})
    assert (part.status_code, part.data) == (206, archive.data[10:])
    assert other.open(f"{on.path}/zip", "HEAD").status_code == 200
    assert on.now(on.link).downloads == 3


def test_Z7_a_number_of_downloads_holds_for_files_and_archives_together(on: Tree) -> None:
    link, path = on.share(folder=on.plans.id, max_downloads=2)
    browser = on.stranger()
    assert "2 downloads left" in browser.get(path).text
    assert download(browser, path, file=on.one.id).status_code == 200
    assert browser.get(f"{path}/files/{on.one.id}", headers={"Range": "bytes=5-"}).data == DATA[5:]
    assert download(on.stranger(), path, all="1").status_code == 200
    for answer in (browser.get(path), browser.post(path, {"all": "1"}), browser.post(path, {"file": on.one.id})):
        assert answer.status_code == 404
    assert browser.get(f"{path}/files/{on.one.id}").data == DATA, "who has begun goes on"
    assert on.now(link).downloads == 2


def test_Z7_looking_changes_nothing_fifty_times(on: Tree) -> None:
    browser = on.stranger()
    for _ in range(50):
        for address in ("", f"?folder={on.inner.id}", f"/files/{on.one.id}", "/zip"):
            assert browser.get(on.path + address).status_code in (200, 303)
    assert on.now(on.link) == on.link
    assert len(on.entries("link.open")) == 1
    assert not on.entries("link.download")


BARS: dict[str, Callable[[Tree], object]] = {
    "owner disabled": lambda on: on.site.services.users.disable(SHELL, on.ann),
    "owner demoted": lambda on: on.site.services.users.update(SHELL, on.ann, roles=["auditor"]),
    "folder trashed": lambda on: on.site.services.folders.trash(SHELL, on.plans.id),
    "folder above trashed": lambda on: on.site.services.folders.trash(SHELL, on.top.id),
    "link revoked": lambda on: on.links.revoke(on.owner(), on.link.id),
}


@pytest.mark.parametrize("bar", BARS)
def test_Z7_every_way_into_a_folder_is_shut_by_every_bar(on: Tree, bar: str) -> None:
    browser = on.stranger()
    for form in ({"file": on.one.id}, {"all": "1"}):
        assert download(browser, on.path, **form).status_code == 200
    BARS[bar](on)
    for answer in (
        browser.get(on.path),
        browser.get(f"{on.path}?folder={on.inner.id}"),
        browser.post(on.path, {"file": on.one.id}),
        browser.post(on.path, {"all": "1"}),
        browser.post(on.path, {"enter": "1"}),
        browser.get(f"{on.path}/files/{on.one.id}"),
        browser.get(f"{on.path}/files/{on.one.id}", headers={"Range": "bytes=1-"}),
        browser.get(f"{on.path}/zip"),
        browser.open(f"{on.path}/zip", "HEAD"),
    ):
        assert answer.status_code == 404, bar
        assert DATA not in answer.data
        assert b"one.txt" not in answer.data
    assert browser.get(on.path).text == on.stranger().get(NEVER).text


BACK: dict[str, tuple[Callable[[Tree], object], Callable[[Tree], object]]] = {
    "folder": (BARS["folder trashed"], lambda on: on.site.services.folders.restore(SHELL, on.plans.id)),
    "folder above": (BARS["folder above trashed"], lambda on: on.site.services.folders.restore(SHELL, on.top.id)),
    "owner": (BARS["owner disabled"], lambda on: on.site.services.users.enable(SHELL, on.ann)),
}


@pytest.mark.parametrize("at_once", [200, 0])
@pytest.mark.parametrize("looked", [True, False])
@pytest.mark.parametrize("what", BACK)
def test_Z7_a_folder_that_was_away_stays_shut(
    on: Tree, monkeypatch: pytest.MonkeyPatch, what: str, *, looked: bool, at_once: int
) -> None:
    monkeypatch.setattr(folder_trash, "AT_ONCE", at_once)
    away, back = BACK[what]
    away(on)
    if looked:
        assert on.stranger().get(on.path).status_code == 404
    back(on)
    while on.site.services.folders.follow():
        pass
    assert on.stranger().get(on.path).status_code == 404
    assert on.links.held_one(SHELL, on.link.id).state is LinkState.CLOSED
    assert on.stranger().get(on.share(folder=on.plans.id)[1]).status_code == 200
    on.links.reopen(on.owner(on.site.add_user("olga", "operator")), on.link.id)
    assert on.stranger().get(on.path).status_code == 200


def test_Z7_nothing_is_named_before_the_password_and_it_is_asked_for_once(on: Tree) -> None:
    link, path = on.share(folder=on.plans.id, password=PASSWORD)
    browser = on.stranger()
    for address in ("", f"?folder={on.inner.id}"):
        told = browser.get(path + address).text
        assert not [name for name in ("plans", "one.txt", "two.txt", "inner", "ann") if name in told]
    for form in ({"file": on.one.id}, {"all": "1"}, {"enter": "1"}, {"enter": "1", "password": "wrong"}):
        refused = browser.post(path, form)
        assert (refused.status_code, "one.txt" in refused.text) == (401, False)
    assert browser.post(path, {"enter": "1", "password": PASSWORD}).headers["Location"] == path
    assert "one.txt" in browser.get(path).text
    assert download(browser, path, file=on.one.id).data == DATA
    assert on.now(link).downloads == 1
    assert "one.txt" not in on.stranger().get(path).text
    on.links.update(on.owner(), link.id, password="violet-harbour-93-y")
    assert "one.txt" not in browser.get(path).text, "the password is another now"
    assert browser.post(path, {"file": on.one.id}).status_code == 401
    assert on.now(link).downloads == 1


def test_Z7_the_proof_of_one_link_is_none_of_another(on: Tree) -> None:
    first, path = on.share(folder=on.plans.id, password=PASSWORD)
    second, other = on.share(folder=on.plans.id, password=PASSWORD)
    browser = on.stranger()
    browser.get(path)
    browser.post(path, {"enter": "1", "password": PASSWORD})
    cookie = browser.cookie("backoffice-links")
    for forged in (cookie.replace(first.id, second.id), re.sub(r"-key\.(\d+)", r".\1", cookie), cookie[:-1] + "x"):
        browser.client.set_cookie("backoffice-links", forged)
        assert "one.txt" not in browser.get(other).text
    # A ticket for a download is no proof of a password.
    on.links.update(on.owner(), first.id, password="")
    download(browser, path, all="1")
    ticket = browser.cookie("backoffice-links")
    on.links.update(on.owner(), first.id, password=PASSWORD)
    for forged in (ticket, ticket.replace("-zip.", "-key.")):
        browser.client.set_cookie("backoffice-links", forged)
        assert "one.txt" not in browser.get(path).text
