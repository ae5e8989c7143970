"""The units for systemd: as systemd itself judges them, and whether the product does what they forbid."""

from __future__ import annotations

import contextlib
import http.client
import os
import re
import shutil
import signal
import subprocess
import sys
from configparser import ConfigParser
from pathlib import Path
from typing import Any

import pytest

from backoffice.embedded.store import PATIENCE
from backoffice.embedded.supervisor import WEB_PATIENCE, WORKER_PATIENCE
from backoffice.server.gunicorn_app import GRACE
from backoffice.settings import table
from tests.support.servers import ROOT, free_ports, need, wait_for

UNITS = sorted((ROOT / "deploy" / "systemd").glob("*.service"))
names = pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
PASSWORD = "violet-harbour-93-lantern"
MOST_EXPOSED = 20  # tenths, of what `systemd-analyze security` counts; 96 is a unit without any bounds


class Lines(ConfigParser):
    """A unit: a name may come again, and names are told apart by case."""

    def __init__(self) -> None:
        super().__init__(interpolation=None, strict=False, delimiters=("=",))

    def optionxform(self, optionstr: str) -> str:
        return optionstr


def service(unit: Path) -> Any:
    read = Lines()
    read.read(unit, "utf-8")
    return read["Service"]


def all_of(unit: Path, name: str) -> list[str]:
    return re.findall(rf"^{name}=(.*)$", unit.read_text("utf-8"), re.MULTILINE)


def seconds(unit: Path, name: str) -> float:
    return float(service(unit)[name])


@names
def test_what_they_set_are_settings(unit: Path) -> None:
    known = {name for name, _, _ in table()} | {"PYTHONUNBUFFERED", "PYTHONDONTWRITEBYTECODE", "MALLOC_ARENA_MAX"}
    given = [pair.partition("=") for line in all_of(unit, "Environment") for pair in line.split()]
    assert {name.removesuffix("_FILE") for name, _, _ in given} <= known
    credentials = {line.partition(":")[0] for line in all_of(unit, "LoadCredential")}
    assert {value.removeprefix("%d/") for name, _, value in given if name.endswith("_FILE")} == credentials


def test_the_example_of_settings_has_settings_and_no_secret() -> None:
    text = (ROOT / "deploy" / "systemd" / "settings.example").read_text("utf-8")
    named = set(re.findall(r"^(?:# )?([A-Z][A-Z_]+)=", text, re.MULTILINE))
    assert named <= {name for name, _, _ in table()}
    assert not named & {"APP_SECRET_KEY", "REDIS_PASSWORD", "BACKOFFICE_ADMIN_PASSWORD", "BACKOFFICE_TOKEN"}


def test_the_first_administrator_is_made_and_told_how_to_sign_in() -> None:
    """By the worker alone, where it is asked to say so."""
    commands = {unit.stem: service(unit)["ExecStart"].partition("-m backoffice ")[2] for unit in UNITS}
    assert commands == {"backoffice": "up", "backoffice-web": "serve", "backoffice-worker": "worker --notice"}


def test_nobody_is_killed_before_its_own_time_is_over() -> None:
    units = {unit.stem: unit for unit in UNITS}
    assert seconds(units["backoffice-web"], "TimeoutStopSec") > GRACE
    assert seconds(units["backoffice-worker"], "TimeoutStopSec") > WORKER_PATIENCE
    assert seconds(units["backoffice"], "TimeoutStopSec") > WEB_PATIENCE + WORKER_PATIENCE + PATIENCE
    assert service(units["backoffice"])["KillMode"] == "mixed"


def test_what_restarts_without_an_end_is_reloaded_so() -> None:
    """`up` and `serve` take SIGHUP for that; to a worker it would be the end, and it is restarted."""
    reloads = {unit.stem: service(unit).get("ExecReload") for unit in UNITS}
    hangup = "/bin/kill -HUP $MAINPID"
    assert reloads == {"backoffice": hangup, "backoffice-web": hangup, "backoffice-worker": None}


