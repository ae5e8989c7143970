"""`Expect: 100-continue`: what the head alone decides is answered at once, and a body is asked for when it is wanted.

RFC 9110, section 10.1.1. Heads without a body are sent to a running site; so an answer proves that nothing waited for
one.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.support.commands import typed_in
from tests.support.servers import Site

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="NEEDS /proc to end what it starts"),
]

SOON = 1.5
"""Seconds: less than anything here waits for a body (5 s)."""
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
TERABYTES = 50 * 10**12


@dataclass(frozen=True)
class Running:
    url: str
    tokens: dict[str, str]

    def open(self) -> socket.socket:
        parts = urlsplit(self.url)
        return socket.create_connection((parts.hostname or "", parts.port or 0), timeout=SOON)

    def head(self, method: str, path: str, who: str, *lines: str, length: int | str = 5_000_000) -> bytes:
        size = f"Content-Length: {length}" if isinstance(length, int) else f"Transfer-Encoding: {length}"
        authorization = [f"Authorization: Bearer {self.tokens.get(who, who)}"] if who else []
        every = [f"{method} {path} HTTP/1.1", "Host: localhost", "Expect: 100-continue", size, *authorization, *lines]
        return ("\r\n".join(every) + "\r\n\r\n").encode()

    def asked(self, head: bytes) -> bytes:
        """What comes for a head alone, up to the end of the connection or of patience."""
        with self.open() as connection:
            connection.sendall(head)
            return received(connection)


def received(connection: socket.socket, until: bytes = b"") -> bytes:
    found, end = b"", time.monotonic() + SOON
    while time.monotonic() < end and not (until and until in found):
        try:
            data = connection.recv(65536)
        except TimeoutError:
            break
        if not data:
            break
        found += data
    return found


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    data = tmp_path_factory.mktemp("expect") / "data"
    running = Site.start(data, "--workers", "1")
    try:
        url = running.ready()

        def manage(*words: str, typed: str = "") -> str:
            done = typed_in({"BACKOFFICE_DATA_DIR": str(data)}, *words, typed=typed)
            assert done.returncode == 0, done.stderr
            return done.stdout.strip()

        tokens = {}
        for name, role, quota in (("ada", "user", "20MiB"), ("aud", "auditor", "20MiB"), ("tia", "user", "1MiB")):
            typed = "a fine long phrase\n"
            manage("user", "create", name, "--role", role, "--password", "--quota", quota, typed=typed)
            scopes = ("--scope", "files:read") if role == "auditor" else ()
            tokens[name] = manage("token", "create", "--user", name, *scopes)
        made = Running(url, tokens)
        with made.open() as connection:
            connection.sendall(made.head("PUT", "/files/taken.bin", "tia", length=5) + b"hello")
            assert b"HTTP/1.1 201 " in received(connection, b"}")
        yield made
    finally:
        running.close()


JSON, FORM = "Content-Type: application/json", "Content-Type: multipart/form-data; boundary=X"
TAKEN = "/files/taken.bin?on_conflict=fail"
CHUNK = "/upload_chunk?chunk_index=0&total_chunks=2"


@pytest.mark.parametrize(
    ("method", "path", "who", "lines", "length", "status"),
    [
        ("PUT", "/files/a.bin", "", (), 5_000_000, 401),
        ("PUT", "/files/a.bin", "bo_nobody", (), 5_000_000, 401),
        ("PUT", "/files/a.bin", "bo_nobody", (), 10, 401),
        ("PUT", "/files/a.bin", "bo_nobody", (), "chunked", 401),
        ("PUT", "/files/a.bin", "aud", (), 5_000_000, 403),
        ("PUT", "/files/a.bin", "aud", (), 10, 403),
        ("PUT", "/files/a.bin", "ada", (), TERABYTES, 413),
        ("PUT", "/files/a.bin", "ada", (), 30_000_000, 413),  # the quota
        ("PUT", "/files/a.bin", "tia", (), 1_900_000, 413),  # the quota, though it would fit in a chunk
        ("PUT", TAKEN, "tia", (), 10, 409),
        ("PUT", TAKEN, "tia", (), 1_000_000, 409),
        ("PUT", TAKEN, "tia", (), "chunked", 409),
        ("POST", CHUNK, "tia", (), 1_900_000, 413),
        ("POST", f"{CHUNK}&total_size=1900000", "tia", (), 10, 413),
        ("PUT", "/files/a%0Ab", "ada", (), 5_000_000, 400),
        ("PUT", "/files/a.bin", "ada", ("Content-Range: bytes 0-9/20",), 5_000_000, 400),
        ("PUT", "/files/a.bin", "ada", ("Content-Encoding: gzip",), 10, 415),
        ("PUT", "/files/a.bin", "ada", (FORM,), 5_000_000, 415),
        ("POST", CHUNK, "bo_nobody", (), 5_000_000, 401),
        ("POST", CHUNK, "aud", (), 10, 403),
        ("POST", CHUNK, "ada", (), TERABYTES, 413),
        ("POST", CHUNK, "ada", (FORM,), TERABYTES, 413),
        ("POST", CHUNK, "ada", (JSON,), TERABYTES, 413),
        ("POST", CHUNK, "ada", ("Content-Type: text/plain",), 5_000_000, 415),
        ("POST", "/upload_chunk?chunk_index=x&total_chunks=2", "ada", (), 5_000_000, 400),
        ("POST", "/upload_complete", "ada", (JSON,), TERABYTES, 413),
        ("POST", "/upload_complete", "aud", (JSON,), 10, 403),
        ("POST", "/login", "", ("Content-Type: application/x-www-form-urlencoded",), 5_000_000, 413),
        ("POST", "/my/files?csrf_token=x", "", (FORM,), 5_000_000, 401),
        ("POST", "/nothing", "ada", (), 5_000_000, 404),
        ("DELETE", "/login", "", (), 5_000_000, 405),
    ],
)
def test_a_refusal_that_the_head_decides_comes_at_once_and_alone(
    site: Running, method: str, path: str, who: str, lines: tuple[str, ...], length: int | str, status: int
) -> None:
    for _ in range(2):  # before and after it is remembered who asks
        answer = site.asked(site.head(method, path, who, *lines, length=length))
        assert answer.startswith(b"HTTP/1.1 %d " % status), answer
        assert b"100 Continue" not in answer
        assert b"\r\nConnection: close\r\n" in answer


@pytest.mark.parametrize("length", [10, 3_000_000, "chunked"])
def test_a_body_that_is_wanted_is_asked_for_once(site: Running, length: int | str) -> None:
    body = b"x" * length if isinstance(length, int) else b"5\r\nhello\r\n0\r\n\r\n"
    with site.open() as connection:
        for number in range(2):  # and the connection goes on
            connection.sendall(site.head("PUT", f"/files/kept-{length}-{number}.bin", "ada", length=length))
            assert received(connection, CONTINUE) == CONTINUE
            connection.sendall(body)
            answer = received(connection, b"}")
            assert answer.startswith(b"HTTP/1.1 201 "), answer
            assert b"100 Continue" not in answer
            assert b"\r\nConnection: close\r\n" not in answer


def test_a_form_is_asked_for_by_its_parser(site: Running) -> None:
    body = b"username=ada&password=wrong"
    with site.open() as connection:
        form = "Content-Type: application/x-www-form-urlencoded"
        connection.sendall(site.head("POST", "/login", "", form, length=len(body)))
        assert received(connection, CONTINUE) == CONTINUE
        connection.sendall(body)
        assert received(connection, b"\r\n\r\n").startswith(b"HTTP/1.1 403 ")  # no token of a form of ours


def test_a_body_that_comes_without_being_asked_for_is_taken(site: Running) -> None:
    with site.open() as connection:
        connection.sendall(site.head("PUT", "/files/at-once.bin", "ada", length=5) + b"hello")
        assert b"HTTP/1.1 201 " in received(connection, b"}")


def test_nothing_is_asked_for_where_nothing_comes(site: Running) -> None:
    with site.open() as connection:
        for number in range(2):
            connection.sendall(site.head("PUT", f"/files/empty-{number}.bin", "ada", length=0))
            answer = received(connection, b"}")
            assert answer.startswith(b"HTTP/1.1 201 "), answer


@pytest.mark.skipif(shutil.which("curl") is None, reason="NEEDS curl")
def test_curl_has_the_refusal_without_sending_the_body(site: Running, tmp_path: Path) -> None:
    large = tmp_path / "large.bin"
    large.write_bytes(bytes(5_000_000))
    written = "%{http_code} %{size_upload}"
    for who, said in (("bo_nobody", "401 0"), (site.tokens["ada"], "201 5000000")):
        command = ["curl", "-s", "-o", os.devnull, "-w", written, "--expect100-timeout", "20", "-T", str(large)]
        command += ["-H", f"Authorization: Bearer {who}", "-H", "Expect: 100-continue", f"{site.url}/files/curl.bin"]
        began = time.monotonic()
        assert subprocess.run(command, capture_output=True, text=True, timeout=60, check=False).stdout == said
        assert time.monotonic() - began < 15
