"""`request`: a link by which others put files into a folder on a site, over HTTP."""

from __future__ import annotations

import json
from typing import Any

import click

from backoffice.client.remote_folders import folder_to_put_into
from backoffice.client.share import post_once
from backoffice.commands.password_file import password_in, password_option
from backoffice.commands.site import connect, site_options
from backoffice.domain.limits import DEFAULT_REQUEST_FILES, MAX_REQUEST_FILES
from backoffice.units import parse_size


@click.command("request")
@click.argument("title")
@site_options
@click.option(
    "--folder",
    metavar="NAME|PATH|ID",
    help="Where it goes: an id, or names with / between them, made where needed.  [default: a new one]",
)
@click.option("--message", default="", help="What guests read.")
@click.option("--days", type=click.IntRange(1), help="How long it is open.  [default: as the site says]")
@click.option(
    "--max-files", type=click.IntRange(1, MAX_REQUEST_FILES), default=DEFAULT_REQUEST_FILES, show_default=True
)
@click.option("--max-size", metavar="BYTES", help="Of all files together: 500MB, 2GiB.  [default: 10 GB]")
@click.option("--max-file-size", metavar="BYTES", help="Of each.  [default: as the site takes]")
@click.option("--type", "types", multiple=True, help="An ending (.pdf) or type (image/*) that is taken; several times.")
@password_option
@click.option("--at-once", is_flag=True, help="What comes does not wait to be accepted.")
@click.option("--json", "as_json", is_flag=True, help="On standard output an object in JSON.")
def command(
    *,
    title: str,
    url: str | None,
    token: str | None,
    token_file: str | None,
    folder: str | None,
    password_file: str | None,
    at_once: bool,
    as_json: bool,
    **terms: Any,
) -> int:
    """Make a link by which others send you files, without an account, and see nothing of yours.

    On standard output comes the address, this once. The token is taken from BACKOFFICE_TOKEN, or from the file that
    BACKOFFICE_TOKEN_FILE or --token-file names; it takes the right files:request. The exit status is 1 when no link
    could be made.
    """
    wanted = {"name": title, "review": not at_once, **_given(terms)}
    if password := password_in(password_file, token_file):
        wanted["password"] = password
    with connect(url, token, token_file) as client:
        if folder is not None:
            wanted["folder"] = folder_to_put_into(client, folder, attempts=1)
        made = post_once(client, "/requests", wanted)
    click.echo(json.dumps(made) if as_json else str(made.get("url", "")))
    return 0


def _given(terms: dict[str, Any]) -> dict[str, Any]:
    """What was said, as the API calls it. Raises UsageError."""
    found: dict[str, Any] = {"max_files": terms["max_files"], "message": terms["message"]}
    found |= {"types": list(terms["types"])} if terms["types"] else {}
    found |= {"days": terms["days"]} if terms["days"] is not None else {}
    for option, field in (("max_size", "max_bytes"), ("max_file_size", "max_file_size")):
        if terms[option] is not None:
            try:
                found[field] = parse_size(terms[option])
            except ValueError as error:
                raise click.UsageError(f"--{option.replace('_', '-')}: {error}") from None
    return found
