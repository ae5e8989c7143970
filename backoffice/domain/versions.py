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


class IdentityChanged(BaseException):
    """What is remembered of the one who asks does not hold any more: the request begins again, and reads it anew.

    Raised by the first access to the store, so nothing has been done before. It is nobody's but the web's outermost
    layer's to handle, hence no Exception: whoever handles all of those passes it on.
    """
