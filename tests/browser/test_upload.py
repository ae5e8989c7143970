"""Uploading in a real browser: whole, interrupted in every way, and taken up again."""

from __future__ import annotations

import hashlib
import os
import re
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Watch
from tests.browser.uploading import BROKEN, LONG, MB, MakeFile, Slow, chunks_sent, pick, row, stored, under_way
from tests.browser.whole_site import CHUNK, PASSWORD, Person, WholeSite

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]


@pytest.mark.slow
def test_a_large_file_with_a_reload_in_the_middle_and_back_again(
    site: WholeSite, mine: Page, person: Person, make_file: MakeFile, slow_network: Slow, tmp_path: Path
) -> None:
    big = make_file("big.bin", 48 * CHUNK)
    slow_network(mine, 16 * CHUNK)
    pick(mine, big)
    under_way(mine, "big.bin", 200)
    expect(mine.locator("[data-total-text]")).to_have_text(re.compile(r"0 of 1 file · \d+ %"))
    mine.reload()
    slow_network(mine, 0)

    waiting = mine.locator("[data-unfinished]")
    expect(waiting).to_contain_text("big.bin")
    expect(waiting).to_contain_text(" of 50.3 MB arrived")
    sent = chunks_sent(mine)
    with mine.expect_file_chooser() as chooser:
        waiting.get_by_role("button", name="Pick big.bin again").click()
    chooser.value.set_files(big.path)
    stored(mine, "big.bin", LONG)
    assert 0 < len(sent) < 48 * 0.9, "only what was missing is sent"
    expect(waiting).to_have_count(0)

    file = site.files(person)["big.bin"]
    assert site.sha256(person, file) == big.sha256
    with mine.expect_download() as download:
        mine.get_by_role("link", name="Download big.bin").click()
    assert download.value.suggested_filename == "big.bin"
    got = tmp_path / "got.bin"
    download.value.save_as(got)
    with got.open("rb") as data:
        assert hashlib.file_digest(data, "sha256").hexdigest() == big.sha256


