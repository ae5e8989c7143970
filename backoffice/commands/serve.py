"""`serve`: the web server alone, for containers and for `up`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import closing
from functools import partial
from typing import Final

import click

from backoffice import logs
from backoffice.app import create_app
from backoffice.commands.cli_settings import load_to_serve
from backoffice.commands.naming_store import naming_store
from backoffice.composition import store_client
from backoffice.errors import Unavailable
from backoffice.server.gunicorn_app import serve
from backoffice.server.master import Succession
from backoffice.server.threads import step_aside
from backoffice.settings import Settings, proxy_doubt
from backoffice.start import prepare_store

_AFTER: Final = "--after"
_CHECK: Final = "--check"


@click.command("serve")
@click.option("--host", help="Address to listen on (127.0.0.1).")
@click.option("--port", help="Port to listen on (5000).")
@click.option("--workers", help="Number of web processes (one per core).")
@click.option("--fd", type=click.IntRange(0, 65535), hidden=True, help="A listening socket to inherit.")
@click.option(_AFTER, default="", hidden=True, help="Processes of before a restart, which are to retire.")
@click.option(_CHECK, is_flag=True, hidden=True, help="Only say whether it would run.")
def command(host: str | None, port: str | None, workers: str | None, fd: int | None, after: str, *, check: bool) -> int:
    """Run the web server against the store that REDIS_URL names, or the one `up` runs here.

    SIGHUP: new processes, with the code and the settings of now, take the place of those that run. No request is lost.
    """
    overrides = {"BACKOFFICE_HOST": host, "BACKOFFICE_PORT": port, "BACKOFFICE_WEB_WORKERS": workers}
    settings = load_to_serve(overrides, listens=True)
    logs.configure(settings)
    if fd is None and (doubt := proxy_doubt(settings)):  # else `up` says it
        logs.logger("backoffice.serve").warning("no proxy is trusted", because=doubt)
    _prepare_store(settings)
    if check:
        create_app(settings, step_aside)
        return 0
    retiring = tuple(int(pid) for pid in after.split(",") if pid)
    succession = Succession([*_own_command(), _CHECK], _successor, retiring)
    return serve(settings, partial(create_app, settings, step_aside), fd=fd, succession=succession)


def _own_command() -> list[str]:
    """How this process was started, before any restart."""
    words = [sys.executable, *sys.orig_argv[1:]]
    return words[: words.index(_AFTER)] if _AFTER in words else words


def _successor(fd: int, workers: Sequence[int]) -> list[str]:
    return [*_own_command(), _AFTER, ",".join(map(str, workers)), "--fd", str(fd)]


def _prepare_store(settings: Settings) -> None:
    """Raises SettingsError when the store would lose data. One that is away is no reason not to start: `/readyz` says
    so until it is back."""
    try:
        with naming_store(settings), closing(store_client(settings)) as client:
            prepare_store(settings, client)
            # Closed, for nothing connected may be carried through the fork.
    except Unavailable as error:
        logs.logger("backoffice.serve").warning("store is away", because=str(error))
