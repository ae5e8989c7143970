"""What `upload` and `download` share: which site, which token, and how far it is."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Protocol, TypeVar

import click
from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from backoffice.commands.client import Client
from backoffice.commands.client_errors import ClientError, one_line
from backoffice.commands.context import DOTENV, environ
from backoffice.embedded.layout import Layout
from backoffice.embedded.locate import find
from backoffice.secret import Secret
from backoffice.settings import Settings

DEFAULT_URL: Final = "http://127.0.0.1:5000"
LINE_SECONDS: Final = 10.0
"""Without a terminal one line about a file comes at most this often."""
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
def connected(url: str | None, token: str | None, token_file: str | None) -> Iterator[Client]:
    """The site asked for; its connections end with the block. Raises ClientError, SettingsError."""
    settings = Settings.from_env(environ(), DOTENV, need_secret=False)
    client = Client(url or _address(settings), _token(settings, token, token_file))
    if client.exposes_token:
        click.echo("Warning: without https others on the way can read the token and the files.", err=True)
    try:
        yield client
    finally:
        client.close()


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
        raise ClientError(
            "A token is needed: set BACKOFFICE_TOKEN to one, or give --token-file."
            " `manage.py token create --user NAME` makes one."
        )
    return settings.client_token


def _read_token(path: str) -> str:
    try:
        text = sys.stdin.readline(LARGEST_TOKEN) if path == "-" else Path(path).read_text("utf-8")[:LARGEST_TOKEN]
    except (OSError, UnicodeDecodeError) as error:
        why = (isinstance(error, OSError) and error.strerror) or "it is not text"
        raise ClientError(f"{path} cannot be read: {why}.") from error
    if not text.strip():
        raise ClientError(f"There is no token in {path}.")
    return text.strip()


class Bar(Protocol):
    """How far one file is."""

    def add(self, count: int) -> object:
        """So many bytes more; a negative number when they have to go again."""

    def start_at(self, done: int) -> object:
        """So many were there before; they do not count for the speed."""


class Display(Protocol):
    """Shows a bar for each file, and the lines that are the command's result."""

    def bar(self, name: str, size: int) -> Bar: ...

    def result(self, line: str) -> object:
        """On standard output."""

    def problem(self, line: str) -> object:
        """On standard error."""


@contextmanager
def display() -> Iterator[Display]:
    """Bars where standard error is a terminal, else lines."""
    if not sys.stderr.isatty():
        yield _Lines()
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(binary_units=True),
        TransferSpeedColumn(),
        TimeRemainingColumn(compact=True),
    )
    console = Console(stderr=True, highlight=False)
    with Progress(*columns, console=console, redirect_stdout=False, transient=True) as progress:
        yield _Bars(progress)


class _Bars:
    def __init__(self, progress: Progress) -> None:
        self._progress = progress

    def bar(self, name: str, size: int) -> Bar:
        for task in self._progress.tasks:  # one bar at a time; what is done has its line
            self._progress.remove_task(task.id)
        return _TaskBar(self._progress, self._progress.add_task(escape(_short(name)), total=size))

    def result(self, line: str) -> None:
        if sys.stdout.isatty():  # the terminal that the bars are on
            self._progress.console.print(line, markup=False, soft_wrap=True)
        else:
            click.echo(line)

    def problem(self, line: str) -> None:
        self._progress.console.print(line, markup=False, soft_wrap=True)


class _TaskBar:
    def __init__(self, progress: Progress, task: TaskID) -> None:
        self._progress, self._task = progress, task

    def add(self, count: int) -> None:
        self._progress.advance(self._task, count)

    def start_at(self, done: int) -> None:
        self._progress.reset(self._task, completed=done)


class _Lines:
    def bar(self, name: str, size: int) -> Bar:
        return _LineBar(name, size)

    def result(self, line: str) -> None:
        click.echo(line)

    def problem(self, line: str) -> None:
        click.echo(line, err=True)


class _LineBar:
    """Called from several threads; a line more or less does no harm."""

    def __init__(self, name: str, size: int) -> None:
        self._name, self._size, self._done, self._told = _short(name), size, 0, time.monotonic()

    def add(self, count: int) -> None:
        self._done += count
        now = time.monotonic()
        if now - self._told > LINE_SECONDS:
            self._told = now
            click.echo(f"{self._name}: {self._done * 100 // max(self._size, 1)} %", err=True)

    def start_at(self, done: int) -> None:
        self._done = done
        if done:
            click.echo(f"{self._name}: going on at {done * 100 // max(self._size, 1)} %", err=True)


def shown(path: str) -> str:
    """A name or path for the terminal, whatever is in it."""
    return one_line(os.fsencode(path).decode("utf-8", "replace"))


def _short(name: str, longest: int = 32) -> str:
    name = shown(name)
    return name if len(name) <= longest else f"{name[: longest // 2 - 1]}…{name[-longest // 2 :]}"
