"""`upload` as it is typed, against a running site and over a network that fails."""

from __future__ import annotations

import errno
import hashlib
import os
import subprocess
import time
import unicodedata
from pathlib import Path

import pytest

from tests.support.client_site import CHUNK, MANAGE, SIZE, Person, ids, noise
from tests.support.fault_proxy import Relay
from tests.support.servers import wait_for


def test_files_go_there_and_come_back(ann: Person) -> None:
    sizes = {"empty.dat": 0, "one byte": 1, "a chunk.bin": CHUNK, "more.bin": CHUNK + 1, "large.bin": SIZE}
    made = [ann.file(name, size) for name, size in sizes.items()]
    status, out, err = ann.run("upload", *map(str, made), "--tag", "B", "--tag", "a")
    assert (status, err) == (0, "")
    stored = ann.files()
    assert {name: item["size"] for name, item in stored.items()} == sizes
    assert stored["large.bin"]["sha256"] == hashlib.sha256(made[-1].read_bytes()).hexdigest()
    assert all(item["tags"] == ["a", "b"] for item in stored.values())
    (ann.home / "back").mkdir()
    status, out, err = ann.run("download", *ids(out).values(), "--to", "back")
    assert (status, err) == (0, "")
    assert out.splitlines() == [f"back/{path.name}" for path in made]
    for path in made:
        assert (ann.home / "back" / path.name).read_bytes() == path.read_bytes()
    assert len(list((ann.home / "back").iterdir())) == len(made)


@pytest.mark.parametrize(
    "name", ["Größe ✓ 日本語.txt", unicodedata.normalize("NFD", "é.bin"), "50% & #1?.txt", "[bold]x.txt"]
)
@pytest.mark.parametrize("size", [10, 3 * CHUNK])
def test_names_of_every_kind(ann: Person, name: str, size: int) -> None:
    made = ann.file(name, size)
    kept = unicodedata.normalize("NFC", name)
    status, out, _ = ann.run("upload", name)
    assert (status, list(ids(out))) == (0, [kept])
    made.unlink()
    assert ann.run("download", ids(out)[kept])[:2] == (0, f"{kept}\n")
    assert (ann.home / kept).stat().st_size == size


def test_another_name_and_a_name_that_is_taken(ann: Person) -> None:
    for size in (10, 3 * CHUNK):
        made = ann.file(f"{size}.bin", size)
        new = f"new {size}"
        assert ann.run("upload", str(made), "--name", new)[0] == 0
        status, out, err = ann.run("upload", str(made), "--name", new, "--on-conflict", "fail")
        assert (status, out) == (1, "")
        assert "(name_taken)" in err
        assert list(ids(ann.run("upload", str(made), "--name", new)[1])) == [f"{new} (2)"]
        assert list(ids(ann.run("upload", str(made), "--name", new, "--on-conflict", "replace")[1])) == [new]


def test_one_that_fails_does_not_stop_the_others(ann: Person) -> None:
    ann.file("good.bin", 10)
    os.mkfifo(ann.home / "pipe")
    status, out, err = ann.run("upload", "absent", "pipe", "good.bin")
    assert (status, list(ids(out))) == (1, ["good.bin"])
    assert [line.partition(":")[0] for line in err.splitlines()] == ["absent", "pipe"]
    status, out, err = ann.run("download", "nothing-here", ids(out)["good.bin"], "--to", ".", "--force")
    assert (status, out) == (1, "good.bin\n")
    assert err == "nothing-here: There is nothing here. (not_found)\n"


