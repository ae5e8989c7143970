"""The client that measures where wrk is not installed: one process, several connections, requests made in advance.

`python -m benchmarks.load_client TASK`, a `load.Load` in JSON with `seconds`, `connections`, `first` and `step`. Prints
in JSON how long each answer took (ms), how many failed, and the seconds in all.
"""

from __future__ import annotations

import json
import re
import select
import socket
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

PIECE = 256 * 1024
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


def requests(task: dict[str, Any]) -> Iterator[bytes]:
    """Each with a number of its own where the path has `#`."""
    body = b"x" * task["body"]
    headers = {"Host": f"{task['host']}:{task['port']}", **task["headers"]}
    if body or task["method"] in {"POST", "PUT"}:
        headers["Content-Length"] = str(len(body))
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    tail = f" HTTP/1.1\r\n{lines}\r\n".encode() + body
    before, numbered, after = f"{task['method']} {task['path']}".encode().partition(b"#")
    number = task["first"]
    while True:
        number += task["step"]
        yield b"%s%d%s%s" % (before, number, after, tail) if numbered else before + tail


@dataclass(slots=True)
class Hand:
    """One connection, with the answer that is still coming."""

    socket: socket.socket
    sent: float = 0.0
    got: bytearray = field(default_factory=bytearray)
    whole: int = 0
    """Bytes of the answer with its head; 0 while the head is not there."""

    def arrived(self, data: bytes) -> bool | None:
        """Whether the answer is a good one; None while there is more to come."""
        self.got += data
        if not self.whole:
            end = self.got.find(b"\r\n\r\n")
            if end < 0:
                return None
            length = _LENGTH.search(self.got, 0, end)
            self.whole = end + 4 + (int(length[1]) if length else 0)
        if len(self.got) < self.whole:
            return None
        good = self.got[9:10] == b"2"
        self.got.clear()
        self.whole = 0
        return good


def drive(task: dict[str, Any]) -> dict[str, Any]:
    """Keep every connection asking until the time is over; what is on its way then does not count."""
    asked, waited, failed, poll = requests(task), list[float](), 0, select.poll()
    hands: dict[int, Hand] = {}
    for _ in range(task["connections"]):
        one = socket.create_connection((task["host"], task["port"]), 30)
        one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        hands[one.fileno()] = Hand(one)
        poll.register(one, select.POLLIN)
    started = time.perf_counter()
    for hand in hands.values():
        _ask(hand, next(asked))
    while hands and (now := time.perf_counter()) - started < task["seconds"]:
        for number, _ in poll.poll(100):
            hand = hands[number]
            data = hand.socket.recv(PIECE)
            good = hand.arrived(data) if data else False
            if good is None:
                continue
            now = time.perf_counter()
            waited.append((now - hand.sent) * 1000)
            failed += not good
            if data:
                _ask(hand, next(asked))
            else:
                poll.unregister(number)
                del hands[number]
    return {"waited": waited, "failed": failed, "seconds": time.perf_counter() - started}


def _ask(hand: Hand, request: bytes) -> None:
    hand.sent = time.perf_counter()
    hand.socket.sendall(request)


if __name__ == "__main__":
    print(json.dumps(drive(json.loads(sys.argv[1]))))
