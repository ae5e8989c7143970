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
from urllib.parse import parse_qsl, urlsplit

from backoffice.secret import Secret
from backoffice.units import UNLIMITED, parse_duration, parse_size

E = TypeVar("E", bound=StrEnum)
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

REDIS_SCHEMES: Final = (
    "redis",
    "rediss",
    "unix",
    "redis+sentinel",
    "rediss+sentinel",
    "redis+cluster",
    "rediss+cluster",
)
ENCRYPTION_KEY_BYTES: Final = 32
_NUMBER: Final = r"[0-9]{1,9}"
_URL_OPTIONS: Final = {
    "db": _NUMBER,
    "client_name": r"[!-~]+",
    "max_connections": r"[1-9][0-9]{0,6}",
    "socket_timeout": r"[0-9]{1,6}(\.[0-9]+)?",
    "socket_connect_timeout": r"[0-9]{1,6}(\.[0-9]+)?",
    "health_check_interval": _NUMBER,
}
"""Options of redis-py that may stand in an address, with the form of their values."""
_TLS_OPTIONS: Final = {
    "ssl_cert_reqs": "none|optional|required",
    "ssl_check_hostname": "(?i:true|false|yes|no|0|1)",
    **dict.fromkeys(("ssl_ca_certs", "ssl_ca_path", "ssl_certfile", "ssl_keyfile"), "/.+"),
    **dict.fromkeys(("ssl_ca_data", "ssl_password", "ssl_ciphers"), "(?s:.+)"),
}
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


def redis_url(text: str) -> str:
    """An address of one of the five kinds. It may hold a password, so no message repeats it."""
    try:
        parts = urlsplit(text)
        scheme = parts.scheme
    except ValueError:
        raise ValueError("is not an address: see the documentation of REDIS_URL") from None
    if scheme not in REDIS_SCHEMES:
        raise ValueError(f"must start with {', '.join(f'{s}://' for s in REDIS_SCHEMES)}")
    _check_options(parts.query, parts.fragment, scheme)
    if scheme == "unix":
        if not parts.path.startswith("/") or parts.path == "/":
            raise ValueError("must name an absolute path: unix:///run/redis.sock")
        return text
    _check_nodes(parts.netloc.rpartition("@")[2], many="+" in scheme)
    path = [part for part in parts.path.split("/") if part]
    if scheme.endswith("+sentinel"):
        if not path or len(path) > 2 or not all(map(_is_database, path[1:])):
            raise ValueError("must name the service: redis+sentinel://host:26379,host:26379/service/0")
    elif len(path) > 1 or not all(map(_is_database, path)):
        raise ValueError("must end in a database number or nothing: redis://host:6379/0")
    elif scheme.endswith("+cluster") and path not in ([], ["0"]):
        raise ValueError("cannot choose a database: a cluster has only 0")
    return text


def _is_database(text: str) -> bool:
    return bool(re.fullmatch(r"[0-9]{1,9}", text))


def _check_options(query: str, fragment: str, scheme: str) -> None:
    """Options are handed to the client library, which would take some that break the site, and trip over others."""
    if fragment:
        raise ValueError("must not have a #; in a password it is written %23")
    known = _URL_OPTIONS if scheme in {"redis", "unix"} else _URL_OPTIONS | _TLS_OPTIONS
    for name, value in parse_qsl(query, keep_blank_values=True):
        wanted = {} if "+" in scheme else known
        if name not in wanted:
            raise ValueError("has an option after ? that is not known; a ? in a password is written %3F")
        if not re.fullmatch(wanted[name], value):
            raise ValueError(f"has no valid value for its option {name}")


def _check_nodes(netloc: str, *, many: bool) -> None:
    nodes = netloc.split(",")
    if len(nodes) > 1 and not many:
        raise ValueError("names several hosts: use redis+cluster:// or redis+sentinel://")
    for node in nodes:
        try:
            parts = urlsplit(f"//{node}")
            sound = bool(parts.hostname) and bool(host(parts.hostname or "")) and parts.port != 0
        except ValueError:
            sound = False
        if not sound:
            raise ValueError("has a host or port that is not valid")
