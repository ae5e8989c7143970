"""`upload -`: what another program makes, of whatever length."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.support.client_site import CHUNK, MANAGE, SIZE, Person, ids, noise
from tests.support.fault_proxy import Relay
from tests.support.servers import wait_for


def upload(ann: Person, *words: str, data: bytes = b"", **options: object) -> subprocess.CompletedProcess[bytes]:
    command = [*MANAGE, "upload", "-", *words]
    given = options or {"input": data}
    return subprocess.run(
        command, env=ann.environ(), cwd=ann.home, capture_output=True, timeout=60, check=False, **given  # type: ignore[call-overload, no-any-return]
    )  # fmt: skip


@pytest.mark.parametrize("size", [0, CHUNK, SIZE])
def test_what_is_piped_in_becomes_a_file(ann: Person, size: int) -> None:
    data = noise(size, 3)
    done = upload(ann, "--name", "dump.bin", "--tag", "piped", data=data)
    assert done.returncode == 0, done.stderr
    file_id = ids(done.stdout.decode())["dump.bin"]
    assert ann.client.request("GET", f"/files/{file_id}").body == data
    assert ann.files()["dump.bin"]["tags"] == ["piped"]


def test_a_file_that_it_is_redirected_from_is_sent_in_chunks_and_goes_on(ann: Person) -> None:
    path = ann.file("a.bin", SIZE)
    began = ann.begin("b.bin", path.read_bytes(), range(7))
    with path.open("rb") as file:
        done = upload(ann, "--name", "b.bin", stdin=file)
    assert done.returncode == 0, done.stderr
    assert ids(done.stdout.decode()) == {"b.bin": began}
    assert ann.client.request("GET", f"/files/{began}").body == path.read_bytes()


def test_a_file_that_was_read_before_gives_its_rest(ann: Person) -> None:
    path = ann.file("a.bin", SIZE)
    with path.open("rb") as file:
        os.lseek(file.fileno(), 1000, os.SEEK_SET)
        done = upload(ann, "--name", "b.bin", stdin=file)
    assert done.returncode == 0, done.stderr
    assert ann.files()["b.bin"]["size"] == SIZE - 1000


def test_a_cut_connection_leaves_nothing_and_says_what_to_do(ann: Person, net: Relay) -> None:
    net.cut_up = [300_000]
    done = upload(ann, "--name", "dump.bin", "--url", net.url, data=noise(SIZE, 4))
    assert done.returncode == 1
    said = done.stderr.decode()
    assert "Nothing of it was stored. Standard input can be read only once" in said
    assert "Traceback" not in said
    assert ann.files() == {}
    wait_for(lambda: ann.open_uploads() == [], "the site has given it up")


def test_a_lost_answer_is_no_second_copy(ann: Person, net: Relay) -> None:
    net.lose = [b"PUT /files/"]
    data = noise(SIZE, 5)
    done = upload(ann, "--name", "dump.bin", "--url", net.url, data=data)
    assert done.returncode == 0, done.stderr
    assert list(ann.files()) == ["dump.bin"]


def test_an_end_of_the_command_in_the_middle_stores_nothing(ann: Person) -> None:
    command = [*MANAGE, "upload", "-", "--name", "dump.bin"]
    process = subprocess.Popen(
        command, env=ann.environ(), cwd=ann.home, stdin=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0
    )
    assert process.stdin is not None
    process.stdin.write(noise(SIZE, 6))
    wait_for(ann.open_uploads, "it has begun")
    process.terminate()
    process.communicate(timeout=20)
    wait_for(lambda: ann.open_uploads() == [], "the site has given it up")
    assert ann.files() == {}


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["-"], "goes alone, and with --name"),
        (["-", "x", "--name", "a"], "--name goes with a single file"),
        (["-", "x"], "goes alone, and with --name"),
        (["-", "--name", "a", "--token-file", "-"], "cannot be both"),
    ],
)
def test_how_it_cannot_be_used(ann: Person, words: list[str], says: str) -> None:
    status, _, said = ann.run("upload", *words)
    assert (status, says in said) == (2, True), said


def test_a_name_that_the_site_refuses_is_told(ann: Person, tmp_path: Path) -> None:
    done = upload(ann, "--name", "a/b", data=noise(SIZE, 7))
    assert done.returncode == 1
    assert b"Nothing of it was stored" in done.stderr
    assert json.dumps(ann.open_uploads()) == "[]"
