"""`store`: where the store is."""

from __future__ import annotations

import sys
from urllib.parse import quote, urlsplit, urlunsplit

import click

from backoffice.commands.cli_settings import load
from backoffice.settings import Settings


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


def address(settings: Settings, *, with_password: bool) -> str:
    """The store's address with REDIS_PASSWORD put in, or without any password."""
    parts = urlsplit(settings.redis_url)
    credentials, _, place = parts.netloc.rpartition("@")
    user, _, _ = credentials.partition(":")
    if not with_password:
        credentials = user
    elif settings.redis_password is not None:
        credentials = f"{user}:{quote(settings.redis_password.reveal(), safe='')}"
    whole = urlunsplit(parts._replace(netloc=f"{credentials}@{place}" if credentials else place))
    # urlunsplit writes `unix:/path` or `unix:///path` depending on the Python; tools know the latter.
    return whole.replace("unix:/", "unix:///", 1) if whole.startswith("unix:/") and whole[6:7] != "/" else whole
