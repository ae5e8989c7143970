"""`up` as a person meets it: one command, everything there, everything gone again afterwards (facts:
kill -9 anything)."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from click.testing import CliRunner, Result
from flask.cli import cli as flask_cli
from redis import Redis

from backoffice.cli import COMMANDS
from backoffice.embedded.data_dir import Layout
from backoffice.embedded.discovery import find
from backoffice.stores.keys import Keys
from tests.support.commands import typed_in
from tests.support.running import Running
from tests.support.servers import ROOT, Site, Store, alive, descendants, run_store, wait_for

pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="NEEDS /proc to count processes")

Start = Callable[..., Site]
PASSWORD = "violet-harbour-93-lantern"
CANARY = "canary-5f1e-" + "q7Zt2LmX9c" * 4
"""A secret that is seen wherever it shows."""


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts sites in the test's own data directory and leaves no process behind."""
    sites: list[Site] = []

    def run(*arguments: str, **options: object) -> Site:
        sites.append(Site.start(tmp_path / "data", *arguments, **options))  # type: ignore[arg-type]
        return sites[-1]

    yield run
    for site in sites:
        site.close()


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """Two web workers, and a secret of its own."""
    data = tmp_path_factory.mktemp("running") / "data"
    site = Site.start(data, "--workers", "2", environ={"APP_SECRET_KEY": CANARY})
    try:
        yield Running(site, site.ready(), Layout.at(data))
    finally:
        site.close()


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout.at(tmp_path / "data")


