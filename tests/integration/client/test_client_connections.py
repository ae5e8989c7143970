"""The client's connections: kept while good, ended at once, and read to the answer when a body is refused."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

import pytest

from backoffice.client import http as client_http
from backoffice.client.errors import ClientError, ConnectionFailed, ResponseError
from backoffice.client.http import Client
from backoffice.secret import Secret
from tests.support.fault_proxy import relay
from tests.support.scripted_site import GOOD, Other, problem
from tests.support.servers import wait_for

TOKEN = Secret("bo_a.b")
LARGE = bytes(16 * 1024**2)
"""More than the buffers of a connection hold."""


@contextmanager
def raw_site(*answers: Callable[[socket.socket], object]) -> Iterator[str]:
    """The address of a site that lets each of `answers` do what it will with one connection, in order."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            for answer in answers:
                connection, _ = server.accept()
                with connection:
                    answer(connection)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
        thread.join(5)
        assert not thread.is_alive()


def refuse(connection: socket.socket, how: int | None) -> None:
    """Answer before the body is there, and leave the rest of it unread."""
    connection.recv(65536)
    said = b'{"code": "quota_exceeded", "detail": "No room."}'
    head = f"HTTP/1.1 413 x\r\nContent-Type: application/problem+json\r\nContent-Length: {len(said)}\r\n\r\n"
    connection.sendall(head.encode() + said)
    if how is not None:
        connection.shutdown(how)
    time.sleep(0.2)  # meanwhile the client is in the middle of its body; closing resets the connection


def accept(connection: socket.socket) -> None:
    connection.recv(65536)
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")


@pytest.mark.parametrize("how", [None, socket.SHUT_WR], ids=["reset", "broken pipe"])
def test_a_refusal_in_the_middle_of_a_body_is_read(how: int | None) -> None:
    sent: list[int] = []
    with raw_site(lambda one: refuse(one, how), accept) as url, closing(Client(url, TOKEN)) as client:
        with pytest.raises(ResponseError) as caught:
            client.request("PUT", "/files/x", body=LARGE, on_sent=sent.append)
        assert str(caught.value) == "No room. (quota_exceeded)"
        assert sent
        assert sum(sent) == 0
        assert client.request("GET", "/limits").json() == {}


def test_a_body_that_meets_no_answer_may_be_sent_again() -> None:
    def hang_up(connection: socket.socket) -> None:
        connection.recv(65536)

    with raw_site(hang_up, accept) as url, closing(Client(url, TOKEN)) as client:
        with pytest.raises(ConnectionFailed, match=r"The connection to .* failed: "):
            client.request("PUT", "/files/x", body=LARGE, attempts=1)
        assert client.request("GET", "/limits").json() == {}


def test_one_connection_serves_many_requests(other: Other) -> None:
    other.answers = [GOOD, problem(404, "not_found"), GOOD, (200, {}, b""), GOOD]
    with relay(other.url) as net, closing(Client(net.url, TOKEN)) as client:
        client.request("GET", "/a")
        with pytest.raises(ResponseError):
            client.request("GET", "/b")
        client.request("PUT", "/c", body=b"1" * 300_000)
        client.request("GET", "/d")
        with client.stream("/e", {}) as response:
            assert b"".join(iter(lambda: response.read(5), b"")) == GOOD[2]
        assert len(net.connections) == 1


def test_a_stream_that_is_left_costs_its_connection(other: Other) -> None:
    other.answers = [(200, {}, LARGE), GOOD]
    with relay(other.url) as net, closing(Client(net.url, TOKEN)) as client:
        with client.stream("/e", {}) as response:
            assert response.read(10) == bytes(10)
        assert client.request("GET", "/f").json() == {"fine": True}
        assert len(net.connections) == 2


def test_a_connection_that_the_site_closed_meanwhile_costs_no_attempt() -> None:
    with raw_site(accept, accept) as url, closing(Client(url, TOKEN)) as client:
        client.request("GET", "/a", attempts=1)
        time.sleep(0.1)
        assert client.request("GET", "/b", attempts=1).json() == {}


def test_stopping_ends_what_waits_for_an_answer() -> None:
    asked, over = threading.Event(), threading.Event()

    def say_nothing(connection: socket.socket) -> None:
        connection.recv(65536)
        asked.set()
        over.wait(10)

    failed: list[ClientError] = []

    def ask(client: Client) -> None:
        try:
            client.request("GET", "/limits")
        except ClientError as error:
            failed.append(error)

    with raw_site(say_nothing) as url, closing(Client(url, TOKEN)) as client:
        thread = threading.Thread(target=ask, args=(client,))
        thread.start()
        wait_for(asked.is_set, "the request is there")
        client.stop()
        thread.join(5)
        assert not thread.is_alive()
        over.set()
    assert [type(error) for error in failed] == [ConnectionFailed]


def test_the_site_says_how_long_to_wait(other: Other) -> None:
    other.answers = [problem(503, "unavailable", **{"Retry-After": "1"}), GOOD]
    with closing(Client(other.url, TOKEN)) as client:
        began = time.monotonic()
        client.request("GET", "/limits")
        assert 0.75 < time.monotonic() - began < 5
        assert len(other.asked) == 2


def test_a_proxy_of_the_environment_does_not_get_the_token(other: Other, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    other.answers = [GOOD]
    with closing(Client(other.url, TOKEN)) as client:
        assert client.request("GET", "/limits", attempts=1).json() == {"fine": True}


def test_an_endless_answer_is_not_kept(other: Other, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_http, "LARGEST_RESPONSE", 100_000)
    other.answers = [(200, {}, LARGE), (200, {}, b'"' + b"x" * 99_998 + b'"')]
    with closing(Client(other.url, TOKEN)) as client:
        with pytest.raises(ClientError, match="too long"):
            client.request("GET", "/limits")
        assert len(client.request("GET", "/limits").body) == 100_000


def test_what_goes_over_the_wire(other: Other) -> None:
    other.answers = [GOOD, GOOD, GOOD]
    with closing(Client(other.url, TOKEN)) as client:
        client.request("PUT", "/files/a%20b", query=[("tag", "x y"), ("tag", "ü")], body=b"")
        client.request("POST", "/upload_chunk", body=b"123", headers={"Content-Type": "application/octet-stream"})
        client.request("GET", "/limits")
    common = {"Host", "Accept-Encoding", "Authorization", "User-Agent"}
    put, post, get = other.asked
    assert put[1] == "/files/a%20b?tag=x+y&tag=%C3%BC"
    assert set(put[2]) == common | {"Content-Length"}
    assert put[2]["Content-Length"] == "0"
    assert set(post[2]) == common | {"Content-Length", "Content-Type"}
    assert set(get[2]) == common
    assert get[2]["Accept-Encoding"] == "identity"
