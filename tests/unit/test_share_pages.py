"""Sharing a file by a link as people do it on pages, and the operators' list of all links."""

from __future__ import annotations

import re

import pytest
import segno
from redis import Redis

from backoffice.domain.files import FileSpec
from backoffice.domain.jobs import Selection
from backoffice.domain.limits import DEFAULT_LINK_DAYS
from backoffice.domain.paging import Query
from backoffice.errors import NotFound
from backoffice.web.pages.share import QUIET, qr_code
from tests.support.links import DATA, SHELL, Sharing, download
from tests.support.uploads import reader
from tests.support.website import PASSWORD, Browser, Site

FIELDS = {"days": "7", "password": "", "max_downloads": ""}


@pytest.fixture
def on(shared: tuple[Site, Redis]) -> Sharing:
    site, client = shared
    client.flushall()
    return Sharing(site)


def enter(on: Sharing, name: str, *roles: str) -> Browser:
    if roles:
        on.site.add_user(name, *roles)
    browser = on.site.browser()
    browser.sign_in(name)
    browser.get("/")
    return browser


def test_a_file_is_shared_by_a_form_and_the_link_shown_once(on: Sharing) -> None:
    ann, path = enter(on, "ann"), f"/my/files/{on.file.id}/share"
    assert path in ann.get("/").text
    assert f'<option value="{DEFAULT_LINK_DAYS}" selected>' in ann.get(path).text
    made = ann.post(path, {**FIELDS, "password": PASSWORD, "max_downloads": "2"})
    assert made.status_code == 200
    [address] = re.findall(r'id="share-address" value="http://localhost([^"]+)"', made.text)
    assert '<svg class="qr"' in made.text
    assert address not in ann.get("/shared").text + ann.get(path).text
    assert download(on.stranger(), address, password=PASSWORD).data == DATA
    listed = ann.get("/shared").text
    assert ("report.txt" in listed, "with a password" in listed) == (True, True)
    assert '<span class="num">1</span> <span class="muted">of 2</span>' in listed


def test_the_page_of_a_file_says_who_gets_at_it(on: Sharing) -> None:
    ann, path = enter(on, "ann"), f"/my/files/{on.file.id}"
    assert not re.search("By link|Shared with</dt>", ann.get(path).text)
    link, other = on.share()[0], on.share()[0]
    on.site.add_user("bob")
    share = on.site.services.shares.create(on.owner(), file=on.file.id, user="bob")
    page = ann.get(path).text
    assert f'<a href="/shared/{link.id}">until ' in page
    assert f'<a href="/shared/{other.id}">until ' in page
    assert '<dt>Shared with</dt><dd><a href="/my/files/' in page
    assert "<bdi>bob</bdi>" in page
    on.links.revoke(on.owner(), link.id)
    on.site.services.shares.revoke(on.owner(), share.id)
    page = ann.get(path).text
    assert (link.id in page, other.id in page, "<bdi>bob</bdi>" in page) == (False, True, False)


@pytest.mark.parametrize(
    ("field", "value", "told"),
    [
        ("days", "x", "Choose how long"),
        ("days", "400", "lives 1 to 365 days"),
        ("password", "short", "at least 8"),
        ("max_downloads", "-1", "A number up to"),
        ("max_downloads", "10001", "at most 10000"),
    ],
)
def test_what_does_not_do_is_told_beside_its_field(on: Sharing, field: str, value: str, told: str) -> None:
    answer = enter(on, "ann").post(f"/my/files/{on.file.id}/share", {**FIELDS, field: value})
    assert answer.status_code == 400
    assert told in re.split(f'id="{field}-error"', answer.text)[1][:400]
    assert not on.entries("link.create")


def test_who_may_not_share_is_not_offered_to(on: Sharing) -> None:
    path = f"/my/files/{on.file.id}/share"
    auditor, bob, olga = enter(on, "audrey", "auditor"), enter(on, "bob", "user"), enter(on, "olga", "operator")
    assert '"/shared"' not in auditor.get("/").text
    assert auditor.get(path).status_code == auditor.get("/shared").status_code == 403
    for other in (bob, olga):
        assert other.get(path).status_code == other.post(path, FIELDS).status_code == 404
    assert path not in olga.get(f"/admin/files/details/?id={on.file.id}").text


