"""Records to hashes and back. The only place where text of the store is decoded."""

from __future__ import annotations

import base64
import json
import types
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields
from enum import Enum
from typing import Any, Generic, TypeVar, Union, get_args, get_origin, get_type_hints

T = TypeVar("T")
_Pair = tuple[Callable[[Any], str], Callable[[str], Any]]


class Codec(Generic[T]):
    """Turns a frozen dataclass into the fields of a hash: text, whole numbers, bytes (as base64), enumerations, None,
    and tuples or frozen sets of them (as JSON). `id` is in the key, not in the hash. `sparse` leaves out what equals
    its default; `short` gives fields shorter names in the hash, for nouns of which there are millions."""

    def __init__(
        self,
        record: type[T],
        *,
        sparse: bool = False,
        short: Mapping[str, str] | None = None,
    ) -> None:
        self._make: Callable[..., T] = record
        hints = get_type_hints(record)
        self._short = short or {}
        self._fields: dict[str, _Pair] = {}
        self._defaults: dict[str, Any] = {}
        for field in fields(record):  # type: ignore[arg-type]
            if field.name == "id":
                continue
            self._fields[field.name] = _pair(hints[field.name])
            if sparse and field.default is not MISSING:
                self._defaults[field.name] = field.default

    def stored(self, name: str) -> str:
        """What a field is called in the hash."""
        return self._short.get(name, name)

    def encode(self, record: T) -> dict[str, str]:
        """The fields to store."""
        return {
            self.stored(name): to_text(value)
            for name, (to_text, _) in self._fields.items()
            if (value := getattr(record, name)) != self._defaults.get(name, MISSING)
        }

    def decode(self, record_id: str, row: Mapping[bytes, bytes]) -> T:
        """The record; fields unknown to this version are left alone."""
        values = {}
        for name, (_, from_text) in self._fields.items():
            raw = row.get(self.stored(name).encode())
            if raw is not None:
                values[name] = from_text(raw.decode())
        return self._make(id=record_id, **values)

    def changes(self, old: T, new: T) -> tuple[dict[str, str], list[str]]:
        """Fields to set and fields to remove to get from `old` to `new`."""
        before, after = self.encode(old), self.encode(new)
        put = {name: text for name, text in after.items() if before.get(name) != text}
        return put, [name for name in before if name not in after]


def _pair(hint: Any) -> _Pair:
    """How a value of this type becomes text, and back."""
    origin, args = get_origin(hint), get_args(hint)
    if origin in {Union, types.UnionType}:
        [inner] = [arg for arg in args if arg is not type(None)]
        to_text, from_text = _pair(inner)
        return (
            lambda value: "" if value is None else to_text(value),
            lambda text: None if text == "" else from_text(text),
        )
    if origin in {tuple, frozenset}:
        to_item, from_item = _pair(args[0])
        collect = origin
        return (
            lambda value: json.dumps(sorted(map(to_item, value)) if collect is frozenset else [*map(to_item, value)]),
            lambda text: collect(map(from_item, json.loads(text))),
        )
    if hint is str:
        return str, str
    if hint is int:
        return str, int
    if hint is bytes:
        return _to_base64, _from_base64
    if isinstance(hint, type) and issubclass(hint, Enum):
        return (lambda value: str(value.value)), hint
    if isinstance(hint, type) and issubclass(hint, str):
        return str, hint
    raise TypeError(f"no text form for {hint!r}")


def _to_base64(value: bytes) -> str:
    return base64.b64encode(value).decode().rstrip("=")


def _from_base64(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)


def pairs(row: Any) -> dict[bytes, bytes]:
    """A hash as the client hands it over, be it a mapping or a flat list."""
    if isinstance(row, Mapping):
        return dict(row)
    return dict(zip(row[::2], row[1::2], strict=True))