def test_a_directory_becomes_a_folder_with_all_that_is_in_it(ann: Person) -> None:
    for place in ("trip/may", "trip/empty"):
        (ann.home / place).mkdir(parents=True)
    ann.file("outside.bin", 10)
    (ann.home / "trip" / "link").symlink_to(ann.home / "outside.bin")
    ann.file("trip/may/same.bin", 10)
    ann.file("trip/same.bin", 10)
    ann.file("trip/large.bin", 3 * CHUNK)
    for run in range(2):
        status, out, err = ann.run("upload", "trip", "--on-conflict", "replace")
        assert (status, err, len(out.splitlines())) == (0, "", 3), run
    folders = {one["id"]: one for one in ann.client.list_items("/folders", [])}
    named = {one["name"]: one["parent"] and folders[one["parent"]]["name"] for one in folders.values()}
    assert named == {"trip": None, "may": "trip", "empty": "trip"}
    stored = ann.client.list_items("/files", [])
    assert sorted((one["name"], folders[one["folder"]]["name"]) for one in stored) == [
        ("large.bin", "trip"),
        ("same.bin", "may"),
        ("same.bin", "trip"),
    ]


def test_what_cannot_be_read_of_a_directory_is_told(ann: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    """It may be all that somebody wanted to keep. Links and pipes are left out."""
    for place in ("trip/may", "trip/shut"):
        (ann.home / place).mkdir(parents=True)
    ann.file("trip/may/a.bin", 10)
    ann.file("trip/shut/b.bin", 10)
    os.mkfifo(ann.home / "trip" / "pipe")
    (ann.home / "trip" / "link").symlink_to("may")
    listing, looking = os.scandir, Path.lstat

    def scandir(path: str | int) -> object:
        if str(path).endswith(("/shut", "/locked")):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)
        return listing(path)

    monkeypatch.setattr(os, "scandir", scandir)
    status, out, err = ann.run("upload", "trip")
    assert (status, list(ids(out))) == (1, ["a.bin"])
    assert err.splitlines() == [f"{ann.home.resolve()}/trip/shut: it cannot be read: Permission denied."]
    status, out, err = ann.run("share", "trip")
    assert (status, out) == (1, "")
    (ann.home / "locked").mkdir()
    status, out, err = ann.run("upload", "locked")
    assert (status, out) == (1, "")

    def lstat(path: Path) -> os.stat_result:
        if path.name == "b.bin":  # as in a directory that may be listed, and no more
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)
        return looking(path)

    monkeypatch.setattr(os, "scandir", listing)
    monkeypatch.setattr(Path, "lstat", lstat)
    status, out, err = ann.run("upload", "trip/shut")
    assert (status, list(ids(out))) == (0, ["b.bin"]), "opening it says whether it can be read"


# --- uploads that are interrupted


def drained(net: Relay) -> None:
    """Wait until the relay has passed on what a killed client had sent last."""
    before = -1
    while net.up != before:
        before = net.up
        time.sleep(0.5)


