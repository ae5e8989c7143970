"""`download`: files from a site over HTTP, going on where an interrupted one stopped, checked before they appear."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from http import HTTPStatus
from pathlib import Path

import click

from backoffice.client.download import Downloader
from backoffice.client.errors import ClientError, ConnectionFailed, ResponseError, printable_path
from backoffice.client.partial_file import safe_name
from backoffice.client.remote_folders import files_in, find_folder, folders_within
from backoffice.commands.display import display
from backoffice.commands.results import Results, json_option
from backoffice.commands.site import connect, site_options
from backoffice.directories import make_directory


@click.command("download")
@click.argument("ids", nargs=-1, required=True, metavar="ID…")
@site_options
@click.option(
    "--to", type=click.Path(), default=".", help="A directory or, for a single file, its new name.  [default: here]"
)
@click.option("--force", is_flag=True, help="Replace files that exist.")
@json_option
def command(
    *,
    ids: Sequence[str],
    url: str | None,
    token: str | None,
    token_file: str | None,
    to: str,
    force: bool,
    as_json: bool,
) -> int:
    """Download files and folders by their ids. The same command again after an interruption goes on where it stopped.

    A folder becomes a directory with all that is in it, empty folders too; what is there of it already, byte for byte,
    is left as it is. A file grows under another name (NAME.….part), and has its own once it is whole, checked and on
    the disk. On standard output comes a line with the path of each. The token is taken from BACKOFFICE_TOKEN, or from
    the file that BACKOFFICE_TOKEN_FILE or --token-file names. The exit status is 1 when a file could not be downloaded.
    """
    directory = Path(to)
    if (len(ids) > 1 or to.endswith("/")) and not directory.is_dir():
        raise click.UsageError(f"{printable_path(to)} is not a directory.")
    with connect(url, token, token_file) as client, display() as show:
        downloader = Downloader(client, directory, force, show.start_progress)
        results = Results(show, as_json)
        try:
            failed = sum(_download_all(downloader, one, results) for one in ids)
        except KeyboardInterrupt:
            show.problem("Interrupted. The same command goes on where it stopped.")
            raise
    return 1 if failed else 0


def _download_all(downloader: Downloader, wanted: str, results: Results) -> int:
    """A file, or all that lies in a folder; how many files and folders could not be downloaded. With a folder that
    cannot be made here goes what is in it, and the others are downloaded all the same."""
    try:
        return 0 if _download(downloader, wanted, results) else 1
    except ResponseError as error:
        folder = find_folder(downloader.client, wanted) if error.status == HTTPStatus.NOT_FOUND else None
        if folder is None:
            results.failed(wanted, error, id=wanted)
            return 1
    if not downloader.to.is_dir():
        raise click.UsageError(f"{printable_path(str(downloader.to))} is not a directory, and {wanted} is a folder.")
    failed, unmade = 0, set[tuple[str, ...]]()
    for one in folders_within(downloader.client, folder):
        if one.path[:-1] in unmade:
            unmade.add(one.path)
            continue
        directory = downloader.to.joinpath(*(safe_name(name) for name in one.path))
        try:
            _make(directory)
        except ClientError as error:
            unmade.add(one.path)
            failed += 1
            results.failed(str(directory), error, id=one.id)
            continue
        into = replace(downloader, to=directory, keep=True)
        failed += sum(not _try(into, file_id, results) for file_id in files_in(downloader.client, one))
    return failed


def _make(directory: Path) -> None:
    """Unless it is there. A link is none of ours: the names come from the site, and it leads elsewhere. Raises
    ClientError."""
    if directory.is_symlink() or (directory.exists() and not directory.is_dir()):
        raise ClientError("is not a directory: nothing of this folder is downloaded.")
    try:
        make_directory(directory)
    except OSError as error:
        raise ClientError(f"cannot be made: {error.strerror}.") from None


def _try(downloader: Downloader, file_id: str, results: Results) -> bool:
    """As `_download`; a file that is gone by now is one that could not be downloaded."""
    try:
        return _download(downloader, file_id, results)
    except ResponseError as error:
        if error.status != HTTPStatus.NOT_FOUND:
            raise
        results.failed(file_id, error, id=file_id)
        return False


def _download(downloader: Downloader, file_id: str, results: Results) -> bool:
    """Whether it went well. What concerns every file (no site, no such token) goes up, and that there is none."""
    try:
        downloaded = downloader.download(file_id)
    except ClientError as error:
        if isinstance(error, ConnectionFailed) or (
            isinstance(error, ResponseError) and error.status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.NOT_FOUND}
        ):
            raise
        results.failed(file_id, error, id=file_id)
        return False
    path = str(downloaded.path)
    if not downloaded.verified:
        results.show.problem(f"{printable_path(path)}: complete; the site had no checksum of it yet to compare with.")
    results.done(printable_path(path), id=file_id, path=path, size=downloaded.size, verified=downloaded.verified)
    return True
