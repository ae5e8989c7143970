"""`encryption`: keys, what was stored before there were any, and the data directory in the clear again."""

from __future__ import annotations

import os
from base64 import b64encode

import click
from rich.progress import SpinnerColumn, TextColumn, TimeElapsedColumn

from backoffice.commands.bars import passing
from backoffice.commands.cli_context import moment, shell, shell_actor, show
from backoffice.commands.cli_settings import DOTENV, environ
from backoffice.embedded.at_rest import Teller, decrypt
from backoffice.embedded.data_dir import Layout
from backoffice.settings import Settings


@click.group("encryption")
def command() -> None:
    """Encrypt what is stored, where it lies."""


@command.command("new-key")
def new_key() -> None:
    """Print a new key for BACKOFFICE_ENCRYPTION_KEYS. Keep it: without it nobody can read the files."""
    click.echo(b64encode(os.urandom(32)).decode())


@command.command("status")
def status() -> None:
    """Print by which keys the bytes, and the data directory, are encrypted."""
    here = shell()
    state = here.services.encryption.state(here.actor)
    key = state.directory_key
    told = "not encrypted" if key is None else f"encrypted by a key of {moment(key.made_at)}, wrapped by {key.site_key}"
    click.echo(f"What the embedded store writes: {told}")
    if not state.on:
        click.echo("Off: BACKOFFICE_ENCRYPTION_KEYS is not set.")
        return
    click.echo(f"On. Keys of the settings, the first wraps: {', '.join(state.site_keys)}")
    click.echo(f"Bytes of files that are not encrypted are {'refused' if state.only else 'read as they are'}.")
    rows = ((str(key.number), key.site_key, moment(key.made_at)) for key in state.data_keys)
    show(("data key", "wrapped by", "made"), rows)


@command.command("rotate")
def rotate() -> None:
    """Make another data key, and wrap all of them by the first key of the settings. No file is rewritten."""
    here = shell()
    number = here.services.encryption.rotate(here.actor)
    name = here.services.encryption.state(here.actor).site_keys[0]
    click.echo(f"Data key {number} is used from now on. All data keys are wrapped by {name}.")
    if here.services.encryption.state(here.actor).directory_key is not None:
        click.echo("That of the data directory is, too.")


@command.command("convert")
def convert() -> None:
    """Encrypt what was stored before encryption was switched on, while people go on working."""
    here = shell()
    looked_at = converted = 0
    columns = SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn()
    with passing(*columns) as bar:
        task = bar.add_task("", total=None)
        for looked_at, converted in here.services.encryption.steps(here.actor):
            bar.update(task, description=f"{looked_at:,} chunks looked at, {converted:,} encrypted")
    click.echo(f"{looked_at:,} chunks looked at, {converted:,} encrypted.")
    if not converted:
        click.echo(
            "All are. With BACKOFFICE_ENCRYPTED_ONLY=1 others, which nobody but an intruder writes, are refused."
        )


@command.command("decrypt-data")
@click.option("--data", metavar="DIR", help="Where the embedded store keeps its data (./var).")
def decrypt_data(data: str | None) -> None:
    """Have the data directory in the clear again, while nothing runs in it.

    First take BACKOFFICE_ENCRYPT_DATA away. It needs the keys once more, and room for a copy.
    """
    settings = Settings.from_env(environ({"BACKOFFICE_DATA_DIR": data}), DOTENV, need_secret=False)
    layout = Layout.at(settings.data_dir)
    done = decrypt(layout, settings, Teller(click.echo, by=shell_actor().name))
    click.echo(f"{layout.store} is {'no longer encrypted' if done else 'not encrypted: nothing was to be done'}.")