def test_a_killed_client_goes_on_where_it_stopped(ann: Person, net: Relay) -> None:
    made = ann.file("film.bin")
    net.pause = 0.03
    process = subprocess.Popen(
        [*MANAGE, "upload", made.name, "--url", net.url, "--parallel", "2"], cwd=ann.home, env=ann.environ()
    )
    wait_for(lambda: net.up > SIZE // 2, "half of it is sent", 30)
    process.kill()
    process.wait()
    drained(net)
    [left] = ann.open_uploads()
    assert 3 <= left["received"] < left["total_chunks"]
    net.pause, net.up = 0, 0
    status, out, err = ann.run("upload", made.name, "--url", net.url)
    assert (status, ids(out)[made.name]) == (0, left["file_id"])
    assert "going on at" in err
    lacking = SIZE - left["received_bytes"]  # what is there is compared by checksums alone
    assert lacking * 0.5 < net.up < lacking + 40_000
    assert ann.files()[made.name]["sha256"] == hashlib.sha256(made.read_bytes()).hexdigest()
    assert ann.open_uploads() == []


def test_cut_connections_lose_nothing(ann: Person, net: Relay) -> None:
    made = ann.file("cut.bin")
    net.cut_up = [100_000, 30_000, 90_000, 200, 150_000]
    status, _, _ = ann.run("upload", made.name, "--url", net.url)
    assert status == 0
    assert net.cut_up == []
    assert [item["sha256"] for item in ann.files().values()] == [hashlib.sha256(made.read_bytes()).hexdigest()]
    assert ann.open_uploads() == []


@pytest.mark.parametrize(
    ("request_line", "size"),
    [(b"PUT /files/", 5), (b"PUT /files/", 0), (b"POST /upload_chunk", SIZE), (b"POST /upload_complete", SIZE)],
)
def test_a_lost_answer_makes_nothing_twice(ann: Person, net: Relay, request_line: bytes, size: int) -> None:
    made = ann.file("once.bin", size)
    net.lose = [request_line]
    status, out, _ = ann.run("upload", made.name, "--url", net.url)
    assert status == 0
    assert net.lose == []
    [stored] = ann.files().values()
    assert ids(out) == {"once.bin": stored["id"]}
    assert ann.open_uploads() == []


def test_another_file_of_that_name_and_size_is_left_alone(ann: Person) -> None:
    other = noise(SIZE, 2)
    left = ann.begin("same.bin", other, range(3))
    made = ann.file("same.bin")
    assert ann.run("upload", made.name)[0] == 0
    assert ann.files()["same.bin"]["sha256"] == hashlib.sha256(made.read_bytes()).hexdigest()
    assert [item["file_id"] for item in ann.open_uploads()] == [left]


def test_one_that_differs_only_in_the_middle_is_begun_anew(ann: Person) -> None:
    made = ann.file("near.bin")
    data = bytearray(made.read_bytes())
    data[CHUNK + 5] ^= 1
    left = ann.begin("near.bin", bytes(data), range(3))
    status, out, _ = ann.run("upload", made.name)
    assert status == 0
    assert ids(out)["near.bin"] != left
    assert ann.files()["near.bin"]["sha256"] == hashlib.sha256(made.read_bytes()).hexdigest()
    assert [(item["file_id"], item["received"]) for item in ann.open_uploads()] == [(left, 3)], (
        "nothing was added to it"
    )


# --- who is asking


def test_a_wrong_token_is_told_and_never_shown(ann: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    ann.file("x.bin", 10)
    for words in (("upload", "x.bin"), ("download", "x")):
        monkeypatch.setenv("BACKOFFICE_TOKEN", "bo_wrong.canary")
        status, out, err = ann.run(*words)
        assert (status, out) == (1, "")
        assert "The token is not accepted" in err
        assert "canary" not in err
        monkeypatch.delenv("BACKOFFICE_TOKEN")
        status, _, err = ann.run(*words)
        assert status == 1
        assert "A token is needed: set BACKOFFICE_TOKEN" in err


def test_the_token_comes_from_a_file_too(ann: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    ann.file("x.bin", 10)
    (ann.home / "tok").write_text(ann.token + "\n")
    monkeypatch.delenv("BACKOFFICE_TOKEN")
    assert ann.run("upload", "x.bin", "--token-file", "tok")[0] == 0
    assert ann.run("upload", "x.bin", "--token", ann.token)[0] == 0
    assert ann.run("upload", "x.bin", "--token-file", "-", typed=ann.token)[0] == 0
    monkeypatch.setenv("BACKOFFICE_TOKEN_FILE", "tok")
    assert ann.run("upload", "x.bin")[0] == 0
    assert len(ann.files()) == 4


def test_a_token_that_may_write_only_uploads(ann: Person) -> None:
    ann.file("large.bin")
    ann.file("small.bin", 10)
    token = ann.run("token", "create", "--user", ann.name, "--scope", "files:write")[1].strip()
    assert ann.run("upload", "large.bin", "small.bin", "--token", token)[0] == 0
    assert sorted(ann.files()) == ["large.bin", "small.bin"]
    assert ann.run("download", ann.files()["small.bin"]["id"], "--token", token, "--to", "new")[0] == 1


def test_no_site(ann: Person) -> None:
    ann.file("x.bin", 10)
    status, _, err = ann.run("upload", "x.bin", "--url", "http://127.0.0.1:1")
    assert status == 1
    assert "Nothing answers at http://127.0.0.1:1" in err
    for wrong in ("ftp://x", "http://", "http://a:b@c", "http://x:99999"):
        assert "is not the address of a site" in ann.run("upload", "x.bin", "--url", wrong)[2]
