"""`store`: where the store is."""

from __future__ import annotations

import sys

import click

from backoffice.commands.cli_settings import address, load


@click.group("store")
def command() -> None:
    """Say where the store is."""


@command.command("url")
@click.option("--no-password", is_flag=True, help="Leave the password out.")
def url(*, no_password: bool) -> None:
    """Print the store's address, for `redis-cli -u` and other tools. It holds the password."""
    settings = load()
    click.echo(address(settings, with_password=not no_password))
    if settings.redis_url.startswith("unix:") and sys.stdout.isatty():
        click.echo("(redis-cli takes a Unix socket as: redis-cli -s PATH --askpass)", err=True)
