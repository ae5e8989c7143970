"""The example configurations of nginx and Caddy, on Debian's own programs, in front of a site that runs."""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import json
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support.servers import ROOT, Site, free_ports, wait_for
from tests.support.web_proxies import KINDS, WebProxy, configuration, two_ports, web_proxy

pytestmark = [pytest.mark.deploy, pytest.mark.timeout(300)]

MIB = 1024**2
PASSWORD = "violet-harbour-93-lantern"
TUS = {"Tus-Resumable": "1.0.0"}


@dataclass(frozen=True, slots=True)
class Front:
    """A site, what stands in front of it, and the administrator's token."""

    proxy: WebProxy
    token: str
    environ: dict[str, str]

    def request(
        self, method: str, path: str, body: bytes | None = None, **headers: str
    ) -> tuple[http.client.HTTPResponse, bytes]:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.proxy.request(method, path, body, {"Authorization": f"Bearer {self.token}", **sent})

    def get(self, path: str) -> Any:
        answer, body = self.request("GET", path)
        assert answer.status == 200, body
        return json.loads(body)

    def command(self, *words: str) -> str:
        return run(self.environ, *words)


def run(environ: dict[str, str], *words: str) -> str:
    done = subprocess.run(
        [sys.executable, str(ROOT / "manage.py"), *words], env=environ, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@contextlib.contextmanager
def front(kind: str, home: Path, path: str = "") -> Iterator[Front]:
    """The site knows its address and that one proxy stands in front of it, and nothing else of it."""
    ports, [upstream] = two_ports(), free_ports(1)
    settings = {
        "BACKOFFICE_DATA_DIR": str(home / "data"),
        "BACKOFFICE_ADMIN_PASSWORD": PASSWORD,
        "BACKOFFICE_PUBLIC_URL": f"https://localhost:{ports[1]}{path}/",
        "BACKOFFICE_TRUSTED_PROXIES": "1",
        "BACKOFFICE_DURABILITY": "os",
    }
    site = Site.start(home / "data", environ=settings, port=upstream)
    try:
        with web_proxy(kind, home / kind, upstream, ports, path) as proxy:
            site.ready()
            environ = {"PATH": "/usr/bin:/bin", **settings}
            yield Front(proxy, run(environ, "token", "create", "--user", "admin"), environ)
    finally:
        site.close()


@pytest.fixture(scope="module", params=KINDS)
def top(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    with front(request.param, tmp_path_factory.mktemp(request.param)) as found:
        yield found


@pytest.fixture(scope="module", params=KINDS)
def below(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    with front(request.param, tmp_path_factory.mktemp(request.param), "/files") as found:
        yield found


# --- the files themselves


@pytest.mark.parametrize("path", ["", "/files"])
@pytest.mark.parametrize("kind", KINDS)
def test_the_program_itself_finds_nothing_wrong(kind: str, path: str, tmp_path: Path) -> None:
    command = configuration(kind, tmp_path / kind, 5000, two_ports(), path)
    environ = {"PATH": "/usr/sbin:/usr/bin:/bin", "XDG_DATA_HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path)}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environ)
    assert done.returncode == 0, done.stderr
    assert "[warn]" not in done.stderr


# --- from HTTP to HTTPS


def test_http_leads_to_https(top: Front) -> None:
    with contextlib.closing(http.client.HTTPConnection("localhost", top.proxy.plain, timeout=10)) as connection:
        connection.request("GET", "/login?next=%2Faccount", headers={"Host": "localhost"})
        answer = connection.getresponse()
    assert answer.status in {301, 308}
    assert re.fullmatch(r"https://localhost(:\d+)?/login\?next=%2Faccount", answer.headers["Location"])


def test_pages_come_over_tls_with_hsts_once_and_secure_cookies(top: Front) -> None:
    answer, body = top.proxy.request("GET", "/login", headers={"Accept": "text/html"})
    assert (answer.status, b"<h1" in body) == (200, True)
    assert answer.headers.get_all("Strict-Transport-Security") == ["max-age=63072000; includeSubDomains"]
    assert all("secure" in one.lower() for one in answer.headers.get_all("Set-Cookie", []))


def test_the_numbers_are_not_for_outside(top: Front) -> None:
    assert top.request("GET", "/metrics")[0].status == 404


def test_another_name_is_not_answered(top: Front) -> None:
    try:
        answer, _ = top.proxy.request("GET", "/login", headers={"Host": "other.example"})
    except (http.client.RemoteDisconnected, ConnectionError):
        return
    assert answer.status in {400, 421} or (top.proxy.kind == "caddy" and answer.headers["Content-Length"] == "0")


# --- uploads


def noise(size: int) -> bytes:
    return hashlib.shake_128(b"deploy").digest(MIB) * (size // MIB)


def test_300_mb_through_it_byte_for_byte(top: Front) -> None:
    data = noise(300 * MIB)
    answer, body = top.request("PUT", "/files/large.bin", data)
    assert answer.status == 201, body
    file = json.loads(body)["file_id"]
    assert top.request("GET", f"/files/{file}")[1] == data
    assert top.request("GET", f"/files/{file}", Range="bytes=100000000-100000999")[1] == data[100000000:100001000]
    assert not [one for one in top.proxy.home.glob("temporary-*/**/*") if one.is_file()]


def test_a_long_body_is_at_the_site_before_its_end_has_been_sent(top: Front) -> None:
    size = 40 * MIB
    half = noise(size // 2)
    with contextlib.closing(top.proxy.connect()) as connection:
        connection.putrequest("PUT", "/files/half.bin")
        connection.putheader("Authorization", f"Bearer {top.token}")
        connection.putheader("Content-Length", str(size))
        connection.endheaders()
        connection.send(half)
        wait_for(lambda: under_way(top) >= size // 4, "what was sent is in the store")
        assert not [one for one in top.proxy.home.glob("temporary-*/**/*") if one.is_file()]
        connection.send(half)
        assert connection.getresponse().status == 201


def under_way(top: Front) -> int:
    """Bytes of the upload that have been stored."""
    return sum(one["received_bytes"] for one in top.get("/uploads")["items"])


def test_a_form_of_a_browser_is_streamed_too(top: Front) -> None:
    """It tells its length; a body that does not is another way in."""
    pieces = (b"x" * 50_000 for _ in range(100))
    with contextlib.closing(top.proxy.connect()) as connection:
        headers = {"Authorization": f"Bearer {top.token}", "Transfer-Encoding": "chunked"}
        connection.request("PUT", "/files/untold.bin", pieces, headers, encode_chunked=True)
        answer = connection.getresponse()
        assert (answer.status, json.loads(answer.read())["size"]) == (201, 5_000_000)


def test_an_upload_by_tus_that_was_cut_goes_on(top: Front) -> None:
    data = noise(20 * MIB)
    answer, _ = top.request("POST", "/tus/", b"", Upload_Length=str(len(data)), **TUS)
    assert answer.status == 201
    address = answer.headers["Location"]
    assert address.startswith(f"{top.proxy.url}/tus/")
    path = address.removeprefix(top.proxy.url)
    with contextlib.closing(top.proxy.socket()) as cut:
        lines = [f"PATCH {path} HTTP/1.1", f"Host: localhost:{top.proxy.secure}", f"Content-Length: {len(data)}"]
        lines += [f"Authorization: Bearer {top.token}", "Content-Type: application/offset+octet-stream"]
        cut.sendall("\r\n".join([*lines, "Tus-Resumable: 1.0.0", "Upload-Offset: 0", "", ""]).encode() + data[: 9 * MIB])
        time.sleep(0.5)  # what is cut is a connection with an upload in the middle
    offset = 0

    def far() -> bool:
        nonlocal offset
        offset = int(top.request("HEAD", path, **TUS)[0].headers["Upload-Offset"])
        return offset >= 4 * MIB

    wait_for(far, "half of what was sent is stored")
    assert offset <= 9 * MIB
    kind = {"Content-Type": "application/offset+octet-stream", "Upload-Offset": str(offset)}
    answer, body = top.request("PATCH", path, data[offset:], **TUS, **kind)
    assert (answer.status, answer.headers["Upload-Offset"]) == (204, str(len(data))), body
    newest = top.get("/files?sort=-created_at&limit=1")["items"][0]
    assert top.request("GET", f"/files/{newest['file_id']}")[1] == data


# --- slow clients


def test_100_slow_clients_are_held_and_the_site_answers(top: Front) -> None:
    """Half of them stop within the head, half within a small body."""
    form = "POST /login HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\n"
    head = f"GET /login HTTP/1.1\r\nHost: localhost:{top.proxy.secure}\r\nX-Slow: "
    with contextlib.ExitStack() as stack:
        slow = [stack.enter_context(contextlib.closing(top.proxy.socket())) for _ in range(90)]
        for place, one in enumerate(slow):
            one.sendall((head if place % 2 else f"{form}Content-Length: 1000\r\n\r\nusername=").encode())
        for _ in range(10):
            for one in slow[:10]:
                one.sendall(b"a")
            assert top.request("GET", "/files?limit=1")[0].status == 200
            assert top.request("PUT", "/files/beside.txt", b"beside")[0].status == 201


# --- who is asking


def test_the_log_has_the_client_and_no_forged_address(top: Front) -> None:
    forged = {"X_Forwarded_For": "203.0.113.7, 203.0.113.8", "X_Real_IP": "203.0.113.9", "Forwarded": "for=203.0.113.6"}
    answer, body = top.request("PUT", "/files/whose.txt", b"whose", X_Forwarded_Host="evil.example", **forged)
    assert answer.status == 201, body
    event = next(one for one in top.get("/audit?limit=20")["items"] if "whose.txt" in json.dumps(one))
    assert event["ip"] in {"127.0.0.1", "::1"}
    assert "203.0.113" not in json.dumps(event)


SECRETS = (
    "/s/{}",
    "/setup/{}",
    "/tus/{}",
    "//s//{}",
    "/S/{}",
    "/%73/{}",
    "/s/{}?q=1",
    "/x/../s/{}",
    "/login?next=/s/{}",
    "/s%2F{}",
)


@pytest.mark.parametrize("spelling", SECRETS)
def test_no_log_has_what_opens_a_door(top: Front, spelling: str) -> None:
    secret = hashlib.sha256(spelling.encode()).hexdigest()
    begin = len(top.proxy.logs())
    for headers in ({}, {"Referer": f"{top.proxy.url}/s/{secret}", "X-Setup": secret}):
        top.proxy.request("GET", spelling.format(secret), headers=headers)
    wait_for(lambda: len(top.proxy.logs()) > begin, "the log has a line")
    assert secret not in top.proxy.logs()


def test_no_log_has_it_when_the_site_is_away(tmp_path: Path) -> None:
    for kind in KINDS:
        [nobody] = free_ports(1)
        with web_proxy(kind, tmp_path / kind, nobody, two_ports()) as proxy:
            for secret in ("s/0123456789abcdef", "tus/0123456789abcdef", "setup/0123456789abcdef"):
                assert proxy.request("GET", f"/{secret}")[0].status == 502
                assert proxy.request("POST", f"/{secret}", b"x" * 200_000)[0].status == 502
            assert proxy.request("GET", "/login")[0].status == 502
            wait_for(lambda proxy=proxy: "/login" in proxy.logs(), "the log has the last request")
            assert "0123456789abcdef" not in proxy.logs()


def test_a_line_of_the_log_is_json_and_has_the_request_id_of_the_answer(top: Front) -> None:
    answer, _ = top.request("GET", "/files?limit=1&q=quiet")
    found: Callable[[], list[dict[str, Any]]] = lambda: [  # noqa: E731
        json.loads(line) for line in top.proxy.log.read_text().splitlines() if '"/files' in line
    ]
    wait_for(found, "the log has the request")
    assert "quiet" not in top.proxy.log.read_text()
    if top.proxy.kind == "nginx":
        assert answer.headers["X-Request-ID"] in {line["request_id"] for line in found()}


# --- below a path


def test_below_a_path_pages_assets_redirects_and_uploads(below: Front) -> None:
    browser = {"Accept": "text/html"}
    answer, page = below.proxy.request("GET", "/login", headers=browser)
    assert answer.status == 200
    assets = set(re.findall(r'(?:href|src)="([^"]+\.(?:css|js)[^"]*)"', page.decode()))
    assert assets
    for one in assets:
        assert one.startswith("/files/static/")
        assert below.proxy.request("GET", one.removeprefix("/files"))[0].status == 200
    answer, _ = below.proxy.request("GET", "/account", headers=browser)
    assert answer.status in {302, 303}
    assert answer.headers["Location"].removeprefix(f"https://localhost:{below.proxy.secure}").startswith("/files/login")
    data = noise(6 * MIB)
    answer, body = below.request("PUT", "/files/below.bin", data)
    assert answer.status == 201, body
    assert below.request("GET", f"/files/{json.loads(body)['file_id']}")[1] == data
    assert below.request("GET", "/metrics")[0].status == 404


def test_beside_it_other_things_are_served(below: Front) -> None:
    (below.proxy.home / "www" / "index.html").write_text("another site")
    with contextlib.closing(below.proxy.connect()) as connection:
        connection.request("GET", "/")
        assert connection.getresponse().read() == b"another site"
        connection.request("GET", "/files")
        answer = connection.getresponse()
        answer.read()
        assert (answer.status, answer.headers["Location"].endswith("/files/")) == (308, True)
