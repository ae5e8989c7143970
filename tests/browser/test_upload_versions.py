"""What an upload goes on with is the file that was picked; what is stored is one version of it. In a real browser."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Bytes, Person, Watch, WholeSite
from tests.browser.test_upload import MB, MakeFile, Slow, chunks_sent, pick, row, stored, under_way

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

SIZE = 16 * MB
COUNT = 4


def bounds(index: int, size: int) -> slice:
    return slice(index * size, (index + 1) * size)


@pytest.fixture
def begun(site: WholeSite, person: Person) -> Callable[..., str]:
    """An upload that another browser began: these chunks have arrived."""

    def begin(name: str, data: bytes, indexes: list[int], size: int = SIZE // COUNT) -> str:
        actor, upload_id, count = site.actor(person), None, -(-len(data) // size)
        for index in indexes:
            view = site.services.uploads.put_chunk(
                actor, upload_id=upload_id, index=index, total_chunks=count, data=data[bounds(index, size)],
                size=len(data), name=name,
            )  # fmt: skip
            upload_id = view.upload.id
        assert upload_id is not None
        return upload_id

    return begin


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


@pytest.mark.parametrize(
    ("there", "differs"),
    [([0, 1, 2], MIDDLE), ([0, 1, 2], [0]), ([3], [SIZE - 1]), ([0, 1, 2, 3], [SIZE // 2])],
    ids=["the middle", "the first byte", "the last byte", "all had arrived"],
)
def test_another_version_is_sent_whole_and_the_first_stays_as_it_is(
    site: WholeSite, mine: Page, person: Person, make_file: MakeFile, tmp_path: Path, begun: Callable[..., str],
    there: list[int], differs: list[int],
) -> None:  # fmt: skip
    first = make_file("vault.img", SIZE)
    upload_id = begun("vault.img", first.path.read_bytes(), there)
    second = other_version(first, differs, tmp_path / "later")
    mine.reload()
    pick(mine, second)
    expect(row(mine, "vault.img")).to_contain_text("has other content")
    stored(mine, "vault.img")
    assert site.sha256(person, site.files(person)["vault.img"]) == second.sha256
    left = site.services.uploads.state(site.actor(person), upload_id)
    assert left.upload.received == len(there)
    expect(mine.locator("[data-unfinished]")).to_contain_text("vault.img")


@pytest.mark.parametrize("size", [SIZE // COUNT, SIZE // 16, 4 * 2**20, 3 * 2**20 + 1])
@pytest.mark.parametrize("there", [[0, 1, 2], [3], [1, 3]])
def test_the_same_file_goes_on_whatever_its_date_and_the_size_of_the_pieces(
    site: WholeSite, mine: Page, person: Person, make_file: MakeFile, begun: Callable[..., str], there: list[int],
    size: int,
) -> None:  # fmt: skip
    """Also where the command line began it, whose last piece is what the others leave."""
    file = make_file("same.bin", SIZE)
    upload_id = begun("same.bin", file.path.read_bytes(), there, size)
    os.utime(file.path, (1, 1))
    mine.reload()
    sent = chunks_sent(mine)
    pick(mine, file)
    stored(mine, "same.bin")
    assert sorted(sent) == sorted(set(range(-(-SIZE // size))) - set(there))
    done = site.files(person)["same.bin"]
    assert (done.id, site.sha256(person, done)) == (upload_id, file.sha256)


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
    expect(row(mine, "read.bin")).to_contain_text("8.0 MB of 16.0 MB")
    mine.wait_for_function("() => read.length >= 4")
    assert mine.evaluate("() => read.slice(0, 2)") == [SIZE // 4] * 2, "what is there, before anything else"
    said = " ".join(mine.evaluate("() => said"))
    assert "read.bin: comparing with what has arrived." in said
    mine.get_by_role("button", name="Cancel: read.bin").click()


@pytest.mark.usefixtures("_refused")
@pytest.mark.parametrize("date_kept", [True, False])
@pytest.mark.parametrize("at", [0, 30 * MB - 1], ids=["sent before", "sent later"])
def test_a_file_that_changes_while_it_is_sent_is_noticed_and_nothing_is_left(
    site: WholeSite, mine: Page, person: Person, make_file: MakeFile, slow_network: Slow, date_kept: bool, at: int
) -> None:
    file = make_file("busy.img", 30 * MB)
    os.utime(file.path, (1_000_000_000, 1_000_000_000))
    slow_network(mine, 8 * MB)
    pick(mine, file)
    under_way(mine, "busy.img", 400)
    was = file.path.stat()
    with file.path.open("r+b") as out:
        out.seek(at)
        byte = out.read(1)
        out.seek(at)
        out.write(bytes([byte[0] ^ 1]))
    if date_kept:
        keep_date(file.path, was)
    slow_network(mine, 0)
    if date_kept and at:  # not read before it changed: the version that is there now was sent, and that alone
        stored(mine, "busy.img")
        sha256 = hashlib.sha256(file.path.read_bytes()).hexdigest()
        assert site.sha256(person, site.files(person)["busy.img"]) == sha256
        return
    expect(row(mine, "busy.img")).to_have_attribute("data-state", "failed", timeout=60_000)
    expect(row(mine, "busy.img")).to_contain_text("changed")
    assert site.files(person) == {}
    if date_kept:
        expect(mine.locator("[data-unfinished]")).to_have_count(0)
        assert site.services.files.usage(site.actor(person)).reserved == 0


def second_tab(page: Page, watch: Watch) -> Page:
    tab = page.context.new_page()
    watch.watch(tab)
    tab.goto(page.url)
    return tab


@pytest.mark.usefixtures("_refused")
def test_the_same_file_in_two_tabs_is_stored_for_both(
    site: WholeSite, mine: Page, person: Person, make_file: MakeFile, slow_network: Slow, watch: Watch
) -> None:
    file = make_file("twice.bin", 40 * MB)
    other = second_tab(mine, watch)
    slow_network(mine, 10 * MB)
    slow_network(other, 2 * MB)
    pick(mine, file)
    under_way(mine, "twice.bin", 250)
    pick(other, file)
    under_way(other, "twice.bin", 150)
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
    first = make_file("pair.img", 24 * MB)
    second = other_version(first, [24 * MB - 1], tmp_path / "later")
    other = second_tab(mine, watch)
    slow_network(mine, 6 * MB)
    slow_network(other, 6 * MB)
    pick(mine, first)
    under_way(mine, "pair.img", 200)
    pick(other, second)
    stored(mine, "pair.img")
    stored(other, "pair.img")
    shas = sorted(site.sha256(person, one) for one in site.files(person).values())
    assert shas == sorted([first.sha256, second.sha256])


@pytest.mark.usefixtures("_refused")
def test_cancelled_in_another_tab_it_is_sent_anew(
    site: WholeSite, mine: Page, person: Person, make_file: MakeFile, slow_network: Slow
) -> None:
    file = make_file("again.bin", 24 * MB)
    slow_network(mine, 6 * MB)
    pick(mine, file)
    under_way(mine, "again.bin", 300)
    [upload] = site.uploads(person)
    site.services.uploads.cancel(site.actor(person), upload.id)
    slow_network(mine, 0)
    stored(mine, "again.bin")
    done = site.files(person)["again.bin"]
    assert (done.id == upload.id, site.sha256(person, done)) == (False, file.sha256)


def without_built_in(page: Page) -> None:
    """As over plain HTTP from another machine: no `crypto.subtle` in the worker."""

    def serve(route: Any) -> None:
        answer = route.fetch()
        hidden = "Object.defineProperty(globalThis.crypto, 'subtle', { value: undefined });"
        route.fulfill(response=answer, body=hidden + answer.text())

    page.route("**/digest_worker.js", serve)


def test_checksums_without_the_browsers_own(mine: Page) -> None:
    without_built_in(mine)
    lengths = [0, 1, 3, 55, 56, 63, 64, 65, 119, 120, 128, 1000, 5 * 2**20 + 7]
    found = mine.evaluate(
        """async (lengths) => {
            const { sha256 } = await import("/static/js/upload/digests.js");
            const bytes = (length) => Uint8Array.from({ length }, (_, at) => (at * at + 7) % 251);
            const whole = await Promise.all(lengths.map((one) => sha256(new Blob([bytes(one)]), { whole: true })));
            return [whole, await Promise.all(lengths.map((one) => sha256(new Blob([bytes(one)]))))];
        }""",
        lengths,
    )
    wanted = [hashlib.sha256(bytes((at * at + 7) % 251 for at in range(one))).hexdigest() for one in lengths]
    assert found == [wanted, wanted]


def test_a_page_without_secure_context_resumes_all_the_same(
    site: WholeSite, mine: Page, person: Person, make_file: MakeFile, begun: Callable[..., str]
) -> None:
    without_built_in(mine)
    file = make_file("plain.bin", SIZE)
    upload_id = begun("plain.bin", file.path.read_bytes(), [0, 1, 3])
    mine.reload()
    sent = chunks_sent(mine)
    pick(mine, file)
    stored(mine, "plain.bin")
    done = site.files(person)["plain.bin"]
    assert (sent, done.id, site.sha256(person, done)) == ([2], upload_id, file.sha256)
