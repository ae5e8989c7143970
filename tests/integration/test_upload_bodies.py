"""Long bodies in order, and many files in one, against the running product whose web workers are killed meanwhile."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import urllib3

from tests.integration.test_tus import answers, children, command_of
from tests.support.client_site import PASSWORD, Person, noise, somebody
from tests.support.fault_proxy import relay
from tests.support.servers import Site, descendants, wait_for
from tests.support.tus import OCTETS

SIZE = 6 * 2**20
"""Of a process that dies is lost what came since it noted 16 chunks: a MiB."""
DATA = noise(SIZE, 11)
FILES = {f"{number}.bin": noise(20_000, number) for number in range(100)}


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Site, str, Path]]:
    """With two web workers, small chunks, and its data in a directory."""
    data = tmp_path_factory.mktemp("bodies") / "var"
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
        yield found


def kill_the_workers(site: Site) -> None:
    [master] = [pid for pid in descendants(site.process.pid) if " serve" in command_of(pid) and children(pid)]
    for pid in children(master):
        os.kill(pid, signal.SIGKILL)


def ask(ann: Person, url: str, method: str, path: str, **more: object) -> urllib3.BaseHTTPResponse:
    headers = {"Authorization": f"Bearer {ann.token}", **more.pop("headers", {})}  # type: ignore[dict-item]
    with urllib3.PoolManager(retries=False, headers=headers) as pool:
        return pool.request(method, url + path, **more)  # type: ignore[arg-type]


def test_a_body_in_order_goes_on_where_it_was(ann: Person, running: tuple[Site, str, Path]) -> None:
    site, url, _ = running
    begun = ask(ann, url, "POST", "/uploads", json={"name": "film.bin", "total_size": SIZE}).json()
    path = f"/uploads/{begun['file_id']}"

    def received() -> int:
        return int(ask(ann, url, "GET", path).json()["received_bytes"])

    with relay(url) as net:
        net.pause = 0.004
        sending = threading.Thread(target=_send, args=(ann, net.url, f"{path}?offset=0", DATA))
        sending.start()
        wait_for(lambda: net.up > SIZE // 2, "half of it to be on its way", 30)
        kill_the_workers(site)
        sending.join()
    wait_for(lambda: answers(url), "the site answers again", 30)
    offset = received()
    assert 0 < offset < SIZE
    sent = ask(ann, url, "PATCH", f"{path}?offset={offset}", body=DATA[offset:], headers={"Content-Type": OCTETS})
    assert sent.json()["offset"] == SIZE, sent.data
    whole = {"file_id": begun["file_id"], "name": "film.bin", "total_size": SIZE}
    assert ask(ann, url, "POST", "/upload_complete", json=whole).status == 201
    assert ask(ann, url, "GET", f"/files/{begun['file_id']}").data == DATA


def _send(ann: Person, url: str, path: str, data: bytes) -> None:
    with pytest.raises(urllib3.exceptions.HTTPError):
        ask(ann, url, "PATCH", path, body=data, headers={"Content-Type": OCTETS})


def batch(ann: Person, url: str) -> list[dict[str, object]]:
    said = json.dumps({"files": [{"name": name, "on_conflict": "fail"} for name in FILES]})
    fields = [("files", said), *(("content", ("content", data)) for data in FILES.values())]
    answer = ask(ann, url, "POST", "/files/batch", fields=fields)
    assert answer.status == 200, answer.data
    items: list[dict[str, object]] = answer.json()["items"]
    return items


def test_files_that_came_together_are_stored_once_however_often_they_are_sent(
    ann: Person, running: tuple[Site, str, Path]
) -> None:
    site, url, _ = running

    def total() -> int:
        return int(ask(ann, url, "GET", "/files?limit=1").json()["total"])

    def dies() -> None:
        with pytest.raises(urllib3.exceptions.HTTPError):
            batch(ann, url)

    before, sending = total(), threading.Thread(target=dies)
    sending.start()
    until = time.monotonic() + 30
    while total() == before and time.monotonic() < until:
        pass
    kill_the_workers(site)
    sending.join()
    wait_for(lambda: answers(url), "the site answers again", 30)
    assert before < total() < before + len(FILES), "it died among them"
    problems = [item["problem"] for item in batch(ann, url)]
    assert any(problems)
    assert {one["code"] for one in problems if one} == {"name_taken"}  # type: ignore[index]
    assert total() == before + len(FILES)
    listed = ask(ann, url, "GET", "/files?limit=500").json()["items"]
    for one in listed:
        if one["name"] in FILES:
            assert ask(ann, url, "GET", f"/files/{one['id']}").data == FILES[one["name"]]
