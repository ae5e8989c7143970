"""The same file through two good servers of the same kind: `@tus/server` (npm) and copyparty (PyPI).

Each is installed in a folder of its own, listens on loopback, writes to the same disk, and gets the same one body over
one connection, in the form it likes best (tus: POST and PATCH; copyparty: PUT).
"""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from benchmarks.doors import OCTETS, Content, download, upload_chunks, upload_whole
from benchmarks.http import Connection
from benchmarks.plan import MIB, Bars, Goal, Part, Plan
from benchmarks.site import Failed, Site, running
from benchmarks.timing import Moved, Series, Variant, in_turn
from benchmarks.transfer import settle

HOST = "127.0.0.1"
TUS_VERSION, TUS_STORE_VERSION, COPYPARTY_VERSION = "2.4.5", "2.1.1", "1.20.26"
OWN, OWN_CHUNKS, TUS, COPYPARTY = "backoffice", "backoffice, 4 connections", "@tus/server", "copyparty"
START_SECONDS = 60
PIECE = MIB

TUS_SERVER = """
import { Server } from "@tus/server";
import { FileStore } from "@tus/file-store";
const [port, directory] = process.argv.slice(2);
const server = new Server({ path: "/files", datastore: new FileStore({ directory }) });
server.listen({ host: "127.0.0.1", port: Number(port) });
"""


def measure(plan: Plan) -> list[Part]:
    home = plan.scratch / "peers"
    plan.say("Peers: installing")
    with _tus(home / "tus") as tus, _copyparty(home / "copyparty") as copyparty:
        return [_level(plan, level, tus, copyparty, home) for level in ("os", "disk")]


def _level(plan: Plan, level: str, tus: int, copyparty: int, home: Path) -> Part:
    content = Content(memoryview(os.urandom(16 * MIB)), plan.peer_file)
    part = Part(
        f"Beside other servers, level `{level}`",
        f"One file of {plan.peer_file // MIB} MiB, one connection, one body (and, for us, the upload page's way: "
        "chunks over four connections). Neither of the others waits for the disk. Median of "
        f"{plan.peer_rounds} rounds.",
        ("server", "upload", "we : it", "download", "we : it"),
    )
    with running(plan.scratch / f"peers-{level}", level) as site:
        plan.say(f"Peers: level {level}, upload")
        up = in_turn(_uploads(site, content, tus, copyparty, home), plan.peer_rounds, plan.say)
        plan.say(f"Peers: level {level}, download")
        down = _downloads(plan, site, content, tus, copyparty, home)
    for name, series in up.items():
        gets = down.get(name)
        part.rows.append(
            [
                name,
                f"{series.median:,.0f} MB/s",
                "" if name in {OWN, OWN_CHUNKS} else f"{up[OWN].over(series):.2f}",
                f"{gets.median:,.0f} MB/s" if gets else "",
                f"{down[OWN].over(gets):.2f}" if gets and name != OWN else "",
            ]
        )
    part.goals += _goals(level, up, down)
    part.figures = {
        way: {name: series.rates for name, series in found.items()} for way, found in (("up", up), ("down", down))
    }
    for way, found in (("Upload", up), ("Download", down)):
        values = {name: series.median for name, series in found.items()}
        title = f"{way} of {plan.peer_file // MIB} MiB, level {level}"
        part.charts.append(Bars(f"peers-{way.lower()}-{level}", title, "MB/s", values, frozenset({OWN, OWN_CHUNKS})))
    return part


def _goals(level: str, up: Mapping[str, Series], down: Mapping[str, Series]) -> list[Goal]:
    goals = [Goal(f"upload : {peer}, level {level}", up[OWN].over(up[peer]), 1.0) for peer in (TUS, COPYPARTY)]
    if level == "os":
        goals += [
            Goal(f"download : {TUS}", down[OWN].over(down[TUS]), 1.0),
            Goal(f"download : {COPYPARTY} (sendfile)", down[OWN].over(down[COPYPARTY]), 0.8),
        ]
    return goals


def _uploads(site: Site, content: Content, tus: int, copyparty: int, home: Path) -> dict[str, Variant]:
    digests = content.digests(PIECE)

    def own() -> Moved:
        file_id, chunks = upload_whole(site, content, PIECE)
        return Moved(content.total, lambda: site.free(file_id, chunks))

    def own_chunks() -> Moved:
        file_id = upload_chunks(site, content, PIECE, digests)

        def clear() -> None:
            settle(site, file_id)
            site.free(file_id, content.count(PIECE))

        return Moved(content.total, clear)

    def to_tus() -> Moved:
        _put_tus(tus, content)
        return Moved(content.total, lambda: _empty(home / "tus" / "data"))

    def to_copyparty() -> Moved:
        _put_copyparty(copyparty, content)
        return Moved(content.total, lambda: _empty(home / "copyparty" / "data"))

    return {OWN: own, OWN_CHUNKS: own_chunks, TUS: to_tus, COPYPARTY: to_copyparty}


