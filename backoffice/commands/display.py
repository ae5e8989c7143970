"""How far `upload` and `download` are, on the terminal, and the lines that they print."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, Protocol

import click
from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    DownloadColumn,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.progress import Progress as Bars

from backoffice.client.errors import printable_path
from backoffice.client.progress import Progress
from backoffice.units import filesize

LINE_SECONDS: Final = 10.0
"""Without a terminal one line about a file comes at most this often."""


class Display(Protocol):
    """Shows how far each file is, and the lines that are the command's result."""

    def start_progress(self, name: str, size: int | None) -> Progress:
        """Begin to show a file of so many bytes; None: nobody knows yet."""

    def result(self, line: str) -> object:
        """On standard output."""

    def problem(self, line: str) -> object:
        """On standard error."""


@contextmanager
def display() -> Iterator[Display]:
    """Bars where standard error is a terminal, else lines."""
    if not sys.stderr.isatty():
        yield _LineDisplay()
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(binary_units=True),
        TransferSpeedColumn(),
        TimeRemainingColumn(compact=True),
    )
    console = Console(stderr=True, highlight=False)
    with Bars(*columns, console=console, redirect_stdout=False, transient=True) as bars:
        yield _BarDisplay(bars)


class _BarDisplay:
    def __init__(self, bars: Bars) -> None:
        self._bars = bars

    def start_progress(self, name: str, size: int | None) -> Progress:
        for task in self._bars.tasks:  # one bar at a time; what is done has its line
            self._bars.remove_task(task.id)
        return _BarProgress(self._bars, self._bars.add_task(escape(_shortened(name)), total=size))

    def result(self, line: str) -> None:
        if sys.stdout.isatty():  # the terminal that the bars are on
            self._bars.console.print(line, markup=False, soft_wrap=True)
        else:
            click.echo(line)

    def problem(self, line: str) -> None:
        self._bars.console.print(line, markup=False, soft_wrap=True)


class _BarProgress:
    def __init__(self, bars: Bars, task: TaskID) -> None:
        self._bars, self._task = bars, task

    def advance(self, count: int) -> None:
        self._bars.advance(self._task, count)

    def start_at(self, done: int) -> None:
        self._bars.reset(self._task, completed=done)

    compared = start_at


class _LineDisplay:
    def start_progress(self, name: str, size: int | None) -> Progress:
        return _LineProgress(name, size)

    def result(self, line: str) -> None:
        click.echo(line)

    def problem(self, line: str) -> None:
        click.echo(line, err=True)


class _LineProgress:
    """Called from several threads; a line more or less does no harm."""

    def __init__(self, name: str, size: int | None) -> None:
        self._name, self._size, self._done, self._told = _shortened(name), size, 0, time.monotonic()

    def advance(self, count: int) -> None:
        self._done += count
        now = time.monotonic()
        if now - self._told > LINE_SECONDS:
            self._told = now
            click.echo(f"{self._name}: {self._so_far()}", err=True)

    def start_at(self, done: int) -> None:
        self._done = done
        if done:
            click.echo(f"{self._name}: going on at {self._so_far()}", err=True)

    def compared(self, done: int) -> None:
        self._done = done
        now = time.monotonic()
        if now - self._told > LINE_SECONDS:
            self._told = now
            click.echo(f"{self._name}: comparing with what has arrived, {self._so_far()}", err=True)

    def _so_far(self) -> str:
        if self._size is None:
            return filesize(self._done)
        return f"{self._done * 100 // max(self._size, 1)} %"


def _shortened(name: str, longest: int = 32) -> str:
    name = printable_path(name)
    return name if len(name) <= longest else f"{name[: longest // 2 - 1]}…{name[-longest // 2 :]}"
