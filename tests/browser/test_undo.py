"""Undo in a real browser: the toast that stays, by the keyboard; the timeline; what was changed since."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Watch
from tests.browser.pages import no_barriers
from tests.browser.whole_site import SHELL, WholeSite

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]


@pytest.mark.usefixtures("hurried")
def test_undo_in_the_toast_and_in_the_timeline(site: WholeSite, page: Page, watch: Watch) -> None:
    watch.allow(r"409 \(CONFLICT\)")
    owner, files = site.person(), site.services.files
    file = site.store(owner, "plan.txt")
    site.give_session(page, site.person("admin"))
    details = f"{site.url}/admin/files/details/?id={file.id}&tab=activity"
    page.goto(details)
    page.get_by_role("button", name="Move to trash").click()
    toast = page.locator(".toast")
    expect(toast).to_contain_text("plan.txt was moved to the trash.")
    no_barriers(page)
    # Toasts go after 8 s, which are short here; this one waits for whoever is slow.
    page.wait_for_timeout(1000)
    toast.get_by_role("button", name="Undo").focus()
    page.keyboard.press("Enter")
    expect(toast).to_contain_text("Undone: plan.txt is as it was before.")
    assert files.get(SHELL, file.id).name == "plan.txt"

    files.rename(SHELL, file.id, "draft.txt")
    page.goto(details)
    line = page.get_by_role("listitem").filter(has_text="renamed it")
    line.get_by_role("button", name="Undo").click()
    expect(page).to_have_url(details)
    expect(page.get_by_role("heading", level=1)).to_have_text("plan.txt")

    undo = page.locator(".timeline li").first.get_by_role("button", name="Undo")
    files.rename(SHELL, file.id, "final.txt")
    undo.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Not undone")
    expect(page.get_by_role("alert")).to_contain_text("It was changed again since, by test.")
    expect(page.get_by_role("row").last).to_have_text("namedraft.txtplan.txtfinal.txt")
    no_barriers(page)
    page.get_by_role("link", name="Leave it as it is").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("final.txt")
