"""Identifiers as members of sorted sets: 20 characters for 22. With more than 21 an entry takes 16 bytes more, and a
file has about ten entries.

The order stays that of identifiers. What is not an identifier of ours has a space after it instead.
"""

from __future__ import annotations

import string

from backoffice.domain.ids import ID_LENGTH

LENGTH = 20
_PLAIN = string.digits + string.ascii_uppercase + string.ascii_lowercase
_DENSE = "".join(map(chr, range(33, 127)))
_VALUE = {char: value for value, char in enumerate(_PLAIN)}
_DENSE_VALUE = {char: value for value, char in enumerate(_DENSE)}
_OTHER = " "


def compact(record_id: str) -> str:
    """How an identifier stands in an index."""
    if len(record_id) != ID_LENGTH or not (record_id.isascii() and record_id.isalnum()):
        return record_id + _OTHER
    number = 0
    for char in record_id:
        number = number * len(_PLAIN) + _VALUE[char]
    return _digits(number, _DENSE, LENGTH)


def expand(text: str) -> str:
    """The identifier that stands so in an index; what `compact` did not make stays as it is."""
    if text.endswith(_OTHER):
        return text.removesuffix(_OTHER)
    if len(text) != LENGTH or not _DENSE_VALUE.keys() >= set(text):
        return text
    number = 0
    for char in text:
        number = number * len(_DENSE) + _DENSE_VALUE[char]
    return _digits(number, _PLAIN, ID_LENGTH) if number < len(_PLAIN) ** ID_LENGTH else text


def _digits(number: int, alphabet: str, length: int) -> str:
    found = []
    for _ in range(length):
        number, digit = divmod(number, len(alphabet))
        found.append(alphabet[digit])
    return "".join(reversed(found))
