"""Records to hashes and back. The only place where text of the store is decoded."""

from __future__ import annotations

import binascii
import json
import types
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, fields
from enum import Enum
from functools import cache
from typing import Any, Generic, TypeVar, Union, get_args, get_origin, get_type_hints

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Form:
    """How values of one type become text, and back, from text in a list or from the bytes of the store."""

    to_text: Callable[[Any], str]
    from_text: Callable[[str], Any]
    from_bytes: Callable[[bytes], Any]


@dataclass(frozen=True, slots=True)
class _Field:
    """A field of a record. `stored`: its name in the hash; `default`: the value that is left out, if there is one."""

    name: str
    stored: str
    default: Any
    to_text: Callable[[Any], str]

    def text(self, value: Any) -> str | None:
        """What is stored of a value; None: nothing."""
        return None if self.default is not MISSING and value == self.default else self.to_text(value)


class Codec(Generic[T]):
    """Turns a frozen dataclass into the fields of a hash: text, whole numbers, bytes (as base64), enumerations, None,
    and tuples or frozen sets of them (as JSON). `id` is in the key, not in the hash. `sparse` leaves out what equals
    its default, in all fields or in these; `short` gives fields shorter names in the hash, for nouns of which there are
    millions.

    What has to be done to each field is found once, here: a page decodes fifty records.
    """

    def __init__(
        self,
        record: type[T],
        *,
        sparse: bool | frozenset[str] = False,
        short: Mapping[str, str] | None = None,
    ) -> None:
        self._make: Callable[..., T] = record
        self._short = short or {}
        plan = _plan(record, sparse, tuple(self._short.items()))  # type: ignore[arg-type]  # a class T may be unhashable
        self._fields, self._decoders = plan

    def stored(self, name: str) -> str:
        """What a field is called in the hash."""
        return self._short.get(name, name)

    def text(self, record: T, name: str) -> str | None:
        """What is stored of one field; None where that is nothing."""
        return self._fields[name].text(getattr(record, name))

    def encode(self, record: T) -> dict[str, str]:
        """The fields to store."""
        return {
            field.stored: text
            for field in self._fields.values()
            if (text := field.text(getattr(record, field.name))) is not None
        }

    def decode(self, record_id: str, row: Mapping[bytes, bytes]) -> T:
        """The record; fields unknown to this version are left alone. Raises TypeError for a row that lacks a field
        without a default, ValueError for what is not of the field's type."""
        decoders = self._decoders
        values: dict[str, Any] = {"id": record_id}
        for stored, raw in row.items():
            found = decoders.get(stored)
            if found is not None:
                values[found[0]] = found[1](raw)
        return self._make(**values)

    def changes(self, old: T, new: T) -> tuple[dict[str, str], list[str]]:
        """Fields to set and fields to remove to get from `old` to `new`."""
        put, drop = {}, []
        for field in self._fields.values():
            was, now = getattr(old, field.name), getattr(new, field.name)
            if was == now:
                continue
            before, after = field.text(was), field.text(now)
            if after is None:
                drop.append(field.stored)
            elif after != before:
                put[field.stored] = after
        return put, drop


@cache
def _plan(
    record: type[Any], sparse: bool | frozenset[str], short: tuple[tuple[str, str], ...]
) -> tuple[dict[str, _Field], dict[bytes, tuple[str, Callable[[bytes], Any]]]]:
    """What has to be done to each field, by its name, and by what it is called in the hash. Found once for all codecs
    that are alike: to read the annotations takes nearly all the time in which one is made, and every check of the store
    makes them anew."""
    hints, names = get_type_hints(record), dict(short)
    plan: dict[str, _Field] = {}
    decoders: dict[bytes, tuple[str, Callable[[bytes], Any]]] = {}
    for field in fields(record):
        if field.name == "id":
            continue
        form, stored = _form(hints[field.name]), names.get(field.name, field.name)
        left_out = sparse if isinstance(sparse, bool) else field.name in sparse
        plan[field.name] = _Field(field.name, stored, field.default if left_out else MISSING, form.to_text)
        decoders[stored.encode()] = field.name, form.from_bytes
    return plan, decoders


def _form(hint: Any) -> _Form:
    """How a value of this type becomes text, and back."""
    origin, args = get_origin(hint), get_args(hint)
    if origin in {Union, types.UnionType}:
        [inner] = [arg for arg in args if arg is not type(None)]
        return _optional(_form(inner))
    if origin in {tuple, frozenset}:
        return _several(_form(args[0]), origin)
    if hint is str:
        return _Form(str, str, bytes.decode)
    if hint is int:
        return _Form(str, int, int)
    if hint is bytes:
        return _Form(_to_base64, _from_base64, _from_base64)
    if isinstance(hint, type) and issubclass(hint, Enum):
        return _choice(hint)
    if isinstance(hint, type) and issubclass(hint, str):
        return _Form(str, hint, lambda raw: hint(raw.decode()))
    raise TypeError(f"no text form for {hint!r}")


def _optional(inner: _Form) -> _Form:
    return _Form(
        lambda value: "" if value is None else inner.to_text(value),
        lambda text: None if text == "" else inner.from_text(text),
        lambda raw: None if raw == b"" else inner.from_bytes(raw),
    )


def _several(item: _Form, collect: type[Any]) -> _Form:
    arrange: Callable[[Any], list[str]] = sorted if collect is frozenset else list

    def from_text(text: str) -> Any:
        return collect(map(item.from_text, json.loads(text)))

    return _Form(
        lambda value: json.dumps(arrange(map(item.to_text, value))), from_text, lambda raw: from_text(raw.decode())
    )


def _choice(hint: type[Enum]) -> _Form:
    known = {str(member.value).encode(): member for member in hint}
    # To ask the class for the member of a value is slow; where there is none, it says so.
    return _Form(lambda value: str(value.value), hint, lambda raw: known.get(raw) or hint(raw.decode()))


def _to_base64(value: bytes) -> str:
    return binascii.b2a_base64(value, newline=False).decode().rstrip("=")


def _from_base64(text: str | bytes) -> bytes:
    raw = text.encode() if isinstance(text, str) else text
    return binascii.a2b_base64(raw + b"=" * (-len(raw) % 4), strict_mode=True)


def pairs(row: Any) -> dict[bytes, bytes]:
    """A hash as the client hands it over, be it a dictionary or flat."""
    return row if isinstance(row, dict) else dict(zip(row[::2], row[1::2], strict=True))
