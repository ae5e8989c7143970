"""A folder is shared with somebody in a real browser, who looks through it and puts a file into it, until it is taken
back; without a script as well."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from backoffice.domain.paging import Query
from tests.browser.conftest import Watch
from tests.browser.looked_at import WATCHED, faults
from tests.browser.uploading import pick
from tests.browser.whole_site import Person, WholeSite

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]


def furnish(site: WholeSite, owner: Person) -> str:
    """A folder with a file and a folder in it; its name."""
    folders, actor = site.services.folders, site.actor(owner)
    team = folders.create(actor, name="Team <b>plans & drafts")
    deep = folders.create(actor, name="Old ones", parent=team.id)
    site.store(owner, "plan.txt", b"What we do next.\n", team.id)
    site.store(owner, "notes.txt", b"What we did.\n", deep.id)
    return team.name


def share(page: Page, folder: str, with_whom: str, *, write: bool) -> None:
    page.get_by_role("link", name=folder, exact=True).click()
    page.get_by_label("This folder").click()
    page.get_by_role("link", name="Share with people").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(f"Share “{folder}” with people")
    page.get_by_label("A person, by user name").fill(with_whom)
    if write:
        page.get_by_label("put files into it as well").check()
    page.get_by_role("button", name="Share", exact=True).click()
    expect(page.get_by_role("row").filter(has_text=with_whom)).to_contain_text("read")


def test_a_folder_is_shared_looked_through_written_into_and_taken_back(
    site: WholeSite, person: Person, open_page: Callable[..., Page], watch: Watch, tmp_path: Path
) -> None:
    watch.allow("404")
    folder, other = furnish(site, person), site.person()
    mine, theirs = open_page(), open_page()
    for one in (mine, theirs):
        one.add_init_script(WATCHED)
    site.let_in(mine, person)
    share(mine, folder, other.name, write=True)
    site.let_in(theirs, other)
    theirs.get_by_role("link", name="Shared with me").click()
    expect(theirs.get_by_role("row").filter(has_text=folder)).to_contain_text(person.name)
    theirs.get_by_role("link", name=folder).click()
    theirs.get_by_role("link", name="Old ones").click()
    theirs.get_by_role("link", name="notes.txt").first.click()
    expect(theirs.frame_locator("iframe").get_by_text("What we did.")).to_be_visible()
    with theirs.expect_download() as begun:
        theirs.get_by_role("link", name="Download").click()
    assert Path(begun.value.path()).read_bytes() == b"What we did.\n"
    theirs.get_by_role("link", name="Old ones").click()
    theirs.get_by_role("navigation", name="Folders above").get_by_role("link", name=folder).click()
    (tmp_path / "mine.txt").write_text("from the other one")
    pick(theirs, tmp_path / "mine.txt")
    expect(theirs.get_by_role("row").filter(has_text="mine.txt")).to_be_visible()
    assert site.files(person)["mine.txt"].owner == person.id

    mine.get_by_role("link", name="Revoke").click()
    mine.get_by_role("button", name="Revoke").click()
    expect(mine.get_by_text("With nobody yet.")).to_be_visible()
    theirs.reload()
    expect(theirs.get_by_role("heading", level=1)).not_to_have_text(folder)
    assert not faults(mine)


def test_its_pages_are_whole_in_both_looks_and_on_a_phone(
    site: WholeSite, person: Person, open_page: Callable[..., Page]
) -> None:
    folder, other = furnish(site, person), site.person()
    owner, shares = site.actor(person), site.services.shares
    team = next(one for one in site.services.folders.page_in(owner, "", _all()).items if one.name == folder)
    made = shares.create(owner, folder=team.id, user=other.name)
    everybody = shares.create(owner, folder=team.id, role="user")
    plan = site.files(person)["plan.txt"]
    shares.create(owner, file=plan.id, user=other.name)
    for who, paths in (
        (other, ("/shared-with-me", f"/shared-with-me/{made.id}", f"/shared-with-me/{made.id}/files/{plan.id}")),
        (other, ("/shared-with-me?q=nothing+like+this", "/shared-with-people")),
        (
            person,
            (f"/my/folders/{team.id}/people", f"/my/files/{plan.id}/people", "/shared-with-people", "/shared-with-me"),
        ),
        (person, (f"/my/folders/{team.id}/people?revoke={made.id}", f"/shared-with-people?revoke={made.id}")),
    ):
        for path in paths:
            page = open_page()
            page.add_init_script(WATCHED)
            site.give_session(page, who)
            page.goto(site.url + path)
            assert not faults(page), path
            page.context.close()
    shares.revoke(owner, everybody.id)


def test_without_a_script(site: WholeSite, person: Person, open_page: Callable[..., Page], tmp_path: Path) -> None:
    folder, other = furnish(site, person), site.person()
    mine, theirs = (open_page(java_script_enabled=False) for _ in range(2))
    site.give_session(mine, person)
    mine.goto(site.url)
    share(mine, folder, other.name, write=False)
    site.give_session(theirs, other)
    theirs.goto(f"{site.url}/shared-with-me")
    theirs.get_by_role("link", name=folder).click()
    expect(theirs.get_by_role("button", name="Upload")).to_have_count(0)
    mine.get_by_role("button", name=f"Let {other.name} write").click()
    theirs.reload()
    (tmp_path / "plain.txt").write_text("plain")
    theirs.locator("summary").filter(has_text="Upload").click()
    theirs.get_by_label("Files to put into this folder").set_input_files(tmp_path / "plain.txt")
    theirs.get_by_role("button", name="Upload").click()
    expect(theirs.get_by_role("row").filter(has_text="plain.txt")).to_be_visible()
    theirs.locator("summary").filter(has_text="Upload").click()
    theirs.get_by_role("link", name="New folder").click()
    theirs.get_by_label("Name of the new folder").fill("Made by form")
    theirs.get_by_role("button", name="Make folder").click()
    theirs.get_by_role("link", name="Made by form").click()
    expect(theirs.get_by_role("heading", level=1)).to_have_text("Made by form")
    theirs.get_by_role("navigation", name="Folders above").get_by_role("link", name=folder).click()
    theirs.get_by_label("Search this folder").fill("plan")
    theirs.keyboard.press("Enter")
    expect(theirs.get_by_role("row")).to_have_count(2)
    mine.goto(f"{site.url}/shared-with-people")
    mine.get_by_role("link", name="Revoke").click()
    mine.get_by_role("button", name="Revoke").click()
    expect(mine.get_by_text("You share nothing with people")).to_be_visible()


def _all() -> Query:
    return Query(limit=100)
