"""Other servers to measure beside: each in a folder of its own, listening on loopback, writing to the same disk."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from benchmarks.site import ROOT, Failed

HOST = "127.0.0.1"
TUS_VERSION, TUS_STORE_VERSION, COPYPARTY_VERSION = "2.4.5", "2.1.1", "1.20.26"
SQLALCHEMY_VERSION, FLASK_SQLALCHEMY_VERSION = "2.1.9", "3.1.1"
SHARED = ("flask", "flask-admin", "flask-login", "gunicorn", "jinja2", "markupsafe", "werkzeug", "wtforms")
"""What Flask-Admin runs on there as here, in the versions of here."""
START_SECONDS = 60

TUS_SERVER = """
import { Server } from "@tus/server";
import { FileStore } from "@tus/file-store";
const [port, directory] = process.argv.slice(2);
const server = new Server({ path: "/files", datastore: new FileStore({ directory }) });
server.listen({ host: "127.0.0.1", port: Number(port) });
"""


@dataclass(frozen=True, slots=True)
class Peer:
    """A running server. `data`: where its files are, if it has any."""

    port: int
    pid: int
    data: Path

    def empty(self) -> None:
        for entry in self.data.iterdir():
            if entry.is_file():
                entry.unlink()


@contextlib.contextmanager
def run_tus(home: Path) -> Iterator[Peer]:
    npm, node = shutil.which("npm"), shutil.which("node")
    if npm is None or node is None:
        raise Failed("`bench --peers` needs Node.js with npm")
    (home / "data").mkdir(parents=True)
    (home / "package.json").write_text('{"private": true, "type": "module"}\n')
    (home / "server.js").write_text(TUS_SERVER)
    packages = (f"@tus/server@{TUS_VERSION}", f"@tus/file-store@{TUS_STORE_VERSION}")
    _install([npm, "install", "--no-audit", "--no-fund", "--ignore-scripts", *packages], home)
    port = _free_port()
    with _process([node, "server.js", str(port), str(home / "data")], home, port) as peer:
        yield peer


@contextlib.contextmanager
def run_copyparty(home: Path) -> Iterator[Peer]:
    (home / "data").mkdir(parents=True)
    _install([sys.executable, "-m", "venv", str(home / "venv")], home)
    python = str(home / "venv" / "bin" / "python")
    _install([python, "-m", "pip", "install", "--quiet", f"copyparty=={COPYPARTY_VERSION}"], home)
    port = _free_port()
    # Quiet; everybody may read, write and delete; no index, which would only cost it time.
    options = ["-q", "-i", HOST, "-p", str(port), "-v", f"{home / 'data'}::rwd"]
    with _process([python, "-m", "copyparty", *options], home, port) as peer:
        yield peer


@contextlib.contextmanager
def run_bare_flask(home: Path) -> Iterator[Peer]:
    """One view, in the product's gunicorn with the product's settings."""
    home.mkdir(parents=True)
    port = _free_port()
    command = [sys.executable, "-m", "benchmarks.bare_flask", str(port)]
    with _process(command, home, port, {"PYTHONPATH": str(ROOT)}) as peer:
        yield peer


@contextlib.contextmanager
def run_stock_admin(home: Path, load: Callable[[Path], None]) -> Iterator[Peer]:
    """`stock_admin.py`, over a database that `load` fills."""
    home.mkdir(parents=True)
    packages = [f"{name}=={metadata.version(name)}" for name in SHARED]
    packages += [f"sqlalchemy=={SQLALCHEMY_VERSION}", f"flask-sqlalchemy=={FLASK_SQLALCHEMY_VERSION}"]
    _install([sys.executable, "-m", "venv", str(home / "venv")], home)
    python, database = str(home / "venv" / "bin" / "python"), home / "stock.db"
    _install([python, "-m", "pip", "install", "--quiet", *packages], home)
    port, environ = _free_port(), {"PYTHONPATH": str(ROOT)}
    serve = [python, "-m", "benchmarks.stock_admin", str(database)]
    _install(serve, home, environ)
    load(database)
    with _process([*serve, str(port)], home, port, environ) as peer:
        yield peer


def _install(command: Sequence[str], home: Path, environ: Mapping[str, str] | None = None) -> None:
    env = {**os.environ, **(environ or {})}
    done = subprocess.run(command, cwd=home, capture_output=True, text=True, check=False, env=env)
    if done.returncode:
        raise Failed(f"{' '.join(command[:3])} failed: {done.stderr.strip()[-500:]}")


@contextlib.contextmanager
def _process(command: Sequence[str], home: Path, port: int, environ: Mapping[str, str] | None = None) -> Iterator[Peer]:
    with (home / "log").open("w") as log:
        process = subprocess.Popen(
            command,
            cwd=home,
            stdout=log,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            env={**os.environ, "HOME": str(home), **(environ or {})},
        )
    try:
        until = time.monotonic() + START_SECONDS
        while not _listens(port):
            if time.monotonic() > until or process.poll() is not None:
                raise Failed(f"{home.name} does not start: {(home / 'log').read_text()[-500:]}")
            time.sleep(0.1)
        yield Peer(port, process.pid, home / "data")
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((HOST, port)) == 0


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port
