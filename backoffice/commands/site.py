"""What `upload` and `download` share: which site, and which token."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Final, TypeVar

import click

from backoffice.client.errors import ClientError
from backoffice.client.http import Client
from backoffice.commands.cli_settings import DOTENV, environ
from backoffice.embedded.data_dir import Layout
from backoffice.embedded.discovery import find
from backoffice.secret import Secret
from backoffice.settings import Settings

DEFAULT_URL: Final = "http://127.0.0.1:5000"
LARGEST_TOKEN: Final = 4096

F = TypeVar("F", bound=Callable[..., Any])


def site_options(command: F) -> F:
    """`--url`, `--token-file` and `--token`."""
    for option in (
        click.option(
            "--token",
            help="The token itself. Everybody on this machine sees it in the list of processes: better put it into the"
            " environment as BACKOFFICE_TOKEN, or use --token-file.",
        ),
        click.option(
            "--token-file", type=click.Path(dir_okay=False), help="A file that holds the token; - for standard input."
        ),
        click.option(
            "--url",
            help=f"Address of the site.  [default: the one that runs in the data directory here, else {DEFAULT_URL}]",
        ),
    ):
        command = option(command)
    return command


@contextmanager
def connect(url: str | None, token: str | None, token_file: str | None) -> Iterator[Client]:
    """A client of the site asked for; its connections end with the block, and its errors are those of the command.

    Raises ClickException, SettingsError.
    """
    settings = Settings.from_env(environ(), DOTENV, need_secret=False)
    try:
        with closing(Client(url or _address(settings), _token(settings, token, token_file), os.environ)) as client:
            if client.exposes_token:
                click.echo("Warning: without https others on the way can read the token and the files.", err=True)
            yield client
    except ClientError as error:
        raise click.ClickException(str(error)) from error


def _address(settings: Settings) -> str:
    running = find(Layout.at(settings.data_dir))
    return running.url if running is not None else DEFAULT_URL


def _token(settings: Settings, token: str | None, token_file: str | None) -> Secret:
    if token and token_file:
        raise click.UsageError("--token and --token-file are both given: keep one.")
    text = token or (_read_token(token_file) if token_file else "")
    if text:
        return Secret(text)
    if settings.client_token is None:
        raise click.ClickException(
            "A token is needed: set BACKOFFICE_TOKEN to one, or give --token-file."
            " `manage.py token create --user NAME` makes one."
        )
    return settings.client_token


def _read_token(path: str) -> str:
    try:
        if path == "-":
            text = "" if sys.stdin is None else sys.stdin.readline(LARGEST_TOKEN)
        else:
            with Path(path).open(encoding="utf-8") as file:
                text = file.read(LARGEST_TOKEN)
    except (OSError, UnicodeDecodeError) as error:
        why = (isinstance(error, OSError) and error.strerror) or "it is not text"
        raise click.ClickException(f"{path} cannot be read: {why}.") from error
    if not text.strip():
        raise click.ClickException(f"There is no token in {path}.")
    return text.strip()
