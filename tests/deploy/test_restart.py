"""SIGHUP: new web processes take the place of those that run, and nobody notices."""

from __future__ import annotations

import fcntl
import http.client
import json
import os
import pty
import signal
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.support.commands import typed_in
from tests.support.servers import ROOT, Site, alive, descendants, wait_for

pytestmark = [
    pytest.mark.deploy,
    pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="NEEDS /proc to count processes"),
]

BODY = 4 * 1024 * 1024
PIECE = 64 * 1024
PAUSE = 0.05
WORKERS = 2
"""Seconds between two questions. Without, they would take the processor from the workers whose start is waited for."""


@dataclass(slots=True)
class Client:
    """Uploads long bodies slowly, asks small questions over a kept connection and over new ones, and notes what went
    wrong."""

    netloc: str
    token: str
    stop: threading.Event = field(default_factory=threading.Event)
    wrong: list[str] = field(default_factory=list)
    answers: int = 0
    uploads: int = 0
    threads: list[threading.Thread] = field(default_factory=list)

    def begin(self, seconds: float) -> None:
        jobs: list[Callable[[], None]] = [
            self._kept,
            self._anew,
            *(lambda n=n: self._upload(n, seconds) for n in (1, 2)),
        ]
        for job in jobs:
            self.threads.append(threading.Thread(target=self._guarded, args=(job,)))
            self.threads[-1].start()

    def end(self) -> None:
        self.stop.set()
        for thread in self.threads:
            thread.join()

    def _guarded(self, job: Callable[[], None]) -> None:
        while not self.stop.is_set():
            try:
                job()
            except (OSError, http.client.HTTPException) as error:
                self.wrong.append(repr(error))

    def _open(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection(self.netloc, timeout=30)

    def _ask(self, connection: http.client.HTTPConnection, method: str, path: str) -> None:
        body = b"small" if method == "PUT" else None
        connection.request(method, path, body, {"Authorization": f"Bearer {self.token}"})
        answer = connection.getresponse()
        answer.read()
        self.answers += 1
        if answer.status not in {200, 201}:
            self.wrong.append(f"{method} {path}: {answer.status}")

    def _kept(self) -> None:
        """Questions that change something, which no client repeats by itself; http.client connects anew where the
        answer said that the connection ends."""
        with closing(self._open()) as connection:
            while not self.stop.wait(PAUSE):
                self._ask(connection, "PUT", "/files/small.txt")

    def _anew(self) -> None:
        self.stop.wait(PAUSE)
        with closing(self._open()) as connection:
            self._ask(connection, "GET", "/limits")

    def _upload(self, number: int, seconds: float) -> None:
        with closing(self._open()) as connection:
            connection.putrequest("PUT", f"/files/long-{number}-{time.monotonic_ns()}.bin")
            connection.putheader("Authorization", f"Bearer {self.token}")
            connection.putheader("Content-Length", str(BODY))
            connection.endheaders()
            for _ in range(BODY // PIECE):
                connection.send(os.urandom(PIECE))
                time.sleep(seconds * PIECE / BODY)
            answer = connection.getresponse()
            found = json.loads(answer.read())
            self.uploads += 1
            if answer.status != 201 or found["size"] != BODY:
                self.wrong.append(f"long body: {answer.status} {found}")


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    environ = {"ADMIN_USERS": "admin", "BACKOFFICE_ADMIN_PASSWORD": "violet-harbour-93-lantern"}
    found = Site.start(tmp_path / "data", "--workers", str(WORKERS), environ=environ)
    try:
        yield found
    finally:
        found.close()


def web_processes(site: Site) -> tuple[set[int], set[int]]:
    """The first process of the web server, and its workers."""
    serving = {pid for pid in descendants(site.process.pid) if "serve" in command_line(pid)}
    masters = {pid for pid in serving if descendants(pid) & serving}
    return masters, serving - masters


def command_line(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().split("\0")
    except OSError:
        return []


def client_of(site: Site, tmp_path: Path) -> Client:
    url = site.ready()  # as soon as one of them answers
    wait_for(lambda: len(web_processes(site)[1]) == WORKERS, "both web processes are there", 60)
    environ = {"BACKOFFICE_DATA_DIR": str(tmp_path / "data")}
    made = typed_in(environ, "token", "create", "--user", "admin", "--days", "1")
    assert made.returncode == 0, made.stdout + made.stderr
    return Client(urlsplit(url).netloc, made.stdout.split()[-1])


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_no_upload_fails_and_no_request_is_lost(site: Site, tmp_path: Path) -> None:
    client = client_of(site, tmp_path)
    client.begin(seconds=2)
    try:
        for _ in range(2):
            time.sleep(1)
            masters, before = web_processes(site)
            site.process.send_signal(signal.SIGHUP)
            wait_for(
                lambda before=before: len(web_processes(site)[1] - before) == WORKERS, "there are new workers", 120
            )
            wait_for(lambda before=before: not alive(before), "those of before have ended", 120)
            assert web_processes(site)[0] == masters
    finally:
        client.end()
    assert client.wrong == []
    assert client.uploads > 2
    assert client.answers > 100
    assert "All is well." in typed_in({"BACKOFFICE_DATA_DIR": str(tmp_path / "data")}, "fsck").stdout


def test_new_settings_are_taken_and_wrong_ones_change_nothing(site: Site, tmp_path: Path) -> None:
    client = client_of(site, tmp_path)
    settings = tmp_path / ".env"
    masters, before = web_processes(site)

    settings.write_text("BACKOFFICE_MAX_CHUNK_SIZE=nonsense\n")
    site.process.send_signal(signal.SIGHUP)
    site.expect("Not restarted")
    assert web_processes(site) == (masters, before)
    [master] = masters
    os.kill(master, signal.SIGHUP)
    site.expect("not restarted")
    assert web_processes(site) == (masters, before)

    settings.write_text("BACKOFFICE_MAX_CHUNK_SIZE=2MiB\n")
    site.process.send_signal(signal.SIGHUP)
    wait_for(lambda: not alive(before), "the workers of before have ended", 60)
    connection = http.client.HTTPConnection(client.netloc, timeout=30)
    with closing(connection):
        connection.request("GET", "/limits", headers={"Authorization": f"Bearer {client.token}"})
        assert json.loads(connection.getresponse().read())["max_chunk_size"] == 2 * 1024 * 1024
    assert site.stop() == 0


PROGRAM = """
from backoffice.embedded.signals import Signals
signals = Signals()
print("here", flush=True)
while not (signals.stops or signals.restart):
    signals.wait(30)
print("stop" if signals.stops else "restart", flush=True)
"""


@pytest.mark.parametrize(("goes", "meaning"), [(True, "stop"), (False, "restart")])
def test_sighup_means_to_stop_where_the_terminal_has_gone(goes: bool, meaning: str) -> None:
    ours, terminal = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM],
        stdin=terminal,
        stdout=subprocess.PIPE,
        cwd=ROOT,
        text=True,
        start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),  # noqa: PLW1509 -- no thread of ours holds a lock
    )
    os.close(terminal)
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == "here\n"
        if goes:
            os.close(ours)
        else:
            process.send_signal(signal.SIGHUP)
        assert process.stdout.readline() == f"{meaning}\n"
    if not goes:
        os.close(ours)
