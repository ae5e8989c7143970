"""Everything that a list matches, in a real browser and by the keyboard: selected, foreseen, done, watched, stopped."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from backoffice.domain.jobs import Job, JobState, Selection
from backoffice.domain.paging import Query
from tests.browser.conftest import Person, WholeSite
from tests.browser.pages import no_barriers, wait_until
from tests.browser.whole_site import SHELL

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

OpenPage = Callable[..., Page]
FILES = 23
"""More than the 20 that the smallest page shows."""


@pytest.fixture
def owner(site: WholeSite) -> Person:
    """Somebody with more files than a page shows."""
    person = site.person()
    for number in range(FILES):
        site.store(person, f"draft {number:02}.txt")
    return person


def list_of(site: WholeSite, owner: Person) -> str:
    return f"{site.url}/admin/files/?flt0_owner_is={owner.id}&page_size=20"


def test_all_that_match_by_the_keyboard_to_the_report(site: WholeSite, page: Page, owner: Person) -> None:
    site.give_session(page, site.person("operator"))
    page.goto(list_of(site, owner))
    expect(page.get_by_label(f"All {FILES} that match")).to_be_hidden()
    page.keyboard.press("a")
    expect(page.locator("[data-count]")).to_have_text(re.compile("^20 selected"))
    expect(page.get_by_label(f"All {FILES} that match")).to_be_visible()
    page.keyboard.press("a")
    expect(page.locator("[data-count]")).to_have_text(f"All {FILES} selected")
    expect(page.locator("[data-bulk]").get_by_role("button", name="Verify now")).to_be_hidden()
    page.keyboard.press("Escape")
    expect(page.locator("[data-bulk]")).to_be_hidden()
    for key in ("a", "a"):
        page.keyboard.press(key)
    trash = page.locator("[data-bulk]").get_by_role("button", name="Move to trash")
    trash.focus()
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text(f"Move to trash: {FILES} files")
    expect(page.locator(".facts")).to_contain_text("92 B")
    expect(page.locator(".names li")).to_have_count(10)
    no_barriers(page, "light", "dark")
    page.get_by_role("button", name="Move to trash").focus()
    page.keyboard.press("Enter")
    expect(page.locator("[data-job]")).to_have_attribute("data-over", "")
    expect(page.locator(".facts")).to_contain_text(f"Moved to the trash{FILES}")
    assert not site.files(owner)
    page.set_viewport_size({"width": 360, "height": 800})
    no_barriers(page)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_what_is_final_is_weighed_and_a_job_is_stopped_without_a_script(
    site: WholeSite, open_page: OpenPage, owner: Person
) -> None:
    page, operator = open_page(java_script_enabled=False), site.person("operator")
    for file in site.files(owner).values():
        site.services.files.trash(SHELL, file.id)
    site.give_session(page, operator)
    page.goto(f"{site.url}/admin/trash/?flt0_owner_is={owner.id}&page_size=20")
    page.get_by_label(f"All {FILES} that match").check()
    page.locator("#bulk").get_by_role("button", name="Delete for good").click()
    expect(page.locator("form strong")).to_have_text(f"Delete for good: {FILES} files (92 B)?")
    page.get_by_role("link", name="Cancel").click()
    expect(page).to_have_url(re.compile(r"/admin/trash/\?.*owner"))
    job = _held_open(site, operator, owner)
    page.goto(f"{site.url}/admin/jobs/details/?id={job.id}")
    expect(page.get_by_role("link", name="Look again")).to_be_visible()
    page.get_by_role("button", name="Stop").click()
    expect(page.locator(".job-line")).to_contain_text("stopping")
    site.services.jobs.store.save(job, "held")  # and lets a worker go on with it
    wait_until(page, lambda: site.services.jobs.get(SHELL, job.id).over, "it has ended")
    page.get_by_role("link", name="Look again").click()
    expect(page.locator(".job-line")).to_contain_text("stopped")


def _held_open(site: WholeSite, operator: Person, owner: Person) -> Job:
    """A job that no worker carries out, for the test has it."""
    jobs = site.services.jobs
    mine = Selection(query=Query(filters=(("trash", owner.id),)))
    while True:
        job = jobs.start(site.actor(operator), "file.restore", mine)
        taken = jobs.store.take(job.id, "held", 60_000)
        if taken is not None:
            assert taken.state is JobState.OPEN
            return taken
