"""The product as `manage.py up` starts it, on a throwaway data directory."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from redis import Redis

from backoffice.stores.chunks.redis import RedisChunks
from backoffice.stores.client import Client, Db, connect
from backoffice.stores.durability import RedisDurability, RedisHealth
from backoffice.stores.keys import Keys

ROOT = Path(__file__).resolve().parents[1]
MANAGE = ROOT / "manage.py"
START_SECONDS = 120
STOP_SECONDS = 60
PAUSED_SECONDS = 1.5
"""Longer than a worker listens to the log without an answer."""
USER = "admin"


class Failed(Exception):
    """What was to be measured does not work; the message says where to look."""


@dataclass(frozen=True, slots=True)
class Site:
    """A running site. `token` belongs to an administrator; `store_url` holds the store's password."""

    host: str
    port: int
    token: str
    store_url: str
    pid: int

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}

    def plain_client(self) -> Redis:
        """redis-py as it comes."""
        return Redis.from_url(self.store_url)

    def own_client(self) -> Client:
        """redis-py with the options that the product gives it."""
        return connect(self.store_url)

    def free(self, file_id: str, chunks: int) -> None:
        """Give the memory of a file's chunks back at once; its record is left to the throwaway."""
        client, keys = self.own_client(), Keys()
        db = Db(client)
        RedisChunks(db, keys, RedisDurability(db, keys), RedisHealth(db)).delete(file_id, chunks)
        client.close()

    def programs(self) -> dict[str, list[int]]:
        """The processes of each program: `web`, `worker` and `store`."""
        family = processes()
        below = descendants(self.pid, family)

        def named(*words: str) -> list[int]:
            return [pid for pid in below if any(word in family[pid][1] for word in words)]

        return {"web": named(" serve"), "worker": named(" worker"), "store": named("valkey-server", "redis-server")}

    @contextlib.contextmanager
    def worker_paused(self) -> Iterator[None]:
        """The background worker asks the store for nothing meanwhile."""
        pids = self.programs()["worker"]
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        # What it was waiting for may still be answered.
        time.sleep(PAUSED_SECONDS)
        try:
            yield
        finally:
            for pid in pids:
                os.kill(pid, signal.SIGCONT)

    def web_workers(self) -> list[int]:
        """Processes that answer requests: children of the web server's first process."""
        family = processes()
        below = descendants(self.pid, family)
        serving = [pid for pid in below if " serve" in family[pid][1]]
        return [pid for pid in serving if family[pid][0] in serving]


@contextlib.contextmanager
def running(directory: Path, durability: str, environ: Mapping[str, str] | None = None) -> Iterator[Site]:
    """Start the product, stop it at the end. Raises Failed when it does not get ready."""
    env = environment(directory, durability, environ)
    try:
        with up(directory, env) as (pid, url):
            address = urlsplit(url)
            token = _manage(env, directory, "token", "create", "--user", USER, "--days", "1")
            store = _manage(env, directory, "store", "url")
            yield Site(address.hostname or "", address.port or 0, token, store, pid)
    finally:
        # A level writes tens of GiB; the log beside it stays until the end.
        shutil.rmtree(directory / "data", ignore_errors=True)


def environment(directory: Path, durability: str, environ: Mapping[str, str] | None = None) -> dict[str, str]:
    """What the product is started with, its data below `directory`."""
    settings = {
        "BACKOFFICE_DATA_DIR": str(directory / "data"),
        "BACKOFFICE_DURABILITY": durability,
        "BACKOFFICE_ADMIN_PASSWORD": secrets.token_urlsafe(24),
        "BACKOFFICE_QUOTA_BYTES": "unlimited",
        "ADMIN_USERS": USER,
        **(environ or {}),
    }
    outside = {name: value for name, value in os.environ.items() if not name.startswith(("BACKOFFICE_", "REDIS_"))}
    return outside | settings


@contextlib.contextmanager
def up(directory: Path, env: Mapping[str, str]) -> Iterator[tuple[int, str]]:
    """Start it and wait until it is ready: its process and its address. Stop it at the end. Raises Failed."""
    directory.mkdir(parents=True, exist_ok=True)
    log = directory / "up.log"
    with log.open("w") as output:
        process = subprocess.Popen(
            [sys.executable, str(MANAGE), "up", "--port", "0"],
            env=env,
            cwd=directory,
            stdout=output,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
        )
    try:
        yield process.pid, _ready(process, log)
    finally:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _ready(process: subprocess.Popen[bytes], log: Path) -> str:
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until and process.poll() is None:
        for line in log.read_text().splitlines():
            if line.startswith("Ready: "):
                return line.removeprefix("Ready: ").strip()
        time.sleep(0.05)
    raise Failed(f"`manage.py up` did not get ready: {log.read_text()[-500:]}")


def _manage(env: Mapping[str, str], directory: Path, *arguments: str) -> str:
    command = [sys.executable, str(MANAGE), *arguments]
    done = subprocess.run(command, env=env, cwd=directory, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Failed(f"`manage.py {' '.join(arguments)}` failed: {done.stderr.strip()}")
    return done.stdout.strip()


def processes() -> dict[int, tuple[int, str]]:
    """Parent and command line of every process (Linux)."""
    found = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            with contextlib.suppress(OSError):  # it ended while we looked
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
                found[int(entry.name)] = (parent, (entry / "cmdline").read_text().replace("\0", " "))
    return found


def descendants(pid: int, family: Mapping[int, tuple[int, str]]) -> list[int]:
    """Those below `pid` at any depth, of what `processes` found."""
    below = [child for child, (parent, _) in family.items() if parent == pid]
    return below + [one for child in below for one in descendants(child, family)]