def test_several_files_at_once_and_names_kept_apart(
    site: WholeSite, mine: Page, person: Person, make_file: MakeFile
) -> None:
    site.store(person, "report.pdf", b"the old one")
    files = [
        make_file(name, size)
        for name, size in (("report.pdf", 3 * CHUNK), ("b.bin", CHUNK // 4), ("empty.txt", 0), ("c", 1))
    ]
    pick(mine, *files)
    question = mine.get_by_role("dialog")
    expect(question).to_contain_text("There is a file called “report.pdf” already")
    question.get_by_role("button", name="Keep both").click()
    expect(mine.locator("[data-total-text]")).to_have_text("4 files stored", timeout=90_000)
    expect(row(mine, "report.pdf")).to_contain_text("stored as “report (2).pdf”")
    found = site.files(person)
    assert set(found) == {"report.pdf", "report (2).pdf", "b.bin", "empty.txt", "c"}
    for file, name in zip(files, ("report (2).pdf", "b.bin", "empty.txt", "c"), strict=True):
        assert site.sha256(person, found[name]) == file.sha256
    expect(mine.get_by_role("link", name="Download b.bin")).to_be_visible()
    mine.get_by_role("button", name="Clear").click()
    expect(mine.locator("[data-transfers]")).to_be_hidden()


def test_dropped_and_pasted_files(site: WholeSite, mine: Page, person: Person) -> None:
    for kind, name in (("drop", "dropped.txt"), ("paste", "pasted.png")):
        mine.evaluate(
            """([kind, name]) => {
                const data = new DataTransfer();
                data.items.add(new File([`this was ${kind}`], name));
                const zone = document.querySelector("[data-drop]");
                if (kind === "paste") {
                    document.dispatchEvent(new ClipboardEvent("paste", { clipboardData: data, cancelable: true }));
                    return;
                }
                for (const type of ["dragenter", "dragover", "drop"]) {
                    zone.dispatchEvent(new DragEvent(type, { dataTransfer: data, bubbles: true, cancelable: true }));
                }
            }""",
            [kind, name],
        )
        stored(mine, name)
    assert {name: file.size for name, file in site.files(person).items()} == {"dropped.txt": 13, "pasted.png": 14}
    expect(mine.locator("[data-drop]")).not_to_have_class(re.compile(r"\bover\b"))


def test_pause_resume_and_cancel(
    site: WholeSite, mine: Page, person: Person, make_file: MakeFile, slow_network: Slow
) -> None:
    slow_network(mine, 3 * CHUNK // 2)
    file = make_file("paused.bin", 6 * CHUNK)
    pick(mine, file)
    under_way(mine, "paused.bin", 200)
    mine.get_by_role("button", name="Pause: paused.bin").click()
    expect(row(mine, "paused.bin")).to_have_attribute("data-state", "paused")
    mine.wait_for_timeout(300)
    sent = chunks_sent(mine)
    mine.wait_for_timeout(700)
    assert not sent
    slow_network(mine, 0)
    mine.get_by_role("button", name="Resume: paused.bin").click()
    stored(mine, "paused.bin")
    assert len(sent) < 6
    assert site.sha256(person, site.files(person)["paused.bin"]) == file.sha256

    slow_network(mine, CHUNK)
    pick(mine, make_file("unwanted.bin", 6 * CHUNK))
    under_way(mine, "unwanted.bin")
    mine.get_by_role("button", name="Cancel: unwanted.bin").click()
    expect(row(mine, "unwanted.bin")).to_contain_text("Cancelled")
    slow_network(mine, 0)
    expect(mine.locator("[data-unfinished]")).to_have_count(0)
    assert set(site.files(person)) == {"paused.bin"}


def test_offline_it_waits_and_goes_on(
    site: WholeSite, mine: Page, person: Person, make_file: MakeFile, slow_network: Slow, watch: Watch
) -> None:
    watch.allow(BROKEN)
    slow_network(mine, 3 * CHUNK // 2)
    file = make_file("train.bin", 6 * CHUNK)
    pick(mine, file)
    under_way(mine, "train.bin", 200)
    [upload] = site.uploads(person)
    mine.context.set_offline(True)
    expect(mine.locator("[data-status]")).to_have_text("Waiting for the network.")
    expect(row(mine, "train.bin")).to_contain_text("Waiting for the network")
    mine.wait_for_timeout(1500)
    mine.context.set_offline(False)
    slow_network(mine, 0)
    stored(mine, "train.bin")
    expect(mine.locator("[data-trouble]")).to_be_hidden()
    done = site.files(person)["train.bin"]
    assert (done.id, site.sha256(person, done)) == (upload.id, file.sha256), "what was sent before counts"


def test_a_store_that_stands_still_is_said_and_waited_for(
    site: WholeSite,
    mine: Page,
    person: Person,
    make_file: MakeFile,
    slow_network: Slow,
    frozen_store: Callable[[], Callable[[], None]],
    watch: Watch,
) -> None:
    watch.allow(BROKEN)
    slow_network(mine, 3 * CHUNK // 2)
    file = make_file("held.bin", 6 * CHUNK)
    pick(mine, file)
    under_way(mine, "held.bin", 200)
    thaw = frozen_store()
    expect(mine.locator("[data-trouble]")).to_contain_text("The store does not answer just now", timeout=90_000)
    thaw()
    slow_network(mine, 0)
    stored(mine, "held.bin")
    expect(mine.locator("[data-trouble]")).to_be_hidden()
    assert site.sha256(person, site.files(person)["held.bin"]) == file.sha256


def test_a_store_that_is_killed_comes_back_and_nothing_is_lost(
    site: WholeSite, mine: Page, person: Person, make_file: MakeFile, slow_network: Slow, watch: Watch
) -> None:
    watch.allow(BROKEN)
    slow_network(mine, 3 * CHUNK // 2)
    file = make_file("killed.bin", 6 * CHUNK)
    pick(mine, file)
    under_way(mine, "killed.bin", 300)
    os.kill(site.store_pid(), signal.SIGKILL)
    slow_network(mine, 0)
    stored(mine, "killed.bin")
    assert site.sha256(person, site.files(person)["killed.bin"]) == file.sha256


@pytest.mark.usefixtures("hurried")
def test_signed_out_in_the_middle_it_waits_for_the_same_person(
    site: WholeSite, mine: Page, person: Person, make_file: MakeFile, slow_network: Slow, watch: Watch
) -> None:
    watch.allow(r"status of 40[13]")
    slow_network(mine, 3 * CHUNK // 2)
    file = make_file("session.bin", 6 * CHUNK)
    pick(mine, file)
    under_way(mine, "session.bin", 200)
    other = mine.context.new_page()
    other.goto(f"{site.url}/account")
    other.locator(".account-menu summary").click()
    other.get_by_role("button", name="Sign out").click()
    expect(mine.locator("[data-trouble]")).to_contain_text("You have been signed out")
    expect(mine.get_by_role("link", name="Sign in")).to_have_attribute("href", "/login?next=/")
    other.goto(f"{site.url}/login")
    other.get_by_label("User name").fill(person.name)
    other.get_by_label("Password").fill(PASSWORD)
    other.get_by_role("button", name="Sign in").click()
    expect(other.get_by_role("heading", level=1)).to_have_text("My files")
    slow_network(mine, 0)
    stored(mine, "session.bin")
    assert site.sha256(person, site.files(person)["session.bin"]) == file.sha256


def test_what_cannot_be_stored_says_why(site: WholeSite, page: Page, make_file: MakeFile, watch: Watch) -> None:
    watch.allow(r"status of 400")
    person = site.person(quota=5 * MB)
    site.let_in(page, person)
    expect(page.locator("[data-region=quota]")).to_contain_text("0 B of 5.0 MB used")
    pick(page, make_file("large.bin", 6 * MB), make_file("x\u202etxt.exe", 1))
    expect(row(page, "large.bin")).to_have_attribute("data-state", "failed")
    expect(row(page, "large.bin")).to_contain_text("Needs 6.0 MB, 5.0 MB free.")
    misnamed = page.locator(".transfer").nth(1)
    expect(misnamed).to_contain_text("invisible character")
    expect(page.locator("[data-total-text]")).to_have_text("0 stored, 2 refused")
    misnamed.get_by_role("textbox", name="Another name").fill("x.exe")
    misnamed.get_by_role("button", name="Rename and retry").click()
    expect(page.locator("[data-total-text]")).to_have_text("1 stored, 1 refused")
    page.get_by_role("button", name="Remove from the list: large.bin").click()
    expect(row(page, "large.bin")).to_have_count(0)
    assert set(site.files(person)) == {"x.exe"}


def test_every_cut_covers_the_file_exactly_and_follows_from_size_and_number(mine: Page) -> None:
    problems = mine.evaluate(
        """async () => {
            const { chunkCount, chunkBounds, spread } = await import("/static/js/upload/plan.js");
            const problems = [];
            for (const size of [0, 1, 2, 999, 1000, 1001, 4194304, 4194305, 200000001, 64 * 2 ** 30]) {
                for (const [chunk, most] of [[1, 10], [1000, 100], [4194304, 100000], [65536, 7]]) {
                    const count = chunkCount(size, chunk, most);
                    let end = 0, longest = 0;
                    for (let index = 0; index < count; index += 1) {
                        const [from, to] = chunkBounds(size, count, index);
                        if (from !== end || (to <= from && size)) problems.push([size, count, index, from, to]);
                        longest = Math.max(longest, to - from);
                        end = to;
                    }
                    if (end !== size || count > most || (count < most && longest > chunk)) {
                        problems.push([size, chunk, most, count, end, longest]);
                    }
                }
            }
            const some = spread([[0, 2], [5, 5]]);
            if (some.join() !== "0,1,2,5") problems.push(some);
            return problems;
        }"""
    )
    assert problems == []
