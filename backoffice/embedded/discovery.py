"""How the other commands find what `up` is running: through the data directory."""

from __future__ import annotations

import dataclasses
import json
import socket
from pathlib import Path
from urllib.parse import quote, urlsplit

from backoffice.embedded.data_dir import Layout, has_secret, read_secret, unusable, write_private
from backoffice.settings import Secret, Settings


class NotRunning(Exception):
    """No store was given and none is running; the message says how to start one."""


@dataclasses.dataclass(frozen=True, slots=True)
class Running:
    """What the supervisor of a data directory says about itself. `socket` is empty when REDIS_URL names the store."""

    pid: int
    url: str
    socket: str


def announce(layout: Layout, running: Running) -> None:
    write_private(layout.record, json.dumps(dataclasses.asdict(running)) + "\n")


def find(layout: Layout) -> Running | None:
    """The supervisor's last word; it may have died since. Raises DataDirectoryError."""
    try:
        return Running(**json.loads(layout.record.read_text("utf-8")))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise unusable(layout.record, error) from error
    except (ValueError, TypeError):  # written by another edition of this program
        return None


def attach(settings: Settings) -> Settings:
    """`settings` with the address and secrets of the embedded store, unless they name a store themselves.

    Raises NotRunning, DataDirectoryError.
    """
    layout = Layout.at(settings.data_dir)
    if not settings.secret_keys and has_secret(layout.secret):
        settings = dataclasses.replace(settings, secret_keys=(Secret(read_secret(layout.secret)),))
    if settings.redis_url:
        return settings
    running = find(layout)
    if running is None or not running.socket or not _answers(Path(running.socket)):
        raise NotRunning(
            f"no store is running in {layout.root}: start it with `manage.py up`, or set REDIS_URL"
            " (or BACKOFFICE_DATA_DIR)"
        )
    password = read_secret(layout.store_password)
    settings = dataclasses.replace(settings, redis_url=socket_url(running.socket), redis_password=Secret(password))
    # Links that a command prints lead to the site that runs, whatever port it was started on.
    site = urlsplit(running.url)
    return dataclasses.replace(settings, host=site.hostname or settings.host, port=site.port or settings.port)


def socket_url(path: str, password: str = "") -> str:
    user = f":{quote(password, safe='')}@" if password else ""
    return f"unix://{user}{quote(path)}"


def _answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(2)
        try:
            connection.connect(str(path))
        except OSError:
            return False
    return True
