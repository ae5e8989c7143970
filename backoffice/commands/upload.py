"""`upload`: files to a site over HTTP, in parallel chunks, going on where an interrupted one stopped."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from http import HTTPStatus
from pathlib import Path
from typing import Final

import click

from backoffice.client.errors import ClientError, ConnectionFailed, ResponseError, printable_path
from backoffice.client.local_file import open_local, standard_input
from backoffice.client.remote_folders import folder_to_put_into
from backoffice.client.stream_upload import upload_stream
from backoffice.client.upload import StoredFile, Uploader, UploadOptions
from backoffice.commands.display import Display, display
from backoffice.commands.results import Results, json_option
from backoffice.commands.site import connect, site_options
from backoffice.domain.files import OnConflict

STANDARD_INPUT: Final = Path("-")
_LIMITED: Final = (
    "Something in front of the site refused larger bodies, so chunks of {} bytes were sent. It is faster once its limit"
    " is raised to the site's chunk size (nginx: client_max_body_size)."
)
_SLOW: Final = (
    "The connection is slow or breaks often, so chunks of {} bytes were sent: what is cut off in one is sent again."
)
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
    help="When you have a file of that name: keep both, refuse, or replace its content; the old is kept as a version.",
)
@click.option(
    "--folder",
    metavar="NAME|PATH|ID",
    help="Where all of it goes: an id, or names with / between them, made where needed.  [default: the top]",
)
@click.option("--tag", "tags", multiple=True, help="A tag; may be given several times.")
@json_option
def command(
    *,
    paths: Sequence[Path],
    url: str | None,
    token: str | None,
    token_file: str | None,
    parallel: int,
    name: str | None,
    on_conflict: str,
    folder: str | None,
    tags: Sequence[str],
    as_json: bool,
) -> int:
    """Upload files, and directories with all that is in them: these become folders, empty ones too; links in them are
    left out. The same command again after an interruption goes on where it stopped.

    - as the only PATH stands for standard input, under the name that --name gives. It goes in one body of any length
    and cannot be sent again: when the connection is cut, nothing is stored and the exit status is 1. A file that
    standard input is redirected from (`< FILE`) is sent like any other.

    On standard output comes a line for each file: its id, a tab and the name it has there. The token is taken from
    BACKOFFICE_TOKEN, or from the file that BACKOFFICE_TOKEN_FILE or --token-file names. HTTPS_PROXY, HTTP_PROXY and
    ALL_PROXY name a proxy, NO_PROXY what goes without. The exit status is 1 when a file could not be uploaded.
    """
    _check_usage(paths, name, token_file)
    with ExitStack() as stack:
        client = stack.enter_context(connect(url, token, token_file))
        within = "" if folder is None else folder_to_put_into(client, folder)
        options = UploadOptions(on_conflict, tuple(tags), within=within)
        show = stack.enter_context(display())
        uploader = stack.enter_context(Uploader.connect(client, parallel, options))
        results, began = Results(show, as_json), uploader.largest_body
        try:
            failed = sum(not upload_into(uploader, path, folders, name, results) for path, folders in found_in(paths))
            if uploader.largest_body != began:
                show.problem((_LIMITED if uploader.refused else _SLOW).format(uploader.largest_body))
        except KeyboardInterrupt:
            show.problem("Interrupted. The same command goes on where it stopped.")
            raise
    return 1 if failed else 0


def found_in(paths: Sequence[Path]) -> Iterator[tuple[Path, tuple[str, ...]]]:
    """Each file with the names of the folders that it is put into; of a directory in the order of names, and itself
    where nothing is in it or it cannot be read."""
    for path in paths:
        if path == STANDARD_INPUT or not stat.S_ISDIR(_mode(path)):
            yield path, ()
            continue
        root, unread = path.resolve(), list[OSError]()
        for directory, inner, names in os.walk(root, onerror=unread.append):
            inner.sort()
            inner[:] = [one for one in inner if not stat.S_ISLNK(_mode(Path(directory, one)))]
            here = _folders(root, directory)
            files = [one for one in sorted(names) if stat.S_IFMT(_mode(Path(directory, one))) in {stat.S_IFREG, 0}]
            yield from ((Path(directory, one), here) for one in files)
            if not files and not inner:
                yield Path(directory), here
        yield from ((Path(error.filename), _folders(root, error.filename)) for error in unread)


def _folders(root: Path, directory: str) -> tuple[str, ...]:
    return (root.name, *Path(directory).relative_to(root).parts)


def _mode(path: Path) -> int:
    """Of a link its own; 0 where it cannot be asked: whoever opens it is told why."""
    try:
        return path.lstat().st_mode
    except OSError:
        return 0


def upload_into(uploader: Uploader, path: Path, folders: tuple[str, ...], name: str | None, results: Results) -> bool:
    """Upload a file into these folders, or make them where `path` is an empty directory; whether it went well. What
    concerns every file goes up."""
    uploader.options = replace(uploader.options, folders=folders)
    if not folders or not stat.S_ISDIR(_mode(path)):
        return _upload(uploader, path, name, results)
    try:
        with os.scandir(path):
            uploader.make_folders(folders)
    except OSError as error:
        results.failed(str(path), ClientError(f"it cannot be read: {error.strerror}."), path=str(path))
        return False
    except ResponseError as error:
        if error.status in CONCERN_EVERY_FILE:
            raise
        results.failed(str(path), error, path=str(path))
        return False
    return True


def _upload(uploader: Uploader, path: Path, name: str | None, results: Results) -> bool:
    """Whether it went well. What concerns every file (no site, no such token) goes up."""
    sent_as, show = name or path.name, results.show
    try:
        if path == STANDARD_INPUT and name is not None:
            stored = _upload_standard_input(uploader, name, show)
        else:
            with open_local(path, name, uploader.limits) as file:
                sent_as = file.name
                stored = uploader.upload(file, show.start_progress(file.name, file.size))
    except ClientError as error:
        if isinstance(error, ConnectionFailed) or (
            isinstance(error, ResponseError) and error.status in CONCERN_EVERY_FILE
        ):
            raise
        results.failed(str(path), error, path=str(path))
        return False
    # A token that may not read is not told what name the file has got.
    name_there = str(stored.get("name", sent_as))
    results.done(f"{stored['id']}\t{printable_path(name_there)}", path=str(path), id=stored["id"], name=name_there)
    return True


def _upload_standard_input(uploader: Uploader, name: str, show: Display) -> StoredFile:
    file = standard_input(name, uploader.limits)
    if file is not None:
        return uploader.upload(file, show.start_progress(file.name, file.size))
    return upload_stream(uploader, sys.stdin.buffer, name, show.start_progress(name, None))


def _check_usage(paths: Sequence[Path], name: str | None, token_file: str | None) -> None:
    if name is not None and (len(paths) > 1 or stat.S_ISDIR(_mode(paths[0]))):
        raise click.UsageError("--name goes with a single file.")
    if STANDARD_INPUT not in paths:
        return
    if name is None or len(paths) > 1:
        raise click.UsageError("- (standard input) goes alone, and with --name.")
    if str(token_file) == str(STANDARD_INPUT):
        raise click.UsageError("Standard input cannot be both the file and the token.")
    if sys.stdin is None or sys.stdin.isatty():
        raise click.UsageError("There is nothing on standard input: pipe something into it, or name a file.")