def _downloads(plan: Plan, site: Site, content: Content, tus: int, copyparty: int, home: Path) -> dict[str, Series]:
    file_id, chunks = upload_whole(site, content, PIECE)
    tus_path, copyparty_path = _put_tus(tus, content), _put_copyparty(copyparty, content)
    # Kept open: on Node.js 20 the tus server ends when a client hangs up right after the last byte.
    with Connection(HOST, tus) as to_tus, Connection(HOST, copyparty) as to_copyparty:
        found = in_turn(
            {
                OWN: lambda: Moved(download(site, file_id)),
                TUS: lambda: _get(to_tus, tus_path, content),
                COPYPARTY: lambda: _get(to_copyparty, copyparty_path, content),
            },
            plan.peer_rounds,
            plan.say,
        )
    site.free(file_id, chunks)
    _empty(home / "tus" / "data")
    _empty(home / "copyparty" / "data")
    return found


def _pieces(content: Content) -> Iterator[memoryview]:
    return (content.chunk(index, PIECE) for index in range(content.count(PIECE)))


def _put_tus(port: int, content: Content) -> str:
    with Connection(HOST, port, {"Tus-Resumable": "1.0.0"}) as connection:
        made = connection.ask("POST", "/files", Upload_Length=str(content.total), Upload_Metadata="filename YmVuY2g=")
        path = "/files/" + made.headers["location"].rpartition("/")[2]
        kind = "application/offset+octet-stream"
        connection.ask("PATCH", path, _pieces(content), content.total, Upload_Offset="0", Content_Type=kind)
    return path


def _put_copyparty(port: int, content: Content) -> str:
    with Connection(HOST, port) as connection:
        connection.ask("PUT", "/bench.bin", _pieces(content), content.total, Content_Type=OCTETS)
    return "/bench.bin"


def _get(connection: Connection, path: str, content: Content) -> Moved:
    size = connection.ask("GET", path).size
    if size != content.total:
        raise Failed(f"{path} came back with {size} bytes")
    return Moved(size)


def _empty(directory: Path) -> None:
    for entry in directory.iterdir():
        if entry.is_file():
            entry.unlink()


# -- installing and running them


@contextlib.contextmanager
def _tus(home: Path) -> Iterator[int]:
    npm, node = shutil.which("npm"), shutil.which("node")
    if npm is None or node is None:
        raise Failed("`bench --peers` needs Node.js with npm")
    (home / "data").mkdir(parents=True)
    (home / "package.json").write_text('{"private": true, "type": "module"}\n')
    (home / "server.js").write_text(TUS_SERVER)
    packages = (f"@tus/server@{TUS_VERSION}", f"@tus/file-store@{TUS_STORE_VERSION}")
    _install([npm, "install", "--no-audit", "--no-fund", "--ignore-scripts", *packages], home)
    port = _free_port()
    with _process([node, "server.js", str(port), str(home / "data")], home, port):
        yield port


@contextlib.contextmanager
def _copyparty(home: Path) -> Iterator[int]:
    (home / "data").mkdir(parents=True)
    _install([sys.executable, "-m", "venv", str(home / "venv")], home)
    python = str(home / "venv" / "bin" / "python")
    _install([python, "-m", "pip", "install", "--quiet", f"copyparty=={COPYPARTY_VERSION}"], home)
    port = _free_port()
    # Quiet; everybody may read, write and delete; no index, which would only cost it time.
    options = ["-q", "-i", HOST, "-p", str(port), "-v", f"{home / 'data'}::rwd"]
    with _process([python, "-m", "copyparty", *options], home, port):
        yield port


def _install(command: Sequence[str], home: Path) -> None:
    done = subprocess.run(command, cwd=home, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Failed(f"{' '.join(command[:3])} failed: {done.stderr.strip()[-500:]}")


@contextlib.contextmanager
def _process(command: Sequence[str], home: Path, port: int) -> Iterator[None]:
    with (home / "log").open("w") as log:
        process = subprocess.Popen(
            command,
            cwd=home,
            stdout=log,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            env={**os.environ, "HOME": str(home)},
        )
    try:
        until = time.monotonic() + START_SECONDS
        while not _listens(port):
            if time.monotonic() > until or process.poll() is not None:
                raise Failed(f"{home.name} does not start: {(home / 'log').read_text()[-500:]}")
            time.sleep(0.1)
        yield
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
