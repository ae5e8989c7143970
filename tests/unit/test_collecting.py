"""Heads and small bodies are collected without a thread, and read from there."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from backoffice.web.client_socket import MAX_HEAD, SMALL_BODY, ClientSocket

HEAD = b"POST /login HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n"


@contextmanager
def connection() -> Iterator[tuple[ClientSocket, socket.socket]]:
    near, far = socket.socketpair()
    client = ClientSocket(fileno=near.detach())
    with client, far:
        yield client, far


def sent(client: ClientSocket, far: socket.socket, data: bytes) -> bool:
    far.sendall(data)
    return client.collect()


def test_a_small_request_is_whole_with_its_last_byte() -> None:
    with connection() as (client, far):
        request = HEAD % 5 + b"hello"
        for place in range(len(request) - 1):
            assert not sent(client, far, request[place : place + 1]), place
        assert sent(client, far, request[-1:])
        assert client.recv(10_000) == request


@pytest.mark.parametrize(
    "head",
    [
        b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
        HEAD % (SMALL_BODY + 1),
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 9\r\nExpect: 100-continue\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: nine\r\n\r\n",
        b"a" * MAX_HEAD,
    ],
)
def test_what_is_not_collected_goes_to_a_thread_with_its_head(head: bytes) -> None:
    with connection() as (client, far):
        assert not client.collect()
        far.sendall(head)
        while not client.collect():
            assert client.held < len(head)
        assert client.held == len(head)


def test_a_client_that_has_gone_is_not_waited_for() -> None:
    with connection() as (client, far):
        assert not sent(client, far, b"GET / HT")
        far.close()
        assert client.collect()
        assert (client.recv(100), client.recv(100)) == (b"GET / HT", b"")


def test_what_is_collected_is_read_first_and_in_order() -> None:
    with connection() as (client, far):
        assert sent(client, far, HEAD % 4 + b"body" + b"GET /next HTTP/1.1\r\n")
        head = client.recv(len(HEAD % 4))
        assert head == HEAD % 4
        buffer = bytearray(4)
        assert client.recv_into(memoryview(buffer)) == 4
        assert buffer == b"body"
        assert not client.collect()
        assert sent(client, far, b"\r\n")
        far.sendall(b"later")
        assert client.recv(100) == b"GET /next HTTP/1.1\r\n\r\n"
        assert client.recv(100) == b"later"


def test_collecting_waits_for_nothing_whatever_the_time_out() -> None:
    with connection() as (client, _):
        for patience in (None, 5.0, 0.0):
            client.settimeout(patience)
            began = time.monotonic()
            assert not client.collect()
            assert time.monotonic() - began < 1
            assert client.gettimeout() == patience


def test_a_byte_at_a_time_costs_its_length() -> None:
    with connection() as (client, far):
        started = time.process_time()
        for _ in range(MAX_HEAD - 1):
            assert not sent(client, far, b"a")
        assert sent(client, far, b"a")
        assert time.process_time() - started < 3
