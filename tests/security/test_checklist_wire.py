"""What can only be seen on the wire: request smuggling, and replies that reach somebody else."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest
from redis import Redis

from backoffice.embedded.listen import is_ready
from backoffice.errors import Unavailable
from backoffice.stores.client import Db, connect
from tests.support.servers import ROOT, Store, free_ports, wait_for
from tests.support.website import KEY

NEXT = b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n"
POST = b"POST /login HTTP/1.1\r\nHost: localhost\r\n"


@pytest.fixture(scope="module")
def port(store_server: Store, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """`manage.py serve` as it runs."""
    [number] = free_ports(1)
    folder = tmp_path_factory.mktemp("serve")
    environ = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "REDIS_URL": store_server.url,
        "REDIS_PASSWORD": store_server.password,
        "APP_SECRET_KEY": KEY,
        "BACKOFFICE_PORT": str(number),
        "BACKOFFICE_WEB_WORKERS": "1",
        "BACKOFFICE_DATA_DIR": str(folder / "var"),
    }
    with (folder / "output").open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "backoffice", "serve"], env=environ, cwd=folder, stdout=output, stderr=output
        )
    try:
        wait_for(lambda: is_ready(f"http://127.0.0.1:{number}", "")[0], "the site answers", 60)
        yield number
    finally:
        process.terminate()
        process.wait(60)


def exchange(port: int, sent: bytes) -> bytes:
    """All that the server answers until it closes the connection."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as sock:
        sock.sendall(sent)
        got = b""
        try:
            while piece := sock.recv(65536):
                got += piece
        except ConnectionResetError:
            pass  # closed with our bytes unread
        return got


SMUGGLING = {
    "both lengths": POST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "two lengths": POST + b"Content-Length: 0\r\nContent-Length: 5\r\n\r\n",
    "a list of lengths": POST + b"Content-Length: 0, 5\r\n\r\n",
    "a signed length": POST + b"Content-Length: +0\r\n\r\n",
    "a negative length": POST + b"Content-Length: -1\r\n\r\n",
    "a hexadecimal length": POST + b"Content-Length: 0x0\r\n\r\n",
    "an unknown coding": POST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "chunked is not last": POST + b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
    "chunked twice": POST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "a space before the colon": POST + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
    "a folded line": POST + b"X: a\r\n Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "a bare line feed in a name": POST + b"X\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "a NUL in a value": POST + b"X: a\0b\r\n\r\n",
}


@pytest.mark.parametrize("name", SMUGGLING)
def test_CVE_2024_1135_CVE_2024_6827_nothing_is_smuggled(port: int, name: str) -> None:
    got = exchange(port, SMUGGLING[name] + NEXT)
    # Some are refused without a word: the connection is closed, and what came after is not read.
    assert got.count(b"HTTP/1.1 ") <= 1, got
    assert not got or got.split()[1] in {b"400", b"501"}, got
    assert b'"alive"' not in got


def test_requests_that_are_well_formed_get_an_answer_each(port: int) -> None:
    got = exchange(port, NEXT + NEXT.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
    assert got.count(b'"alive"') == 2


@pytest.mark.timeout(120)
def test_CVE_2023_28858_no_reply_reaches_somebody_else(real: Redis, store_server: Store) -> None:
    """Threads share a client whose patience is so short that many commands are given up half-way."""
    count, rounds = 8, 1500
    for number in range(count):
        real.set(f"own:{number}", str(number) * (200_000 if number % 2 else 20))
    db = Db(connect(store_server.url, store_server.password, timeout=0.0015))
    wrong: list[int] = []
    late = [0] * count

    def ask(number: int) -> None:
        own = real_value(number)
        for _ in range(rounds):
            try:
                if db.call("GET", f"own:{number}") != own or db.many([("ECHO", str(number))]) != [str(number).encode()]:
                    wrong.append(number)
            except Unavailable:
                late[number] += 1

    def real_value(number: int) -> bytes:
        return (str(number) * (200_000 if number % 2 else 20)).encode()

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    db.client.close()
    assert not wrong
    assert sum(late) < count * rounds  # some came in time, so something was compared
