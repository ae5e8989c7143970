"""Bodies that hardly arrive are given up, whoever reads them (D1)."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from backoffice.web.client_socket import SIGNED_IN, ClientSocket, Pace, set_body_pace

QUICK = Pace(0.2, 10_000)
CHUNK = 144 * 1024


@contextmanager
def connection() -> Iterator[tuple[ClientSocket, socket.socket]]:
    near, far = socket.socketpair()
    client = ClientSocket(fileno=near.detach())
    with client, far:
        yield client, far


@contextmanager
def trickle(far: socket.socket, seconds: float = 0.03) -> Iterator[None]:
    """A byte every few milliseconds, far below any pace."""
    over = threading.Event()

    def send() -> None:
        while not over.wait(seconds):
            far.sendall(b"x")

    thread = threading.Thread(target=send)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


@contextmanager
def in_thread(work: Callable[[], object]) -> Iterator[None]:
    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        thread.join()


def send_slowly(far: socket.socket, data: bytes, pause: float) -> None:
    """In sixteen pieces."""
    for start in range(0, len(data), len(data) // 16):
        far.sendall(data[start : start + len(data) // 16])
        time.sleep(pause)


def receive_slowly(far: socket.socket, into: bytearray, size: int) -> None:
    """With a pause in the middle that is longer than one call lasts."""
    while len(into) < size:
        into += far.recv(64 * 1024)
        if size // 2 <= len(into) < size // 2 + 64 * 1024:
            time.sleep(1.2)


def read_for_long(client: ClientSocket, how: str = "recv") -> None:
    began = time.monotonic()
    while time.monotonic() - began < 5:
        client.recv(100) if how == "recv" else client.recv_into(bytearray(100 if how == "recv_into" else CHUNK))


@pytest.mark.parametrize("how", ["recv", "recv_into", "recv_into a chunk"])
@pytest.mark.parametrize("grace", [0.2, 1.3])
def test_d1_a_trickle_is_given_up_however_it_is_read(how: str, grace: float) -> None:
    with connection() as (client, far), trickle(far):
        client.begin_body()
        client.set_pace(Pace(grace, 10_000))
        began = time.monotonic()
        with pytest.raises(TimeoutError):
            read_for_long(client, how)
        assert grace - 0.05 < time.monotonic() - began < grace + 2


def test_d1_a_body_of_which_nothing_comes_is_given_up() -> None:
    with connection() as (client, _):
        client.begin_body()
        client.set_pace(QUICK)
        began = time.monotonic()
        with pytest.raises(TimeoutError):
            client.recv(1)
        assert time.monotonic() - began < 2


def test_a_body_that_keeps_the_pace_has_all_the_time_it_needs() -> None:
    with connection() as (client, far):
        client.begin_body()
        client.set_pace(QUICK)
        began, received = time.monotonic(), 0
        while time.monotonic() - began < 0.6:
            far.sendall(bytes(1000))
            received += len(client.recv(1000))
            time.sleep(0.02)
        assert received > 10_000


def test_a_deadline_ends_also_a_body_that_keeps_its_pace() -> None:
    with connection() as (client, far), trickle(far):
        client.begin_body()
        client.set_pace(SIGNED_IN)
        client.set_deadline(time.monotonic() + 0.2)
        with pytest.raises(TimeoutError):
            read_for_long(client)


def test_the_time_out_for_sending_stays_what_it_was() -> None:
    with connection() as (client, far):
        client.begin_body()
        client.set_pace(QUICK)
        patience = client.gettimeout()
        far.sendall(b"ab")
        client.recv(1)
        client.recv_into(bytearray(1))
        assert client.gettimeout() == patience


def test_between_requests_there_is_no_pace() -> None:
    with connection() as (client, far):
        client.begin_body()
        client.set_deadline(0)
        client.end_body()
        far.sendall(b"a")
        assert client.recv(1) == b"a"
        client.set_pace(QUICK)
        far.sendall(b"b")
        assert client.recv(1) == b"b"


def test_who_is_signed_in_has_more_time() -> None:
    with connection() as (client, _):
        client.begin_body()
        set_body_pace({"gunicorn.socket": client}, SIGNED_IN)
        assert client._pace is SIGNED_IN
        set_body_pace({}, SIGNED_IN)


class TestManyBytesAtOnce:
    """One call of the system moves them, and every limit of time holds as if there were many."""

    def test_a_body_in_pieces_is_one_step(self) -> None:
        data = os.urandom(CHUNK)
        with connection() as (client, far), in_thread(lambda: send_slowly(far, data, pause=0.01)):
            client.begin_body()
            taken = bytearray(CHUNK)
            assert client.recv_into(taken) == CHUNK
            assert taken == data

    def test_a_slow_body_comes_as_it_arrives(self) -> None:
        data = os.urandom(CHUNK)
        with connection() as (client, far), in_thread(lambda: send_slowly(far, data, pause=0.12)):
            client.begin_body()
            taken, steps = bytearray(), 0
            while len(taken) < CHUNK:
                step = bytearray(CHUNK - len(taken))
                taken += step[: client.recv_into(step)]
                steps += 1
            assert taken == data
            assert steps > 1

    def test_the_end_of_a_body_that_is_cut_is_no_error(self) -> None:
        with connection() as (client, far):
            client.begin_body()
            far.sendall(b"abc")
            far.shutdown(socket.SHUT_WR)
            taken = bytearray(CHUNK)
            assert client.recv_into(taken) == 3
            assert client.recv_into(taken) == 0

    @pytest.mark.parametrize("idle", [0.3, 1.0, 1.4])
    def test_a_body_of_which_nothing_comes_is_given_up_in_time(self, idle: float) -> None:
        with connection() as (client, _):
            client.begin_body()
            client.settimeout(idle)
            began = time.monotonic()
            with pytest.raises(TimeoutError):
                client.recv_into(bytearray(CHUNK))
            assert idle - 0.05 < time.monotonic() - began < idle + 0.8
            assert client.gettimeout() == idle

    def test_a_deadline_holds(self) -> None:
        with connection() as (client, far), trickle(far):
            client.begin_body()
            client.set_pace(SIGNED_IN)
            client.set_deadline(time.monotonic() + 1.3)
            began = time.monotonic()
            with pytest.raises(TimeoutError):
                read_for_long(client, "recv_into a chunk")
            assert time.monotonic() - began < 2.5

    def test_an_answer_arrives_whole_at_a_client_that_pauses(self) -> None:
        data, taken = os.urandom(8 * CHUNK), bytearray()
        with connection() as (client, far), in_thread(lambda: receive_slowly(far, taken, len(data))):
            client.settimeout(20)
            client.sendall(data)
        assert taken == data

    @pytest.mark.parametrize("patience", [0.3, 1.0, 1.4])
    def test_a_client_that_takes_nothing_is_given_up_in_time(self, patience: float) -> None:
        with connection() as (client, _):
            client.settimeout(patience)
            began = time.monotonic()
            with pytest.raises(TimeoutError):
                client.sendall(bytes(16 * CHUNK))
            assert patience - 0.05 < time.monotonic() - began < patience + 0.8
            assert client.gettimeout() == patience

    def test_who_waits_without_end_afterwards_still_does(self) -> None:
        with connection() as (client, far):
            client.begin_body()
            far.sendall(b"a")
            client.recv_into(bytearray(CHUNK))
            client.end_body()
            client.settimeout(None)
            with in_thread(lambda: (time.sleep(1.2), far.sendall(b"next"))):
                assert client.recv(10) == b"next"


@pytest.mark.parametrize(("pause", "kept"), [(0.07, True), (0.25, False)], ids=["14 kB a second", "4 kB a second"])
def test_d1_just_above_the_least_pace_a_body_arrives_and_below_it_does_not(pause: float, kept: bool) -> None:
    """10 kB a second, after a second of grace."""
    with connection() as (client, far):
        client.begin_body()
        client.set_pace(Pace(1.0, 10_000))

        def send() -> None:
            for _ in range(30):
                far.sendall(bytes(1_000))
                time.sleep(pause)

        received = 0
        with in_thread(send):
            try:
                while received < 30_000:
                    received += len(client.recv(1_000))
            except TimeoutError:
                assert not kept
        assert (received == 30_000) is kept
