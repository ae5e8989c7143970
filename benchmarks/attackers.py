"""Clients that only want to stop the site, however many: one process that waits for all of them at once, so that little
of what is measured is their own work."""

from __future__ import annotations

import contextlib
import errno
import multiprocessing
import select
import socket
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.synchronize import Event
from typing import Any, Final

from benchmarks.site import Failed, Site

OF_AN_ADDRESS: Final = 20
"""Connections from each address: many addresses are worse than one, which is held to a number."""
TURN_SECONDS: Final = 1.0
BEGIN_SECONDS: Final = 20.0
"""In which all have been at it once, or the site does not let them."""
WINDOW: Final = 4096
"""Bytes that a reader's own system takes for it."""
READ: Final = 100

_PENDING: Final = {0, errno.EINPROGRESS}
_GONE: Final = select.EPOLLHUP | select.EPOLLERR


@dataclass(frozen=True, slots=True)
class Kind:
    """What they send first, in turns, and then each second; None: they read a little of the answer instead."""

    begin: Sequence[bytes]
    drip: bytes | None


@dataclass(frozen=True, slots=True)
class Attack:
    """What is told of it while it goes on: `told` has the figures below, in this order."""

    told: Any

    @property
    def held(self) -> int:
        """Connections that are open and not answered now."""
        return int(self.told[0])

    @property
    def begun(self) -> int:
        """Connections so far; -1 before all have been at it once."""
        return int(self.told[1])

    @property
    def cpu(self) -> float:
        """Seconds of processor time that all of them took so far."""
        return float(self.told[2])


@contextlib.contextmanager
def attack(site: Site, kind: Kind, count: int, of_an_address: int = OF_AN_ADDRESS) -> Iterator[Attack]:
    """So many connections of one kind, from 127.1.0.0/16. Each second every one of them goes on, and those that were
    ended begin anew."""
    spawn = multiprocessing.get_context("spawn")
    stop = spawn.Event()
    told = Attack(spawn.Array("d", [0, -1, 0.0]))
    target = (site.host, site.port)
    process = spawn.Process(target=_attack, args=(target, kind, count, of_an_address, stop, told.told), daemon=True)
    process.start()
    try:
        until = time.monotonic() + BEGIN_SECONDS
        while told.begun < 0 and time.monotonic() < until:
            if not process.is_alive():
                raise Failed("the hostile clients did not begin")
            time.sleep(0.1)
        yield told
    finally:
        stop.set()
        process.join()


def _attack(target: tuple[str, int], kind: Kind, count: int, of_an_address: int, stop: Event, told: Any) -> None:
    them, next_turn = _Attackers(target, kind, of_an_address), time.monotonic()
    while not stop.is_set():
        them.turn(count)
        next_turn = max(next_turn + TURN_SECONDS, time.monotonic())
        while (left := next_turn - time.monotonic()) > 0:
            them.hear(left)
        told[:] = [len(them.open), them.begun, time.process_time()]


class _Attackers:
    def __init__(self, target: tuple[str, int], kind: Kind, of_an_address: int) -> None:
        self._target, self._kind, self._of_an_address = target, kind, of_an_address
        self._poll = select.epoll()
        self._number_of: dict[int, int] = {}
        self._begun_with: set[int] = set()
        self.open: dict[int, socket.socket] = {}
        self.begun = 0

    def turn(self, count: int) -> None:
        """Every one of them goes on or begins."""
        for number in range(count):
            one = self.open.get(number)
            if one is None:
                self._begin(number)
            elif number in self._begun_with:
                self._go_on(number, one)

    def hear(self, seconds: float) -> None:
        """Until something happens, or the time is over."""
        for descriptor, event in self._poll.poll(seconds):
            number = self._number_of[descriptor]
            one = self.open[number]
            if event & _GONE:
                self._end(number)
            elif event & select.EPOLLOUT:
                self._greet(number, one)
            elif self._kind.drip is not None:
                self._end(number)  # answered: what they wait for is that they are not
            elif event & select.EPOLLRDHUP:
                self._end(number)

    def _begin(self, number: int) -> None:
        place = number // self._of_an_address
        one = socket.socket()
        one.setblocking(False)
        one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, WINDOW)
        one.bind((f"127.1.{place // 250}.{1 + place % 250}", 0))
        if one.connect_ex(self._target) not in _PENDING:
            one.close()
            return
        self.begun += 1
        self.open[number], self._number_of[one.fileno()] = one, number
        self._poll.register(one, select.EPOLLOUT)

    def _greet(self, number: int, one: socket.socket) -> None:
        with contextlib.suppress(OSError):  # told by the next event
            one.send(self._kind.begin[number % len(self._kind.begin)])
        self._begun_with.add(number)
        # Readers leave the answer where it is.
        waits_for = select.EPOLLRDHUP if self._kind.drip is None else select.EPOLLIN
        self._poll.modify(one, waits_for)

    def _go_on(self, number: int, one: socket.socket) -> None:
        try:
            if self._kind.drip is None:
                one.recv(READ)
            elif self._kind.drip:
                one.send(self._kind.drip)
        except BlockingIOError:
            pass
        except OSError:
            self._end(number)

    def _end(self, number: int) -> None:
        one = self.open.pop(number)
        self._begun_with.discard(number)
        del self._number_of[one.fileno()]
        one.close()
