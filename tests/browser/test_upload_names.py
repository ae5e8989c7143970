"""What the page asks about names before it sends files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Watch
from tests.browser.uploading import BROKEN, pick, row
from tests.browser.whole_site import Person, WholeSite

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]


def test_many_long_names_in_long_paths_are_asked_about(
    site: WholeSite, mine: Page, person: Person, tmp_path: Path
) -> None:
    """More than one question takes."""
    path, count = ("d" * 250, "e" * 250), 110
    assert count * (3 * 250 + 50) > 64 * 1024
    inside = tmp_path.joinpath(*path)
    inside.mkdir(parents=True)
    names = [f"{number:03}{'n' * 247}" for number in range(count)]
    for name in names:
        (inside / name).write_text("x")
    place = site.services.folders.make_path(site.actor(person), path)
    site.store(person, names[-1], folder=place.id)
    pick(mine, tmp_path / path[0], kind="folder")
    question = mine.get_by_role("dialog")
    expect(question).to_contain_text(f"{names[-1]}” already")
    question.get_by_role("button", name="Skip").click()
    expect(mine.locator("[data-total-text]")).to_have_text(f"{count - 1} files stored")
    assert set(site.files(person)) == set(names)


def test_where_nobody_could_be_asked_nothing_is_called_otherwise(
    site: WholeSite, mine: Page, person: Person, watch: Watch
) -> None:
    watch.allow(BROKEN)
    site.store(person, "there.txt")
    problem = {"status": 429, "code": "too_many", "detail": "Too many requests."}
    mine.route(
        "**/files/taken",
        lambda route: route.fulfill(status=429, content_type="application/problem+json", body=json.dumps(problem)),
    )
    pick(mine, {"name": "there.txt", "mimeType": "text/plain", "buffer": b"other"})
    expect(row(mine, "there.txt")).to_have_attribute("data-state", "failed")
    expect(row(mine, "there.txt").get_by_role("button", name="Rename and retry")).to_be_visible()
    assert list(site.files(person)) == ["there.txt"]


def test_a_folder_is_never_replaced(site: WholeSite, mine: Page, person: Person) -> None:
    site.store(person, "first.txt")
    site.services.folders.create(site.actor(person), name="second")
    pick(mine, *({"name": name, "mimeType": "text/plain", "buffer": b"new"} for name in ("first.txt", "second")))
    question = mine.get_by_role("dialog")
    expect(question).to_contain_text("There is a file called “first.txt” already")
    question.get_by_role("checkbox").check()
    question.get_by_role("button", name="Replace").click()
    expect(question).to_contain_text("There is a folder called “second” already")
    expect(question.get_by_role("button", name="Replace")).to_have_count(0)
    question.get_by_role("button", name="Keep both").click()
    expect(mine.locator("[data-total-text]")).to_have_text("2 files stored")
    assert set(site.files(person)) == {"first.txt", "second (2)"}