@pytest.mark.deploy
@names
def test_systemd_finds_nothing_wrong(unit: Path, tmp_path: Path) -> None:
    """In a copy that names this checkout, for the program has to be there."""
    need(shutil.which("systemd-analyze"), "systemd-analyze (apt-get install systemd)")
    copy = tmp_path / unit.name
    copy.write_text(unit.read_text("utf-8").replace("/opt/backoffice/.venv/bin/python", sys.executable))
    done = subprocess.run(["systemd-analyze", "verify", str(copy)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.deploy
@names
def test_it_is_as_closed_as_it_says(unit: Path) -> None:
    need(shutil.which("systemd-analyze"), "systemd-analyze (apt-get install systemd)")
    options = ["--offline=true", "--no-pager", f"--threshold={MOST_EXPOSED}", str(unit)]
    done = subprocess.run(["systemd-analyze", "security", *options], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


# --- what the product does


@pytest.fixture(scope="module")
def calls(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Every call of the system that all of the site makes: its start, an upload, a download, its end."""
    need(shutil.which("strace"), "strace (apt-get install strace)")
    home = tmp_path_factory.mktemp("calls")
    [port] = free_ports(1)
    environ = {**os.environ, "BACKOFFICE_DATA_DIR": str(home / "data"), "BACKOFFICE_ADMIN_PASSWORD": PASSWORD}
    traced = ["strace", "-f", "-qq", "-s", "0", "-o", str(home / "calls")]
    product = [sys.executable, "-m", "backoffice"]
    with (home / "output").open("wb") as output:
        up = [*traced, *product, "up", "--port", str(port)]
        process = subprocess.Popen(up, env=environ, cwd=ROOT, stdout=output, stderr=output, start_new_session=True)
    try:
        wait_for(lambda: "Press Ctrl-C" in (home / "output").read_text(), "the site is up", 100)
        token = [*product, "token", "create", "--user", "admin"]
        made = subprocess.run(token, env=environ, cwd=ROOT, capture_output=True, text=True, check=False)
        assert made.returncode == 0, made.stderr + (home / "output").read_text()
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=60)) as connection:
            bearer = {"Authorization": f"Bearer {made.stdout.strip()}"}
            connection.request("PUT", "/files/traced.bin", b"x" * 5_000_000, bearer)
            assert connection.getresponse().read()
            connection.request("GET", "/files?limit=10", headers=bearer)
            assert b"traced.bin" in connection.getresponse().read()
    finally:
        child = int(Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()[0])
        os.kill(child, signal.SIGTERM)
        process.wait(100)
    return (home / "calls").read_text("utf-8", "replace")


def allowed(unit: Path) -> set[str]:
    """The calls that its filter leaves, by systemd's own table."""
    said = subprocess.run(
        ["systemd-analyze", "syscall-filter", "--no-pager"], capture_output=True, text=True, check=True
    )
    table_of_sets: dict[str, list[str]] = {}
    for line in re.sub(r"\x1b\[[0-9;]*m", "", said.stdout).splitlines():
        if line.startswith("@"):
            table_of_sets[line.strip()] = members = []
        elif line.startswith("    ") and not line.strip().startswith("#"):
            members.append(line.strip())

    def expand(name: str) -> set[str]:
        return set().union(*map(expand, table_of_sets[name])) if name.startswith("@") else {name}

    found: set[str] = expand("@default")
    for line in all_of(unit, "SystemCallFilter"):
        for name in line.removeprefix("~").split():
            found = found - expand(name) if line.startswith("~") else found | expand(name)
    return found


@pytest.mark.deploy
def test_it_makes_no_call_that_the_filter_forbids(calls: str) -> None:
    made = set(re.findall(r"^\d+ +(\w+)\(", calls, re.MULTILINE))
    assert {"execve", "openat", "accept4", "fdatasync"} <= made
    for unit in UNITS:
        assert made - allowed(unit) == set()


@pytest.mark.deploy
def test_it_makes_no_memory_that_is_written_and_run(calls: str) -> None:
    """MemoryDenyWriteExecute."""
    assert re.search(r"mmap\(.*PROT_EXEC", calls)
    assert not re.findall(r"\bmmap\([^)]*PROT_WRITE\|PROT_EXEC.*", calls)
    assert not re.findall(r"\b(?:pkey_)?mprotect\([^)]*PROT_EXEC.*", calls)


@pytest.mark.deploy
def test_it_speaks_only_the_families_that_are_allowed(calls: str) -> None:
    made = set(re.findall(r"\bsocket\((AF_\w+)", calls))
    for unit in UNITS:
        assert made <= set(service(unit)["RestrictAddressFamilies"].split())
