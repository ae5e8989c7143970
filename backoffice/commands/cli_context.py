"""What the commands that work on people and the log share: the services, the actor, and how lists look."""

from __future__ import annotations

import getpass
import sys
from collections.abc import Iterable
from dataclasses import dataclass

import click
from rich.console import Console
from rich.table import Table

from backoffice.commands.cli_settings import load
from backoffice.commands.naming_store import naming_store
from backoffice.composition import build_services, store_client
from backoffice.domain.access import Actor, system_actor
from backoffice.domain.times import rfc3339
from backoffice.services.container import Services
from backoffice.settings import Settings
from backoffice.start import check_chunks, check_form, check_store, setup_link


@dataclass(frozen=True, slots=True)
class Shell:
    """Whoever may run commands here holds everything, and stands in the log by the name of the system's account."""

    services: Services
    actor: Actor
    settings: Settings

    def link(self, secret: str) -> str:
        """Where a one-time link leads."""
        return setup_link(self.settings, secret)


def shell(*, refuse_unsafe: bool = True, migrating: bool = False) -> Shell:
    """`refuse_unsafe`: not on a store that may lose data by itself; who only looks for what is lost may go on.
    `migrating`: also on one that is not yet in the form of this version.

    Raises SettingsError, NotRunning or Unavailable.
    """
    settings = load()
    with naming_store(settings):
        client = store_client(settings)
        (check_store if refuse_unsafe else check_chunks)(settings, client)
        check_form(settings, client, migrating=migrating)
    return Shell(build_services(settings, client), shell_actor(), settings)


def shell_actor() -> Actor:
    """Whoever runs a command, by the name of the system's account."""
    return system_actor(_account(), "shell")


def new_password() -> str:
    """From the terminal, twice and unseen; or the first line of what is piped in. Never an argument: those are seen by
    everybody on the machine."""
    if sys.stdin is None:
        raise click.UsageError("Standard input is closed: a password is read from it.")
    if sys.stdin.isatty():
        return str(click.prompt("New password", hide_input=True, confirmation_prompt=True))
    try:
        return sys.stdin.readline().rstrip("\r\n")
    except UnicodeDecodeError:
        raise click.UsageError("The password on standard input is not UTF-8 text.") from None


def show(columns: Iterable[str], rows: Iterable[Iterable[str]]) -> None:
    """A table on a terminal, else one line for each row with tabs between the values."""
    if not sys.stdout.isatty():
        for row in rows:
            click.echo("\t".join(row))
        return
    table = Table(*columns, box=None, pad_edge=False, header_style="bold")
    for row in rows:
        table.add_row(*row)
    Console(highlight=False, markup=False).print(table)


def moment(ms: int) -> str:
    """A time for people; "-" for never."""
    return rfc3339(ms)[:16].replace("T", " ") if ms else "-"


def _account() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "nobody"  # a container's user without a name
