"""Request bodies: every byte counted, none of the next request's taken, and refusals that reach the client."""

from __future__ import annotations

import hashlib
import io
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Self

import pytest
from flask import Flask, request
from gunicorn.http.body import Body, ChunkedReader, LengthReader
from gunicorn.http.unreader import SocketUnreader
from hypothesis import given
from hypothesis import strategies as st

from backoffice.errors import BackofficeError, BodyCut, Invalid, TooLarge
from backoffice.web import body
from backoffice.web.client_socket import Pace

ROOT = Path(__file__).resolve().parents[2]
HUGE, CHUNKED = 1 << 40, {"wsgi.input_terminated": True, "HTTP_TRANSFER_ENCODING": "chunked"}


class Arriving:
    """A request as gunicorn hands it over: `held` came together with the head, `coming` is on the socket."""

    def __init__(self, held: bytes, coming: bytes, length: int | None, *, ends: bool = True) -> None:
        self.peer, self.sock = socket.socketpair()
        self.peer.sendall(coming)
        if ends:
            self.peer.shutdown(socket.SHUT_WR)
        self.unreader = SocketUnreader(self.sock)
        self.unreader.unread(held)
        reader = ChunkedReader(SimpleNamespace(), self.unreader) if length is None else None
        self.input = Body(reader or LengthReader(self.unreader, length))
        self.environ: dict[str, Any] = {
            "wsgi.input": self.input,
            **(CHUNKED if length is None else {}),
            "gunicorn.socket": self.sock,
            "CONTENT_LENGTH": "" if length is None else str(length),
        }

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.peer.close()
        self.sock.close()

    def left(self) -> bytes:
        """What the next request on the connection would begin with."""
        return bytes(self.unreader.take_buffered()) + self.sock.recv(100_000)


def plain(data: bytes, length: int | None = None, **more: Any) -> dict[str, Any]:
    """A request as any other server hands it over."""
    announced = {} if length is None else {"CONTENT_LENGTH": str(length)}
    return {"wsgi.input": io.BytesIO(data), **announced, **more}


def chunked(*pieces: bytes) -> bytes:
    return b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in (*pieces, b""))


@given(st.binary(max_size=300), st.integers(0, 300), st.integers(1, 400), st.binary(max_size=50))
def test_a_body_is_taken_exactly(data: bytes, early: int, step: int, following: bytes) -> None:
    sent = data + following
    with Arriving(sent[:early], sent[early:], len(data)) as arriving:
        assert b"".join(map(bytes, body.iter_body(arriving.environ, HUGE, step))) == data
        assert arriving.left() == following
        assert arriving.input.read(10) == b""


@given(st.lists(st.binary(min_size=1, max_size=50)), st.integers(1, 100))
def test_a_body_of_unknown_length_is_taken_whole(pieces: list[bytes], step: int) -> None:
    with Arriving(b"", chunked(*pieces), None) as arriving:
        assert b"".join(map(bytes, body.iter_body(arriving.environ, HUGE, step))) == b"".join(pieces)


@pytest.mark.parametrize("length", [None, 5])
def test_the_whole_body_at_once(length: int | None) -> None:
    sent = b"abcde" if length else chunked(b"abc", b"de")
    with Arriving(b"", sent, length) as arriving:
        assert body.read_exact(arriving.environ, 5) == b"abcde"


def test_any_server_will_do() -> None:
    assert body.read_exact(plain(b"abcdef", 3), HUGE) == b"abc"
    assert body.read_exact(plain(b"abcdef", **CHUNKED), HUGE) == b"abcdef"


def test_an_input_without_length_or_end_is_not_waited_for() -> None:
    assert body.read_exact(plain(b"abcdef"), HUGE) == b""


