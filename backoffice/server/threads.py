"""Threads for requests. One that waits for its client counts for none: another takes its place meanwhile."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from queue import SimpleQueue
from typing import Final, Generic, Protocol, TypeVar

NOTICED: Final = 0.02
"""Seconds that a thread waits before another takes its place."""
SPARED: Final = 0.5
"""Seconds for which a transfer is watched before it may be ended as one of the slowest."""
WATCHED: Final = 4.0
"""Seconds after which watching begins anew: what counts is how it goes now."""
FAIR: Final = 32 * 1024
"""Bytes a second with which no transfer is ended as long as there are slower ones."""


class Job(Protocol):
    """What a thread does, and whom it waits for."""

    address: str
    aside_since: float
    """Since when it waits for something else than its client (`step_aside`), 0 while it does not."""

    @property
    def waits_since(self) -> float:
        """A moment of the monotonic clock, 0 while it does not wait."""

    def moved(self) -> int:
        """Bytes that its client has sent or taken so far, on this connection."""

    def cut(self) -> None:
        """End the connection: the thread that waits for it goes on with an error."""


J = TypeVar("J", bound=Job)


class Turns(Generic[J]):
    """Jobs in the order in which they get a thread: addresses take turns, so that many of one delay one of another by
    one."""

    def __init__(self) -> None:
        self._of: dict[str, deque[J]] = {}
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def put(self, job: J) -> None:
        self._count += 1
        of_address = self._of.get(job.address)
        if of_address is None:
            self._of[job.address] = deque((job,))
        else:
            of_address.append(job)

    def take(self) -> J:
        """There has to be one."""
        address = next(iter(self._of))
        of_address = self._of.pop(address)
        job = of_address.popleft()
        if of_address:
            self._of[address] = of_address  # again at the end of the row
        self._count -= 1
        return job


class Threads(Generic[J]):
    """At most `size` threads that work, and beyond them one for each that waits, up to `waiting` of these.

    `serve` is called in a thread for each job; it raises nothing. One thread calls `submit` and `look`.
    """

    def __init__(self, size: int, waiting: int, serve: Callable[[J], None]) -> None:
        self._size, self._most_waiting, self._serve = size, waiting, serve
        self._lock = threading.Lock()
        self._turns: Turns[J] = Turns()
        self._active: set[J] = set()
        self._watched: dict[J, tuple[float, int]] = {}
        """Since when, and how many bytes it had moved then. Of those that wait, while others want their threads."""
        self._threads, self._idle = 0, 0
        self._wake: SimpleQueue[None] = SimpleQueue()
        self._open = True

    @property
    def queued(self) -> int:
        """Jobs that no thread has taken up yet."""
        return len(self._turns)

    @property
    def busy(self) -> int:
        """Jobs that have a thread, those that wait for their clients with them."""
        return len(self._active)

    def crowded(self) -> bool:
        """Whether half of the threads that may wait do: whoever has many of them should get no more. Those that do
        something this very moment count as well: they may all wake up at once, when more like them come."""
        return len(self._active) > self._size + self._most_waiting // 2

    def submit(self, job: J) -> None:
        with self._lock:
            self._turns.put(job)
            if self._idle:
                self._idle -= 1
                self._wake.put(None)
                return
            start = self._may_be_more()
            self._threads += start
        if start:
            self._start()

    def look(self) -> None:
        """To be called every few milliseconds while jobs are queued: threads that have begun to wait give their places
        away, and when as many wait as may, the slowest transfers are ended."""
        while True:
            with self._lock:
                if len(self._turns) <= self._idle:
                    return
                start = self._may_be_more()
                self._threads += start
                slowest = [] if start else self._slowest(len(self._turns) - self._idle)
            if not start:
                break
            self._start()
        for job in slowest:
            job.cut()

    def shutdown(self, wait: bool = False) -> None:
        """No thread takes up another job. None is waited for: whoever stops a server has waited before."""
        del wait
        with self._lock:
            self._open = False
            for _ in range(self._threads):
                self._wake.put(None)

    def _may_be_more(self) -> bool:
        if self._threads < self._size:
            return True
        return self._threads < self._size + min(self._most_waiting, len(self._waiting()))

    def _waiting(self) -> list[J]:
        before = time.monotonic() - NOTICED
        return [job for job in self._active if 0 < job.waits_since < before]

    def _slowest(self, wanted: int) -> list[J]:
        """Transfers to be ended, so that as many jobs get a thread: a part of them, as others come to an end by
        themselves meanwhile. One that keeps a fair pace goes last: who has just begun may turn out to be slower."""
        waiting = self._waiting()
        if len(waiting) < self._most_waiting:
            return []
        now, rates, unknown = time.monotonic(), list[tuple[float, J]](), False
        for job in waiting:
            if not job.aside_since:
                rate = self._rate(job, now)
                unknown = unknown or rate is None
                if rate is not None:
                    rates.append((rate, job))
        rates.sort(key=lambda pair: pair[0])
        slow = [job for rate, job in rates if rate < FAIR]
        if slow or unknown:
            return slow[: min(wanted, self._size)]
        return [job for _, job in rates[:1]]

    def _rate(self, job: J, now: float) -> float | None:
        """Bytes a second since it is watched; None until that is long enough to tell."""
        since, before = self._watched.get(job, (0.0, 0))
        if now - since > WATCHED:
            self._watched[job] = (now, job.moved())
            return None
        return (job.moved() - before) / (now - since) if now - since >= SPARED else None

    def _is_one_too_many(self) -> bool:
        """Asked after a job. A thread that was woken up for one never ends without it."""
        if self._threads <= self._size:
            return False
        return self._threads > self._size + len(self._waiting()) or (not self._turns and self._idle >= self._size)

    def _start(self) -> None:
        # Daemons: at its end a process waits no longer than for what it was told to (`graceful_timeout`).
        threading.Thread(target=self._run, name="request", daemon=True).start()

    def _run(self) -> None:
        done = False
        while True:
            with self._lock:
                if not self._open or (done and self._is_one_too_many()):
                    self._threads -= 1
                    return
                job = self._turns.take() if self._turns else None
                if job is None:
                    self._idle += 1
                else:
                    self._active.add(job)
            if job is None:
                self._wake.get()
                done = False
                continue
            _here.job = job
            try:
                self._serve(job)
            finally:
                with self._lock:
                    self._active.discard(job)
                    self._watched.pop(job, None)
                _here.job = None
            done = True


class _Here(threading.local):
    job: Job | None = None


_here: Final = _Here()


@contextmanager
def step_aside() -> Iterator[None]:
    """Meanwhile the thread waits for something that is none of its own work, such as its turn to hash a password: its
    place is for others. Outside of `Threads` it does nothing."""
    job = _here.job
    if job is None:
        yield
        return
    job.aside_since = time.monotonic()
    try:
        yield
    finally:
        job.aside_since = 0.0
