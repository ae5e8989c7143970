"""Identifiers and secrets: who makes them, and how a secret is kept."""

from __future__ import annotations

import hashlib
import re
import secrets
import string

_ALPHABET = string.digits + string.ascii_letters
ID_LENGTH = 22
"""22 characters out of 62 carry 130 bits."""

_ID = re.compile(r"[0-9A-Za-z]{2,32}")


def new_id() -> str:
    """A new identifier: 22 of `[0-9A-Za-z]`, 130 random bits, safe in keys, URLs and file names."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(ID_LENGTH))


def id_from(*parts: str) -> str:
    """The identifier that always follows from these: as good as a new one where one of them is, and nobody can tell
    which they were."""
    number, text = int.from_bytes(hashlib.sha256("\0".join(parts).encode()).digest()), ""
    for _ in range(ID_LENGTH):
        number, digit = divmod(number, len(_ALPHABET))
        text += _ALPHABET[digit]
    return text


def is_id(text: str) -> bool:
    """Whether `text` has the form of an identifier, so that it may become part of a key."""
    return _ID.fullmatch(text) is not None


def new_secret() -> str:
    """A new secret of 256 random bits, URL-safe (sessions, tokens, one-time links)."""
    return secrets.token_urlsafe(32)


def secret_hash(secret: str) -> str:
    """What is stored of a secret: its SHA-256 in hex. Fast is right here: the secret has 256 random bits."""
    return hashlib.sha256(secret.encode()).hexdigest()
