"""Clients of others against the running product, interrupted and run again: tus-js-client, curl, wget, rclone."""

from __future__ import annotations

import contextlib
import json
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.support.client_site import CHUNK, PASSWORD, SIZE, Person, noise, somebody
from tests.support.fault_proxy import Relay, relay
from tests.support.servers import ROOT, Site, need, wait_for
from tests.support.tus import id_of

TUS_JS = ROOT / "tests" / "integration" / "tus_js"
DATA = noise(SIZE, 7)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    data = tmp_path_factory.mktemp("others") / "var"
    environ = {"BACKOFFICE_ADMIN_PASSWORD": PASSWORD, "BACKOFFICE_CHUNK_SIZE": "64KiB"}
    site = Site.start(data, "--workers", "2", environ=environ)
    try:
        yield site.ready(), data
    finally:
        site.close()


@pytest.fixture
def ann(
    running: tuple[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Person]:
    with somebody(*running, tmp_path, monkeypatch, capsys) as found:
        (tmp_path / "film.bin").write_bytes(DATA)
        yield found


@pytest.fixture
def net(running: tuple[str, Path]) -> Iterator[Relay]:
    with relay(running[0]) as found:
        yield found


# -- tus-js-client


@contextlib.contextmanager
def tus_js(ann: Person, url: str, **options: Any) -> Iterator[subprocess.Popen[str]]:
    need(shutil.which("node"), "node")
    need((TUS_JS / "node_modules" / "tus-js-client").is_dir(), f"tus-js-client (npm ci in {TUS_JS.relative_to(ROOT)})")
    command = ["node", str(TUS_JS / "send.mjs"), f"{url}/tus/", str(ann.home / "film.bin"), str(ann.home / "storage")]
    command += [json.dumps(options), f"Authorization=Bearer {ann.token}"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def sent(ann: Person, url: str, **options: Any) -> str:
    """The identifier of the file that it has sent."""
    with tus_js(ann, url, **options) as process:
        out, err = process.communicate(timeout=20)
    assert process.returncode == 0, err
    return id_of(urlsplit(out.strip()).path)


def check_stored(ann: Person, file_id: str) -> None:
    """It is there once, byte for byte, and nothing beside it."""
    assert ann.client.request("GET", f"/files/{file_id}").body == DATA
    assert [one["id"] for one in ann.files().values()] == [file_id]
    assert ann.open_uploads() == []


@pytest.mark.parametrize(
    "options",
    [
        {"chunkSize": 300_000},
        {"parallelUploads": 3},
        {"uploadDataDuringCreation": True, "chunkSize": 500_000},
        {"overridePatchMethod": True, "chunkSize": SIZE // 2},
    ],
    ids=lambda options: next(iter(options)),
)
def test_tus_js(ann: Person, running: tuple[str, Path], options: dict[str, Any]) -> None:
    check_stored(ann, sent(ann, running[0], **options))


@pytest.mark.parametrize("options", [{}, {"parallelUploads": 3}], ids=["one", "parallel"])
def test_tus_js_is_killed(ann: Person, net: Relay, options: dict[str, Any]) -> None:
    net.pause = 0.01
    with tus_js(ann, net.url, **options) as process:
        wait_for(lambda: net.up > SIZE // 2 or process.poll() is not None, "it sends", 30)
        assert process.poll() is None, "it was faster than its killing"
    net.pause, before = 0.0, net.up
    check_stored(ann, sent(ann, net.url, **options))
    assert net.up - before < SIZE - CHUNK, "it began anew"


@pytest.mark.parametrize("options", [{}, {"parallelUploads": 3}], ids=["one", "parallel"])
def test_tus_js_loses_its_connection(ann: Person, net: Relay, options: dict[str, Any]) -> None:
    net.cut_up[:] = [SIZE, 100_000, 200_000, SIZE, 50_000]
    check_stored(ann, sent(ann, net.url, **options))


# -- downloads


def curl(url: str, target: Path, token: str) -> list[str]:
    return ["curl", "-sSf", "-C", "-", "-H", f"Authorization: Bearer {token}", "-o", str(target), url]


def wget(url: str, target: Path, token: str) -> list[str]:
    return ["wget", "-q", "-c", "--tries=1", f"--header=Authorization: Bearer {token}", "-O", str(target), url]


@pytest.mark.parametrize("command", [curl, wget])
def test_a_download_is_killed_and_goes_on(
    ann: Person, net: Relay, command: Callable[[str, Path, str], list[str]]
) -> None:
    need(shutil.which(command.__name__), command.__name__)
    file_id = ann.client.request("PUT", "/files/film.bin", body=DATA).json()["id"]
    target = ann.home / "got.bin"
    arguments = command(f"{net.url}/files/{file_id}", target, ann.token)
    net.pause = 0.005
    with subprocess.Popen(arguments) as process:
        wait_for(lambda: net.down > SIZE // 2 or process.poll() is not None, "it receives", 30)
        process.kill()
    net.pause, there, before = 0.0, target.stat().st_size, net.down
    assert 0 < there < SIZE
    assert DATA.startswith(target.read_bytes())
    subprocess.run(arguments, check=True, timeout=60)
    assert target.read_bytes() == DATA
    assert net.down - before < SIZE - there + CHUNK, "it began anew"


def test_rclone_takes_a_file_in_parts_side_by_side(ann: Person, net: Relay) -> None:
    need(shutil.which("rclone"), "rclone")
    file_id = ann.client.request("PUT", "/files/film.bin", body=DATA).json()["id"]
    command = ["rclone", "copy", f":http:{file_id}", str(ann.home / "got"), "--http-url", f"{net.url}/files/"]
    command += ["--http-headers", f"Authorization,Bearer {ann.token}", "--multi-thread-cutoff", "100k"]
    command += ["--multi-thread-streams", "4", "--retries", "5", "--low-level-retries", "5", "--config", ""]
    net.cut_down[:] = [SIZE, SIZE, 100_000]
    began = time.monotonic()
    subprocess.run(command, check=True, timeout=60, capture_output=True)
    assert (ann.home / "got" / file_id).read_bytes() == DATA
    assert time.monotonic() - began < 60
