"""Who loses the thread in which it waits when others want one (D1)."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from backoffice.server.threads import FAIR, NOTICED, SPARED, Threads

WAITING = 4
SLOW, STEADY = FAIR // 10, FAIR * 2
LOOK_SECONDS = 0.02


class Transfer:
    """It waits for a client that moves so many bytes a second, until it is cut or the test is over."""

    address, aside_since = "", 0.0

    def __init__(self, rate: int) -> None:
        self._rate, self._began = rate, time.monotonic()
        self._over, self.waits_since = threading.Event(), 0.0
        self.ended = False

    def moved(self) -> int:
        return int(self._rate * (time.monotonic() - self._began))

    def cut(self) -> None:
        self.ended = True
        self._over.set()

    def leave(self) -> None:
        self._over.set()

    def serve(self) -> None:
        self.waits_since = time.monotonic()
        self._over.wait(20)


@contextmanager
def full(*rates: int) -> Iterator[tuple[Threads[Transfer], list[Transfer], Callable[[int], Transfer]]]:
    """Threads for one job that works and for as many that wait as there are rates; `submit` adds another."""
    threads, everybody = Threads[Transfer](1, WAITING, Transfer.serve), list[Transfer]()

    def submit(rate: int) -> Transfer:
        one = Transfer(rate)
        everybody.append(one)
        threads.submit(one)
        return one

    try:
        yield threads, [submit(rate) for rate in rates], submit
    finally:
        threads.shutdown()
        for one in everybody:
            one.leave()


def look(threads: Threads[Transfer], seconds: float) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        threads.look()
        time.sleep(LOOK_SECONDS)


def test_d1_the_slowest_go_and_whoever_keeps_a_fair_pace_stays() -> None:
    with full(STEADY, SLOW, SLOW, SLOW, SLOW) as (threads, them, submit):
        look(threads, 0.3)
        more = [submit(SLOW) for _ in range(6)]
        look(threads, 3 * SPARED)
        assert not them[0].ended
        assert all(one.ended for one in them[1:])
        assert any(one.waits_since for one in more)


def test_d1_newcomers_keep_nobody_from_being_the_slowest() -> None:
    """Nobody knows yet how slow they are; so as long as there was one of them, nobody was ended."""
    with full(*[SLOW] * 5) as (threads, them, submit):
        for _ in range(12):
            submit(0)
            look(threads, SPARED / 2)
        assert all(one.ended for one in them)


def test_where_all_keep_a_fair_pace_one_at_a_time_goes() -> None:
    with full(STEADY * 2, STEADY * 2, STEADY, STEADY * 2, STEADY * 2) as (threads, them, submit):
        look(threads, 0.3)
        submit(STEADY * 3)
        look(threads, 1.5 * SPARED)
        assert [one.ended for one in them] == [False, False, True, False, False]


def test_d1_it_is_crowded_whatever_the_waiting_ones_do_this_moment() -> None:
    """They may all wake up at once, with a byte for each."""
    with full(SLOW, SLOW, SLOW, SLOW) as (threads, them, _):
        look(threads, 10 * NOTICED)
        assert threads.crowded()
        for one in them:
            one.waits_since = time.monotonic()
        assert threads.crowded()
    with full(SLOW) as (threads, _, _):
        assert not threads.crowded()
        assert threads.busy == 1
