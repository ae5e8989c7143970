"""Nine tasks of the day, each by somebody who holds the right to it, with its clicks and typings counted: none takes
more than five. (Undo has its own tests; sharing with an outsider is a right that no role can have yet.)"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from backoffice.domain.ids import new_id
from tests.browser.whole_site import SHELL, Person, WholeSite

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

MOST = 5


@dataclass(slots=True)
class Hand:
    """Does what a person does, and counts it."""

    page: Page
    count: int = 0

    def click(self, *targets: Locator | str) -> None:
        """What is to be clicked, or the name of a link or button."""
        for one in targets:
            self.count += 1
            if isinstance(one, str):
                links, buttons = (self.page.get_by_role(role, name=one, exact=True) for role in ("link", "button"))
                one = links.or_(buttons).first
            one.click()

    def type(self, target: Locator, text: str) -> None:
        """One typing, with the Enter at its end; the field has the focus or gets it by being typed into."""
        self.count += 1
        target.fill(text)
        target.press("Enter")

    def find(self, text: str, found: str) -> None:
        """By the palette: its button, the words, and Enter, which takes the first that is found."""
        self.click(self.page.get_by_role("link", name="Find"))
        self.page.get_by_role("combobox").fill(text)
        expect(self.page.get_by_role("option").first).to_contain_text(found)
        self.type(self.page.get_by_role("combobox"), text)

    def done(self) -> None:
        assert self.count <= MOST, f"{self.count} clicks and typings"


@pytest.fixture
def hand(site: WholeSite, page: Page) -> Hand:
    """Of an operator, on the page where the site begins for that role."""
    return begin(site, page, "operator")


def begin(site: WholeSite, page: Page, role: str) -> Hand:
    site.give_session(page, site.person(role))
    page.goto(f"{site.url}/admin/")
    return Hand(page)


@pytest.fixture
def worker(site: WholeSite) -> Person:
    """Somebody with two files, one of them in the trash, a session and a token."""
    person = site.person()
    site.services.users.update(SHELL, person.id, email=f"{person.name}@example.org")
    kept, gone = (site.store(person, f"{person.name} {name}") for name in ("kept.txt", "gone.txt"))
    site.services.files.trash(site.actor(person), gone.id)
    site.services.sessions.start_for(SHELL, person.user)
    assert kept.owner == person.id
    return person


def test_a_all_that_somebody_owns_by_their_address(hand: Hand, worker: Person) -> None:
    hand.find(f"{worker.name}@example.org", worker.name)
    page = hand.page
    expect(page.get_by_role("heading", level=1)).to_contain_text(worker.name)
    tabs = page.locator(".tabs")
    for name in ("Files", "Uploads", "Trash", "Sessions", "Tokens", "Access"):
        expect(tabs.get_by_role("link", name=re.compile(f"^{name}"))).to_be_visible()
    expect(page.locator("main")).to_contain_text(f"{worker.name} kept.txt")
    hand.click(tabs.get_by_role("link", name=re.compile("^Trash")))
    expect(page.locator("main")).to_contain_text(f"{worker.name} gone.txt")
    hand.done()


def test_b_one_more_role(site: WholeSite, page: Page) -> None:
    """Of somebody with a token: that it ends for good is asked about first."""
    other = site.person()
    site.actor(other)
    hand = begin(site, page, "admin")
    hand.find(f"edit {other.name}", f"Edit {other.name}")
    hand.click(page.get_by_role("checkbox", name="auditor", exact=True), "Save changes")
    expect(page.locator("main")).to_contain_text("1 token ends for good")
    hand.click("Save these changes")
    expect(page.locator(".toast")).to_be_visible()
    assert set(site.services.users.get(SHELL, other.id).roles) == {"user", "auditor"}
    hand.done()


def test_c_who_deleted_a_file_that_day(site: WholeSite, page: Page, worker: Person) -> None:
    hand = begin(site, page, "auditor")
    hand.click("Activity")
    hand.type(page.get_by_role("searchbox"), f"{worker.name} gone.txt")
    hand.click("24 hours")
    entry = page.locator("[data-entry]", has_text="to the trash")
    expect(entry).to_have_count(1)
    expect(entry).to_contain_text(worker.name)
    hand.done()


def test_d_a_folder_is_sent(site: WholeSite, page: Page, worker: Person, tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    for number in range(5):
        (folder / f"{number}.txt").write_text("x")
    site.let_in(page, worker)
    hand = Hand(page)
    hand.click(page.locator(".upload-menu summary"))
    with page.expect_file_chooser() as chooser:
        hand.click("A folder")
    chooser.value.set_files(folder)
    expect(page.locator("[data-total-text]")).to_have_text("5 files stored")
    expect(page.get_by_role("link", name="folder", exact=True)).to_be_visible()
    hand.done()


def test_e_large_files_of_a_kind_are_moved_to_the_trash(site: WholeSite, hand: Hand, worker: Person) -> None:
    site.store(worker, f"{worker.name} small.txt", b"x")
    page = hand.page
    hand.click("Files")
    hand.type(page.get_by_role("searchbox"), f"{worker.name} txt >3B")
    expect(page.locator(".chips")).to_contain_text("Size")
    expect(page.locator(".list tbody tr")).to_have_count(1)
    hand.click(page.locator("thead .pick input"))
    expect(page.locator("[data-count]")).to_have_text("1 selected · 4 B")
    hand.click(page.locator("[data-bulk]").get_by_role("button", name="Move to trash"))
    expect(page.locator(".toast")).to_contain_text("trash")
    assert set(site.files(worker)) == {f"{worker.name} small.txt"}
    hand.done()


def test_f_somebody_leaves_and_another_gets_the_files(site: WholeSite, page: Page, worker: Person) -> None:
    heir = site.person()
    hand = begin(site, page, "admin")
    hand.find(f"leave {worker.name}", f"Offboard {worker.name}")
    hand.count += 1
    page.get_by_label("Who gets them").fill(heir.name)
    hand.click(f"Offboard {worker.name}")
    expect(page.locator(".toast, .flash").first).to_be_visible()
    assert not site.services.users.get(SHELL, worker.id).active
    hand.done()


def test_g_an_auditor_is_let_in(site: WholeSite, page: Page) -> None:
    hand, name = begin(site, page, "admin"), f"g-{new_id()[:8].lower()}"
    hand.click("Users", "New user")
    hand.count += 1
    page.get_by_label("User name").fill(name)
    hand.click(page.get_by_role("checkbox", name="auditor", exact=True), "Create user")
    expect(page.locator("#reveal-secret")).to_have_value(re.compile("/setup/"))
    assert "auditor" in site.services.users.find(SHELL, name).roles
    hand.done()


def test_h_the_session_of_a_lost_laptop_is_ended(hand: Hand, worker: Person) -> None:
    page = hand.page
    hand.click("Users", "Sessions")
    row = page.locator(".list tbody tr", has_text=worker.name)
    row.first.hover()
    hand.click(row.first.get_by_role("button", name=re.compile("^End session")))
    hand.click(page.get_by_role("dialog").get_by_role("button", name="End session"))
    expect(page.locator(".toast")).to_contain_text("ended")
    hand.done()


def test_h_and_from_the_persons_page(site: WholeSite, hand: Hand, worker: Person) -> None:
    page = hand.page
    hand.find(worker.name, worker.name)
    hand.click(page.locator(".tabs").get_by_role("link", name=re.compile("^Sessions")))
    hand.click(page.locator("main").get_by_role("button", name=re.compile("^End")).first)
    hand.click(page.get_by_role("dialog").get_by_role("button", name=re.compile("^End")))
    expect(page.locator(".toast")).to_contain_text("ended")
    hand.done()
    page.goto(f"{site.url}/admin/users/details/?id={worker.id}&tab=sessions")
    expect(page.locator("main")).to_contain_text("Not signed in")


def test_i_a_role_offers_to_share_with_an_outsider(site: WholeSite, page: Page) -> None:
    begin(site, page, "admin").page.goto(f"{site.url}/admin/roles/new/")
    expect(page.locator("input[value='files:share']")).to_have_count(1)
