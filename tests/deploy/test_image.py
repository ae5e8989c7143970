"""The image, really built and started: without root, without a capability, with nothing writable but /tmp and /data."""

from __future__ import annotations

import contextlib
import http.client
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.containers import Container, Engine, engine
from tests.support.image_tools import USER
from tests.support.servers import free_ports, wait_for

pytestmark = [pytest.mark.image, pytest.mark.timeout(1200)]

MB = 1000**2
MOST_MB = 250
PASSWORD = "violet-harbour-93-lantern"


@pytest.fixture(scope="module")
def built() -> Iterator[Engine]:
    found = engine()
    try:
        found.build()
        yield found
    finally:
        found.close()


@pytest.fixture(scope="module")
def port() -> int:
    return free_ports(1)[0]


@pytest.fixture(scope="module")
def running(built: Engine, port: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Container]:
    """All of the site in one container; its programs are started as in separate ones."""
    data = tmp_path_factory.mktemp("image") / "data"
    data.mkdir()
    environ = {"BACKOFFICE_PORT": str(port), "BACKOFFICE_ADMIN_PASSWORD": PASSWORD, "BACKOFFICE_DURABILITY": "os"}
    container = built.start(data, environ, port, "up")
    try:
        wait_for(container.healthy, "it is healthy", 90)
        wait_for(lambda: "Press Ctrl-C" in container.said(), "the administrator is there", 30)
        yield container
    finally:
        status = container.stop()
    assert status == 0, container.said()


def ask(port: int, method: str, path: str, token: str, body: bytes | None = None) -> tuple[int, bytes]:
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=60)) as connection:
        connection.request(method, path, body, {"Authorization": f"Bearer {token}"})
        answer = connection.getresponse()
        return answer.status, answer.read()


def test_a_file_goes_in_and_comes_back(running: Container, port: int) -> None:
    made = running.run("python", "-m", "backoffice", "token", "create", "--user", "admin")
    assert made.returncode == 0, made.stderr
    token, data = made.stdout.strip(), bytes(range(256)) * 40_000
    status, body = ask(port, "PUT", "/files/in.bin", token, data)
    assert status == 201, body
    assert ask(port, "GET", f"/files/{json.loads(body)['id']}", token) == (200, data)


def test_it_is_not_root_has_no_capability_and_cannot_get_one(running: Container) -> None:
    status = running.run("cat", "/proc/self/status").stdout
    facts = dict(re.findall(r"^(\w+):\s+(.*)$", status, re.MULTILINE))
    assert facts["Uid"].split() == [str(USER)] * 4
    assert facts["Gid"].split() == [str(USER)] * 4
    assert {facts[name] for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")} == {"0" * 16}
    assert facts["NoNewPrivs"] == "1"


@pytest.mark.parametrize("folder", ["/", "/app", "/app/backoffice", "/opt/venv", "/etc", "/usr/local/bin", "/var"])
def test_nothing_of_the_image_can_be_written(running: Container, folder: str) -> None:
    assert running.run("touch", f"{folder}/written").returncode != 0


def test_nothing_was_compiled_at_the_start(running: Container) -> None:
    """Else each start would take seconds more, for it cannot be kept."""
    done = running.run("python", "-v", "-c", "import backoffice.app, flask_admin")
    assert done.returncode == 0
    assert "code object from '/app/backoffice/__pycache__/app." in done.stderr
    assert not re.findall(r"code object from '(?:/app|/opt/venv)/[^']*\.py'", done.stderr)


def test_nothing_is_in_it_that_it_does_not_need(built: Engine) -> None:
    names = [name for name, _ in built.files()]
    own = [name for name in names if name.startswith("/app/")]
    assert "/app/backoffice/app.py" in own
    assert {name.split("/")[2] for name in own} == {"backoffice", "fixtures", "LICENSE"}
    for unwanted in ("/.git/", "/tests/unit/", ".env", "/secrets/", "data-0.1.0", "/pip.conf", "/run/secrets/"):
        assert not [name for name in names if unwanted in name], unwanted
    assert not [name for name in names if re.match(r"/opt/venv/.*/(pip|setuptools)/", name)]


def test_no_secret_is_in_its_configuration(built: Engine) -> None:
    facts = built.facts()
    assert facts["User"] == f"{USER}:{USER}"
    assert not [one for one in facts["Env"] if re.match("(REDIS|APP_SECRET|.*PASSWORD|.*TOKEN|PIP_)", one)]


def test_it_is_small(built: Engine, tmp_path: Path) -> None:
    unpacked = sum(size for _, size in built.files())
    built.save(tmp_path / "image.tar")
    compressed = (tmp_path / "image.tar").stat().st_size
    print(f"unpacked {unpacked / MB:.0f} MB, compressed {compressed / MB:.0f} MB")
    assert unpacked < MOST_MB * MB
    assert compressed < unpacked
