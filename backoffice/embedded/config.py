"""The bundled server's configuration file: every value that matters is written, whatever the server's defaults are."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from backoffice.embedded.data_dir import Layout, keep_secret, write_private
from backoffice.settings.parsers import Durability

_SHARE_OF_MEMORY: Final = 0.6  # the rest: rewriting the log copies pages, and web and worker live here too
_CGROUP_LIMITS: Final = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")

_LOG: Final[dict[Durability, dict[str, str]]] = {
    Durability.DISK: {"appendonly": "yes", "appendfsync": "always"},
    # With `everysec` a write waits in the server's memory, already answered, while the disk syncs what came before: up
    # to two seconds that a killed server loses. With `no` the kernel has every write before it is answered.
    Durability.OS: {"appendonly": "yes", "appendfsync": "no"},
    Durability.MEMORY: {"appendonly": "no"},
}


_ALWAYS: Final = {
    # One door: a socket in a directory that only this user may enter.
    "port": "0",
    "unixsocketperm": "600",
    "loglevel": "notice",
    "daemonize": "no",
    "databases": "1",
    # Nothing is ever thrown away to make room; writes are refused instead.
    "maxmemory-policy": "noeviction",
    # The append-only log is the only copy on disk.
    "save": '""',
    "no-appendfsync-on-rewrite": "no",
    "aof-load-truncated": "yes",
    "aof-timestamp-enabled": "no",
    "aof-use-rdb-preamble": "yes",
    "auto-aof-rewrite-percentage": "100",
    # Chunks do not change, so a rewrite mostly copies; it pays once much was deleted.
    "auto-aof-rewrite-min-size": "2gb",
    "rdbcompression": "no",  # chunks are mostly compressed already; trying costs a core
    # Deleted chunks are freed beside the one thread that answers.
    "lazyfree-lazy-user-del": "yes",
    "lazyfree-lazy-expire": "yes",
    "lazyfree-lazy-server-del": "yes",
    # Records, and the indexes of one owner or one file, stay in their compact form: half the memory.
    "hash-max-listpack-value": "300",
    "zset-max-listpack-entries": "512",
    "stream-node-max-bytes": "16384",  # events of the log are long: 7 bytes less for each than with 4 kB
    "enable-debug-command": "no",
    "enable-module-command": "no",
    "latency-monitor-threshold": "100",
    "commandlog-request-larger-than": "-1",  # every chunk would be in it
    "commandlog-reply-larger-than": "-1",
    "hide-user-data-from-log": "yes",
    "shutdown-timeout": "10",
    "tcp-keepalive": "60",
}


def render(layout: Layout, socket: Path, *, password: str, durability: Durability, max_memory: int) -> str:
    """The text of the configuration file."""
    values = {
        "unixsocket": quote(str(socket)),
        "requirepass": quote(password),
        "dir": quote(str(layout.store)),
        "logfile": quote(str(layout.store_log)),
        "maxmemory": str(max_memory),
        **_LOG[durability],
        **_ALWAYS,
    }
    return "".join(f"{name} {value}\n" for name, value in values.items())


def write(layout: Layout, *, durability: Durability, max_memory: int | None) -> Path:
    """Write the configuration for `layout` and return the socket's path. The password is made on the first start."""
    socket = layout.socket()
    password = keep_secret(layout.store_password)
    limit = max_memory or int(_machine_memory() * _SHARE_OF_MEMORY)
    text = render(layout, socket, password=password, durability=durability, max_memory=limit)
    write_private(layout.store_config, text)
    return socket


def quote(text: str) -> str:
    """`text` as one word of the configuration file, whatever bytes it has."""
    plain = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 _-./+=:,@"
    return '"' + "".join(chr(b) if b in plain else f"\\x{b:02x}" for b in os.fsencode(text)) + '"'


def _machine_memory() -> int:
    """Bytes this process may use: the machine's memory, or the container's limit when that is less."""
    found = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    for name in _CGROUP_LIMITS:
        path = Path(name)
        text = path.read_text("ascii").strip() if path.is_file() else "max"
        if text.isdecimal():
            found.append(int(text))
    return min(found)
