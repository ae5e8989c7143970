"""Addresses of a store: of one server on the network or on this machine, behind Sentinel, and of a cluster."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import parse_qsl, urlsplit

from backoffice.settings.parsers import host

REDIS_SCHEMES: Final = (
    "redis",
    "rediss",
    "unix",
    "redis+sentinel",
    "rediss+sentinel",
    "redis+cluster",
    "rediss+cluster",
)
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
_SENTINEL_OPTIONS: Final = dict.fromkeys(("sentinel_username", "sentinel_password"), "(?s:.+)")
"""Of the sentinels themselves, where they ask for a password; without them they are told none."""


def store_url(text: str) -> str:
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
    known = {} if "+" in scheme else dict(_URL_OPTIONS)
    known |= _TLS_OPTIONS if scheme.startswith("rediss") else {}
    known |= _SENTINEL_OPTIONS if scheme.endswith("+sentinel") else {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        if name not in known:
            raise ValueError("has an option after ? that is not known; a ? in a password is written %3F")
        if not re.fullmatch(known[name], value):
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
