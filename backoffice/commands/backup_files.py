"""What the commands of backups share: keys, progress, and what is told in the end."""

from __future__ import annotations

from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any, Final, TypeVar

import click
from rich.progress import BarColumn, DownloadColumn, TextColumn, TimeElapsedColumn, TransferSpeedColumn

from backoffice.commands.bars import passing
from backoffice.domain.backups import BackupCounts, BackupProgress
from backoffice.domain.maintenance import Finding
from backoffice.services.backups import Restored
from backoffice.settings import Settings
from backoffice.units import filesize

R = TypeVar("R")
F = TypeVar("F", bound=Callable[..., Any])
LONGEST_KEY: Final = 4096
SHOWN: Final = 20
_WORDS: Final = {
    "left": "What is there",
    "contents": "Files",
    "records": "Records",
    "log": "Log",
    "indexes": "Indexes",
    "checks": "Checks",
    "disk": "Writing",
    "emptying": "Emptying",
    "waiting": "Waiting for another restore",
}


def key_option(command: F) -> F:
    """`--key-file`."""
    return click.option(
        "--key-file",
        type=click.Path(dir_okay=False, path_type=Path),
        help="A file with the key, as `backup key` makes it, or with a pass phrase.  [default: BACKOFFICE_BACKUP_KEY]",
    )(command)


def key_text(path: Path | None, settings: Settings) -> str:
    """The text of the key, "" = there is none. Raises OSError, ClickException."""
    if path is None:
        return settings.backup_key.reveal() if settings.backup_key is not None else ""
    try:
        with path.open(encoding="utf-8") as file:
            text = file.read(LONGEST_KEY).strip()
    except UnicodeDecodeError:
        raise click.ClickException(f"{path} is no key file: it is not text.") from None
    if not text:
        raise click.ClickException(f"There is no key in {path}.")
    return text


def carried_out(steps: Generator[BackupProgress, None, R]) -> R:
    """What all steps come to; how far they are is shown on a terminal."""
    columns = TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn()
    with passing(*columns, TimeElapsedColumn()) as bar:
        task = bar.add_task("", total=None)
        while True:
            try:
                step = next(steps)
            except StopIteration as end:
                found: R = end.value
                return found
            bar.update(
                task, description=_WORDS.get(step.what, step.what), completed=step.done, total=step.total or None
            )


def tell_restored(found: Restored) -> None:
    """What was put back, and what is not as it should be."""
    click.echo(f"{_told(found.counts)}; backed up by version {found.header.product}.")
    for content in found.lost[:SHOWN]:
        click.echo(f"not whole: content {content} was damaged in the store that was backed up")
    for record in found.unreadable[:SHOWN]:
        click.echo(f"cannot be read, as before: {record}")
    hidden = max(0, len(found.lost) - SHOWN) + max(0, len(found.unreadable) - SHOWN)
    if hidden:
        click.echo(f"… and {hidden} more")


def tell_finding(finding: Finding, _repaired: bool) -> None:
    """What `fsck` finds of a restored store."""
    click.echo(f"found: {finding.what}")


def _told(counts: BackupCounts) -> str:
    return (
        f"{counts.contents:,} contents with {filesize(counts.bytes)}, {counts.records:,} records,"
        f" {counts.entries:,} entries of the log"
    )
