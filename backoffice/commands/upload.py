"""`upload`: files to a site over HTTP, in parallel chunks, going on where an interrupted one stopped."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import click

from backoffice.commands.client_errors import ClientError, Refused, Unreachable
from backoffice.commands.sources import opened
from backoffice.commands.transfer import Display, connected, display, shown, site_options
from backoffice.commands.uploader import Uploader, Wishes
from backoffice.domain.files import OnConflict


@click.command("upload")
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="PATH…")
@site_options
@click.option("--parallel", type=click.IntRange(1, 32), default=4, show_default=True, help="Chunks sent at once.")
@click.option("--name", help="Name on the site, for a single file.  [default: that of the file]")
@click.option(
    "--on-conflict",
    type=click.Choice([one.value for one in OnConflict]),
    default=OnConflict.RENAME.value,
    show_default=True,
    help="When you have a file of that name: keep both, refuse, or put the old one into the trash.",
)
@click.option("--tag", "tags", multiple=True, help="A tag; may be given several times.")
def command(
    *,
    paths: Sequence[Path],
    url: str | None,
    token: str | None,
    token_file: str | None,
    parallel: int,
    name: str | None,
    on_conflict: str,
    tags: Sequence[str],
) -> int:
    """Upload files. The same command again after an interruption goes on where it stopped.

    On standard output comes a line for each file: its id, a tab and the name it has there. The token is taken from
    BACKOFFICE_TOKEN, or from the file that BACKOFFICE_TOKEN_FILE or --token-file names. The exit status is 1 when a
    file could not be uploaded.
    """
    if name is not None and len(paths) > 1:
        raise click.UsageError("--name goes with a single file.")
    wishes = Wishes(on_conflict, tuple(tags))
    with ExitStack() as stack:
        client = stack.enter_context(connected(url, token, token_file))
        show = stack.enter_context(display())
        uploader = stack.enter_context(Uploader.at(client, parallel, wishes))
        try:
            failed = sum(not _upload(uploader, path, name, show) for path in paths)
        except KeyboardInterrupt:
            show.problem("Interrupted. The same command goes on where it stopped.")
            raise
    return 1 if failed else 0


def _upload(uploader: Uploader, path: Path, name: str | None, show: Display) -> bool:
    """Whether it went well. What concerns every file (no site, no such token) goes up."""
    try:
        with opened(path, name, uploader.limits) as source:
            stored = uploader.upload(source, show.bar(source.name, source.size))
    except ClientError as error:
        if isinstance(error, Unreachable) or (isinstance(error, Refused) and error.status in {401, 507}):
            raise
        show.problem(f"{shown(str(path))}: {error.message}")
        return False
    show.result(f"{stored['id']}\t{shown(str(stored['name']))}")
    return True
