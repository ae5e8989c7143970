"""A value that must not be printed, and what makes one too weak to sign with."""

from __future__ import annotations

import hmac
from typing import Final, NoReturn

MIN_KEY_LENGTH: Final = 32
_MIN_DISTINCT: Final = 10

# Keys printed in manuals, tutorials and other products' examples: whoever reads those can sign in as anybody.
# Compared in lower case with everything but letters and digits removed, as a whole or as a beginning.
_KNOWN: Final = (
    "changeme",
    "changethis",
    "changemetoacomplexrandomsecret",
    "default",
    "dev",
    "development",
    "example",
    "insecure",
    "mysecret",
    "notsecret",
    "password",
    "pleasechange",
    "replaceme",
    "secret",
    "secretkey",
    "supersecret",
    "test",
    "testsecret",
    "thisisasecret",
    "thisismysecret",
    "thisismyscretkey",
    "topsecret",
    "youcannotguess",
    "yoursecret",
    "192b9bdd22ab9ed4d12e236c78afcb9a393ec15f71bbf5dc987d54727823bcbf",  # flask's manual
    "5f352379324c22463451387a0aec5d2f",  # an older edition of it
    "21thisismyscretkey12eyyh",
    "09d25e094faa6ca2556c818166b7a9563b93f7099f6f0f4caa6cf63b88e8d3e7",  # fastapi's manual
)


class Secret:
    """Text that shows itself only to `reveal()`: never in a repr, a log line, a trace or a pickle."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        return self._text

    def __repr__(self) -> str:
        return "Secret(…)"

    def __bool__(self) -> bool:
        return bool(self._text)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(self._text.encode(), other._text.encode())

    def __hash__(self) -> int:
        return hash(("Secret", self._text))

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Secret is not serialised")


def weakness(key: str) -> str | None:
    """Why `key` must not sign sessions, as the end of a sentence; None when nothing speaks against it."""
    plain = "".join(c for c in key.lower() if c.isalnum())
    known = plain in _KNOWN or any(plain.startswith(k) and len(plain) < len(k) + 12 for k in _KNOWN)
    if known:
        return "is a well-known example"
    if len(key) < MIN_KEY_LENGTH:
        return f"is too short ({len(key)} characters; at least {MIN_KEY_LENGTH})"
    if len(set(key)) < _MIN_DISTINCT:
        return "repeats itself too much to be random"
    return None
