"""How much goes at once and how much side by side, learnt from how it goes.

What a cut breaks off counts for nothing, so a chunk should be through within seconds: where that is not so, fewer go
side by side, and files are cut into smaller chunks.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Final

from backoffice.client.errors import ClientError, ConnectionFailed, ResponseError
from backoffice.client.http import OnSent

LONG: Final = 8.0
SHORT: Final = 2.0
AIM: Final = 4.0
"""Seconds: a chunk that takes longer, shorter, and what smaller ones shall take."""
CUTS: Final = 3
"""So many cuts in a row make the chunks smaller; twice as many where that throws much away."""


class TooSlow(ClientError):
    """No chunk of that size gets through in good time. `fitting`: bytes of one that may, 0 where nobody knows."""

    def __init__(self, fitting: int = 0) -> None:
        super().__init__("the connection is too slow for it, or breaks too often.")
        self.fitting = fitting


@dataclass(slots=True)
class Pace:
    """For many threads. `lanes`: how many chunks go side by side now, `most`: at most."""

    most: int
    lanes: int = field(init=False)
    _cuts: int = 0
    _cut_at: float = 0.0
    _arrived: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.lanes = self.most

    def begin(self, arrived: int) -> None:
        """A file goes on, of which so many chunks have arrived."""
        with self._lock:
            self._cuts, self._arrived = 0, arrived

    def arrived(self, seconds: float) -> None:
        """A chunk took so long."""
        with self._lock:
            self._cuts = 0
            self._arrived += 1
            if seconds > LONG:
                self.lanes = max(1, self.lanes // 2)
            elif seconds < SHORT:
                self.lanes = min(self.most, self.lanes + 1)

    def is_hopeless(self, total_chunks: int, began: float) -> bool:
        """Note that a chunk was cut off that was on its way since `began` (time.monotonic). Whether there were so many
        cuts, one after the other, that only smaller chunks help; one takes all that are side by side, and counts once.
        """
        with self._lock:
            self._cuts += began > self._cut_at
            self._cut_at = time.monotonic()
            self.lanes = 1
            return self._cuts >= (2 * CUTS if self._arrived * 4 > total_chunks else CUTS)


class Watch:
    """Counts what goes out of one body. `patient`: it is not given up, however slow it is."""

    def __init__(self, size: int, on_sent: OnSent, *, patient: bool) -> None:
        self._size, self._on_sent, self._patient = size, on_sent, patient
        self.began = time.monotonic()
        self._sent = 0
        self.began_sending = False

    def __call__(self, count: int) -> None:
        """Raises TooSlow where it is nowhere near half-way after the time for a chunk."""
        self._on_sent(count)
        self._sent += count
        self.began_sending = True
        if count > 0 and not self._patient and self.seconds > LONG and self._sent * 2 < self._size:
            raise TooSlow(int(self._sent / self.seconds * AIM))

    @property
    def seconds(self) -> float:
        """Since it began."""
        return time.monotonic() - self.began


def was_cut(error: ClientError, watch: Watch) -> bool:
    """Whether a body was broken off on its way: not where nothing answers at all."""
    if isinstance(error, ResponseError):
        return error.status == HTTPStatus.REQUEST_TIMEOUT or error.code == "body_cut"
    return isinstance(error, ConnectionFailed) and watch.began_sending


def refused_for_size(error: ClientError) -> bool:
    """Whether something in front of the site takes no bodies of that size."""
    return isinstance(error, ResponseError) and error.foreign and error.status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE
