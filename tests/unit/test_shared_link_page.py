"""The page of one of one's own links: what became of it, and a form to change it."""

from __future__ import annotations

import re

import pytest
from redis import Redis

from backoffice.domain.deliveries import RequestTerms
from backoffice.errors import Invalid, NotAllowed, NotFound
from tests.support.links import DATA, SHELL, Tree, download, press
from tests.support.website import PASSWORD, Browser, Site


@pytest.fixture
def on(shared: tuple[Site, Redis]) -> Tree:
    site, client = shared
    client.flushall()
    return Tree(site)


@pytest.fixture
def ann(on: Tree) -> Browser:
    browser = on.site.browser()
    browser.sign_in("ann")
    browser.get("/")
    return browser


def address(on: Tree) -> str:
    return f"/shared/{on.link.id}"


def change(on: Tree, ann: Browser, **fields: str) -> int:
    """What the form says when nothing is entered, with these fields."""
    now = on.now(on.link)
    form = {"version": str(now.version), "days": "", "password": "", "max_downloads": str(now.max_downloads or "")}
    return ann.post(address(on), form | fields).status_code


def test_a_link_gets_a_password_another_end_and_a_number(on: Tree, ann: Browser) -> None:
    assert f'href="{address(on)}"' in ann.get("/shared").text
    assert change(on, ann, password=PASSWORD, days="3", max_downloads="2") == 303
    now = on.now(on.link)
    assert (now.has_password, now.max_downloads, now.secret) == (True, 2, on.link.secret)
    assert now.expires_at < on.link.expires_at
    assert "one.txt" not in on.stranger().get(on.path).text
    # Nothing entered: all of it stays.
    assert change(on, ann) == 303
    assert on.now(on.link) == now
    assert change(on, ann, no_password="1", max_downloads="") == 303
    assert (on.now(on.link).has_password, on.now(on.link).max_downloads) == (False, 0)
    assert "one.txt" in on.stranger().get(on.path).text


@pytest.mark.parametrize(
    ("field", "value", "told"),
    [
        ("days", "400", "lives 1 to 365 days"),
        ("days", "x", "Choose how long"),
        ("password", "short", "at least 8"),
        ("max_downloads", "-1", "A number up to"),
        ("max_downloads", "10001", "at most 10000"),
    ],
)
def test_what_does_not_do_is_told_beside_its_field(on: Tree, ann: Browser, field: str, value: str, told: str) -> None:
    form = {"version": "1", "days": "", "password": "", "max_downloads": "", field: value}
    answer = ann.post(address(on), form)
    assert answer.status_code == 400
    assert told in re.split(f'id="{field}-error"', answer.text)[1][:400]
    assert on.now(on.link) == on.link


def test_what_was_changed_meanwhile_is_not_overwritten(on: Tree, ann: Browser) -> None:
    on.links.update(on.owner(), on.link.id, max_downloads=7)
    answer = ann.post(address(on), {"version": "1", "max_downloads": "3"})
    assert (answer.status_code, "changed meanwhile" in answer.text, 'value="7"' in answer.text) == (409, True, True)
    assert on.now(on.link).max_downloads == 7


def test_a_closed_link_gets_a_password_and_nothing_else(on: Tree, ann: Browser) -> None:
    on.site.services.folders.trash(on.owner(), on.plans.id)
    assert on.stranger().get(on.path).status_code == 404
    page = ann.get(address(on)).text
    assert ('name="days"' in page, "an operator can open it again" in page) == (False, True)
    assert change(on, ann, password=PASSWORD) == 303
    assert on.now(on.link).has_password
    assert change(on, ann, days="3") == 400


def test_it_is_for_its_owner_alone(on: Tree, ann: Browser) -> None:
    for name, role in (("bob", "user"), ("olga", "operator")):
        browser = on.site.signed_in(name, role)
        browser.get("/")
        assert browser.get(address(on)).status_code == 404
        assert browser.post(address(on), {"version": "1", "days": "3"}).status_code == 404
        with pytest.raises(NotFound):
            on.links.uses(on.owner(on.site.users[name]), on.link.id)
    auditor = on.owner(on.site.add_user("vera", "auditor"))
    with pytest.raises((NotAllowed, NotFound)):
        on.links.uses(auditor, on.link.id)
    assert ann.get("/shared/x").status_code == 404
    assert on.now(on.link) == on.link


def test_its_owner_sees_when_it_was_used_and_not_by_whom(on: Tree, ann: Browser) -> None:
    assert "Nobody has opened it yet." in ann.get(address(on)).text
    assert download(on.stranger(), on.path, file=on.one.id).data == DATA
    assert download(on.stranger(), on.path, all="1").status_code == 200
    press(on.stranger(), on.path, {"file": on.outside.id})
    on.links.update(on.owner(), on.link.id, max_downloads=9)
    uses = on.links.uses(on.owner(), on.link.id)
    assert [(one.kind, one.name, one.because) for one in uses.items] == [
        ("refuse", "", "not in the folder"),
        ("download", "", ""),
        ("download", "one.txt", ""),
        ("open", "", ""),
    ]
    page = ann.get(address(on)).text
    assert "Download of <bdi>one.txt</bdi> begun, 32 B" in page
    assert "192.0.2" not in page
    assert "127.0.0.1" not in page
    first = on.links.uses(on.owner(), on.link.id, limit=2)
    rest = on.links.uses(on.owner(), on.link.id, first.next_cursor)
    assert [one.id for one in (*first.items, *rest.items)] == [one.id for one in uses.items]
    with pytest.raises(Invalid):
        on.links.uses(on.owner(), on.link.id, "x")


def test_the_log_says_what_of_a_folder_was_downloaded(on: Tree) -> None:
    download(on.stranger(), on.path, file=on.one.id)
    download(on.stranger(), on.path, all="1")
    audrey = on.site.signed_in("audrey", "auditor")
    text = re.sub(r"<[^>]+>", "", audrey.get("/admin/audit/").text)
    assert "downloaded one.txt by the share link to plans" in text
    assert "downloaded the whole folder plans by a share link" in text


def test_what_the_rule_is_stands_beside_the_form(on: Tree, ann: Browser) -> None:
    on.site.services.roles.create(
        SHELL, name="sharers", permissions=["files:read", "files:share"], share_days=7, share_password=1
    )
    on.site.services.users.update(SHELL, on.ann, roles=["user", "sharers"])
    ann.sign_in("ann")
    page = ann.get(address(on)).text
    assert "At most 7 days from when it was made: so says the role <bdi>sharers</bdi>." in page
    assert "It has to have one, says the role sharers." in page


def test_a_request_for_files_has_a_page_of_its_own(on: Tree, ann: Browser) -> None:
    made, _ = on.site.services.requests.create(
        on.owner(), name="Reports", terms=RequestTerms(5, 1000), folder=on.inner.id
    )
    assert f'href="/my/requests/{made.id}"' in ann.get("/shared").text
    assert ann.get(f"/shared/{made.id}").headers["Location"] == f"/my/requests/{made.id}"
    assert ann.post(f"/shared/{made.id}", {"days": "3"}).headers["Location"] == f"/my/requests/{made.id}"
    assert on.now(made) == made
    assert on.links.uses(on.owner(), made.id).items == ()
