"""`encryption`: keys, and what was stored before there were any."""

from __future__ import annotations

import os
from base64 import b64encode

import click
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from backoffice.commands.cli_context import moment, shell, show


@click.group("encryption")
def command() -> None:
    """Encrypt the bytes of files where they are stored."""


@command.command("new-key")
def new_key() -> None:
    """Print a new key for BACKOFFICE_ENCRYPTION_KEYS. Keep it: without it nobody can read the files."""
    click.echo(b64encode(os.urandom(32)).decode())


@command.command("status")
def status() -> None:
    """Print by which keys the bytes are encrypted."""
    here = shell()
    state = here.services.encryption.state(here.actor)
    if not state.on:
        click.echo("Off: BACKOFFICE_ENCRYPTION_KEYS is not set.")
        return
    click.echo(f"On. Keys of the settings, the first wraps: {', '.join(state.site_keys)}")
    rows = ((str(key.number), key.site_key, moment(key.made_at)) for key in state.data_keys)
    show(("data key", "wrapped by", "made"), rows)


@command.command("rotate")
def rotate() -> None:
    """Make another data key, and wrap all of them by the first key of the settings. No file is rewritten."""
    here = shell()
    number = here.services.encryption.rotate(here.actor)
    name = here.services.encryption.state(here.actor).site_keys[0]
    click.echo(f"Data key {number} is used from now on. All data keys are wrapped by {name}.")


@command.command("convert")
def convert() -> None:
    """Encrypt what was stored before encryption was switched on, while people go on working."""
    here = shell()
    looked_at = converted = 0
    columns = SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn()
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=None)
        for looked_at, converted in here.services.encryption.steps(here.actor):
            bar.update(task, description=f"{looked_at:,} chunks looked at, {converted:,} encrypted")
    click.echo(f"{looked_at:,} chunks looked at, {converted:,} encrypted.")
