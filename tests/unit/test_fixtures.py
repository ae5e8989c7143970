"""The servers that the other tests rely on are what they say."""

from __future__ import annotations

import socket
from typing import Any

import pytest
import pytest_socket


@pytest.mark.cluster
def test_each_server_starts_empty_and_speaks_bytes(redis: Any) -> None:
    assert redis.get("a") is None
    redis.set("a", b"\x00\xff")
    assert redis.get("a") == b"\x00\xff"


def test_each_server_runs_lua(redis: Any) -> None:
    assert redis.eval("return redis.call('SET', KEYS[1], ARGV[1])", 1, "a", "1") == b"OK"


def test_a_unit_test_has_no_network() -> None:
    with pytest.raises(pytest_socket.SocketBlockedError):
        socket.create_connection(("127.0.0.1", 9))
