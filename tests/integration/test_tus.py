"""tuspy, a client of others, against the running product: interrupted at several points, and the bytes compared."""

from __future__ import annotations

import contextlib
import io
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from tusclient.client import TusClient  # type: ignore[import-untyped]

from tests.support.client_site import CHUNK, PASSWORD, SIZE, Person, noise, somebody
from tests.support.fault_proxy import Relay, relay
from tests.support.servers import ROOT, Site, descendants, wait_for
from tests.support.tus import OCTETS, TUS, id_of
from tests.support.tus_checker import CHECKS, Server

DATA = noise(SIZE, 7)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Site, str, Path]]:
    """With two web workers, small chunks, and its data in a directory."""
    data = tmp_path_factory.mktemp("tus") / "var"
    environ = {"BACKOFFICE_ADMIN_PASSWORD": PASSWORD, "BACKOFFICE_CHUNK_SIZE": "64KiB"}
    site = Site.start(data, "--workers", "2", environ=environ)
    try:
        yield site, site.ready(), data
    finally:
        site.close()


@pytest.fixture
def ann(
    running: tuple[Site, str, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Iterator[Person]:
    with somebody(running[1], running[2], tmp_path, monkeypatch, capsys) as found:
        (tmp_path / "film.bin").write_bytes(DATA)
        yield found


@pytest.fixture
def net(running: tuple[Site, str, Path]) -> Iterator[Relay]:
    with relay(running[1]) as found:
        yield found


def uploader(ann: Person, url: str, name: str = "film.bin", **options: Any) -> Any:
    client = TusClient(f"{url}/tus/", headers={"Authorization": f"Bearer {ann.token}"})
    # It closes no file that it opens by itself.
    stream = io.BytesIO((ann.home / name).read_bytes())
    return client.uploader(file_stream=stream, retry_delay=0, **options)


def stored(ann: Person, url: str) -> bytes:
    """What the upload at that address has become."""
    return ann.client.request("GET", f"/files/{id_of(urlsplit(url).path)}").body


# -- nothing goes wrong


@pytest.mark.parametrize("size", [0, 1, CHUNK, 3 * CHUNK, SIZE])
def test_a_file_of_any_size(ann: Person, running: tuple[Site, str, Path], size: int) -> None:
    path = ann.file("a.bin", size)
    sent = uploader(ann, running[1], "a.bin", chunk_size=100_000)
    sent.upload()
    assert stored(ann, sent.url) == path.read_bytes()


@pytest.mark.parametrize("piece", [10_000, CHUNK, SIZE])
def test_with_a_checksum_of_each_piece(ann: Person, running: tuple[Site, str, Path], piece: int) -> None:
    sent = uploader(ann, running[1], chunk_size=piece * 8, upload_checksum=True, metadata={"filename": "ü.bin"})
    sent.upload()
    assert stored(ann, sent.url) == DATA
    assert "ü.bin" in ann.files()


# -- the connection is cut


@pytest.mark.parametrize("cuts", [[1], [400], [CHUNK], [70_000, 300_000], [SIZE // 2, 5_000, 200_000]])
def test_the_connection_is_cut(ann: Person, net: Relay, cuts: list[int]) -> None:
    sent = uploader(ann, net.url, retries=5)
    sent.set_url(sent.create_url())
    net.cut_up[:] = [cut for one in cuts for cut in (one, SIZE)]  # the HEAD in between is let through
    sent.upload()
    assert stored(ann, sent.url) == DATA
    assert ann.open_uploads() == []


@pytest.mark.parametrize("lost", [b"PATCH ", b"HEAD "])
def test_an_answer_is_lost(ann: Person, net: Relay, lost: bytes) -> None:
    net.lose.append(lost)
    sent = uploader(ann, net.url, retries=5, chunk_size=SIZE // 3)
    net.cut_up[:] = [SIZE, 100_000]
    sent.upload()
    assert stored(ann, sent.url) == DATA


# -- something dies


@contextlib.contextmanager
def sending(ann: Person, net: Relay, until: int) -> Iterator[subprocess.Popen[str]]:
    """A client that sends through a slow network, and has sent so many bytes."""
    net.pause = 0.004
    command = [sys.executable, "-m", "tests.support.tus_sender", f"{net.url}/tus/", str(ann.home / "film.bin")]
    command += [str(ann.home / "storage"), str(SIZE), f"Authorization=Bearer {ann.token}"]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    with process:
        wait_for(lambda: net.up > until or process.poll() is not None, "it sends", 30)
        assert process.poll() is None, "it was faster than its killing"
        yield process
        process.kill()


def again(ann: Person, url: str) -> str:
    """The same program once more; the address of what it sent."""
    command = [sys.executable, "-m", "tests.support.tus_sender", f"{url}/tus/", str(ann.home / "film.bin")]
    command += [str(ann.home / "storage"), str(SIZE), f"Authorization=Bearer {ann.token}"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_the_client_is_killed(ann: Person, net: Relay) -> None:
    with sending(ann, net, SIZE // 2):
        pass
    net.pause, before = 0.0, net.up
    assert stored(ann, again(ann, net.url)) == DATA
    # What the system had received and the site had not, went with the connection.
    assert net.up - before < SIZE - CHUNK
    assert ann.open_uploads() == []


def test_the_web_workers_are_killed(ann: Person, running: tuple[Site, str, Path], net: Relay) -> None:
    [master] = [pid for pid in descendants(running[0].process.pid) if " serve" in command_of(pid) and children(pid)]
    with sending(ann, net, SIZE // 2):
        for pid in children(master):
            os.kill(pid, signal.SIGKILL)
    net.pause = 0.0
    wait_for(lambda: answers(running[1]), "the site answers again", 30)
    assert stored(ann, again(ann, net.url)) == DATA


def test_the_store_is_killed(ann: Person, running: tuple[Site, str, Path], net: Relay) -> None:
    [store] = [pid for pid in descendants(running[0].process.pid) if "valkey-server" in command_of(pid)]
    with sending(ann, net, SIZE // 2):
        os.kill(store, signal.SIGKILL)
    net.pause = 0.0
    running[0].expect("starting it again", 30)
    wait_for(lambda: answers(running[1]), "the site answers again", 30)
    assert stored(ann, again(ann, net.url)) == DATA


def command_of(pid: int) -> str:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    return ""


def children(pid: int) -> list[int]:
    return sorted(one for one in descendants(pid) if one != pid)


def answers(url: str) -> bool:
    parts = urlsplit(url)
    with contextlib.suppress(OSError), socket.create_connection((parts.hostname, parts.port), 5) as sock:
        sock.sendall(b"GET /readyz HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
        return b" 200 " in sock.recv(100)
    return False


# -- taking over


def test_a_dead_connection_is_taken_over_at_once(ann: Person, running: tuple[Site, str, Path]) -> None:
    """Half of it through a connection that stays open; the other half through another; what the first one still has to
    say changes nothing."""
    sent = uploader(ann, running[1])
    sent.set_url(sent.create_url())
    parts, half = urlsplit(sent.url), SIZE // 2
    headers = {**TUS, "Host": parts.netloc, "Content-Type": OCTETS, "Upload-Offset": "0", "Content-Length": str(SIZE)}
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    with socket.create_connection((parts.hostname, parts.port)) as dead:
        dead.sendall(f"PATCH {parts.path} HTTP/1.1\r\n{head}\r\n".encode() + DATA[:half])
        before = time.monotonic()
        offset = sent.get_offset()
        assert time.monotonic() - before < 5
        assert 0 <= offset <= half
        sent.offset = offset
        sent.upload()
        with contextlib.suppress(OSError):
            dead.sendall(b"\0" * (SIZE - half))
        dead.settimeout(20)
        assert dead.recv(100).startswith((b"HTTP/1.1 409", b"HTTP/1.1 404", b"HTTP/1.1 503"))
    assert stored(ann, sent.url) == DATA
    assert ann.open_uploads() == []


def test_the_command_line_goes_on_with_it(ann: Person, running: tuple[Site, str, Path]) -> None:
    sent = uploader(ann, running[1], metadata={"filename": "film.bin"}, chunk_size=5 * CHUNK + 100)
    sent.upload_chunk()
    code, _, err = ann.run("upload", str(ann.home / "film.bin"))
    assert code == 0, err
    assert stored(ann, sent.url) == DATA, "the upload itself has become the file"
    assert len(ann.files()) == 1
    assert ann.open_uploads() == []


# -- the protocol


@pytest.fixture
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """Ours; another one with `TUS_SERVER=http://127.0.0.1:1080/files/` and `-k protocol`."""
    other = os.environ.get("TUS_SERVER")
    if other:
        found = Server(other)
    else:
        site, person = request.getfixturevalue("running"), request.getfixturevalue("ann")
        found = Server(f"{site[1]}/tus/", {"Authorization": f"Bearer {person.token}"})
    yield found
    found.pool.clear()


@pytest.mark.parametrize("name", CHECKS)
def test_what_the_protocol_says(server: Server, name: str) -> None:
    extension, check = CHECKS[name]
    if "TUS_SERVER" in os.environ and extension and extension not in server.extensions():
        pytest.skip(f"does not claim to have {extension}")
    assert not extension or extension in server.extensions()
    check(server)
