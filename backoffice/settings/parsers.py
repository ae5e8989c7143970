"""One parser for each kind of setting: text in, value out, or ValueError with the end of a sentence.

The messages follow the setting's name: "BACKOFFICE_CHUNK_SIZE must be …". They never repeat a secret.
"""

from __future__ import annotations

import ipaddress
import os
import re
import stat
from base64 import b64decode
from binascii import Error as BinasciiError
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final, TypeVar
from urllib.parse import urlsplit

from backoffice.secret import Secret
from backoffice.units import UNLIMITED, parse_duration, parse_size

E = TypeVar("E", bound=StrEnum)
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

ENCRYPTION_KEY_BYTES: Final = 32
_HOST_NAME: Final = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*\.?")


class Environment(StrEnum):
    PRODUCTION = "production"
    DEVELOPMENT = "development"


class Durability(StrEnum):
    """What an acknowledged write of the embedded store survives."""

    DISK = "disk"  # power loss: fsync before the answer
    OS = "os"  # the death of the store: handed to the operating system, fsync each second
    MEMORY = "memory"  # nothing: no log is written


@dataclass(frozen=True, slots=True)
class TrustedProxies:
    """The proxies whose X-Forwarded-* headers count: the last `count` hops, or all within `networks`."""

    count: int = 0
    networks: tuple[Network, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.count or self.networks)

    def __str__(self) -> str:
        """As it is written in the environment."""
        return ", ".join(map(str, self.networks)) or (str(self.count) if self.count else "")


@dataclass(frozen=True, slots=True)
class ChunkPlace:
    """Where the bytes of chunks lie: in a directory, or (None) in Redis."""

    directory: Path | None = None

    def __str__(self) -> str:
        return "redis" if self.directory is None else f"file:{self.directory}"


def choice(kind: type[E]) -> Callable[[str], E]:
    def parse(text: str) -> E:
        try:
            return kind(text.lower())
        except ValueError:
            raise ValueError(f"must be one of {', '.join(kind)}, not {text!r}") from None

    return parse


def number(low: int, high: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        if not re.fullmatch(r"[0-9]{1,12}", text) or not low <= int(text) <= high:
            raise ValueError(f"must be a whole number from {low} to {high}, not {text!r}")
        return int(text)

    return parse


def size(low: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        value = parse_size(text)
        if value < low:
            raise ValueError(f"must be at least {low} bytes, not {text!r}")
        return value

    return parse


def optional_size(text: str) -> int | None:
    return None if text.lower() == UNLIMITED else parse_size(text)


def duration(low: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        value = parse_duration(text)
        if value < low:
            raise ValueError(f"must be at least {low} seconds, not {text!r}")
        return value

    return parse


def listed(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def secrets(text: str) -> tuple[Secret, ...]:
    return tuple(Secret(part) for part in listed(text))


def encryption_keys(text: str) -> tuple[Secret, ...]:
    for part in listed(text):
        try:
            key = b64decode(part, altchars=b"-_", validate=True)
        except BinasciiError:
            key = b""
        if len(key) != ENCRYPTION_KEY_BYTES:
            raise ValueError(f"must be keys of {ENCRYPTION_KEY_BYTES} bytes in base64 (`manage.py encryption new-key`)")
    return secrets(text)


def program(text: str) -> Path:
    path = Path(text)
    if not path.is_absolute() or not os.access(path, os.X_OK) or path.is_dir():
        raise ValueError(f"must be the whole path of a program, not {text!r}")
    return path


def log_level(text: str) -> str:
    if text.upper() not in {"DEBUG", "INFO", "WARNING", "ERROR"}:
        raise ValueError(f"must be DEBUG, INFO, WARNING or ERROR, not {text!r}")
    return text.upper()


def directory(text: str) -> Path:
    try:
        path = Path(text).expanduser()
    except RuntimeError:
        raise ValueError(f"must not begin with ~ where no home directory is known: {text!r}") from None
    try:
        found = path.stat()
    except FileNotFoundError:
        return path
    except OSError as error:
        raise ValueError(f"must be a directory that can be used; {text!r}: {error.strerror}") from None
    if not stat.S_ISDIR(found.st_mode):
        raise ValueError(f"must be a directory; {text!r} is not one")
    return path


def chunk_place(text: str) -> ChunkPlace:
    kind, _, path = text.partition(":")
    if kind == "file" and path:
        return ChunkPlace(directory(path))
    if text != "redis":
        raise ValueError(f"must be redis or file:DIRECTORY, not {text!r}")
    return ChunkPlace()


def key_prefix(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,32}", text):
        raise ValueError(f"must be 1 to 32 letters, digits, '-' or '_', not {text!r}")
    return text


def host(text: str) -> str:
    """A name or address to listen on; an IPv6 address without brackets."""
    bare = text.removeprefix("[").removesuffix("]").lower()
    if ":" in bare:
        try:
            return str(ipaddress.IPv6Address(bare))
        except ValueError:
            raise ValueError(f"must be a host name or an address without a port, not {text!r}") from None
    if not _HOST_NAME.fullmatch(bare):
        raise ValueError(f"must be a host name or an address, not {text!r}")
    return bare


def hosts(text: str) -> tuple[str, ...]:
    return tuple(host(part) for part in listed(text))


def proxies(text: str) -> TrustedProxies:
    if re.fullmatch(r"[0-9]", text):
        return TrustedProxies(count=int(text))
    try:
        return TrustedProxies(networks=tuple(ipaddress.ip_network(part) for part in listed(text)))
    except ValueError as error:
        raise ValueError(f"must be a number of proxies (0 to 9) or networks such as 10.0.0.0/8: {error}") from None


_PATH = re.compile(r"(?:/(?!\.)[A-Za-z0-9._~-]+)*")
"""Plain enough to stand in an address, a cookie's name and a script alike; no segment is one of dots."""


def web_url(text: str) -> str:
    """`scheme://host[:port]` and perhaps a path, without a closing slash."""
    try:
        parts = urlsplit(text)
        sound = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
        sound = sound and bool(host(parts.hostname or "")) and parts.username is None
    except ValueError:
        sound = False
    path = parts.path.rstrip("/") if sound else ""
    if not sound or not _PATH.fullmatch(path) or parts.query or parts.fragment:
        raise ValueError(f"must be like https://files.example.org or https://example.org/files, not {text!r}")
    return f"{parts.scheme}://{parts.netloc.lower()}{path}"
