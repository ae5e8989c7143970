"""Passwords: what is refused, how they are kept, and checking one without telling who exists."""

from __future__ import annotations

import base64
import secrets
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from threading import BoundedSemaphore

from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError, VerifyMismatchError

from backoffice.domain.limits import MAX_PASSWORD
from backoffice.domain.users import check_length
from backoffice.errors import IntegrityError, Invalid, TooMany, WeakPassword
from backoffice.services.sign_in.guesses import check_guesses

LONGEST = 4 * MAX_PASSWORD
"""Characters before composing: no composed character is made of more than four, and composing takes the square of
what it is given."""
PATIENCE_SECONDS = 15.0
"""A sign-in waits that long for its turn to hash; it costs nobody else anything meanwhile (`step_aside`)."""
RETRY_SECONDS = 5

StepAside = Callable[[], AbstractContextManager[None]]
"""Entered where a thread waits for its turn: what carries it may let others go first meanwhile."""


class Passwords:
    """Argon2id. The defaults are above the least that OWASP recommends (19 MiB, 2 passes).

    At most `parallel` passwords are hashed at once in a process, so that a flood of sign-ins takes neither its memory
    nor all its cores; who finds `waiting` others before him, or waits too long, gets TooMany. `words`: what everybody
    knows of this site.
    """

    def __init__(
        self,
        *,
        memory_kib: int = 32 * 1024,
        passes: int = 2,
        parallel: int = 2,
        waiting: int = 32,
        step_aside: StepAside = nullcontext,
        words: tuple[str, ...] = (),
    ) -> None:
        self._words = words
        self._hasher = PasswordHasher(
            time_cost=passes, memory_cost=memory_kib, parallelism=1, hash_len=32, salt_len=16, type=Type.ID
        )
        self._turns, self._places = BoundedSemaphore(parallel), BoundedSemaphore(parallel + waiting)
        self._step_aside = step_aside
        salt, tag = _base64(secrets.token_bytes(16)), _base64(secrets.token_bytes(32))
        # No password belongs to it, and checking one against it costs the same as against a real one.
        self._dummy = f"$argon2id$v=19$m={memory_kib},t={passes},p=1${salt}${tag}"

    def check(self, password: str, *own: str) -> str:
        """The password in the form that is hashed. `own`: names and addresses of its owner.

        Raises WeakPassword when it has the wrong length or can be guessed (`check_guesses`).
        """
        password = _normal(password)
        check_length(password)
        check_guesses(password, (*self._words, *own))
        return password

    def hash(self, password: str) -> str:
        """What is stored of a password, in PHC form."""
        with self._turn():
            return self._hasher.hash(_normal(password))

    def verify(self, stored: str, password: str) -> bool:
        """Whether `stored` was made of `password`. "" stands for "no such user", and takes as long as any other."""
        try:
            text = _normal(password)
        except Invalid:
            text = ""
        fits = 0 < len(text) <= MAX_PASSWORD
        with self._turn():
            try:
                self._hasher.verify(stored or self._dummy, text[:MAX_PASSWORD])
            except VerifyMismatchError:
                return False
            except (InvalidHashError, VerificationError) as error:
                raise IntegrityError("A stored password hash cannot be read.") from error
        return fits and bool(stored)

    def stale(self, stored: str) -> bool:
        """Whether it was made with other parameters than today's, so that it is made anew at the next sign-in."""
        return self._hasher.check_needs_rehash(stored)

    @contextmanager
    def _turn(self) -> Iterator[None]:
        with _taken(self._places, lambda places: places.acquire(blocking=False)), _taken(self._turns, self._wait):
            yield

    def _wait(self, turns: BoundedSemaphore) -> bool:
        if turns.acquire(blocking=False):
            return True
        with self._step_aside():
            return turns.acquire(timeout=PATIENCE_SECONDS)


@contextmanager
def _taken(places: BoundedSemaphore, take: Callable[[BoundedSemaphore], bool]) -> Iterator[None]:
    if not take(places):
        raise TooMany("Too many people are signing in just now.", retry_after=RETRY_SECONDS)
    try:
        yield
    finally:
        places.release()


def _normal(password: str) -> str:
    """NFC, so that the same keys on another keyboard give the same password (NIST SP 800-63B-4, 3.1.1.2)."""
    if len(password) > LONGEST:
        raise WeakPassword(f"A password has at most {MAX_PASSWORD} characters.", field="password")
    normal = unicodedata.normalize("NFC", password)
    if not normal.isascii() and any("\ud800" <= char <= "\udfff" for char in normal):
        raise Invalid("This is not text.", field="password")
    return normal


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode().rstrip("=")
