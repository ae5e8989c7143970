"""Where `up` listens, the addresses it prints, and what it says of those that it cannot have."""

from __future__ import annotations

import http.client
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from backoffice.embedded.listen import PortTaken, listen, own_names
from tests.support.servers import ROOT, Site

Start = Callable[..., Site]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    sites: list[Site] = []

    def run(*arguments: str) -> Site:
        sites.append(Site.start(tmp_path / "data", *arguments, environ={"BACKOFFICE_DURABILITY": "os"}))
        return sites[-1]

    yield run
    for site in sites:
        site.close()


def ask(url: str, host: str = "", accept: str = "*/*") -> tuple[int, str, str]:
    """Status, type and body of /login."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=10)
    headers = {"Accept": accept, **({"Host": host} if host else {})}
    try:
        connection.request("GET", "/login", headers=headers)
        response = connection.getresponse()
        return response.status, response.headers["Content-Type"], response.read().decode()
    finally:
        connection.close()


def test_on_every_address_it_says_which_and_answers_under_them(start: Start) -> None:
    site = start("--host", "0.0.0.0")  # noqa: S104 - what is tested
    here = site.ready()
    assert here.startswith("http://127.0.0.1:")
    urls = site.expect("From other machines: ").partition(": ")[2].split(", ")
    names = own_names(socket.AF_INET)
    assert [urlsplit(url).hostname for url in urls] == names
    assert socket.gethostname().lower() in names
    site.expect("BACKOFFICE_ALLOWED_HOSTS")
    for name in ["127.0.0.1", *names]:
        assert ask(here, f"{name}:{urlsplit(here).port}")[0] == 200, name
    status, kind, body = ask(here, "evil.example", "text/html,*/*;q=0.8")
    assert (status, kind) == (400, "text/html; charset=utf-8")
    assert "can add the name to BACKOFFICE_ALLOWED_HOSTS" in body
    assert "evil" not in body
    assert ask(here, "evil.example")[:2] == (400, "application/problem+json")


@pytest.mark.parametrize(("host", "shown"), [("::1", "http://[::1]:"), ("::", "http://[::1]:")])
def test_a_machine_that_has_ipv6_alone(start: Start, host: str, shown: str) -> None:
    site = start("--host", host)
    url = site.ready()
    assert url.startswith(shown)
    assert ask(url)[0] == 200
    assert site.stop() == 0


@pytest.mark.parametrize(
    ("host", "says"),
    [
        ("192.0.2.1", "192.0.2.1 is not an address of this machine; try --host ::1"),
        ("2001:db8::1", "2001:db8::1 is not an address of this machine; try --host 127.0.0.1"),
        ("no-such-name.invalid", "no-such-name.invalid is not a name or address of this machine"),
    ],
)
def test_an_address_that_is_not_this_machines_is_told(host: str, says: str) -> None:
    with pytest.raises(PortTaken) as caught:
        listen(host, 0)
    assert str(caught.value).startswith(says)


def test_a_store_that_is_not_there_stops_the_start_and_is_named(tmp_path: Path) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"redis://:canary@127.0.0.1:{unused.getsockname()[1]}/0"
        command = [sys.executable, str(ROOT / "manage.py"), "up", "--port", "0", "--data", str(tmp_path / "data")]
        done = subprocess.run(
            command, env={"REDIS_URL": url}, capture_output=True, text=True, timeout=60, check=False
        )  # fmt: skip
    assert done.returncode == 1
    assert f"The store at {url.replace(':canary@', '')} does not answer: " in done.stderr
    assert "Not started: the worker process ended" in done.stderr
    assert "Traceback" not in done.stderr + done.stdout
    assert "canary" not in done.stderr + done.stdout