def test_one_revokes_after_a_question(on: Sharing) -> None:
    (link, path), (_, other) = on.share(), on.share()
    ann, bob = enter(on, "ann"), enter(on, "bob", "user")
    assert bob.post(f"/shared/{link.id}/revoke").headers["Location"] == "/shared", "as for one that never was"
    assert on.stranger().get(path).status_code == 200
    assert f'action="/shared/{link.id}/revoke"' in ann.get(f"/shared?revoke={link.id}").text
    assert ann.post(f"/shared/{link.id}/revoke").status_code == 303
    assert "The link is revoked." in ann.get("/shared").text
    assert (on.stranger().get(path).status_code, on.stranger().get(other).status_code) == (404, 200)
    assert "You share nothing" in bob.get("/shared").text


def test_operators_see_all_links_and_revoke_many_in_a_job(on: Sharing) -> None:
    link, path = on.share(max_downloads=3)
    other = on.share(file=on.store("other.txt").id)[1]
    olga, audrey = enter(on, "olga", "operator"), enter(on, "audrey", "auditor")
    for address in ("/admin/links/", f"/admin/links/?flt0_owner_is=ann&flt1_file_is={on.file.id}"):
        found = olga.get(address).text
        assert ("report.txt" in found, "other.txt" in found) == (True, "?" not in address)
    assert "report.txt" in olga.get(f"/admin/links/details/?id={link.id}").text
    for tab in (f"files/details/?id={on.file.id}&tab=links", f"users/details/?id={on.ann}&tab=links"):
        assert f"/admin/links/details/?id={link.id}" in olga.get(f"/admin/{tab}").text
    assert audrey.post("/admin/links/delete/", {"id": link.id}).status_code == 403
    jobs, boss = on.site.services.jobs, on.owner(on.site.add_user("oscar", "operator"))
    jobs.start(boss, "link.revoke", Selection(query=Query(filters=(("owner", on.ann),))))
    while jobs.runner.run_some():
        pass
    assert (on.stranger().get(path).status_code, on.stranger().get(other).status_code) == (404, 404)
    assert len(on.entries("link.revoke")) == 2


def test_others_links_are_seen_and_revoked_with_rights_and_changed_by_nobody(on: Sharing) -> None:
    link, path = on.share()
    bob, olga = on.owner(on.site.add_user("bob")), on.owner(on.site.add_user("olga", "operator"))
    for act in (on.links.get, on.links.revoke):
        with pytest.raises(NotFound):
            act(bob, link.id)
    for who in (bob, olga):
        with pytest.raises(NotFound):
            on.links.update(who, link.id, days=1)
    assert on.links.get(on.owner(on.site.add_user("audrey", "auditor")), link.id) == link
    on.links.revoke(olga, link.id)
    assert on.stranger().get(path).status_code == 404


def test_the_drawing_has_every_dark_module_of_the_code() -> None:
    text = "https://files.example.org/s/" + "x" * 65
    rows = [bytes(row) for row in segno.make(text, micro=False).matrix]
    drawn = {
        (int(x) - QUIET + step, int(y) - QUIET)
        for x, y, width in re.findall(r"M(\d+) (\d+)h(\d+)v1", qr_code(text))
        for step in range(int(width))
    }
    assert drawn == {(x, y) for y, row in enumerate(rows) for x, dark in enumerate(row) if dark}


# -- what becomes of links


def test_who_handed_a_file_over_learns_no_later_name_of_it(on: Sharing) -> None:
    link, _ = on.share()
    on.site.services.files.transfer(SHELL, on.file.id, on.site.add_user("heir"))
    on.site.services.files.rename(SHELL, on.file.id, "a secret.txt")
    assert on.links.held_one(on.owner(), link.id).name == "report.txt"
    assert [one.name for one in on.links.held(on.owner(), Query(limit=9)).items] == ["report.txt"]


def test_links_go_with_their_owner(on: Sharing) -> None:
    gone = on.site.add_user("gone")
    file = on.site.services.uploads.upload_stream(on.owner(gone), FileSpec("x.txt"), reader(DATA))
    link, _ = on.links.create(on.owner(gone), file=file.id)
    on.site.services.files.transfer(SHELL, file.id, on.ann)
    on.site.services.users.delete(SHELL, gone)
    assert on.links.store.get(link.id) is None
    assert on.entries("link.revoke")[-1].event["object"]["id"] == link.id


def test_the_log_says_which_file_and_that_a_password_went(on: Sharing) -> None:
    link, _ = on.share(password="violet-harbour-93-x")
    assert on.entries("link.create")[-1].event["changes"]["file"] == [None, on.file.id]
    on.links.update(on.owner(), link.id, password="")
    assert on.entries("link.update")[-1].event["changes"]["has_password"] == [True, False]


@pytest.mark.parametrize("token", ["", "x", "0" * 65, "é" * 65, "x" * 5000, "../login"])
def test_odd_tokens_are_no_links(on: Sharing, token: str) -> None:
    assert on.stranger().get(f"/s/{token}").status_code == 404
