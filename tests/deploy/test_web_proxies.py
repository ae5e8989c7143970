"""The example configurations of nginx and Caddy, on Debian's own programs, in front of a site that runs."""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import json
import re
import subprocess
import time
from pathlib import Path

import pytest

from tests.support.proxied_site import Front
from tests.support.servers import wait_for
from tests.support.tus import TUS, id_of
from tests.support.web_proxies import KINDS, configuration, connections_to, two_ports

pytestmark = [pytest.mark.deploy, pytest.mark.timeout(300)]

MIB = 1024**2

# --- the files themselves


@pytest.mark.parametrize("path", ["", "/files"])
@pytest.mark.parametrize("kind", KINDS)
def test_the_program_itself_finds_nothing_wrong(kind: str, path: str, tmp_path: Path) -> None:
    command = configuration(kind, tmp_path / kind, 5000, two_ports(), path)
    environ = {"PATH": "/usr/sbin:/usr/bin:/bin", "XDG_DATA_HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path)}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environ)
    assert done.returncode == 0, done.stderr
    assert "[warn]" not in done.stderr
    assert "not formatted" not in done.stderr


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
    file = json.loads(body)["id"]
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
        before = stored(top)
        connection.send(half)
        wait_for(lambda: stored(top) - before >= size // 4, "what was sent is in the store")
        assert not [one for one in top.proxy.home.glob("temporary-*/**/*") if one.is_file()]
        connection.send(half)
        assert connection.getresponse().status == 201


def stored(top: Front) -> int:
    """Bytes in the store's append-only files."""
    return sum(one.stat().st_size for one in Path(top.environ["BACKOFFICE_DATA_DIR"]).glob("**/*.aof"))


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
        cut.sendall(
            "\r\n".join([*lines, "Tus-Resumable: 1.0.0", "Upload-Offset: 0", "", ""]).encode() + data[: 9 * MIB]
        )
        time.sleep(0.5)  # what is cut is a connection with an upload in the middle
    offset = 0

    def ended() -> bool:
        """As clients do: ask how far it is and go on there, again where the rest of what was cut arrived meanwhile."""
        nonlocal offset
        offset = int(top.request("HEAD", path, **TUS)[0].headers["Upload-Offset"])
        kind = {"Content-Type": "application/offset+octet-stream", "Upload-Offset": str(offset)}
        answer, body = top.request("PATCH", path, data[offset:], **TUS, **kind)
        assert answer.status in {204, 409, 423}, body
        return answer.status == 204

    wait_for(
        lambda: int(top.request("HEAD", path, **TUS)[0].headers["Upload-Offset"]) >= 4 * MIB, "half of it is stored"
    )
    wait_for(ended, "it is whole")
    assert 4 * MIB <= offset <= 9 * MIB
    assert top.request("GET", f"/files/{id_of(path)}")[1] == data


# --- slow clients


def test_100_slow_clients_are_held_and_the_site_answers(top: Front) -> None:
    """From two addresses; half of them stop within the head, half within a small body."""
    form = "POST /login HTTP/1.1\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 1000\r\n"
    host = f"Host: localhost:{top.proxy.secure}\r\n"
    before = connections_to(top.upstream)
    with contextlib.ExitStack() as stack:
        sources = [f"127.0.0.{2 + place % 2}" for place in range(100)]
        slow = [stack.enter_context(contextlib.closing(top.proxy.socket(source))) for source in sources]
        for place, one in enumerate(slow):
            begun = f"{form}{host}\r\nusername=" if place < 50 else f"GET /login HTTP/1.1\r\n{host}X-Slow: "
            one.sendall(begun.encode())
        for _ in range(10):
            for one in slow:
                one.sendall(b"a")
            assert top.request("GET", "/files?limit=1")[0].status == 200
            assert top.request("PUT", "/files/beside.txt", b"beside")[0].status == 201
        if top.proxy.kind == "nginx":  # Caddy passes bodies on; then the web server holds them, without threads
            assert connections_to(top.upstream) - before < 10


# --- who is asking


def test_the_log_has_the_client_and_no_forged_address(top: Front) -> None:
    forged = {"X-Forwarded-For": "203.0.113.7, 203.0.113.8", "X-Real-IP": "203.0.113.9", "Forwarded": "for=203.0.113.6"}
    headers = {"Authorization": f"Bearer {top.token}", "X-Forwarded-Host": "evil.example", **forged}
    answer, body = top.proxy.request("PUT", "/files/whose.txt", b"whose", headers, source="127.0.0.9")
    assert answer.status == 201, body
    exported = top.request("GET", "/admin/audit/export")[1].decode()
    [event] = [json.loads(line)["event"] for line in exported.splitlines() if "whose.txt" in line]
    assert event["actor"]["ip"] == "127.0.0.9"
    assert "203.0.113" not in json.dumps(event)


# --- below a path


def test_below_a_path_pages_assets_redirects_and_uploads(below: Front) -> None:
    browser = {"Accept": "text/html"}
    answer, page = below.proxy.request("GET", "/login", headers=browser)
    assert answer.status == 200
    assert answer.headers.get_all("Strict-Transport-Security") == ["max-age=63072000"]
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
    assert below.request("GET", f"/files/{json.loads(body)['id']}")[1] == data
    assert below.request("GET", "/metrics")[0].status == 404


def test_beside_it_other_things_are_served(below: Front) -> None:
    others = ("index.html", "setup-guide/first.html", "tus/second.html", "s/third.html")
    for place in others:
        (below.proxy.home / "www" / place).parent.mkdir(exist_ok=True)
        (below.proxy.home / "www" / place).write_text(f"another site: {place}")
    with contextlib.closing(below.proxy.connect()) as connection:
        for place in others:
            connection.request("GET", f"/{place.removesuffix('index.html')}")
            assert connection.getresponse().read() == f"another site: {place}".encode()
        connection.request("GET", "/files")
        answer = connection.getresponse()
        answer.read()
        assert (answer.status, answer.headers["Location"].endswith("/files/")) == (308, True)
