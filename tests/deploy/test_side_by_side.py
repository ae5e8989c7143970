"""A version runs beside the one before it: over one store, web processes of both behind one proxy, while people work.

The one before is `fixtures/code-*.tar.xz`, the code itself, with the libraries of now (`make_code.py` says how it is
made, and when). The steps are those of `docs/operation.md`.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tarfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.request import urlopen

import pytest

from backoffice.domain.nouns import all_permissions
from backoffice.domain.system import SCHEMA
from tests.faults.client import Client
from tests.faults.load import under_load
from tests.faults.oracle import Oracle, entries
from tests.faults.sites import PASSWORD
from tests.support.servers import ROOT, Store, free_ports, run_store, wait_for
from tests.support.web_proxies import WebProxy, two_ports, web_proxy

pytestmark = [pytest.mark.deploy, pytest.mark.timeout(900)]

SECRET = "kJ8sPq2vW9xYb4Lm7Tn3Rc6Zd1Fg5HhQwErTyUiOpAs"
STARTS_WITHIN = 240.0


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The code of the version before."""
    [archive] = (ROOT / "fixtures").glob("code-*.tar.xz")
    place = tmp_path_factory.mktemp("before")
    with tarfile.open(archive) as tar:
        tar.extractall(place, filter="data")
    return place


@dataclass(slots=True)
class Hosts:
    """Processes of two versions over one store, each with its own code."""

    store: Store
    home: Path
    running: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def environ(self, code: Path) -> dict[str, str]:
        told = {name: text for name, text in os.environ.items() if not name.startswith("BACKOFFICE_")}
        return {
            **told,
            "PYTHONPATH": str(code),
            "REDIS_URL": self.store.url,
            "REDIS_PASSWORD": self.store.password,
            "APP_SECRET_KEY": SECRET,
            "BACKOFFICE_ADMIN_PASSWORD": PASSWORD,
            "BACKOFFICE_DATA_DIR": str(self.home / "none"),
            "BACKOFFICE_TRUSTED_PROXIES": "1",
            "BACKOFFICE_WEB_WORKERS": "1",
        }

    def start(self, code: Path, *words: str) -> subprocess.Popen[bytes]:
        with (self.home / "output.log").open("ab") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", "backoffice", *words],
                env=self.environ(code),
                cwd=code,
                stdout=output,
                stderr=output,
            )
        self.running.append(process)
        return process

    def command(self, code: Path, *words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "backoffice", *words]
        return subprocess.run(
            command, env=self.environ(code), cwd=code, capture_output=True, text=True, timeout=120, check=False
        )

    def web(self, code: Path, port: int) -> subprocess.Popen[bytes]:
        process = self.start(code, "serve", "--port", str(port))
        wait_for(lambda: process.poll() is not None or _ready(port), "a web process is ready", STARTS_WITHIN)
        assert process.poll() is None, (self.home / "output.log").read_text()
        return process

    def a_token(self, code: Path) -> str:
        scopes = [word for one in sorted(all_permissions()) for word in ("--scope", one)]
        made: list[str] = []

        def make() -> bool:
            ran = self.command(code, "token", "create", "--user", "admin", "--days", "30", *scopes)
            made[:] = [ran.stdout.strip(), ran.stderr]
            return ran.returncode == 0

        wait_for(make, "the worker has made the administrator", STARTS_WITHIN)
        return made[0]


def _ready(port: int) -> bool:
    with contextlib.suppress(OSError), urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5) as answer:
        return bool(answer.status == 200)
    return False


@pytest.fixture
def hosts(tmp_path: Path) -> Iterator[Hosts]:
    (tmp_path / "store").mkdir()
    with run_store(tmp_path / "store") as store:
        found = Hosts(store, tmp_path)
        try:
            yield found
        finally:
            for process in found.running:
                process.terminate()
            for process in found.running:
                process.wait(60)


def stop(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 0


def take_out(proxy: WebProxy, port: int, *, out: bool) -> None:
    """As docs/operation.md says: `down` behind the host in the list of upstreams, and a reload."""
    conf = proxy.home / "conf.d" / "backoffice-upstream.conf"
    is_in, is_out = f"server 127.0.0.1:{port};", f"server 127.0.0.1:{port} down;"
    conf.write_text(conf.read_text().replace(is_in, is_out) if out else conf.read_text().replace(is_out, is_in))
    subprocess.run(["nginx", "-c", str(proxy.home / "nginx.conf"), "-s", "reload"], check=True, capture_output=True)
    time.sleep(2)


def test_web_processes_worker_and_migrations_change_while_people_work(hosts: Hosts, before: Path) -> None:
    ports = free_ports(2)
    worker = hosts.start(before, "worker", "--notice")
    webs = [hosts.web(before, port) for port in ports]
    token, oracle = hosts.a_token(before), Oracle()
    with (
        web_proxy("nginx", hosts.home / "nginx", ports[0], two_ports(), second=ports[1]) as proxy,
        under_load([proxy.url], token, oracle, "side", trust=proxy.trust()) as load,
    ):
        for port, web in zip(ports, webs, strict=True):
            take_out(proxy, port, out=True)
            stop(web)
            hosts.web(ROOT, port)
            take_out(proxy, port, out=False)
            time.sleep(3)
        stop(worker)
        interrupted = hosts.start(ROOT, "migrate")
        time.sleep(1)
        interrupted.kill()
        hosts.start(ROOT, "worker")
        migrated = hosts.command(ROOT, "migrate")
        assert migrated.returncode == 0, migrated.stdout + migrated.stderr
    assert load.failures == []
    assert not load.gave_up
    assert {status for status in load.answers if status >= 500} == set(), load.answers
    with contextlib.closing(hosts.store.client()) as client:
        verdict = oracle.judge(Client(f"http://127.0.0.1:{ports[0]}", token), entries(client))
    assert verdict.good, verdict.problems
    assert verdict.acknowledged > 20
    fsck = hosts.command(ROOT, "fsck")
    assert fsck.returncode == 0, fsck.stdout + fsck.stderr


def test_the_version_before_stops_once_the_form_is_one_that_it_does_not_know(hosts: Hosts, before: Path) -> None:
    """What a migration does that raises it."""
    [port] = free_ports(1)
    worker = hosts.start(before, "worker", "--notice")
    hosts.web(before, port)
    asks = Client(f"http://127.0.0.1:{port}", hosts.a_token(before))
    assert asks.ask("PUT", "/files/a.txt", b"a").status == 201
    with contextlib.closing(hosts.store.client()) as client:
        client.hset("{bo}:install", "schema", SCHEMA + 1)
    wait_for(lambda: asks.ask("GET", "/files").status == 503, "it answers nothing any more", 20)
    for method, path, body in (("PUT", "/files/b.txt", b"b"), ("GET", "/files", None), ("GET", "/readyz", None)):
        refused = asks.ask(method, path, body)
        assert (refused.status, refused.json["code"]) == (503, "later_version")
    assert asks.ask("GET", "/livez").status == 200
    assert worker.wait(30) == 0
    again = hosts.command(before, "serve", "--port", str(port))
    assert again.returncode != 0
    assert "A later version has the store in form" in again.stdout + again.stderr
