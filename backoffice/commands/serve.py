"""`serve`: the web server alone, for containers and for `up`."""

from __future__ import annotations

from contextlib import closing
from functools import partial

import click

from backoffice import logs
from backoffice.app import create_app
from backoffice.commands.cli_settings import load_to_serve
from backoffice.commands.naming_store import naming_store
from backoffice.composition import store_client
from backoffice.errors import Unavailable
from backoffice.server.gunicorn_app import serve
from backoffice.server.threads import step_aside
from backoffice.settings import Settings, proxy_doubt
from backoffice.start import prepare_store


@click.command("serve")
@click.option("--host", help="Address to listen on (127.0.0.1).")
@click.option("--port", help="Port to listen on (5000).")
@click.option("--workers", help="Number of web processes (one per core).")
@click.option("--fd", type=click.IntRange(0, 65535), hidden=True, help="A listening socket to inherit.")
def command(host: str | None, port: str | None, workers: str | None, fd: int | None) -> int:
    """Run the web server against the store that REDIS_URL names, or the one `up` runs here."""
    overrides = {"BACKOFFICE_HOST": host, "BACKOFFICE_PORT": port, "BACKOFFICE_WEB_WORKERS": workers}
    settings = load_to_serve(overrides)
    logs.configure(settings)
    if fd is None and (doubt := proxy_doubt(settings)):  # else `up` says it
        logs.logger("backoffice.serve").warning("no proxy is trusted", because=doubt)
    _prepare_store(settings)
    return serve(settings, partial(create_app, settings, step_aside), fd=fd)


def _prepare_store(settings: Settings) -> None:
    """Raises SettingsError when the store would lose data. One that is away is no reason not to start: `/readyz` says
    so until it is back."""
    try:
        with naming_store(settings), closing(store_client(settings)) as client:
            prepare_store(settings, client)
            # Closed, for nothing connected may be carried through the fork.
    except Unavailable as error:
        logs.logger("backoffice.serve").warning("store is away", because=str(error))
