"""A checker of tus servers: it knows the protocol (tus 1.0.0) and nothing of the server.

.venv/bin/python -m tests.support.tus_checker http://127.0.0.1:1080/files/ [HEADER=VALUE]...

Each check is about one sentence of the protocol and says what it found; what a server does not claim to have
(`Tus-Extension`) is passed over. It leaves uploads behind only where the server has no termination.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

import urllib3

from tests.support import tus_extensions
from tests.support.tus_protocol import CHECKS, Server

__all__ = ["CHECKS", "Server", "run", "tus_extensions"]


def run(server: Server) -> Iterator[tuple[str, str]]:
    """Each check and what came of it: "ok", "not claimed", or what is wrong."""
    claimed = server.extensions() | {""}
    for name, (extension, one) in CHECKS.items():
        if extension not in claimed:
            yield name, "not claimed"
            continue
        try:
            one(server)
        except (AssertionError, KeyError, ValueError, urllib3.exceptions.HTTPError) as error:
            yield name, f"{type(error).__name__}: {error}"
        else:
            yield name, "ok"


if __name__ == "__main__":
    found = dict(run(Server(sys.argv[1], dict(one.split("=", 1) for one in sys.argv[2:]))))
    for name, result in found.items():
        print(f"{name.replace('_', ' '):50} {result}")
    sys.exit(any(result not in {"ok", "not claimed"} for result in found.values()))
