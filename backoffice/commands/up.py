"""`up`: everything from one command."""

from __future__ import annotations

import click

from backoffice.commands.cli_settings import DOTENV, environ
from backoffice.embedded.supervisor import Plan, up
from backoffice.settings import Settings


@click.command("up")
@click.option("--host", help="Address to listen on (127.0.0.1).")
@click.option("--port", help="Port to listen on (5000); 0: any free one.")
@click.option("--workers", help="Number of web processes (one per core).")
@click.option("--data", metavar="DIR", help="Where the embedded store keeps its data (./var).")
@click.option("--demo", is_flag=True, help="Load the demonstration users, roles and files.")
def command(host: str | None, port: str | None, workers: str | None, data: str | None, *, demo: bool) -> int:
    """Run the store (unless REDIS_URL names one), the web server and the worker, until Ctrl-C."""
    env = environ(
        {
            "BACKOFFICE_HOST": host,
            "BACKOFFICE_PORT": port,
            "BACKOFFICE_WEB_WORKERS": workers,
            "BACKOFFICE_DATA_DIR": data,
        }
    )
    settings = Settings.from_env(env, DOTENV, need_secret=False)
    return up(Plan(settings=settings, environ=env, demo=demo))
