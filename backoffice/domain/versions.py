"""What records said of themselves when they were read, to be compared later."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Version:
    """What a key of the store held: the whole of a string (`field` ""), or a field of a hash. `value` b"": there was
    none."""

    key: bytes
    field: str
    value: bytes
