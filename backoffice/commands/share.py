"""`share`: a link to a file or a folder of a site over HTTP, which is uploaded before where it is on this machine."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

import click

from backoffice.client.errors import ClientError, ConnectionFailed, ResponseError, printable_path
from backoffice.client.http import Client
from backoffice.client.progress import Progress
from backoffice.client.share import LinkOptions, make_link, new_folder, share_id
from backoffice.client.upload import Uploader, UploadOptions
from backoffice.commands.display import Display, display
from backoffice.commands.password_file import password_in, password_option
from backoffice.commands.results import Results, json_option
from backoffice.commands.site import connect, site_options
from backoffice.commands.upload import CONCERN_EVERY_FILE, found_in, upload_into
from backoffice.domain.files import OnConflict
from backoffice.domain.limits import MAX_LINK_DOWNLOADS, MAX_SHARE_DAYS

PARALLEL: Final = 4


class NotAllUploaded(ClientError):
    """Why is said already, of each file."""


@click.command("share")
@click.argument("what", metavar="PATH_OR_ID")
@site_options
@click.option("--days", type=click.IntRange(1, MAX_SHARE_DAYS), help="How long it is open.  [default: the site's]")
@password_option
@click.option(
    "--max-downloads",
    type=click.IntRange(0, MAX_LINK_DOWNLOADS),
    default=0,
    help="After so many it is used up; 0: any number.  [default: 0]",
)
@json_option
def command(
    *,
    what: str,
    url: str | None,
    token: str | None,
    token_file: str | None,
    days: int | None,
    password_file: str | None,
    max_downloads: int,
    as_json: bool,
) -> int:
    """Share a file or a folder by a link, for people without an account.

    What has this PATH on this machine is uploaded first, a directory as a new folder; else it is the ID of a file or a
    folder on the site. On standard output comes the address of the link, which is told this once. The token is taken
    from BACKOFFICE_TOKEN, or from the file that BACKOFFICE_TOKEN_FILE or --token-file names; it needs files:share. The
    exit status is 1 when it could not be shared.
    """
    options = LinkOptions(days, password_in(password_file, token_file), max_downloads)
    with ExitStack() as stack:
        client = stack.enter_context(connect(url, token, token_file))
        results = Results(stack.enter_context(display()), as_json)
        try:
            link = _share(client, what, options, results)
        except NotAllUploaded:
            return 1
        except ClientError as error:
            if isinstance(error, ConnectionFailed) or (
                isinstance(error, ResponseError) and error.status in CONCERN_EVERY_FILE
            ):
                raise
            results.failed(what, error, path=what)
            return 1
        results.done(str(link["url"]), **link)
    return 0


def _share(client: Client, what: str, options: LinkOptions, results: Results) -> dict[str, Any]:
    path = Path(what)
    if not path.exists():
        return share_id(client, what, options)
    quiet = _Uploads(results.show)
    with Uploader.connect(client, PARALLEL, UploadOptions(OnConflict.RENAME.value, ())) as uploader:
        if not path.is_dir():
            _upload_all(uploader, path, Results(quiet, as_json=False))
            return make_link(client, "file", quiet.ids[0], options)
        folder = new_folder(client, path.resolve().name)
        _upload_all(uploader, path, Results(quiet, as_json=False))
        return make_link(client, "folder", folder, options)


def _upload_all(uploader: Uploader, path: Path, results: Results) -> None:
    """Raises NotAllUploaded: then nothing is shared."""
    failed = [one for one, folders in found_in([path]) if not upload_into(uploader, one, folders, None, results)]
    if failed:
        results.show.problem(f"{printable_path(str(path))}: not all of it was uploaded, so it is not shared.")
        raise NotAllUploaded


class _Uploads:
    """Shows how far an upload is, and keeps its results for itself: the link alone goes to standard output."""

    def __init__(self, show: Display) -> None:
        self._show, self.ids = show, list[str]()

    def start_progress(self, name: str, size: int | None) -> Progress:
        return self._show.start_progress(name, size)

    def result(self, line: str) -> None:
        """`upload` prints the identifier, a tab and the name."""
        self.ids.append(line.partition("\t")[0])

    def problem(self, line: str) -> object:
        return self._show.problem(line)
