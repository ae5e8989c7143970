"""What `up` does with a data directory that is full, incomplete, or not its own: it says what to do, and loses
nothing."""

from __future__ import annotations

import http.client
import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from redis import Redis
from redis.exceptions import RedisError

from backoffice.embedded import append_only_log
from backoffice.embedded.data_dir import Layout
from backoffice.embedded.discovery import find
from backoffice.embedded.store import BALLAST
from tests.support.commands import runner, typed_in
from tests.support.servers import Site, need, run_store, wait_for

PASSWORD = {"BACKOFFICE_ADMIN_PASSWORD": "violet-harbour-93-lantern"}

Start = Callable[..., Site]


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout.at(tmp_path / "data")


@pytest.fixture
def start(layout: Layout, request: pytest.FixtureRequest) -> Iterator[Start]:
    if "small_disk" in request.fixturenames:
        request.getfixturevalue("small_disk")  # made before, so that it is given back after the sites have ended
    sites: list[Site] = []

    def run(*arguments: str, **environ: str) -> Site:
        sites.append(Site.start(layout.root, "--workers", "1", *arguments, environ=environ))
        return sites[-1]

    yield run
    for site in sites:
        site.close()


@pytest.fixture
def small_disk(layout: Layout) -> Iterator[Path]:
    """A disk of 200 MiB for the data, with the ballast that a larger one would have got."""
    need(os.geteuid() == 0 and shutil.which("mount"), "the right to mount a small disk")
    layout.root.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=200m", "tmpfs", str(layout.root)], check=False)
    need(mounted.returncode == 0, "the right to mount a small disk")
    layout.ballast.write_bytes(bytes(BALLAST))
    yield layout.root
    wait_for(
        lambda: subprocess.run(["umount", str(layout.root)], check=False, capture_output=True).returncode == 0, "x"
    )


def unmount(place: Path) -> bool:
    return subprocess.run(["umount", str(place)], check=False, capture_output=True).returncode == 0


def ready(url: str) -> bool:
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=10)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def store_client(layout: Layout) -> Redis:
    running = find(layout)
    assert running is not None
    return Redis(unix_socket_path=running.socket, password=layout.store_password.read_text().strip())


def fill(place: Path) -> None:
    """Take all the room there is."""
    with (place / ".other program").open("wb", buffering=0) as file:
        for size in (1024**2, 4096, 1):
            try:
                while True:
                    file.write(bytes(size))
            except OSError:
                continue


def write(client: Redis) -> None:
    """Writes until one finds no room: the store refuses it, or ends; then the client tries again, and may get through
    once there is room."""
    for number in range(50):
        try:
            client.set("filler", os.urandom(100_000))
        except RedisError:
            return
        time.sleep(0.02 * number)


def deletes(client: Redis) -> bool:
    try:
        return client.delete("filler") is not None
    except RedisError:  # it is away, or refuses still
        return False


@pytest.mark.parametrize("durability", ["disk", "os"])
def test_a_disk_that_another_program_fills_gets_its_reserve_back_and_deleting_works(
    small_disk: Path, start: Start, layout: Layout, durability: str
) -> None:
    """At level `disk` the store ends when it cannot write; at level `os` it refuses."""
    site = start(BACKOFFICE_DURABILITY=durability, **PASSWORD)
    url = site.ready()
    site.expect("uploads are refused until there are 537 MB")
    fill(layout.root)
    with store_client(layout) as client:
        write(client)
        site.expect("is full", 30)
        assert not layout.ballast.exists()
        wait_for(lambda: deletes(client), "deleting works", 30)
    wait_for(lambda: ready(url), "the site answers", 30)
    assert site.stop() == 0


def test_a_start_on_a_full_disk_takes_the_reserve(small_disk: Path, start: Start, layout: Layout) -> None:
    fill(layout.root)
    site = start(**PASSWORD)
    site.expect("is full: uploads are refused")
    site.ready()
    assert not layout.ballast.exists()
    assert site.stop() == 0
    fill(layout.root)
    site = start()
    assert "the disk that holds" in site.expect("Not started")
    assert "is full: free some room there and start again" in site.lines[-1]
    assert site.process.wait(20) == 1


# --- data that is gone (what else counts as gone: tests/unit/test_append_only_log.py)


def test_a_directory_that_was_used_does_not_start_empty(start: Start, layout: Layout) -> None:
    with run_store(layout.root) as store, store.client() as client:
        client.set("kept", "1")
    log = layout.store / append_only_log.DIRECTORY
    (log / "appendonly.aof.manifest").unlink()
    before = {path: path.read_bytes() for path in log.iterdir()}
    site = start()
    site.expect("appendonly.aof.manifest is missing")
    site.expect("put back what is missing from a backup")
    assert site.process.wait(20) == 1
    assert {path: path.read_bytes() for path in log.iterdir()} == before
    said = typed_in({"BACKOFFICE_DATA_DIR": str(layout.root)}, "doctor")
    assert (said.returncode, "appendonly.aof.manifest is missing" in said.stdout) == (1, True)


# --- a directory that cannot be used


@pytest.mark.parametrize(
    ("data", "says"),
    [
        ("/proc/none", "choose another data directory"),
        ("/dev/null/none", "BACKOFFICE_DATA_DIR must be a directory that can be used"),
        ("/dev/null", "BACKOFFICE_DATA_DIR must be a directory"),
        ("n" * 300, "BACKOFFICE_DATA_DIR must be a directory that can be used"),
        ("~nobody-has-this-name/x", "BACKOFFICE_DATA_DIR must not begin with ~"),
    ],
)
def test_a_place_that_cannot_be_used_is_told_in_a_sentence(data: str, says: str) -> None:
    for words in (["up", "--port", "0", "--data", data], ["store", "url"]):
        done = typed_in({"BACKOFFICE_DATA_DIR": data}, *words)
        assert (done.returncode, done.stderr.count("\n")) == (1, 1), done.stderr
        assert says in done.stderr or words == ["store", "url"]
        assert re.search("[a-z]", done.stderr)


def test_a_directory_with_other_files_is_left_as_it_is(layout: Layout) -> None:
    layout.root.mkdir(mode=0o755)
    (layout.root / "letter.txt").write_text("somebody's")
    done = typed_in({"BACKOFFICE_DATA_DIR": str(layout.root)}, "up", "--port", "0")
    assert (done.returncode, done.stderr.count("\n")) == (1, 1), done.stderr
    assert f"{layout.root} holds other files: choose a new or empty directory" in done.stderr
    assert layout.root.stat().st_mode & 0o777 == 0o755
    assert [path.name for path in layout.root.iterdir()] == ["letter.txt"]


@pytest.mark.parametrize("what", ["secret", "record", "store_password"])
@pytest.mark.parametrize("command", [["user", "list"], ["doctor"], ["store", "url"], ["upload", "x"]])
def test_what_this_user_may_not_read_is_told_in_a_sentence(
    layout: Layout, what: str, command: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    layout.prepare()
    if what == "store_password":
        listening = json.dumps({"pid": 1, "url": "http://127.0.0.1:1", "socket": str(layout.socket())})
        layout.record.write_text(listening)
    getattr(layout, what).mkdir()  # which even root cannot read as a file
    settings = {"DATA_DIR": str(layout.root), "TOKEN": "bo_a.b", "PORT": "1"}
    for name, value in settings.items():
        monkeypatch.setenv(f"BACKOFFICE_{name}", value)
    status, out, err = runner(monkeypatch, capsys)(*command)
    assert status == 1, err
    assert "Traceback" not in err
    assert len((out + err).splitlines()) <= 3
