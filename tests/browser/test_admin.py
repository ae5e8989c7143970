"""The admin site in a real browser: lists, records, and the questions before something is removed."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, expect

from backoffice.domain.ids import new_id
from tests.browser.conftest import Watch
from tests.browser.uploading import pick
from tests.browser.whole_site import PASSWORD, SHELL, WholeSite

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

OpenPage = Callable[..., Page]


@pytest.fixture
def admin(site: WholeSite, page: Page) -> Page:
    """The first page of the admin site, as an administrator who has just signed in."""
    site.give_session(page, site.person("admin"))
    page.goto(f"{site.url}/admin/")
    return page


def rows(page: Page) -> Locator:
    return page.locator(".list tbody tr[role=row]")


def firsts(page: Page) -> list[str]:
    """The first column."""
    return [text.strip() for text in page.locator(".list tbody th").all_inner_texts()]


def search(page: Page, text: str) -> None:
    page.get_by_role("searchbox").fill(text)
    page.keyboard.press("Enter")
    expect(page.locator(".chips")).to_contain_text(text)


def choose_filter(page: Page, label: str, value: str) -> None:
    page.locator("summary", has_text="Filter").click()
    page.locator(".filter-field summary", has_text=label.partition(" ")[0]).click()
    control = page.locator(".filter-field[open]").get_by_label(label, exact=True)
    if control.evaluate("(control) => control.localName") == "select":
        control.select_option(value)  # which applies it
    else:
        control.fill(value)
        control.press("Enter")
    expect(page.locator(".chips")).to_contain_text(label)


def test_users_are_found_sorted_filtered_and_paged(site: WholeSite, admin: Page) -> None:
    mark = new_id()[:8].lower()
    for number in range(23):
        site.services.users.create(
            SHELL,
            username=f"{mark}-{number:02}",
            roles=("auditor",) if number == 7 else ("user",),
        )
    admin.get_by_role("link", name="Users", exact=True).first.click()
    expect(admin.get_by_role("heading", level=1)).to_contain_text("Users")
    search(admin, mark)
    expect(rows(admin)).to_have_count(23)
    admin.get_by_role("link", name="User name").click()
    expect(admin.locator("th[aria-sort=ascending]")).to_have_text("User name")
    assert firsts(admin)[:2] == [f"{mark}-00", f"{mark}-01"]
    admin.get_by_role("link", name="User name").click()
    expect(admin.locator("th[aria-sort=descending]")).to_have_text("User name")
    assert firsts(admin)[0] == f"{mark}-22"
    admin.locator(".page-sizes").get_by_role("link", name="20", exact=True).click()
    expect(rows(admin)).to_have_count(20)
    admin.get_by_role("link", name="Next page").click()
    expect(rows(admin)).to_have_count(3)
    choose_filter(admin, "Role", "auditor")
    expect(rows(admin)).to_have_count(1)
    assert firsts(admin) == [f"{mark}-07"]
    admin.get_by_role("link", name=re.compile("Remove the filter Role")).click()
    expect(rows(admin)).to_have_count(20)


def test_a_user_is_made_let_in_changed_and_removed(site: WholeSite, admin: Page, open_page: OpenPage) -> None:
    name = f"n-{new_id()[:8].lower()}"
    admin.goto(f"{site.url}/admin/users/new/")
    admin.get_by_label("User name").fill(name)
    admin.get_by_role("checkbox", name="user", exact=True).check()
    admin.get_by_role("button", name="Create user").click()
    link = admin.locator("#reveal-secret").input_value()
    assert link.startswith(f"{site.url}/setup/")

    theirs = open_page()
    theirs.goto(link)
    for field in theirs.locator("input[type=password]").all():
        field.fill(PASSWORD)
    theirs.locator("main form button").first.click()
    expect(theirs.get_by_role("heading", level=1)).to_have_text("My files")

    admin.goto(f"{site.url}/admin/users/")
    search(admin, name)
    admin.get_by_role("link", name=f"Edit {name}").click()
    admin.get_by_label("Quota").fill("5 MB")
    admin.get_by_role("checkbox", name="auditor", exact=True).check()
    admin.get_by_role("button", name="Save changes").click()
    expect(admin.locator(".toast")).to_be_visible()
    theirs.goto(f"{site.url}/account")
    expect(theirs.get_by_role("heading", level=1)).to_have_text("Sign in")  # other roles end all sessions

    remove(admin, name, "Cancel")
    admin.goto(f"{site.url}/admin/users/?search={name}")
    expect(rows(admin)).to_have_count(1)
    remove(admin, name, "Delete")
    expect(admin.locator(".toast")).to_be_visible()
    admin.goto(f"{site.url}/admin/users/?search={name}")
    expect(admin.locator(".empty-title")).to_have_text("Nothing matches")


def remove(page: Page, name: str, answer: str) -> None:
    page.get_by_role("button", name=f"Delete {name}").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(f"Delete {name} for good?")
    page.locator(".form-foot").get_by_text(answer, exact=True).click()
    expect(page.get_by_role("heading", level=1)).not_to_contain_text("for good")


def test_a_role_is_made_changed_and_removed(site: WholeSite, admin: Page) -> None:
    name = f"r-{new_id()[:6].lower()}"
    admin.goto(f"{site.url}/admin/roles/new/")
    admin.get_by_label("Name", exact=True).fill(name)
    admin.get_by_label("Description").fill("Reads the log")
    admin.locator("input[type=checkbox][value='audit:read']").check()
    admin.get_by_role("button", name="Create role").click()
    expect(admin.locator(".toast")).to_be_visible()
    admin.goto(f"{site.url}/admin/roles/details/?id={name}")
    admin.get_by_role("link", name="Edit").click()
    admin.get_by_label("Description").fill("Reads the log and the system")
    admin.locator("input[type=checkbox][value='system:read']").check()
    admin.get_by_role("button", name="Save changes").click()
    admin.get_by_role("button", name="Save these changes").click()
    expect(admin.locator(".toast")).to_be_visible()
    role = site.services.roles.get(SHELL, name)
    assert (role.description, len(role.permissions)) == ("Reads the log and the system", 2)


def test_files_of_everybody(site: WholeSite, admin: Page) -> None:
    owner, mark = site.person(), new_id()[:8].lower()
    for number in range(3):
        site.store(owner, f"{mark} {number}.txt", b"x" * (number + 1))
    admin.goto(f"{site.url}/admin/files/")
    search(admin, mark)
    expect(rows(admin)).to_have_count(3)
    admin.get_by_role("link", name="Size").click()
    expect(admin.locator("th[aria-sort]")).to_have_text("Size")
    assert sorted(firsts(admin)) == sorted(site.files(owner))
    admin.goto(f"{site.url}/admin/files/")
    choose_filter(admin, "Owner", owner.name)
    expect(rows(admin)).to_have_count(3)
    admin.get_by_role("link", name=f"Edit {mark} 0.txt").click()
    admin.get_by_label("Name").fill(f"{mark} zero.txt")
    admin.get_by_role("button", name="Save changes").click()
    expect(rows(admin).filter(has_text=f"{mark} zero.txt")).to_have_count(1)
    admin.get_by_role("button", name=f"Move to trash {mark} zero.txt").click()
    expect(rows(admin)).to_have_count(2)
    expect(admin.locator(".toast")).to_contain_text(f"{mark} zero.txt was moved to the trash.")
    assert set(site.files(owner)) == {f"{mark} 1.txt", f"{mark} 2.txt"}


def test_an_upload_in_progress_is_seen_and_cancelled(site: WholeSite, admin: Page) -> None:
    owner, name = site.person(), f"{new_id()[:8].lower()}.bin"
    site.services.uploads.put_chunk(
        site.actor(owner), upload_id=None, index=0, total_chunks=4, data=b"x" * 100, size=400, name=name
    )
    admin.goto(f"{site.url}/admin/uploads/")
    search(admin, name)
    expect(rows(admin)).to_contain_text("25 % · 100 B of 400 B")
    admin.get_by_role("button", name=f"Cancel upload {name}").click()
    admin.get_by_role("dialog").get_by_role("button", name="Cancel upload").click()
    expect(admin.locator(".empty-title")).to_have_text("Nothing matches")
    assert site.services.files.usage(site.actor(owner)).reserved == 0


def test_the_log_says_what_somebody_did(site: WholeSite, admin: Page, open_page: OpenPage) -> None:
    person = site.person()
    theirs = open_page()
    site.let_in(theirs, person)
    pick(theirs, {"name": "seen.txt", "mimeType": "", "buffer": b"x"})
    expect(theirs.get_by_role("link", name="Download seen.txt")).to_be_visible()
    with theirs.expect_download():
        theirs.get_by_role("link", name="Download seen.txt").click()
    theirs.get_by_role("button", name="Delete seen.txt").click()
    expect(theirs.get_by_role("button", name="Undo")).to_be_visible()

    admin.goto(f"{site.url}/admin/audit/")
    choose_filter(admin, "Actor", person.name)
    entries = admin.locator("[data-entry]")
    trashed = entries.filter(has_text="moved seen.txt to the trash")
    expect(trashed).to_have_count(1)
    log = admin.locator("[data-log]").inner_text()
    for said in ("uploaded seen.txt", "downloaded seen.txt"):
        assert said in log, said
    assert "began to upload" not in log, "the beginning and the end are one line"
    assert log.index("to the trash") < log.index("uploaded"), "newest first"
    trashed.get_by_role("link").first.click()
    expect(admin.locator(".facts")).to_contain_text("seen.txt")


def test_an_auditor_reads_and_changes_nothing(site: WholeSite, page: Page, watch: Watch) -> None:
    watch.allow(r"status of 403")
    other = site.person()
    site.give_session(page, site.person("auditor"))
    page.goto(f"{site.url}/admin/users/")
    expect(rows(page).first).to_be_visible()
    expect(page.get_by_role("link", name=re.compile("^Edit"))).to_have_count(0)
    expect(page.get_by_role("button", name=re.compile("^Delete"))).to_have_count(0)
    answer = page.goto(f"{site.url}/admin/users/edit/?id={other.id}")
    assert answer is not None
    assert answer.status == 403
