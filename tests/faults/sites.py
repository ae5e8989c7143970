"""The product as it runs: `up` with its store, whose processes can be told apart."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from redis import Redis
from redis.cluster import RedisCluster

from backoffice.domain.nouns import all_permissions
from backoffice.embedded.data_dir import Layout
from backoffice.embedded.discovery import find
from backoffice.stores.client import connect
from tests.faults.client import Client
from tests.faults.oracle import Oracle, Verdict, entries
from tests.support.servers import DRIVER, ROOT, Site, descendants, free_ports, wait_for

READY_WITHIN = 90.0
PASSWORD = "violet-harbour-93-lantern"


@dataclass(slots=True)
class Running:
    """A site that `up` keeps, on a port of its own, with a token of its administrator."""

    data: Path
    environ: Mapping[str, str]
    port: int
    site: Site
    client: Client
    oracle: Oracle = field(default_factory=Oracle)

    @classmethod
    def start(cls, data: Path, environ: Mapping[str, str] | None = None, oracle: Oracle | None = None) -> Running:
        environ = {"BACKOFFICE_WEB_WORKERS": "2", "BACKOFFICE_ADMIN_PASSWORD": PASSWORD, **(environ or {})}
        [port] = free_ports(1)
        site = Site.start(data, environ=environ, port=port)
        url = site.ready(READY_WITHIN)
        running = cls(data, environ, port, site, Client(url, ""), oracle or Oracle())
        running.client.token = running.a_token()
        return running

    def a_token(self, name: str = "admin") -> str:
        scopes = [word for one in sorted(all_permissions()) for word in ("--scope", one)]
        return self.command("token", "create", "--user", name, "--days", "30", *scopes).stdout.strip()

    def command(self, *words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        environ = {**os.environ, **self.environ, "BACKOFFICE_DATA_DIR": str(self.data)}
        command = [sys.executable, "-m", "backoffice", *words]
        ran = subprocess.run(
            command, env={**environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False, timeout=120
        )
        assert not check or ran.returncode == 0, f"{words}: {ran.stdout} {ran.stderr}"
        return ran

    @property
    def layout(self) -> Layout:
        return Layout.at(self.data)

    def store(self) -> Redis | RedisCluster:
        if url := self.environ.get("REDIS_URL"):
            return connect(url, self.environ.get("REDIS_PASSWORD"))
        running = find(self.layout)
        assert running is not None, "the store is not there"
        password = self.layout.store_password.read_text().strip()
        return Redis(unix_socket_path=running.socket, password=password, socket_timeout=20, driver_info=DRIVER)

    def pid(self, who: str) -> int:
        """Of one of `PROCESSES`."""
        if who == "supervisor":
            return self.site.process.pid
        if who == "web worker":
            return min(descendants(self.pid("gunicorn")))
        wanted = {"store": "valkey-server", "gunicorn": " serve", "worker": " worker"}[who]
        for pid in descendants(self.site.process.pid):
            try:
                parent = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
                words = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
            except (OSError, IndexError):
                continue  # it ended while we looked
            if parent == self.site.process.pid and wanted in words:
                return pid
        raise AssertionError(f"there is no {who}")

    def kill(self, who: str, number: signal.Signals = signal.SIGKILL) -> None:
        os.kill(self.pid(who), number)

    def again(self) -> None:
        """A new `up`, once the last one has ended."""
        self.site.close()
        self.site = Site.start(self.data, environ=self.environ, port=self.port)
        self.site.ready(READY_WITHIN)

    def wait_until_ready(self) -> float:
        """Seconds until it answers and all its processes are there."""
        began = time.monotonic()
        wait_for(lambda: self.client.ask("GET", "/readyz").status == 200, "the site is ready again", READY_WITHIN)
        return time.monotonic() - began

    def fsck(self) -> list[str]:
        """What `fsck` finds once nothing is under way any more, [] = nothing."""
        for _ in range(5):
            ran = self.command("fsck", check=False)
            if ran.returncode == 0:
                return []
            time.sleep(1)
        return ran.stdout.splitlines() + ran.stderr.splitlines()

    def judge(self) -> Verdict:
        with self.store() as store:
            log: list[dict[str, Any]] = entries(store)
        verdict = self.oracle.judge(self.client, log)
        verdict.problems += [f"fsck: {line}" for line in self.fsck()]
        if any(": 500 " in problem for problem in verdict.problems):
            verdict.problems += [f"the site said: {line}" for line in self.site.said() if '"level": "error"' in line][
                -3:
            ]
        return verdict

    @property
    def address(self) -> str:
        return urlsplit(self.client.url).netloc


PROCESSES = ("store", "web worker", "gunicorn", "worker", "supervisor")
