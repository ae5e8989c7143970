"""Files and folders that somebody puts into a folder of somebody else, as on the page of their own files."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from backoffice.domain.folders import Folder
from backoffice.domain.paging import Query
from backoffice.domain.shares import ShareAccess
from tests.browser.looked_at import WATCHED, faults
from tests.browser.pages import ready
from tests.browser.uploading import LONG, MakeFile, Slow, awake, chunks_sent, pick, row, stored, under_way
from tests.browser.whole_site import CHUNK, Person, WholeSite

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]
ALL = Query(limit=100)


@pytest.fixture
def sharer(site: WholeSite) -> Person:
    return site.person()


@pytest.fixture
def team(site: WholeSite, sharer: Person) -> Folder:
    return site.services.folders.create(site.actor(sharer), name="Team")


@pytest.fixture
def theirs(site: WholeSite, page: Page, person: Person, sharer: Person, team: Folder) -> Page:
    """The page of the other one's folder."""
    share = site.services.shares.create(site.actor(sharer), folder=team.id, user=person.name, access=ShareAccess.WRITE)
    page.add_init_script(WATCHED)
    site.give_session(page, person)
    page.goto(f"{site.url}/shared-with-me/{share.id}")
    ready(page)
    return page


def places(site: WholeSite, sharer: Person) -> dict[str, tuple[str, ...]]:
    """The folders in which each file of the sharer lies."""
    found = site.files(sharer)
    paths = site.services.folders.paths({file.folder_id for file in found.values()})
    return {name: paths[file.folder_id] for name, file in found.items()}


def test_a_large_file_goes_on_after_a_reload_within_the_folder(
    site: WholeSite, theirs: Page, person: Person, sharer: Person, make_file: MakeFile, slow_network: Slow
) -> None:
    big = make_file("big.bin", 24 * CHUNK)
    theirs.locator("summary").filter(has_text="Upload").click()
    theirs.get_by_role("link", name="New folder").click()
    theirs.get_by_label("Name of the new folder").fill("Films")
    theirs.keyboard.press("Enter")
    theirs.get_by_role("link", name="Films", exact=True).click()
    expect(theirs.get_by_role("heading", level=1)).to_have_text("Films")
    slow_network(theirs, 8 * CHUNK)
    pick(theirs, big)
    under_way(theirs, "big.bin", 150)
    theirs.get_by_role("button", name="Pause: big.bin").click()
    expect(row(theirs, "big.bin")).to_have_attribute("data-state", "paused")
    theirs.get_by_role("button", name="Resume: big.bin").click()
    under_way(theirs, "big.bin", 250)
    theirs.get_by_role("navigation", name="Folders above").get_by_role("link", name="Team").click()
    expect(theirs.get_by_role("heading", level=1)).to_have_text("Team")
    theirs.reload()
    slow_network(theirs, 0)
    waiting = theirs.locator("[data-unfinished]")
    expect(waiting).to_contain_text("big.bin")
    sent = chunks_sent(theirs)
    with theirs.expect_file_chooser() as chooser:
        waiting.get_by_role("button", name="Pick big.bin again").click()
    chooser.value.set_files(big.path)
    stored(theirs, "big.bin", LONG)
    assert 0 < len(sent) < 24 * 0.95, "only what was missing is sent"
    expect(waiting).to_have_count(0)
    file = site.files(sharer)["big.bin"]
    assert site.sha256(sharer, file) == big.sha256
    assert places(site, sharer)["big.bin"] == ("Team", "Films")
    assert file.owner == sharer.id
    assert not site.files(person)
    assert not faults(theirs)


def test_who_owns_the_folder_does_not_finish_what_somebody_else_sends_there(
    site: WholeSite, theirs: Page, person: Person, sharer: Person, make_file: MakeFile
) -> None:
    big = make_file("big.bin", 2 * CHUNK)
    share = theirs.url.rsplit("/", 1)[1]
    begun = site.services.shared.put_chunk(
        site.actor(person),
        share,
        upload_id=None,
        index=0,
        total_chunks=2,
        data=big.path.read_bytes()[:CHUNK],
        size=2 * CHUNK,
        name="big.bin",
    )
    page = theirs
    page.context.clear_cookies()
    site.give_session(page, sharer)
    page.goto(site.url)
    ready(page)
    pick(page, big)
    stored(page, "big.bin", LONG)
    assert places(site, sharer)["big.bin"] == ()
    assert [one.id for one in site.uploads(sharer)] == [begun.upload.id]


def test_a_folder_is_kept_and_names_are_asked_about(
    site: WholeSite, theirs: Page, sharer: Person, team: Folder, tmp_path: Path
) -> None:
    site.store(sharer, "plan.txt", b"old", team.id)
    folder = tmp_path / "trip"
    (folder / "inner").mkdir(parents=True)
    (folder / "one.txt").write_text("1")
    (folder / "inner" / "two.txt").write_text("22")
    pick(theirs, folder, kind="folder")
    expect(theirs.locator("[data-total-text]")).to_have_text("2 files stored")
    assert places(site, sharer) == {
        "plan.txt": ("Team",),
        "one.txt": ("Team", "trip"),
        "two.txt": ("Team", "trip", "inner"),
    }
    expect(theirs.get_by_role("link", name="trip", exact=True)).to_be_visible()
    (tmp_path / "plan.txt").write_text("new")
    pick(theirs, tmp_path / "plan.txt")
    dialog = theirs.get_by_role("dialog")
    expect(dialog).to_contain_text(f"{sharer.name} can restore it")
    dialog.get_by_role("button", name="Replace").click()
    stored(theirs, "plan.txt")
    assert site.files(sharer)["plan.txt"].size == 3
    [version] = site.services.files.history(site.actor(sharer), site.files(sharer)["plan.txt"].id).earlier
    assert version.size == 3


def test_dropped_anywhere_it_says_where_it_goes(site: WholeSite, theirs: Page, sharer: Person, tmp_path: Path) -> None:
    folder = tmp_path / "trip"
    (folder / "empty").mkdir(parents=True)
    (folder / "one.txt").write_text("1")
    awake(theirs)
    session = theirs.context.new_cdp_session(theirs)
    data = {"items": [], "files": [str(folder)], "dragOperationsMask": 1}
    for kind in ("dragEnter", "dragOver"):
        session.send("Input.dispatchDragEvent", {"type": kind, "x": 200, "y": 300, "data": data})
    expect(theirs.locator("[data-drop]")).to_have_class(re.compile("over"))
    expect(theirs.locator("[data-drop-where]")).to_have_text("Team")
    session.send("Input.dispatchDragEvent", {"type": "drop", "x": 200, "y": 300, "data": data})
    expect(theirs.locator("[data-total-text]")).to_have_text("1 file stored")
    expect(theirs.get_by_role("row").filter(has_text="trip")).to_be_visible()
    names = {one.name for one in site.services.folders.page_in(site.actor(sharer), None, ALL).items}
    assert names == {"Team", "trip", "empty"}
    assert not faults(theirs)


def test_who_may_only_read_is_offered_nothing(
    site: WholeSite, theirs: Page, person: Person, sharer: Person, team: Folder
) -> None:
    [share] = site.services.shares.held(site.actor(sharer), ALL).items
    site.services.shares.update(site.actor(sharer), share.id, access=ShareAccess.READ)
    theirs.reload()
    expect(theirs.get_by_role("heading", level=1)).to_have_text("Team")
    for part in ("[data-drop]", "[data-pick]", "[data-upload]", "input[type=file]", ".upload-menu"):
        expect(theirs.locator(part)).to_have_count(0)
    assert not faults(theirs)
