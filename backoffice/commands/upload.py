"""`upload`: files to a site over HTTP, in parallel chunks, going on where an interrupted one stopped."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from http import HTTPStatus
from pathlib import Path
from typing import Final

import click

from backoffice.client.errors import ClientError, ConnectionFailed, ResponseError, printable_path
from backoffice.client.local_file import open_local
from backoffice.client.upload import Uploader, UploadOptions
from backoffice.commands.display import Display, display
from backoffice.commands.site import connect, site_options
from backoffice.domain.files import OnConflict

CONCERN_EVERY_FILE: Final = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.INSUFFICIENT_STORAGE})


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
    options = UploadOptions(on_conflict, tuple(tags))
    with ExitStack() as stack:
        client = stack.enter_context(connect(url, token, token_file))
        show = stack.enter_context(display())
        uploader = stack.enter_context(Uploader.connect(client, parallel, options))
        try:
            failed = sum(not _upload(uploader, path, name, show) for path in paths)
        except KeyboardInterrupt:
            show.problem("Interrupted. The same command goes on where it stopped.")
            raise
    return 1 if failed else 0


def _upload(uploader: Uploader, path: Path, name: str | None, show: Display) -> bool:
    """Whether it went well. What concerns every file (no site, no such token) goes up."""
    try:
        with open_local(path, name, uploader.limits) as file:
            stored = uploader.upload(file, show.start_progress(file.name, file.size))
    except ClientError as error:
        if isinstance(error, ConnectionFailed) or (
            isinstance(error, ResponseError) and error.status in CONCERN_EVERY_FILE
        ):
            raise
        show.problem(f"{printable_path(str(path))}: {error}")
        return False
    show.result(f"{stored['id']}\t{printable_path(str(stored['name']))}")
    return True
