"""Share links: what strangers get by them, and when they get nothing any more."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from redis import Redis

from backoffice.domain.limits import LINK_AGAIN_SECONDS, LINK_TICKET_SECONDS, MAX_LINKS
from backoffice.domain.links import LinkState
from backoffice.domain.paging import Query
from backoffice.domain.times import now_ms
from backoffice.errors import Conflict, Invalid, NotAllowed, NotFound, VersionMismatch, WeakPassword
from backoffice.services.sign_in.throttle import ACCOUNT, NETWORK
from backoffice.stores import links as link_store
from tests.support.links import DATA, SHELL, Sharing, download
from tests.support.website import PASSWORD, Site

DAY_MS = 24 * 3600 * 1000


@pytest.fixture
def on(shared: tuple[Site, Redis]) -> Iterator[Sharing]:
    site, client = shared
    client.flushall()
    services = site.services
    yield Sharing(site)
    site.swap(links=services.links)


def test_a_stranger_downloads_by_the_button_of_the_page(on: Sharing) -> None:
    link, path = on.share()
    browser = on.stranger()
    page = browser.get(path)
    assert (page.status_code, "report.txt" in page.text, "ann" in page.text) == (200, True, True)
    assert page.headers["X-Robots-Tag"] == "noindex, nofollow, noarchive"
    assert (page.headers["Cache-Control"], page.headers["Referrer-Policy"]) == ("no-store", "same-origin")
    answer = download(browser, path)
    assert (answer.status_code, answer.data) == (200, DATA)
    assert answer.headers["Content-Disposition"].startswith("attachment;")
    assert answer.headers["Content-Security-Policy"] == "sandbox; default-src 'none'"
    assert answer.headers["Cache-Control"] == "private, no-store"
    now = on.now(link)
    assert (now.downloads, now.last_used_at > 0, now.version) == (1, True, link.version)
    [entry] = on.entries("link.download")
    assert (entry.event["object"]["id"], entry.event["data"]["file"]) == (link.id, on.file.id)


def test_only_the_hash_of_the_secret_is_stored_and_no_answer_shows_it_again(on: Sharing) -> None:
    link, path = on.share()
    secret = path.removeprefix("/s/")[len(link.id) :]
    assert len(secret) == 43
    stored = on.links.store._db.call("HGETALL", on.links.store._keys.record("links", link.id))  # type: ignore[attr-defined]
    assert secret.encode() not in b" ".join(stored.values() if isinstance(stored, dict) else stored)
    assert secret not in "".join(entry.event.__repr__() for entry in on.entries("link.create"))


def test_looking_changes_nothing_and_is_one_entry_of_the_log(on: Sharing) -> None:
    link, path = on.share(max_downloads=1)
    for _ in range(50):
        assert on.stranger().get(path).status_code == 200
    assert on.now(link) == link
    assert len(on.entries("link.open")) == 1
    assert on.stranger().open(path, "HEAD").status_code == 200
    assert on.stranger().get(f"{path}/file").status_code == 303, "who has not pressed the button is led to the page"
    assert on.now(link).downloads == 0


def test_a_form_that_is_not_of_this_page_begins_nothing(on: Sharing) -> None:
    link, path = on.share()
    assert on.stranger().post(path, {"csrf_token": "x"}).status_code == 403
    assert on.now(link).downloads == 0


def test_ranges_and_a_resume_use_none_up(on: Sharing) -> None:
    link, path = on.share(max_downloads=1)
    browser = on.stranger()
    assert download(browser, path).data == DATA
    part = browser.get(f"{path}/file", headers={"Range": "bytes=5-"})
    assert (part.status_code, part.data) == (206, DATA[5:])
    assert browser.open(f"{path}/file", "HEAD").status_code == 200
    assert on.now(link).downloads == 1
    assert browser.get(path).status_code == 404, "nobody begins another one"
    assert on.stranger().get(f"{path}/file").status_code == 303


def test_a_ticket_is_for_its_link_and_a_day(on: Sharing, monkeypatch: pytest.MonkeyPatch) -> None:
    _, path = on.share()
    other, other_path = on.share(file=on.store("other.txt").id)
    browser = on.stranger()
    download(browser, path)
    assert browser.get(f"{other_path}/file").status_code == 303
    ticket = browser.cookie("backoffice-links")
    forged = other.id + ticket[ticket.index(".") :]
    browser.client.set_cookie("backoffice-links", forged)
    assert browser.get(f"{other_path}/file").status_code == 303
    browser.client.set_cookie("backoffice-links", ticket)
    assert browser.get(f"{path}/file").status_code == 200
    later = time.time() + LINK_AGAIN_SECONDS + 1
    monkeypatch.setattr("backoffice.web.link_tickets.time.time", lambda: later)
    assert browser.get(f"{path}/file").status_code == 303, "from its beginning it is another download"
    assert browser.get(f"{path}/file", headers={"Range": "bytes=-5"}).status_code == 303
    assert browser.get(f"{path}/file", headers={"Range": "bytes=5-"}).data == DATA[5:]
    for whole in ({"Range": "x=1-"}, {"Range": "bytes=1-1,2-"}, {"Range": "bytes=5-", "If-Range": '"other"'}):
        assert browser.get(f"{path}/file", headers=whole).status_code == 303, "all of it"
    late = time.time() + LINK_TICKET_SECONDS + 1
    monkeypatch.setattr("backoffice.web.link_tickets.time.time", lambda: late)
    assert browser.get(f"{path}/file", headers={"Range": "bytes=5-"}).status_code == 303


def test_a_link_follows_its_file_and_never_shows_another_of_that_name(on: Sharing) -> None:
    _, path = on.share()
    on.site.services.files.rename(on.owner(), on.file.id, "renamed.txt")
    on.store("report.txt")
    page = on.stranger().get(path).text
    assert "renamed.txt" in page
    assert "report.txt" not in page
    on.site.services.files.purge(on.owner(), on.file.id)
    assert on.stranger().get(path).status_code == 404


SHELL_TIME = now_ms()


def _expire(on: Sharing) -> None:
    on.site.swap(links=replace(on.links, now=lambda: SHELL_TIME + 31 * DAY_MS))


BARS: dict[str, Callable[[Sharing], object]] = {
    "owner disabled": lambda on: on.site.services.users.disable(SHELL, on.ann),
    "owner expired": lambda on: on.site.services.users.update(SHELL, on.ann, expires_at=SHELL_TIME - DAY_MS),
    "owner demoted": lambda on: on.site.services.users.update(SHELL, on.ann, roles=["auditor"]),
    "owner without roles": lambda on: on.site.services.users.update(SHELL, on.ann, roles=[]),
    "file trashed": lambda on: on.site.services.files.trash(SHELL, on.file.id),
    "file purged": lambda on: on.site.services.files.purge(SHELL, on.file.id),
    "file of somebody else": lambda on: on.site.services.files.transfer(SHELL, on.file.id, on.site.add_user("bob")),
    "link expired": _expire,
    "link revoked": lambda on: [
        on.links.revoke(on.owner(), one.id) for one in on.links.held(on.owner(), Query()).items
    ],
}


@pytest.mark.parametrize("bar", BARS)
def test_every_way_in_is_shut_by_every_bar(on: Sharing, bar: str) -> None:
    """The page, its form, the bytes for who has begun, a range of them: as an address that never was."""
    _, path = on.share()
    browser = on.stranger()
    assert download(browser, path).status_code == 200
    BARS[bar](on)
    never = on.stranger().get("/s/" + "0" * 22 + "x" * 43)
    for answer in (
        browser.get(path),
        browser.post(path),
        browser.get(f"{path}/file"),
        browser.get(f"{path}/file", headers={"Range": "bytes=0-3"}),
        browser.open(f"{path}/file", "HEAD"),
    ):
        assert answer.status_code == 404, bar
        assert DATA not in answer.data
    assert browser.get(path).text == never.text


BACK: dict[str, tuple[Callable[[Sharing], object], Callable[[Sharing], object]]] = {
    "owner": (BARS["owner disabled"], lambda on: on.site.services.users.enable(SHELL, on.ann)),
    "file": (BARS["file trashed"], lambda on: on.site.services.files.restore(SHELL, on.file.id)),
    "handed over": (
        BARS["file of somebody else"],
        lambda on: on.site.services.files.transfer(SHELL, on.file.id, on.ann),
    ),
    "date": (BARS["owner expired"], lambda on: on.site.services.users.update(SHELL, on.ann, expires_at=0)),
    "right": (BARS["owner demoted"], lambda on: on.site.services.users.update(SHELL, on.ann, roles=["user"])),
    "right by role": (
        lambda on: on.site.services.roles.update(SHELL, "sharers", permissions=["files:read"]),
        lambda on: on.site.services.roles.update(SHELL, "sharers", permissions=["files:read", "files:share"]),
    ),
}


@pytest.mark.parametrize("looked", [True, False])
@pytest.mark.parametrize("what", BACK)
def test_what_was_dead_stays_dead_when_owner_or_file_come_back(on: Sharing, what: str, *, looked: bool) -> None:
    """Whether or not somebody opened the link meanwhile. A new link works."""
    if what == "right by role":
        on.site.services.roles.create(SHELL, name="sharers", permissions=["files:read", "files:share"])
        on.site.services.users.update(SHELL, on.ann, roles=["sharers"])
    link, path = on.share()
    assert on.stranger().get(path).status_code == 200
    away, back = BACK[what]
    away(on)
    if looked:
        assert on.stranger().get(path).status_code == 404
        assert on.now(link).closed_because
        assert len(on.entries("link.close")) == 1
    back(on)
    assert on.stranger().get(path).status_code == 404
    assert on.links.held_one(SHELL, link.id).state is LinkState.CLOSED
    assert on.stranger().get(on.share()[1]).status_code == 200


def test_alive_again_is_what_an_operator_decides(on: Sharing) -> None:
    link, path = on.share()
    olga = on.owner(on.site.add_user("olga", "operator"))
    assert on.links.reopen(olga, link.id) == link, "it is open"
    BARS["owner demoted"](on)
    assert on.stranger().get(path).status_code == 404
    with pytest.raises(Conflict):
        on.links.reopen(olga, link.id)
    on.site.services.users.update(SHELL, on.ann, roles=["user"])
    for who in (on.owner(), on.owner(on.site.add_user("audrey", "auditor"))):
        with pytest.raises(NotAllowed):
            on.links.reopen(who, link.id)
    assert on.stranger().get(path).status_code == 404
    on.links.reopen(olga, link.id)
    assert on.stranger().get(path).status_code == 200
    assert [entry.event["actor"]["name"] for entry in on.entries("link.reopen")] == ["olga"]
    BARS["file trashed"](on)
    on.site.services.files.restore(SHELL, on.file.id)
    assert on.stranger().get(path).status_code == 404, "what bars it after that closes it again"


def test_other_roles_that_leave_the_right_leave_the_links(on: Sharing) -> None:
    path = on.share()[1]
    for roles in (["auditor", "user"], ["operator"]):
        on.site.services.users.update(SHELL, on.ann, roles=roles)
        assert on.stranger().get(path).status_code == 200


def test_a_password_is_asked_for_and_guesses_wait(on: Sharing) -> None:
    link, path = on.share(password=PASSWORD)
    browser = on.stranger()
    page = browser.get(path).text
    assert not [told for told in ("report.txt", "ann") if told in page], "nothing is told before the password"
    assert PASSWORD not in link.password
    for _ in range(ACCOUNT.free + 1):
        assert browser.post(path, {"password": "wrong"}).status_code == 401
    waits = browser.post(path, {"password": PASSWORD})
    assert (waits.status_code, "Retry-After" in waits.headers) == (429, True)
    assert on.now(link).downloads == 0
    link, path = on.share(password=PASSWORD)
    assert download(browser, path, password=PASSWORD).data == DATA


def test_guessed_addresses_are_counted_by_network(on: Sharing) -> None:
    browser = on.stranger()
    answers = [browser.get(f"/s/{number:022}{'x' * 43}").status_code for number in range(NETWORK.free + 2)]
    assert answers == [404] * (NETWORK.free + 1) + [429]
    assert len(on.entries("link.refuse")) == 1, "what is alike is counted"
    assert browser.get(on.share()[1]).status_code == 200, "who has a good address is not kept waiting"


def test_who_may_share_what(on: Sharing) -> None:
    bob = on.owner(on.site.add_user("bob"))
    with pytest.raises(NotFound):
        on.links.create(bob, file=on.file.id)
    with pytest.raises(NotFound):
        on.links.create(on.owner(on.site.add_user("olga", "operator")), file=on.file.id)
    with pytest.raises(NotAllowed):
        on.links.create(on.owner(on.site.add_user("audrey", "auditor")), file=on.file.id)
    on.site.services.files.trash(on.owner(), on.file.id)
    with pytest.raises(NotFound):
        on.share()


def test_bounds_and_versions(on: Sharing, monkeypatch: pytest.MonkeyPatch) -> None:
    link, _ = on.share()
    assert link.expires_at - link.created_at == 30 * DAY_MS
    for fields in ({"days": 0}, {"days": 366}, {"max_downloads": -1}, {"max_downloads": 10_001}):
        with pytest.raises(Invalid):
            on.share(**fields)
    with pytest.raises(WeakPassword):
        on.share(password="short")
    changed = on.links.update(on.owner(), link.id, days=7, max_downloads=3, version=1)
    assert (changed.version, changed.max_downloads) == (2, 3)
    with pytest.raises(VersionMismatch):
        on.links.update(on.owner(), link.id, days=7, version=1)
    assert MAX_LINKS == 200
    monkeypatch.setattr(link_store, "MAX_LINKS", 1)
    with pytest.raises(Conflict):
        on.share()


def test_a_day_has_so_many_downloads_by_all_links_of_a_person(on: Sharing, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(link_store, "MAX_LINK_USES", 1)
    (_, first), (_, second) = on.share(), on.share()
    assert download(on.stranger(), first).status_code == 200
    assert download(on.stranger(), second).status_code == 429
