"""How many requests of one person are at work at once, and how many come in a minute; of strangers, of one address.

Counted in each web process by itself, and only where our own server carries the request: it says when one is answered.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from flask import Flask, current_app, request

from backoffice.domain.networks import network
from backoffice.errors import TooMany
from backoffice.measures import count
from backoffice.settings import Settings
from backoffice.web.identity import actor
from backoffice.web.route_access import Who, access_of

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

ADMISSION: Final = "backoffice.admission"
"""Key of the WSGI environment: the `Admission` of this process, from our own server."""

RETRY_SECONDS: Final = 1
"""After which a request that was one too many at once may come again."""
_MINUTE: Final = 60.0
_COUNTED: Final = "backoffice.admission.counted"

_network = lru_cache(maxsize=4096)(network)


class Admission:
    """The counts of one process. `person`, `address`: requests at once of a person, and of an address from which nobody
    has signed in; a quarter of it while it is `crowded`. `a_minute`: of either."""

    def __init__(self, person: int, address: int, a_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.person, self.address, self._a_minute, self._clock = person, address, a_minute, clock
        self._lock = threading.Lock()
        self._at_work: dict[str, int] = {}
        self._minute, self._asked = 0, dict[str, int]()
        self.crowded: Callable[[], bool] = lambda: False

    @classmethod
    def of(cls, settings: Settings) -> Admission:
        return cls(settings.person_requests, settings.address_requests, settings.requests_per_minute)

    def enter(self, who: str, most: int) -> None:
        """Raises TooMany when `most` requests of `who` are at work, or this minute has had as many as it may."""
        now = self._clock()
        with self._lock:
            minute = int(now / _MINUTE)
            if minute != self._minute:
                self._minute, self._asked = minute, {}
            asked = self._asked[who] = self._asked.get(who, 0) + 1
            at_work = self._at_work.get(who, 0)
            if at_work >= most // 4 and self.crowded():
                most = max(1, most // 4)
            if asked <= self._a_minute and at_work < most:
                self._at_work[who] = at_work + 1
                return
        count("throttled", "requests")
        if at_work >= most:
            raise TooMany(f"At most {most} requests at once; wait until some are answered.", retry_after=RETRY_SECONDS)
        wait = math.ceil(_MINUTE - now % _MINUTE)
        raise TooMany(f"At most {self._a_minute} requests a minute.", retry_after=wait)

    def leave(self, who: str) -> None:
        """A request that entered is answered."""
        with self._lock:
            left = self._at_work[who] - 1
            if left:
                self._at_work[who] = left
            else:
                del self._at_work[who]

    def at_work(self) -> dict[str, int]:
        """How many of each, now."""
        with self._lock:
            return dict(self._at_work)


def init_admission(app: Flask) -> None:
    """To be set up after the identity, whose hook runs before this one."""
    app.before_request(_admit)


def _admit() -> None:
    environ = request.environ
    admission: Admission | None = environ.get(ADMISSION)
    if admission is None:
        return
    access = access_of(current_app, request.endpoint or "")
    if access is not None and access.who is Who.ASSET:
        return  # they wait for nothing; and whoever asks whether the process lives is to have an answer
    leave(environ)  # where a request has begun again
    asking = actor()
    if asking.signed_in:
        who, most = asking.id, admission.person
    else:
        who, most = _network(asking.ip), admission.address
    admission.enter(who, most)
    environ[_COUNTED] = who


def leave(environ: WSGIEnvironment) -> None:
    """The request is answered: called by our own server."""
    who = environ.pop(_COUNTED, None)
    if who is not None:
        environ[ADMISSION].leave(who)
