"""Records as lines of JSON: a key without its prefix, its type, and its value as commands give it, so that any server
takes it.

Texts are UTF-8 as in the store; bytes that are none are escaped (`surrogateescape`), so a value comes back exactly.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, Final

from backoffice.stores.backup.kinds import HASH, STRING, ZSET, Kind
from backoffice.stores.client import Command
from backoffice.stores.records.codec import pairs
from backoffice.stores.records.collection import flat_pairs

_PAIRS: Final = 5_000
"""That one command writes."""
_encoded: Final = json.JSONEncoder(separators=(",", ":")).encode
_READS: Final = {HASH: ("HGETALL",), STRING: ("GET",), ZSET: ("ZRANGE",)}
_REST: Final = {ZSET: (0, -1, "WITHSCORES")}


@dataclass(frozen=True, slots=True)
class Value:
    """One key. `value`: a dict, bytes or a list of (member, score); None: there is no such key (any more). `expires`:
    when it goes by itself (ms), 0 = never."""

    name: bytes
    type: str
    value: Any
    expires: int = 0

    @property
    def fields(self) -> dict[bytes, bytes]:
        """Of a hash."""
        return self.value if isinstance(self.value, dict) else {}

    def line(self) -> bytes:
        """As it stands in an archive."""
        row: dict[str, Any] = {"k": _text(self.name), "t": self.type, "v": _shown(self.value)}
        if self.expires:
            row["x"] = self.expires
        return _encoded(row).encode() + b"\n"

    @classmethod
    def of_line(cls, line: bytes) -> Value:
        """What `line` made. Raises ValueError, KeyError or TypeError for another line."""
        row = json.loads(line)
        return cls(_bytes(row["k"]), row["t"], _hidden(row["t"], row["v"]), int(row.get("x", 0)))


def questions(key: bytes, kind: Kind) -> list[Command]:
    """What is asked of a key."""
    read: Command = (*_READS[kind.type], key, *_REST.get(kind.type, ()))
    return [read, ("PTTL", key)] if kind.expires else [read]


def answered(name: bytes, kind: Kind, replies: Sequence[Any], now: int) -> Value:
    """The value that these replies to `questions` tell of."""
    found: Any = replies[0]
    if kind.type == HASH:
        found = pairs(found)
    elif kind.type == ZSET:
        found = [(member, float(score)) for member, score in flat_pairs(found)]
    life = int(replies[1]) if kind.expires else -1
    return Value(name, kind.type, found or None, now + life if life > 0 else 0)


def writes(key: bytes, value: Value, *, new: bool = False) -> list[Command]:
    """The commands that put it there, in the place of what is there; `new`: that is nothing."""
    found: list[Command] = [] if new else [("DEL", key)]
    if value.value is None:
        return found
    if value.type == HASH:
        found += [("HSET", key, *chain(*some)) for some in _parts(list(value.value.items()))]
    elif value.type == STRING:
        found.append(("SET", key, value.value))
    else:
        pairs_of = [(repr(score), member) for member, score in value.value]
        found += [("ZADD", key, *chain(*some)) for some in _parts(pairs_of)]
    if value.expires:
        found.append(("PEXPIREAT", key, value.expires))
    return found


def _parts(items: Sequence[tuple[Any, Any]]) -> Iterator[Sequence[tuple[Any, Any]]]:
    """A server takes a million words in a command, and does nothing else meanwhile."""
    return (items[start : start + _PAIRS] for start in range(0, len(items), _PAIRS))


def _shown(value: Any) -> Any:
    if isinstance(value, bytes):
        return _text(value)
    if isinstance(value, dict):
        try:
            return {name.decode(): text.decode() for name, text in value.items()}
        except UnicodeDecodeError:
            return {_text(name): _text(text) for name, text in value.items()}
    return value if value is None else [[_text(member), score] for member, score in value]


def _hidden(kind: str, value: Any) -> Any:
    if value is None:
        return None
    if kind == HASH:
        try:
            return {name.encode(): text.encode() for name, text in value.items()}
        except UnicodeEncodeError:
            return {_bytes(name): _bytes(text) for name, text in value.items()}
    return _bytes(value) if kind == STRING else [(_bytes(member), float(score)) for member, score in value]


def _text(value: bytes) -> str:
    return value.decode("utf-8", "surrogateescape")


def _bytes(value: str) -> bytes:
    return value.encode("utf-8", "surrogateescape")
