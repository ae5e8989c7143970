"""`restore`: the store made of a backup."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from backoffice.commands.backup_files import carried_out, key_option, key_text, tell_finding, tell_restored
from backoffice.commands.cli_context import shell_actor
from backoffice.commands.cli_settings import DOTENV, environ
from backoffice.commands.naming_store import naming_store
from backoffice.composition import build_services, store_client
from backoffice.embedded.data_dir import Layout
from backoffice.embedded.for_a_while import store_running
from backoffice.settings import Settings
from backoffice.start import check_chunks, check_server


@click.command("restore")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option(
    "--base",
    "bases",
    multiple=True,
    type=click.Path(path_type=Path),
    help="A backup on which FILE stands, or a directory with such; may be given several times."
    "  [default: the directory of FILE]",
)
@click.option("--data", metavar="DIR", help="Where the embedded store keeps its data (./var).")
@key_option
def command(file: Path, bases: tuple[Path, ...], data: str | None, key_file: Path | None) -> int:
    """Put everything of FILE into the store, which has to be empty, and check all of it.

    Without REDIS_URL this is the embedded store, which is started for it; `up` goes on with that afterwards. Nothing is
    there by half: where the backup turns out to be damaged, the store is empty again.

    The exit status is 0 when all is well, 1 when something was not whole in the store that was backed up.
    """
    settings = Settings.from_env(environ({"BACKOFFICE_DATA_DIR": data}), DOTENV, need_secret=False)
    text = key_text(key_file, settings)
    with _store(settings) as own:
        with naming_store(own):
            client = store_client(own)
            check_server(client)
            check_chunks(own, client)
        backups = build_services(own, client).backups
        steps = backups.restore(shell_actor(), file, key=text, bases=bases or (file.parent,), on_finding=tell_finding)
        found = carried_out(steps)
    tell_restored(found)
    click.echo("All is well." if found.sound else "Restored, and not all of it is as it should be: see above.")
    return 0 if found.sound else 1


@contextmanager
def _store(settings: Settings) -> Iterator[Settings]:
    """The settings with the store's address."""
    if settings.redis_url:
        yield settings
        return
    with store_running(Layout.at(settings.data_dir), settings, click.echo) as own:
        yield own
