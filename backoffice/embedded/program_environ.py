"""What `up` hands to the programs that it runs."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from backoffice.embedded import discovery as locate
from backoffice.embedded.data_dir import Layout, keep_secret
from backoffice.settings import Settings

_PACKAGE: Final = Path(__file__).resolve().parent.parent


def environ_of_programs(
    given: Mapping[str, str], settings: Settings, layout: Layout, port: int, names: Sequence[str], store: Path | None
) -> dict[str, str]:
    """`given` with what only the supervisor knows: the port, the names of this machine, where it listens on every
    address, and the socket of the store that it runs."""
    environ = without(given, "BACKOFFICE_TOKEN")
    environ["BACKOFFICE_PORT"] = str(port)
    environ.pop("BACKOFFICE_PORT_FILE", None)
    if names:
        # Who has it listen on every address means that it answers under this machine's own names.
        environ["BACKOFFICE_ALLOWED_HOSTS"] = ",".join([*settings.allowed_hosts, *names])
        environ.pop("BACKOFFICE_ALLOWED_HOSTS_FILE", None)
    # A few arenas for many threads: the default of 8 per core keeps freed chunks for every thread.
    environ.setdefault("MALLOC_ARENA_MAX", "2")
    # The programs find this very package, whatever the current directory is and whether or not it is installed.
    path = [str(_PACKAGE.parent), *filter(None, [environ.get("PYTHONPATH")])]
    environ["PYTHONPATH"] = os.pathsep.join(path)
    if not settings.secret_keys:
        keep_secret(layout.secret)
        environ["APP_SECRET_KEY_FILE"] = str(layout.secret)
    if store is not None:
        environ.pop("REDIS_PASSWORD", None)
        environ["REDIS_URL"] = locate.socket_url(str(store))
        environ["REDIS_PASSWORD_FILE"] = str(layout.store_password)
    return environ


def without(environ: Mapping[str, str], secret: str) -> dict[str, str]:
    """Without a secret that the program has no use for."""
    return {name: value for name, value in environ.items() if name not in {secret, f"{secret}_FILE"}}
