"""The bytes of one request, and a checksum that they have to have."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from backoffice.errors import ChecksumMismatch
from backoffice.services.uploads.chunker import ReadInto

Body = Callable[[int], ReadInto]
"""Gives what receives the bytes that are sent, given how many they may be. Both raise TooLarge for more."""

ALGORITHMS: Final = {"sha1": 20, "sha256": 32}
"""Of a `Checksum`, with the bytes of a digest. tus asks for the first: enough to tell that a piece is whole."""


@dataclass(frozen=True, slots=True)
class Checksum:
    """Of the bytes of one request. `algorithm`: one of `ALGORITHMS`."""

    algorithm: str
    digest: bytes


class Compared:
    """A body whose checksum is taken while it comes."""

    def __init__(self, wanted: Checksum, body: ReadInto) -> None:
        self._wanted, self._body = wanted, body
        self._found = hashlib.new(wanted.algorithm, usedforsecurity=False)

    def read_into(self, view: memoryview) -> int:
        received = self._body(view)
        self._found.update(view[:received])
        return received

    def check(self) -> None:
        """Raises ChecksumMismatch."""
        if self._found.digest() != self._wanted.digest:
            raise ChecksumMismatch(received=self._found.hexdigest())
