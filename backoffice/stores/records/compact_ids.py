"""Identifiers as members of sorted sets: 20 characters for 22. With more than 21 an entry takes 16 bytes more, and a
file has about ten entries.

The order stays that of identifiers. What is not an identifier of ours has a space after it instead.

Both forms are numbers, written in base 62 and in base 94. A page converts fifty of them, so they are read and written
by pairs of characters, which are looked up in tables; and whoever looks at a list looks at it again, so the latest
ones are remembered.
"""

from __future__ import annotations

import string
from functools import lru_cache
from itertools import product
from struct import Struct
from typing import Final

from backoffice.domain.ids import ID_LENGTH

LENGTH = 20
REMEMBERED = 4_096
"""Identifiers, in about 1 MB of a process."""
_OTHER = " "


class _Form:
    """Numbers written with the characters of `alphabet`, `length` of them (an even number, at most 24)."""

    def __init__(self, alphabet: str, length: int) -> None:
        self._pairs = ["".join(pair) for pair in product(alphabet, repeat=2)]
        self._base = len(self._pairs)
        self._square = self._base**2
        # A pair of characters as one number of 16 bits, which is how `struct` reads all of them in one call.
        self._values = {int.from_bytes(pair.encode()): value for value, pair in enumerate(self._pairs)}
        self._split = Struct(f">{length // 2}H").unpack
        self._powers = [self._base**count for count in (9, 6, 3, 0)]
        self._unused = 24 - length
        self.end: Final = len(alphabet) ** length

    def read(self, text: str) -> int:
        """The number. Raises KeyError where a character is not of the alphabet."""
        base, values = self._base, self._values
        number = 0
        for pair in self._split(text.encode()):
            number = number * base + values[pair]
        return number

    def write(self, number: int) -> str:
        """The text of a number below `end`."""
        pairs, base, square = self._pairs, self._base, self._square
        found: list[str] = []
        for power in self._powers:
            # Three pairs at a time: to divide a small number is cheaper than to divide the whole one each time.
            three, number = divmod(number, power)
            found += (pairs[three // square], pairs[three // base % base], pairs[three % base])
        return "".join(found)[self._unused :]


_PLAIN = _Form(string.digits + string.ascii_uppercase + string.ascii_lowercase, ID_LENGTH)
_DENSE = _Form("".join(map(chr, range(33, 127))), LENGTH)


def compact(record_id: str) -> str:
    """How an identifier stands in an index."""
    if len(record_id) != ID_LENGTH or not (record_id.isascii() and record_id.isalnum()):
        return record_id + _OTHER
    return _DENSE.write(_PLAIN.read(record_id))


@lru_cache(maxsize=REMEMBERED)
def expand(text: str) -> str:
    """The identifier that stands so in an index; what `compact` did not make stays as it is."""
    if text.endswith(_OTHER):
        return text.removesuffix(_OTHER)
    if len(text) != LENGTH or not text.isascii():
        return text
    try:
        number = _DENSE.read(text)
    except KeyError:
        return text
    return _PLAIN.write(number) if number < _PLAIN.end else text
