"""Folders that are uploaded: chosen, and dropped; and small files, that go in one request."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page, Route, expect

from backoffice.domain.paging import Query
from tests.browser.conftest import Watch
from tests.browser.pages import ready, wait_until
from tests.browser.uploading import BROKEN, LONG, Slow, pick, stored, under_way
from tests.browser.whole_site import CHUNK, Person, WholeSite

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]


def test_a_folder(site: WholeSite, mine: Page, person: Person, tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    (folder / "inner").mkdir(parents=True)
    (folder / "one.txt").write_text("1")
    (folder / "inner" / "two.txt").write_text("22")
    pick(mine, folder, kind="folder")
    expect(mine.locator("[data-total-text]")).to_have_text("2 files stored")
    found = site.files(person)
    places = site.services.folders.paths({file.folder_id for file in found.values()})
    assert {name: places[file.folder_id] for name, file in found.items()} == {
        "one.txt": ("folder",),
        "two.txt": ("folder", "inner"),
    }
    mine.get_by_role("link", name="folder", exact=True).click()
    mine.get_by_role("link", name="inner", exact=True).click()
    expect(mine.get_by_role("heading", level=1)).to_have_text("inner")
    expect(mine.get_by_role("navigation", name="Folders above")).to_contain_text("folder")
    expect(mine.locator("[data-transfers]")).to_be_visible()


def test_a_folder_goes_on_in_another_browser(
    site: WholeSite, mine: Page, person: Person, slow_network: Slow, tmp_path: Path
) -> None:
    """Where it goes is on the server, and not in the browser in which it began."""
    place = site.services.folders.create(site.actor(person), name="Films")
    folder = tmp_path / "folder"
    (folder / "inner").mkdir(parents=True)
    film = folder / "inner" / "film.bin"
    film.write_bytes(bytes(24 * CHUNK))
    mine.goto(f"{site.url}/?folder={place.id}")
    slow_network(mine, 8 * CHUNK)
    pick(mine, folder, kind="folder")
    under_way(mine, "film.bin", 100)
    mine.evaluate("sessionStorage.clear()")
    mine.goto(f"{site.url}/")
    slow_network(mine, 0)
    with mine.expect_file_chooser() as chooser:
        mine.get_by_role("button", name="Pick film.bin again").click()
    chooser.value.set_files(film)
    stored(mine, "film.bin", LONG)
    file = site.files(person)["film.bin"]
    assert site.services.folders.paths({file.folder_id})[file.folder_id] == ("Films", "folder", "inner")


def drag(page: Page, kind: str, path: Path) -> None:
    """As the system does it with a file or folder of this machine."""
    session = page.context.new_cdp_session(page)
    data = {"items": [], "files": [str(path)], "dragOperationsMask": 1}
    session.send("Input.dispatchDragEvent", {"type": kind, "x": 200, "y": 300, "data": data})
    session.detach()


def test_a_dropped_folder_keeps_all_of_its_folders(site: WholeSite, mine: Page, person: Person, tmp_path: Path) -> None:
    place = site.services.folders.create(site.actor(person), name="Reports")
    site.store(person, "doc-1.txt")
    for name in ("a/b/doc-1.txt", "a/doc-2.txt", "a/b/c/doc-3.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    (tmp_path / "a" / "nothing" / "in it").mkdir(parents=True)
    mine.goto(f"{site.url}/?folder={place.id}")
    ready(mine)
    for kind in ("dragEnter", "dragOver"):
        drag(mine, kind, tmp_path / "a")
    expect(mine.get_by_text("Drop to upload to /Reports")).to_be_visible()
    drag(mine, "drop", tmp_path / "a")
    expect(mine.locator("[data-total-text]")).to_have_text("3 files stored")
    actor, folders = site.actor(person), site.services.folders
    expect(mine.get_by_role("link", name="a", exact=True)).to_be_visible()
    wait_until(mine, lambda: len(folders.page_in(actor, None, Query()).items) == 6, "the empty folder is made")
    paths = folders.paths([one.id for one in folders.page_in(actor, None, Query()).items])
    kept = ("a", "a/b", "a/b/c", "a/nothing", "a/nothing/in it")
    assert {"/".join(path) for path in paths.values()} == {"Reports", *(f"Reports/{one}" for one in kept)}
    places = {file.name: paths.get(file.folder_id, ()) for file in site.services.files.page(actor, Query()).items}
    assert places["doc-3.txt"] == ("Reports", "a", "b", "c")

    drag(mine, "dragEnter", tmp_path / "a")
    drag(mine, "drop", tmp_path / "a")
    question = mine.get_by_role("dialog")
    expect(question).to_contain_text("There is a file called “a/doc-2.txt” already")
    question.get_by_role("checkbox").check()
    question.get_by_role("button", name="Replace").click()
    expect(mine.locator("[data-total-text]")).to_have_text("6 files stored")
    there = site.services.files.page(actor, Query()).items
    assert sorted(one.number for one in there) == [1, 2, 2, 2], "each has its old version"
    assert not site.services.files.trash_page(actor, Query()).items


def test_a_small_file_whose_answer_is_lost_is_stored_once(
    site: WholeSite, mine: Page, person: Person, watch: Watch
) -> None:
    watch.allow(BROKEN)

    def lost(route: Route) -> None:
        route.fetch()
        route.abort()

    mine.route("**/files/*?*", lost, times=1)
    pick(mine, {"name": "small.txt", "mimeType": "text/plain", "buffer": b"once"})
    expect(mine.locator("[data-total-text]")).to_have_text("1 file stored")
    assert {name: file.mime_type for name, file in site.files(person).items()} == {"small.txt": "text/plain"}
    assert site.uploads(person) == []
