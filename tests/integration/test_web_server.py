"""The web server itself, around a small application: who gets its threads, its connections and its answers (D1)."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from backoffice.web.client_socket import HEAD_SECONDS
from backoffice.web.headers import BASE_HEADERS
from tests.support.servers import descendants, wait_for
from tests.support.small_server import LARGE, PAGE, THREADS, Running, closed, drip, everything, running

pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="NEEDS /proc to count threads")

SLOW = 5 * THREADS
SOON = 2.5
"""Seconds: less than anything here waits, more than a busy machine takes."""


@pytest.fixture(scope="module")
def server() -> Iterator[Running]:
    with running() as one:
        yield one


def head(path: str, *lines: str, method: str = "GET", version: str = "1.1") -> bytes:
    return "\r\n".join((f"{method} {path} HTTP/{version}", "Host: x", *lines, "", "")).encode()


def many(stack: ExitStack, server: Running, count: int, first: bytes, *, window: int = 0) -> list[socket.socket]:
    """Connections from as many addresses."""
    connections = [stack.enter_context(server.open(f"127.0.2.{n + 1}", window=window)) for n in range(count)]
    for one in connections:
        one.sendall(first)
    return connections


# -- slow clients


@pytest.mark.parametrize(
    ("first", "window"),
    [
        (head("/echo", "Content-Length: 1000000", method="PUT"), 0),
        (head("/echo", "Transfer-Encoding: chunked", method="PUT"), 0),
        (head("/large"), 4096),
        (head("/page"), 4096),
        (head("/aside"), 0),
        (head("/unread", "Content-Length: 1000000", method="PUT"), 0),
        (head("/unread", "Transfer-Encoding: chunked", method="PUT"), 0),
    ],
    ids=["bodies", "chunked bodies", "readers", "readers of pages", "turns", "unread bodies", "unread chunked bodies"],
)
def test_d1_whoever_waits_holds_no_thread(server: Running, first: bytes, window: int) -> None:
    with ExitStack() as stack:
        slow = many(stack, server, SLOW, first, window=window)
        time.sleep(0.3)
        for _ in range(3):
            assert server.seconds() < SOON
            if b"Content-Length" in first:
                drip(slow)


def test_a_slow_reader_gets_all_of_its_answers_in_order(server: Running) -> None:
    with server.open(window=4096) as one:
        one.sendall(head("/page") + head("/small") + head("/page", "Connection: close"))
        received = bytearray()
        while data := one.recv(20_000):
            received += data
            time.sleep(0.002)
    answers = bytes(received).split(b"HTTP/1.1 200 OK\r\n")[1:]
    assert [answer.partition(b"\r\n\r\n")[2] for answer in answers] == [b"p" * PAGE, b"fine", b"p" * PAGE]


def test_a_steady_reader_gets_a_large_answer_whole(server: Running) -> None:
    with server.open() as one:
        one.sendall(head("/large", "Connection: close"))
        assert len(everything(one).partition(b"\r\n\r\n")[2]) == LARGE


def test_with_all_places_of_waiting_ones_taken_the_slowest_goes_and_others_are_served(server: Running) -> None:
    enough = threading.Event()

    def send_steadily() -> None:
        while not enough.wait(0.03):
            quick.sendall(bytes(5_000))

    with ExitStack() as stack:
        large = head("/echo", "Content-Length: 10000000", method="PUT")
        [quick] = many(stack, server, 1, large)
        sender = threading.Thread(target=send_steadily)
        sender.start()
        stack.callback(sender.join)
        stack.callback(enough.set)
        slowest = many(stack, server, 69, large)
        until = time.monotonic() + 20
        while not any(closed(slowest)) and time.monotonic() < until:
            assert server.seconds() < 2 * SOON
            drip(slowest)
        assert any(closed(slowest))
        enough.set()
        sender.join()
        assert not any(closed([quick]))


def test_threads_that_were_more_go_again() -> None:
    with running() as server:
        before = server.threads
        with ExitStack() as stack:
            many(stack, server, SLOW, head("/echo", "Content-Length: 1000000", method="PUT"))
            wait_for(lambda: server.seconds() < SOON and server.threads > before + THREADS, "there are more threads")
        wait_for(lambda: server.seconds() < SOON and server.threads <= before + THREADS, "they have ended")


def test_d1_a_head_that_drips_is_cut_off() -> None:
    with running(head_seconds=1) as server, server.open() as one:
        one.sendall(b"GET /small HTTP/1.1\r\nHost: x\r\n")
        wait_for(lambda: drip([one], b"X-A: b\r\n") or closed([one]) == [True], "it is cut off", 20)
    assert HEAD_SECONDS <= 20


# -- connections


def test_the_longest_idle_connection_of_an_address_goes_when_it_has_too_many() -> None:
    with running(connections=5) as server, ExitStack() as stack:
        other = stack.enter_context(server.open("127.0.0.3"))
        idle = []
        for _ in range(8):
            idle.append(stack.enter_context(server.open("127.0.0.2")))
            assert server.seconds() < SOON
        assert closed([*idle, other]) == [True] * 3 + [False] * 6


def test_an_address_with_all_connections_at_work_is_told_so_and_others_are_served() -> None:
    with running(connections=5) as server, ExitStack() as stack:
        for _ in range(5):
            stack.enter_context(server.open("127.0.0.2")).sendall(head("/aside"))
        time.sleep(0.3)
        with server.open("127.0.0.2") as one:
            answer = everything(one)
        assert answer.startswith(b"HTTP/1.1 429 ")
        assert b"\r\nRetry-After: " in answer
        assert server.seconds() < SOON


def test_d1_a_connection_that_is_closed_as_one_too_many_may_have_sent_something_meanwhile() -> None:
    """Both come to the main loop at once; the worker once died of the second. So could anybody end it."""
    with running(connections=3) as server, ExitStack() as stack:
        [worker] = descendants(server.process.pid)
        longest, *_ = [stack.enter_context(server.open("127.0.0.2")) for _ in range(3)]
        assert server.seconds() < SOON  # they are all accepted
        os.kill(worker, signal.SIGSTOP)
        try:
            stack.enter_context(server.open("127.0.0.2"))
            longest.sendall(b"G")
        finally:
            os.kill(worker, signal.SIGCONT)
        assert server.seconds() < SOON
        assert closed([longest]) == [True]
        assert descendants(server.process.pid) == {worker}


def test_with_no_descriptor_left_the_longest_idle_connection_of_all_goes() -> None:
    with running(descriptors=100) as server, ExitStack() as stack:
        idle = [stack.enter_context(server.open(f"127.0.3.{n + 1}")) for n in range(60)]
        for _ in range(3):
            assert server.seconds() < SOON
        gone = closed(idle)
        assert gone[0]
        assert not gone[-1]


# -- the wire


def bodies(answers: bytes) -> list[bytes]:
    return [one.partition(b"\r\n\r\n")[2] for one in re.split(rb"HTTP/1\.[01] 200 OK\r\n", answers)[1:]]


def kept(one: socket.socket, request: bytes) -> bytes:
    """The answer to one request, up to the end of its body."""
    one.sendall(request)
    found = b""
    while not (found.partition(b"\r\n\r\n")[2] and found.endswith((b"fine", b"hello"))):
        data = one.recv(65536)
        assert data, found
        found += data
    return found


@pytest.fixture(params=["tcp", "unix"])
def either(request: pytest.FixtureRequest, server: Running, tmp_path: Path) -> Iterator[Running]:
    if request.param == "tcp":
        yield server
    else:
        with running(unix=str(tmp_path / "socket")) as one:
            yield one


def test_requests_of_every_kind(either: Running) -> None:
    post = head("/echo", "Content-Length: 5", method="POST") + b"hello"
    chunked = head("/echo", "Transfer-Encoding: chunked", method="POST") + b"2\r\nhe\r\n3;x=y\r\nllo\r\n0\r\n\r\n"
    last = head("/small", "Connection: close")
    with either.open() as one:  # kept
        for _ in range(3):
            assert b"\r\nConnection: keep-alive\r\n" in kept(one, head("/small"))
            assert kept(one, post).endswith(b"hello")
            assert kept(one, chunked).endswith(b"hello")
        one.sendall(post + head("/small") + chunked + chunked + post + last)  # pipelined
        assert bodies(everything(one)) == [b"hello", b"fine", b"hello", b"hello", b"hello", b"fine"]
    with either.open() as one:  # a byte at a time
        for place in range(len(post)):
            one.sendall(post[place : place + 1])
        one.sendall(last)
        assert bodies(everything(one)) == [b"hello", b"fine"]
    with either.open() as one:
        one.sendall(head("/small", version="1.0"))
        assert bodies(everything(one)) == [b"fine"]
    with either.open() as one:
        one.sendall(head("/echo", "Expect: 100-continue", "Content-Length: 5", "Connection: close", method="PUT"))
        assert one.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        one.sendall(b"hello")
        assert bodies(everything(one)) == [b"hello"]


@pytest.mark.parametrize("form", ["Content-Length: 2000000", "Transfer-Encoding: chunked"])
def test_a_client_that_sends_all_before_it_reads_gets_to_the_answer_that_did_not_want_it(
    server: Running, form: str
) -> None:
    body = bytes(2_000_000) if "Length" in form else b"1E8480\r\n" + bytes(2_000_000) + b"\r\n0\r\n\r\n"
    with server.open() as one:
        one.sendall(head("/unread", form, method="PUT"))
        time.sleep(0.2)
        one.sendall(body)
        answer = everything(one)
    assert bodies(answer) == [b"fine"]
    assert b"\r\nConnection: close\r\n" in answer


# -- refusals

HOSTILE = "<script>hostile"
REFUSED: dict[str, tuple[bytes, int]] = {
    "no request": (f"{HOSTILE}\r\n\r\n".encode(), 400),
    "method": (f"{HOSTILE} / HTTP/1.1\r\nHost: x\r\n\r\n".encode(), 400),
    "version": (f"GET / HTTP/9.{HOSTILE}\r\nHost: x\r\n\r\n".encode(), 400),
    "header name": (head("/", f"{HOSTILE}: x"), 400),
    "bare line feed": (f"GET / HTTP/1.1\nHost: x\nX: {HOSTILE}\r\n\r\n".encode(), 400),
    "two lengths": (head("/", "Content-Length: 1", "Content-Length: 2", f"X: {HOSTILE}"), 400),
    "length and coding": (head("/", "Content-Length: 1", "Transfer-Encoding: chunked", f"X: {HOSTILE}"), 400),
    "long address": (head("/" + HOSTILE.strip("<>") * 1000), 414),
    "long header": (head("/", f"X: {HOSTILE * 1000}"), 431),
    "many headers": (head("/", *(f"X-{n}: {HOSTILE}" for n in range(100))), 431),
    "coding": (head("/", f"Transfer-Encoding: {HOSTILE.strip('<>')}"), 501),
    "expectation": (head("/", f"Expect: {HOSTILE}"), 417),
}


@pytest.mark.parametrize("name", REFUSED)
def test_h2_the_servers_own_refusals_carry_our_headers_and_nothing_that_was_sent(server: Running, name: str) -> None:
    request, status = REFUSED[name]
    with server.open() as one:
        one.sendall(request)
        answer = everything(one).decode()
    top, _, body = answer.partition("\r\n\r\n")
    assert top.startswith(f"HTTP/1.1 {status} "), answer
    headers = dict(line.split(": ", 1) for line in top.split("\r\n")[1:])
    assert {name: headers.get(name) for name in BASE_HEADERS} == BASE_HEADERS
    assert headers["Content-Type"] == "application/problem+json"
    assert headers["Connection"] == "close"
    assert "hostile" not in answer
    assert json.loads(body)["status"] == status


def test_k3_a_line_about_a_malformed_request_names_nobody(server: Running) -> None:
    for _ in range(4 * THREADS):
        with server.open() as one:
            one.sendall(head("/named", "Connection: close"))
            everything(one)
        with server.open() as one:
            one.sendall(b"no request at all\r\n\r\n")
            everything(one)

    def said() -> list[str]:
        return [line for line in server.lines if '"invalid request"' in line or "Invalid request" in line]

    wait_for(lambda: len(said()) >= 4 * THREADS, "the lines are there")
    assert not [line for line in said() if "somebody" in line]
    assert [line for line in server.lines if "somebody" in line]  # their own requests do
