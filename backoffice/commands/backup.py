"""`backup`: one archive of everything, while people work; its key, its proof."""

from __future__ import annotations

import os
from pathlib import Path

import click

from backoffice.client.errors import printable_path
from backoffice.commands.backup_files import (
    SHOWN,
    carried_out,
    key_option,
    key_text,
    tell_finding,
    tell_restored,
)
from backoffice.commands.backup_proof import prove
from backoffice.commands.cli_context import shell
from backoffice.commands.cli_settings import DOTENV, environ
from backoffice.domain.access import system_actor
from backoffice.services.backup_schedule import WORKER
from backoffice.settings import Settings
from backoffice.stores.backup.checking import check_archive
from backoffice.stores.backup.sealed import Key
from backoffice.units import filesize

FILE = click.Path(dir_okay=False, path_type=Path)


class _Group(click.Group):
    """`backup FILE` is `backup write FILE`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        known = {*self.commands, "--help", "-h"}
        return super().parse_args(ctx, args if not args or args[0] in known else ["write", *args])


@click.group("backup", cls=_Group)
def command() -> None:
    """Write all that the store has into one file, while people work: `backup FILE`."""


@command.command("write")
@click.argument("file", type=FILE)
@click.option("--base", type=FILE, help="An earlier backup: contents that it has are not read again.")
@key_option
def write(file: Path, base: Path | None, key_file: Path | None) -> int:
    """Back up to FILE, which appears when it is whole. What an interrupted run has left in FILE.part is gone on with.

    The exit status is 0 when all is in it, 1 when chunks of files were damaged or missing, which are named.
    """
    here = shell()
    steps = here.services.backups.make(here.actor, file, key=key_text(key_file, here.settings), base=base)
    made = carried_out(steps)
    name = printable_path(str(file))
    click.echo(f"{name}: {made.told}; {filesize(made.counts.size)}.")
    if made.resumed:
        click.echo(f"{filesize(made.resumed)} of it were there from an interrupted run.")
    for content, (held_by, count) in list(made.damaged.items())[:SHOWN]:
        click.echo(f"damaged: {held_by or content}: {count} of its chunks are damaged or missing; see `fsck`")
    if len(made.damaged) > SHOWN:
        click.echo(f"… and {len(made.damaged) - SHOWN} more")
    return 1 if made.damaged else 0


@command.command("key")
@click.argument("file", type=FILE)
def key(file: Path) -> None:
    """Make a key for backups in FILE, for this user alone. Keep a copy where the backups are not: without it nobody
    reads them."""
    handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="ascii") as out:
        out.write(Key.new_text())
        out.flush()
        os.fsync(out.fileno())
    name = printable_path(str(file))
    click.echo(f"{name}: a new key. Without it no backup that it encrypts can be read: keep a copy elsewhere.")


@command.command("check")
@click.argument("file", type=FILE)
@key_option
def check(file: Path, key_file: Path | None) -> None:
    """Read all of FILE and say whether it is whole, without any store."""
    settings = Settings.from_env(environ(), DOTENV, need_secret=False)
    found = check_archive(file, key_text(key_file, settings))
    name = printable_path(str(file))
    click.echo(
        f"{name} is whole: {found.members:,} members, {found.chunks:,} chunks; made {found.made} by version"
        f" {found.header.product}, archive {found.header.archive}."
    )
    for archive in found.needs:
        click.echo(f"it stands on the archive {archive}")


@command.command("prove")
@click.argument("file", type=FILE)
@click.option("--base", "bases", multiple=True, type=click.Path(path_type=Path), help="As of `restore`.")
@click.option(
    "--scratch",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where there is room for all files for a while.  [default: the directory of FILE]",
)
@click.option("--by-worker", is_flag=True, hidden=True, help="The worker has started it, as its log says then.")
@key_option
def prove_command(
    file: Path, bases: tuple[Path, ...], scratch: Path | None, by_worker: bool, key_file: Path | None
) -> int:
    """Restore FILE into a store of its own, check all of it, and remember that it was proven.

    The exit status is 0 when everything in it came back as it was.
    """
    here = shell()
    text = key_text(key_file, here.settings)
    bases = bases or (file.parent,)
    proof = prove(here.settings, file, text, bases, scratch or file.parent, tell_finding)
    tell_restored(proof.restored)
    for name in proof.different[:SHOWN]:
        click.echo(f"not as it was: {name}")
    if not proof.holds:
        click.echo("This backup does not bring everything back.")
        return 1
    actor = system_actor(WORKER.name, here.actor.via) if by_worker else here.actor
    here.services.backups.note_proven(actor, file, proof.restored, proof.compared)
    click.echo(f"Proven: {proof.compared:,} records and entries are what they were, every chunk was read.")
    return 0