@pytest.mark.parametrize("arrived", [0, 1, 99])
def test_a_cut_body_is_noticed(arrived: int) -> None:
    with Arriving(bytes(arrived // 2), bytes(arrived - arrived // 2), 100) as arriving:
        with pytest.raises(BodyCut) as caught:
            body.read_exact(arriving.environ, HUGE)
        assert caught.value.details["received"] == arrived
    with pytest.raises(BodyCut):
        body.read_exact(plain(bytes(arrived), 100), HUGE)


def test_a_cut_body_of_unknown_length_is_noticed() -> None:
    with Arriving(b"", b"5\r\nab", None) as arriving, pytest.raises(BodyCut):
        body.read_exact(arriving.environ, HUGE)


def test_a_malformed_coding_is_invalid() -> None:
    with Arriving(b"", b"xyz\r\n", None) as arriving, pytest.raises(Invalid):
        body.read_exact(arriving.environ, HUGE)


@pytest.mark.parametrize("announced", ["-1", "1e3", "²", "0x10"])
def test_a_length_that_is_no_number_is_invalid(announced: str) -> None:
    with pytest.raises(Invalid):
        body.read_exact(plain(b"") | {"CONTENT_LENGTH": announced}, HUGE)


def test_a_stalled_body_is_given_up() -> None:
    with Arriving(b"", b"ab", 3, ends=False) as arriving:
        arriving.sock.settimeout(0.05)
        with pytest.raises(BodyCut):
            body.read_exact(arriving.environ, HUGE)
        assert arriving.input.failed
        started = time.monotonic()
        assert not body.drain(arriving.environ)
        assert time.monotonic() - started < 1


def test_a_trickle_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(body, "PACE", Pace(0.05, 1024))
    with Arriving(b"", b"", 1000, ends=False) as arriving:
        trickle = threading.Thread(target=lambda: [time.sleep(0.02) or arriving.peer.send(b"x") for _ in range(20)])
        trickle.start()
        with pytest.raises(BodyCut, match="slowly"):
            body.read_exact(arriving.environ, HUGE)
        trickle.join()


def test_too_large_is_refused_before_a_byte_is_read() -> None:
    with Arriving(b"", b"abcdef", 6) as arriving:
        with pytest.raises(TooLarge):
            body.read_exact(arriving.environ, 5)
        assert arriving.left() == b"abcdef"


def test_too_large_of_unknown_length_is_noticed_at_the_first_byte_over() -> None:
    with Arriving(b"", chunked(b"abc", b"def", bytes(10_000)), None) as arriving:
        taken = []
        with pytest.raises(TooLarge):
            taken += [bytes(piece) for piece in body.iter_body(arriving.environ, 5, 2)]
    with Arriving(b"", chunked(b"abc", b"de"), None) as arriving:
        assert body.read_exact(arriving.environ, 5) == b"abcde"


@pytest.mark.parametrize("length", [None, 100_000])
def test_drain_leaves_the_next_request(length: int | None) -> None:
    sent = bytes(100_000) if length else chunked(bytes(100_000))
    with Arriving(b"", sent + b"GET", length) as arriving:
        assert body.drain(arriving.environ)
        assert arriving.left() == b"GET"
        assert body.drain(arriving.environ)


def test_drain_has_an_end() -> None:
    with Arriving(b"", bytes(100_000), 1_000_000, ends=False) as arriving:
        arriving.sock.settimeout(20)
        assert not body.drain(arriving.environ, most=50_000)
        assert not body.drain(arriving.environ, seconds=0.1)
        assert arriving.sock.gettimeout() == 20


def make_site() -> Flask:
    """Run by gunicorn below."""
    app = Flask(__name__)
    app.after_request(body.drain_after)

    @app.errorhandler(BackofficeError)
    def refused(error: BackofficeError) -> tuple[str, int]:
        return error.code, 413 if isinstance(error, TooLarge) else 400

    @app.put("/<int:limit>")
    def put(limit: int) -> str:
        digest = hashlib.sha256()
        for piece in body.iter_body(request, limit):
            digest.update(piece)
        return digest.hexdigest()

    @app.put("/unread")
    def unread() -> tuple[str, int]:
        return "no", 401

    return app


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    path = tmp_path_factory.mktemp("site") / "http"
    options = ["--worker-class", "gthread", "--threads", "4", "--keep-alive", "5", "--bind", f"unix:{path}"]
    command = [sys.executable, "-m", "gunicorn", *options, "--chdir", str(Path(__file__).parent)]
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen([*command, f"{Path(__file__).stem}:make_site()"], env=environ, cwd=path.parent)
    try:
        until = time.monotonic() + 20
        while not path.exists():
            assert time.monotonic() < until
            time.sleep(0.05)
        yield path
    finally:
        process.terminate()
        process.wait(20)


@pytest.fixture
def wire(site: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX) as sock:
        sock.settimeout(20)
        sock.connect(str(site))
        yield sock


def answer(sock: socket.socket) -> tuple[int, bytes]:
    """Status and body of the next response."""
    got = b""
    while b"\r\n\r\n" not in got:
        more = sock.recv(1)
        assert more, got
        got += more
    head = got.decode().lower()
    length = int(head.partition("content-length: ")[2].partition("\r\n")[0])
    data = b""
    while len(data) < length:
        data += sock.recv(length - len(data))
    return int(head.split()[1]), data


def head(path: str, *more: str) -> bytes:
    return "\r\n".join([f"PUT {path} HTTP/1.1", "Host: x", *more, "", ""]).encode()


def digest(data: bytes) -> bytes:
    return hashlib.sha256(data).hexdigest().encode()


BIG = os.urandom(5_000_001)


class TestServed:
    """Through gunicorn as it is."""

    def test_requests_follow_each_other_on_one_connection(self, wire: socket.socket) -> None:
        for data in (b"", b"abc", BIG, b"x"):
            wire.sendall(head(f"/{HUGE}", f"Content-Length: {len(data)}") + data)
            assert answer(wire) == (200, digest(data))

    def test_requests_sent_together_stay_apart(self, wire: socket.socket) -> None:
        wire.sendall(b"".join(head(f"/{HUGE}", "Content-Length: 3") + data for data in (b"abc", b"def", b"ghi")))
        assert [answer(wire)[1] for _ in range(3)] == [digest(data) for data in (b"abc", b"def", b"ghi")]

    def test_a_body_of_unknown_length(self, wire: socket.socket) -> None:
        for _ in range(2):
            wire.sendall(head(f"/{HUGE}", "Transfer-Encoding: chunked") + chunked(BIG[:70_000], BIG[70_000:], b"abc"))
            assert answer(wire) == (200, digest(BIG + b"abc"))

    def test_a_client_that_waits_to_be_asked(self, wire: socket.socket) -> None:
        wire.sendall(head(f"/{HUGE}", f"Content-Length: {len(BIG)}", "Expect: 100-continue"))
        assert wire.recv(100).startswith(b"HTTP/1.1 100")
        wire.sendall(BIG)
        assert answer(wire) == (200, digest(BIG))

    @pytest.mark.parametrize(("path", "status"), [("/10", 413), ("/unread", 401)])
    @pytest.mark.parametrize("coding", ["length", "chunked"])
    def test_a_refusal_reaches_who_is_still_sending(
        self, wire: socket.socket, path: str, status: int, coding: str
    ) -> None:
        if coding == "length":
            wire.sendall(head(path, f"Content-Length: {len(BIG)}") + BIG)
        else:
            wire.sendall(head(path, "Transfer-Encoding: chunked") + chunked(BIG))
        assert answer(wire)[0] == status
        wire.sendall(head(f"/{HUGE}", "Content-Length: 3") + b"abc")
        assert answer(wire) == (200, digest(b"abc"))

    def test_a_cut_body_is_refused(self, site: Path) -> None:
        with closing(socket.socket(socket.AF_UNIX)) as sock:
            sock.connect(str(site))
            sock.sendall(head(f"/{HUGE}", "Content-Length: 1000000") + bytes(1000))
            sock.shutdown(socket.SHUT_WR)
            assert answer(sock) == (400, b"body_cut")
