"""What an upload goes on with is the file that was picked; what is stored is one version of it. In a real browser."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Watch
from tests.browser.pages import wait_until
from tests.browser.uploading import (
    COUNT,
    SIZE,
    Bytes,
    MakeFile,
    Slow,
    awake,
    pick,
    row,
    sending,
    stored,
    under_way,
)
from tests.browser.whole_site import CHUNK, Person, WholeSite

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]


@pytest.fixture
def _refused(watch: Watch) -> None:
    watch.allow(r"Failed to load resource")


def other_version(file: Bytes, at: list[int], path: Path) -> Bytes:
    """The same name, size and date; a byte is another one at these places."""
    data = bytearray(file.path.read_bytes())
    for place in at:
        data[place] ^= 1
    path.mkdir()
    other = path / file.path.name
    other.write_bytes(data)
    keep_date(other, file.path.stat())
    return Bytes(other, hashlib.sha256(data).hexdigest())


def keep_date(path: Path, was: os.stat_result) -> None:
    os.utime(path, ns=(was.st_atime_ns, was.st_mtime_ns))


MIDDLE = [SIZE // 4 + 5, 3 * SIZE // 4 + 5]
"""In chunks 1 and 3: as disk images and vaults change."""
VERSIONS = {
    "the middle": ([0, 1, 2], MIDDLE),
    "the first byte": ([0, 1, 2], [0]),
    "the last byte": ([3], [SIZE - 1]),
    "all had arrived": ([0, 1, 2, 3], [SIZE // 2]),
}
"""What differs: the chunks of the first version that have arrived, and where the second has other bytes."""


def test_another_version_is_sent_whole_and_the_first_stays_as_it_is(
    site: WholeSite, mine: Page, person: Person, make_file: MakeFile, tmp_path: Path, begun: Callable[..., str]
) -> None:
    uploads, seconds = {}, {}
    for name, (there, differs) in VERSIONS.items():
        first = make_file(name, SIZE)
        uploads[name] = begun(name, first.path.read_bytes(), there)
        seconds[name] = other_version(first, differs, tmp_path / f"later {name}")
    mine.reload()
    pick(mine, *seconds.values())
    for name, (there, _) in VERSIONS.items():
        stored(mine, name)
        expect(row(mine, name)).to_contain_text("has other content")
        assert site.sha256(person, site.files(person)[name]) == seconds[name].sha256, name
        left = site.services.uploads.state(site.actor(person), uploads[name])
        assert left.upload.received == len(there), name
        expect(mine.locator(f"[data-unfinished='{uploads[name]}']")).to_contain_text(name)


@pytest.mark.parametrize("there", [[0, 1, 2], [3], [1, 3]])
def test_the_same_file_goes_on_whatever_its_date_and_the_size_of_the_pieces(
    site: WholeSite, mine: Page, person: Person, make_file: MakeFile, begun: Callable[..., str], there: list[int]
) -> None:
    """Also where the command line began it, whose last piece is what the others leave."""
    sizes = {f"pieces of {size}": size for size in (SIZE // COUNT, SIZE // 16, 2**20, 3 * 2**18 + 1)}
    files = {name: make_file(name, SIZE) for name in sizes}
    uploads = {name: begun(name, files[name].path.read_bytes(), there, size) for name, size in sizes.items()}
    for file in files.values():
        os.utime(file.path, (1, 1))
    mine.reload()
    for name, size in sizes.items():
        with sending(mine) as sent:
            pick(mine, files[name])
            stored(mine, name)
        assert sorted(sent) == sorted(set(range(-(-SIZE // size))) - set(there)), name
        done = site.files(person)[name]
        assert (done.id, site.sha256(person, done)) == (uploads[name], files[name].sha256), name


def test_one_that_was_cut_in_no_known_way_is_left_alone(
    site: WholeSite, mine: Page, person: Person, make_file: MakeFile
) -> None:
    file = make_file("odd.bin", SIZE)
    data, actor, upload_id = file.path.read_bytes(), site.actor(person), None
    for index, part in enumerate((data[:1000], data[1000:5000])):
        upload_id = site.services.uploads.put_chunk(
            actor, upload_id=upload_id, index=index, total_chunks=5, data=part, size=SIZE, name="odd.bin"
        ).upload.id
    mine.reload()
    pick(mine, file)
    expect(row(mine, "odd.bin")).to_contain_text("cut in a way that is not known here")
    stored(mine, "odd.bin")
    assert site.sha256(person, site.files(person)["odd.bin"]) == file.sha256
    assert [upload.id for upload in site.uploads(person)] == [upload_id]


@pytest.mark.usefixtures("_refused")
def test_it_is_said_that_it_compares_and_only_what_is_there_is_read(
    mine: Page, make_file: MakeFile, begun: Callable[..., str]
) -> None:
    file = make_file("read.bin", SIZE)
    begun("read.bin", file.path.read_bytes(), [0, 2])
    mine.add_init_script(
        """const post = Worker.prototype.postMessage;
        globalThis.read = [];
        Worker.prototype.postMessage = function (message) { read.push(message.piece.size); post.call(this, message); };
        globalThis.said = [];
        addEventListener("DOMContentLoaded", () => new MutationObserver((changes) => {
            said.push(document.querySelector("[data-status]").textContent);
            for (const { target } of changes) {
                const row = target.parentElement?.closest("[data-transfers] .transfer");
                if (row) said.push(row.querySelector("[data-part=status]").textContent);
            }
        }).observe(document.body, { subtree: true, childList: true, characterData: true }));"""
    )
    mine.reload()
    mine.route("**/upload_chunk?*", lambda route: route.abort())
    pick(mine, file)
    expect(row(mine, "read.bin")).to_contain_text("2.0 MB of 4.0 MB")
    mine.wait_for_function("() => read.length >= 4")
    assert mine.evaluate("() => read.slice(0, 2)") == [SIZE // 4] * 2, "what is there, before anything else"
    said = " ".join(mine.evaluate("() => said"))
    assert "read.bin: comparing with what has arrived." in said
    mine.get_by_role("button", name="Cancel: read.bin").click()


@pytest.mark.usefixtures("_refused")
@pytest.mark.parametrize("date_kept", [True, False])
def test_a_file_that_changes_while_it_is_sent_is_noticed_and_nothing_is_left(
    site: WholeSite, mine: Page, person: Person, make_file: MakeFile, slow_network: Slow, date_kept: bool
) -> None:
    for name, at in (("sent before", 0), ("sent later", 8 * CHUNK - 1)):
        file = make_file(name, 8 * CHUNK)
        os.utime(file.path, (1_000_000_000, 1_000_000_000))
        slow_network(mine, 2 * CHUNK)
        pick(mine, file)
        under_way(mine, name, 400)
        change(file.path, at, date_kept=date_kept)
        slow_network(mine, 0)
        if date_kept and at:  # not read before it changed: the version that is there now was sent, and that alone
            stored(mine, name)
            sha256 = hashlib.sha256(file.path.read_bytes()).hexdigest()
            assert site.sha256(person, site.files(person)[name]) == sha256
            continue
        expect(row(mine, name)).to_have_attribute("data-state", "failed", timeout=60_000)
        expect(row(mine, name)).to_contain_text("changed")
        assert site.files(person) == {}
        if date_kept:
            expect(mine.locator("[data-unfinished]")).to_have_count(0)
            wait_until(
                mine,
                lambda: site.services.files.usage(site.actor(person)).reserved == 0,
                "the cancelled upload to free its quota",
            )


def change(path: Path, at: int, *, date_kept: bool) -> None:
    """Another byte at that place."""
    was = path.stat()
    with path.open("r+b") as out:
        out.seek(at)
        byte = out.read(1)
        out.seek(at)
        out.write(bytes([byte[0] ^ 1]))
    if date_kept:
        keep_date(path, was)


def second_tab(page: Page, watch: Watch) -> Page:
    tab = page.context.new_page()
    watch.watch(tab)
    tab.goto(page.url)
    return tab


@pytest.mark.usefixtures("_refused")
def test_the_same_file_in_two_tabs_is_stored_for_both(
    site: WholeSite, mine: Page, person: Person, make_file: MakeFile, slow_network: Slow, watch: Watch
) -> None:
    file = make_file("twice.bin", 10 * CHUNK)
    other = second_tab(mine, watch)
    awake(other)  # over the slow network it would come too late
    slow_network(mine, 5 * CHUNK // 2)
    slow_network(other, CHUNK // 2)
    pick(mine, file)
    under_way(mine, "twice.bin", 250)
    pick(other, file)
    under_way(other, "twice.bin", 150)
    for tab in (mine, other):
        slow_network(tab, 5 * CHUNK)
    stored(mine, "twice.bin")
    stored(other, "twice.bin")
    found = site.files(person)
    assert {site.sha256(person, one) for one in found.values()} == {file.sha256}
    assert list(found) == ["twice.bin"], "both went on with one upload"


@pytest.mark.usefixtures("_refused")
def test_two_versions_in_two_tabs_become_two_files(
    site: WholeSite, mine: Page, person: Person, make_file: MakeFile, slow_network: Slow, watch: Watch, tmp_path: Path
) -> None:
    """They differ at the end only, so that each tab takes the other's upload for its own at first."""
    first = make_file("pair.img", 6 * CHUNK)
    second = other_version(first, [6 * CHUNK - 1], tmp_path / "later")
    other = second_tab(mine, watch)
    awake(other)  # over the slow network it would come too late
    slow_network(mine, 3 * CHUNK // 2)
    slow_network(other, 3 * CHUNK // 2)
    pick(mine, first)
    under_way(mine, "pair.img", 200)
    pick(other, second)
    under_way(other, "pair.img", 200)
    for tab in (mine, other):
        slow_network(tab, 0)
    stored(mine, "pair.img")
    stored(other, "pair.img")
    shas = sorted(site.sha256(person, one) for one in site.files(person).values())
    assert shas == sorted([first.sha256, second.sha256])


@pytest.mark.usefixtures("_refused")
def test_cancelled_in_another_tab_it_is_sent_anew(
    site: WholeSite, mine: Page, person: Person, make_file: MakeFile, slow_network: Slow
) -> None:
    file = make_file("again.bin", 6 * CHUNK)
    slow_network(mine, 3 * CHUNK // 2)
    pick(mine, file)
    under_way(mine, "again.bin", 300)
    [upload] = site.uploads(person)
    site.services.uploads.cancel(site.actor(person), upload.id)
    slow_network(mine, 0)
    stored(mine, "again.bin")
    done = site.files(person)["again.bin"]
    assert (done.id == upload.id, site.sha256(person, done)) == (False, file.sha256)
