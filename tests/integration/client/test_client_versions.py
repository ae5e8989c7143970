"""`upload` goes on with what is of this file, and stores one version of it, whoever writes to it or uploads it too."""

from __future__ import annotations

import hashlib
import os
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.client_site import CHUNK, MANAGE, SIZE, Person, ids
from tests.support.fault_proxy import Relay
from tests.support.servers import wait_for


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def flip(path: Path, at: int, *, keep_date: bool) -> None:
    """Another byte at that place; programs for disk images and vaults set the date back."""
    was = path.stat()
    with path.open("r+b") as out:
        out.seek(at)
        byte = out.read(1)[0]
        out.seek(at)
        out.write(bytes([byte ^ 1]))
    if keep_date:
        os.utime(path, ns=(was.st_atime_ns, was.st_mtime_ns))


LAST = SIZE // CHUNK


@pytest.mark.parametrize(
    ("there", "at"),
    [
        (range(3), 0),
        (range(3), CHUNK + 5),
        (range(LAST + 1), 10 * CHUNK),
        (range(LAST + 1), SIZE - 1),
    ],
    ids=["the first byte", "the middle", "the middle of all", "the last byte"],
)
def test_what_another_version_began_is_neither_used_nor_touched(ann: Person, there: range, at: int) -> None:
    made = ann.file("vault.img")
    left = ann.begin("vault.img", made.read_bytes(), there)
    flip(made, at, keep_date=True)
    status, out, said = ann.run("upload", made.name)
    assert status == 0, said
    assert ids(out)["vault.img"] != left
    assert ann.files()["vault.img"]["sha256"] == sha256(made)
    assert [(item["file_id"], item["received"]) for item in ann.open_uploads()] == [(left, len(there))]


def test_the_same_file_goes_on_whatever_its_date_is(ann: Person, net: Relay) -> None:
    made = ann.file("same.bin")
    left = ann.begin("same.bin", made.read_bytes(), range(10))
    os.utime(made, (1, 1))
    status, out, said = ann.run("upload", made.name, "--url", net.url)
    assert (status, ids(out)["same.bin"]) == (0, left), said
    assert net.up < SIZE - 10 * CHUNK + 30_000


@pytest.mark.parametrize("total", [3, 7, 21])
@pytest.mark.parametrize("first", [0, 1])
def test_what_the_page_began_goes_on(ann: Person, total: int, first: int) -> None:
    """It cuts evenly: the first `size % total` chunks have a byte more."""
    made = ann.file("page.bin")
    data, at, left = made.read_bytes(), 0, ""
    for index in range(total - 1):
        end = at + SIZE // total + (index < SIZE % total)
        if index >= first:
            query = [("file_id", left)] if left else [("total_size", str(SIZE)), ("name", "page.bin")]
            query += [("chunk_index", str(index)), ("total_chunks", str(total))]
            left = ann.client.request("POST", "/upload_chunk", query=query, body=data[at:end]).json()["file_id"]
        at = end
    status, out, said = ann.run("upload", made.name)
    assert (status, ids(out)["page.bin"]) == (0, left), said
    assert ann.files()["page.bin"]["sha256"] == sha256(made)


def while_it_is_sent(net: Relay, act: Callable[[], object]) -> threading.Thread:
    """Does it when half of the file is on its way."""

    def do() -> None:
        wait_for(lambda: net.up > SIZE // 2, "half of it is sent", 30)
        act()
        net.pause = 0

    net.pause = 0.03
    thread = threading.Thread(target=do)
    thread.start()
    return thread


@pytest.mark.parametrize("keep_date", [True, False])
@pytest.mark.parametrize("at", [0, SIZE - 1])
def test_a_file_that_changes_while_it_is_sent_is_not_stored(ann: Person, net: Relay, keep_date: bool, at: int) -> None:
    made = ann.file("busy.img")
    thread = while_it_is_sent(net, lambda: flip(made, at, keep_date=keep_date))
    status, out, said = ann.run("upload", made.name, "--url", net.url, "--parallel", "1")
    thread.join()
    if status == 0:  # it had not been read there: what is there now was sent, and that alone
        assert (at, keep_date) == (SIZE - 1, True)
        assert ann.files()["busy.img"]["sha256"] == sha256(made)
        return
    assert (out, "was changed" in said) == ("", True)
    assert ann.files() == {}
    assert ann.open_uploads() == []


def test_another_mode_or_name_is_no_change(ann: Person, net: Relay) -> None:
    made = ann.file("moved.bin")

    def move() -> None:
        made.chmod(0o600)
        made.rename(made.with_name("elsewhere"))

    thread = while_it_is_sent(net, move)
    status, _, said = ann.run("upload", made.name, "--url", net.url)
    thread.join()
    assert status == 0, said
    assert ann.files()["moved.bin"]["sha256"] == sha256(made.with_name("elsewhere"))


def other_run(ann: Person, net: Relay, path: Path) -> subprocess.Popen[str]:
    """The same command, which began before and is slower."""
    net.pause = 0.05
    process = subprocess.Popen(
        [*MANAGE, "upload", str(path), "--url", net.url, "--parallel", "1"],
        cwd=ann.home, env=ann.environ(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    wait_for(lambda: net.up > 3 * CHUNK, "a part of it is sent", 30)
    return process


def test_two_at_a_time_go_on_with_one_upload_and_both_have_the_file(ann: Person, net: Relay) -> None:
    made = ann.file("twice.bin")
    process = other_run(ann, net, made)
    status, out, said = ann.run("upload", made.name)
    assert status == 0, said
    other_out, other_said = process.communicate(timeout=60)
    assert process.returncode == 0, other_said
    assert ids(other_out) == ids(out)
    assert [item["sha256"] for item in ann.files().values()] == [sha256(made)]
    assert ann.open_uploads() == []


def test_two_versions_at_a_time_become_two_files(ann: Person, net: Relay) -> None:
    """They differ in the last byte, so that the second takes the first one's upload for its own."""
    made = ann.file("pair.img")
    (ann.home / "later").mkdir()
    later = ann.home / "later" / "pair.img"
    later.write_bytes(made.read_bytes())
    flip(later, SIZE - 1, keep_date=True)
    process = other_run(ann, net, made)
    status, _, said = ann.run("upload", str(later))
    assert status == 0, said
    _, other_said = process.communicate(timeout=60)
    assert process.returncode == 0, other_said
    assert sorted(item["sha256"] for item in ann.files().values()) == sorted([sha256(made), sha256(later)])