def status(url: str, path: str = "/readyz") -> int:
    """The status of an answer, or 0 when there is none."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=5)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return 0
    finally:
        connection.close()


def store_client(layout: Layout) -> Redis:
    running = find(layout)
    assert running is not None
    return Redis(unix_socket_path=running.socket, password=layout.store_password.read_text().strip())


def process(site: Site, what: str) -> int | None:
    """The direct child of the supervisor whose command line has `what`."""
    for pid in descendants(site.process.pid):
        try:
            parent = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
            words = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
        except (OSError, IndexError):
            continue  # it ended while we looked
        if parent == site.process.pid and what in words:
            return pid
    return None


def with_its_store(start: Start) -> Site:
    """A site whose store runs; the web server has only begun to start."""
    site = start()
    site.expect("Starting the web server")
    return site


def command(data: Path, *words: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(ROOT / "manage.py"), *words],
        env={**os.environ, "BACKOFFICE_DATA_DIR": str(data), **environ},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_it_starts_says_so_keeps_its_data_and_stops(start: Start, layout: Layout, tmp_path: Path) -> None:
    place = {"BACKOFFICE_CHUNKS": f"file:{tmp_path / 'bytes'}", "BACKOFFICE_ADMIN_PASSWORD": PASSWORD}
    environ = place | {"BACKOFFICE_DATA_DIR": str(layout.root)}
    here, head = tmp_path / "sent", tmp_path / "head"
    here.write_bytes(os.urandom(5 * 1024**2 + 7))
    site = start("--workers", "1", environ=place)
    url = site.ready()
    assert status(url) == 200
    site.expect("Press Ctrl-C")
    with store_client(layout) as client:
        client.set("kept", "1")
    family = descendants(site.process.pid)
    assert len(family) >= 4  # store, web master, a web worker, worker
    token = typed_in(environ, "token", "create", "--user", "admin", "--days", "1").stdout.strip()

    def curl(*words: str) -> subprocess.CompletedProcess[bytes]:
        asked = ["curl", "-sS", "--fail", "-H", f"Authorization: Bearer {token}", *words]
        return subprocess.run(asked, capture_output=True, timeout=60, check=True)

    file = json.loads(curl("-D", str(head), "-T", str(here), f"{url}/files/a.bin").stdout)
    assert "x-durability: disk" in head.read_text().lower()
    assert len(list((tmp_path / "bytes").glob(f"kept/*/{file['id']}/*"))) == 3

    assert site.stop(signal.SIGINT) == 0
    assert not alive(family)
    assert not layout.record.exists()

    refused = start("--workers", "1")
    refused.expect("BACKOFFICE_CHUNKS is redis, but the bytes of the stored files are in a directory")
    refused.stop()

    again = start("--workers", "1", environ=place)
    url = again.ready()
    with store_client(layout) as client:
        assert client.get("kept") == b"1"
    assert curl(f"{url}/files/{file['id']}").stdout == here.read_bytes()
    checked = typed_in(environ, "fsck")
    assert (checked.returncode, "All is well." in checked.stdout) == (0, True), checked.stdout
    curl("-X", "DELETE", f"{url}/admin/files/{file['id']}")
    assert again.stop() == 0


def test_a_second_one_in_the_same_directory_says_so(running: Running) -> None:
    second = command(running.layout.root, "up", "--port", "0")
    assert second.returncode == 1
    assert "already runs in" in second.stderr
    assert running.url in second.stderr
    assert status(running.url) == 200


def test_no_process_outlives_a_killed_supervisor_and_a_torn_tail_is_no_damage(start: Start, layout: Layout) -> None:
    site = start()
    site.ready()
    family = descendants(site.process.pid)
    with store_client(layout) as client:
        client.set("kept", "1")
        client.set("last", "x" * 1000)
    site.process.kill()
    wait_for(lambda: not alive(family), "all processes have ended", 40)
    [log] = (layout.store / "appendonlydir").glob("*.incr.aof")
    os.truncate(log, log.stat().st_size - 7)
    with_its_store(start)
    with store_client(layout) as client:
        assert client.get("kept") == b"1"


def test_what_is_killed_comes_back(running: Running) -> None:
    site, url = running.site, running.url
    for what in ("valkey-server", " worker", " serve"):
        old = process(site, what)
        assert old is not None
        os.kill(old, signal.SIGKILL)
        site.expect("was ended by SIGKILL; starting it again", 20)
        wait_for(lambda what=what, old=old: process(site, what) not in {None, old}, f"a new {what}", 20)
        wait_for(lambda: status(url) == 200, "the site answers again", 20)


def test_a_web_worker_that_is_killed_is_replaced(running: Running) -> None:
    master = process(running.site, " serve")
    assert master is not None
    wait_for(lambda: len(descendants(master)) == 2, "two web workers")
    old = descendants(master)
    os.kill(min(old), signal.SIGKILL)
    wait_for(lambda: len(descendants(master)) == 2 and descendants(master) != old, "two web workers again")
    assert status(running.url) == 200


def test_a_port_in_use_is_named(start: Start) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        site = start(port=port)
        site.expect(f"port {port} on 127.0.0.1 is in use")
        assert site.process.wait(10) == 1


def test_wrong_settings_stop_the_start_with_a_line_each(start: Start) -> None:
    site = start(environ={"BACKOFFICE_CHUNKSIZE": "1", "BACKOFFICE_MAX_CHUNKS": "many"})
    site.expect("BACKOFFICE_CHUNKSIZE is not a setting")
    site.expect("BACKOFFICE_MAX_CHUNKS must be")
    assert site.process.wait(10) == 1


def test_with_a_store_of_its_own_no_server_is_started(start: Start, store_server: Store, layout: Layout) -> None:
    site = start("--workers", "1", environ={"REDIS_URL": store_server.url, "REDIS_PASSWORD": store_server.password})
    assert status(site.ready()) == 200
    assert process(site, "valkey-server") is None
    assert not layout.store_config.exists()
    assert site.stop() == 0


def test_a_damaged_log_stops_the_start_and_is_left_alone(start: Start, layout: Layout) -> None:
    with run_store(layout.root) as store, store.client() as client:
        for number in range(100):
            client.set(f"k{number}", "x" * 100)
    [log] = (layout.store / "appendonlydir").glob("*.incr.aof")
    data = bytearray(log.read_bytes())
    place = data.index(b"\r\n*", len(data) // 2)  # between two commands: within a value nothing would be noticed
    data[place : place + 10] = b"\xff" * 10
    log.write_bytes(data)

    again = start()
    again.expect("is damaged")
    assert again.process.wait(20) == 1
    assert log.read_bytes() == data


def test_the_store_is_told_to_other_commands(running: Running, layout: Layout) -> None:
    elsewhere = command(layout.root, "store", "url")
    assert elsewhere.returncode == 1
    assert "manage.py up" in elsewhere.stderr
    answer = command(running.layout.root, "store", "url")
    assert answer.returncode == 0, answer.stderr
    with Redis.from_url(answer.stdout.strip()) as client:
        assert client.ping()
    bare = command(running.layout.root, "store", "url", "--no-password").stdout
    assert running.layout.store_password.read_text().strip() not in bare


def test_flask_offers_the_same_commands(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BACKOFFICE_DATA_DIR", str(layout.root))
    monkeypatch.chdir(ROOT)

    def run(*words: str) -> Result:
        return CliRunner().invoke(flask_cli, ["--app", "backoffice", *words])

    said = run("--help").stdout
    assert all(f"  {name} " in said for name, _, _ in COMMANDS)
    assert run("doctor").exit_code == 1
    missing = subprocess.run(
        [sys.executable, "-m", "flask", "--app", "backoffice", "store", "url"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (missing.returncode, missing.stderr.count("\n")) == (1, 1)
    assert "manage.py up" in missing.stderr


def test_doctor_finds_a_new_installation_sound(running: Running) -> None:
    with store_client(running.layout) as client:
        wait_for(lambda: client.exists(Keys().workers), "the worker has said that it lives")
    done = command(running.layout.root, "doctor", APP_SECRET_KEY=CANARY)
    assert done.returncode == 0, done.stdout
    assert f"workers: {socket.gethostname()} (" in done.stdout
    told = [line.split()[:2] for line in done.stdout.splitlines()]
    # Nobody has signed in for the first time, and it was never backed up: that is said.
    assert [one[1] for one in told if one[0] != "ok"] == ["administrators:", "backup:", "proof:"]
    assert not [one for one in told if one[0] not in {"ok", "warning"}]


def test_k3_no_secret_is_in_a_command_line_or_in_what_is_said(running: Running) -> None:
    """Of a site of which every program was started and started again."""
    secrets = (CANARY, running.layout.store_password.read_text().strip())
    for pid in descendants(running.site.process.pid):
        words = Path(f"/proc/{pid}/cmdline").read_text()
        assert not any(secret in words for secret in secrets)
    said = "\n".join(running.site.said()) + running.layout.store_log.read_text()
    assert "Press Ctrl-C" in said
    assert not any(secret in said for secret in secrets)
