"""The threaded worker's own parts: time-outs by piece, and a log that gives nothing away."""

from __future__ import annotations

import socket
import threading
import time

import pytest

from backoffice.webworker import PIECE, PatientSocket, public_path


def _pair() -> tuple[PatientSocket, socket.socket]:
    left, right = socket.socketpair()
    sender = PatientSocket(fileno=left.detach())
    sender.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 64 * 1024)
    sender.settimeout(0.5)
    return sender, right


def test_a_client_that_takes_its_time_but_takes_is_served() -> None:
    sender, reader = _pair()
    received = bytearray()

    def read_slowly() -> None:
        while data := reader.recv(PIECE // 2):
            received.extend(data)
            time.sleep(0.05)

    with sender, reader:
        thread = threading.Thread(target=read_slowly)
        thread.start()
        data = bytes(range(256)) * (6 * PIECE // 256) + b"end"
        began = time.monotonic()
        sender.sendall(data)
        assert time.monotonic() - began > 0.5  # longer than the time-out, which was for each piece
        sender.shutdown(socket.SHUT_WR)
        thread.join()
    assert received == data


def test_d1_a_client_that_takes_nothing_is_given_up() -> None:
    sender, reader = _pair()
    with sender, reader, pytest.raises(TimeoutError):
        sender.sendall(bytes(8 * PIECE))


@pytest.mark.parametrize(
    ("path", "logged"), [("/files", "/files"), ("/s/AbCdEf", "/s/…"), ("/setup/AbCdEf", "/setup/…"), ("/something", "/something")]
)
def test_k3_paths_that_open_doors_are_not_logged(path: str, logged: str) -> None:
    assert public_path(path) == logged
