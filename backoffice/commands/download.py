"""`download`: files from a site over HTTP, going on where an interrupted one stopped, checked before they appear."""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus
from pathlib import Path

import click

from backoffice.client.download import Downloader
from backoffice.client.errors import ClientError, ConnectionFailed, ResponseError, printable_path
from backoffice.commands.display import Display, display
from backoffice.commands.site import connect, site_options


@click.command("download")
@click.argument("ids", nargs=-1, required=True, metavar="ID…")
@site_options
@click.option(
    "--to", type=click.Path(), default=".", help="A directory or, for a single file, its new name.  [default: here]"
)
@click.option("--force", is_flag=True, help="Replace files that exist.")
def command(
    *, ids: Sequence[str], url: str | None, token: str | None, token_file: str | None, to: str, force: bool
) -> int:
    """Download files by their ids. The same command again after an interruption goes on where it stopped.

    A file grows under another name (NAME.….part), and has its own once it is whole, checked and on the disk. On
    standard output comes a line with the path of each. The token is taken from BACKOFFICE_TOKEN, or from the file that
    BACKOFFICE_TOKEN_FILE or --token-file names. The exit status is 1 when a file could not be downloaded.
    """
    directory = Path(to)
    if (len(ids) > 1 or to.endswith("/")) and not directory.is_dir():
        raise click.UsageError(f"{printable_path(to)} is not a directory.")
    with connect(url, token, token_file) as client, display() as show:
        downloader = Downloader(client, directory, force, show.start_progress)
        try:
            failed = sum(not _download(downloader, file_id, show) for file_id in ids)
        except KeyboardInterrupt:
            show.problem("Interrupted. The same command goes on where it stopped.")
            raise
    return 1 if failed else 0


def _download(downloader: Downloader, file_id: str, show: Display) -> bool:
    """Whether it went well. What concerns every file (no site, no such token) goes up."""
    try:
        downloaded = downloader.download(file_id)
    except ClientError as error:
        if isinstance(error, ConnectionFailed) or (
            isinstance(error, ResponseError) and error.status == HTTPStatus.UNAUTHORIZED
        ):
            raise
        show.problem(f"{printable_path(file_id)}: {error}")
        return False
    path = printable_path(str(downloaded.path))
    if not downloaded.verified:
        show.problem(f"{path}: complete; the site had no checksum of it yet to compare with.")
    show.result(path)
    return True
