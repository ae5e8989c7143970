"""`demo`: users, roles and files to look at. Running it again adds only what is missing, also two at the same time: a
file that was renamed, changed or put into the trash is not missing."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import click

from backoffice.commands.cli_context import shell
from backoffice.domain.access import Actor, system_actor
from backoffice.domain.files import File, FileSpec, OnConflict
from backoffice.domain.limits import MAX_LIMIT
from backoffice.domain.paging import Page, Query
from backoffice.domain.permissions import Permissions
from backoffice.domain.users import User
from backoffice.errors import NameTaken, NotFound
from backoffice.services.container import Services

FIXTURES: Final = Path(__file__).resolve().parents[2] / "fixtures"
DEMO: Final = system_actor("demo", "shell")


@click.command("demo")
@click.option(
    "--from",
    "folder",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    default=FIXTURES,
    help="Where demo.json is.  [default: the fixtures that come with the project]",
)
def command(*, folder: Path) -> None:
    """Load the demonstration users, roles and files. New users get one-time links, which are printed."""
    here = shell()
    links = load_demo(here.services, folder)
    if links:
        click.echo("Demonstration users; each chooses a password by a link that works once, within 24 hours:")
    for username, secret in links:
        click.echo(f"  {username}: {here.link(secret)}")
    if not links:
        click.echo("The demonstration users are there already.")


def load_demo(services: Services, folder: Path) -> list[tuple[str, str]]:
    """Make what is missing of `demo.json`; user name and secret of a one-time link of each user made."""
    wanted = json.loads((folder / "demo.json").read_text("utf-8"))
    there = {role.name for role in services.roles.all(DEMO)}
    for role in wanted["roles"]:
        if role["name"] not in there:
            with suppress(NameTaken):  # another run was faster
                services.roles.create(DEMO, **role)
    links = []
    for entry in wanted["users"]:
        try:
            user, secret = _user(services, entry)
        except NameTaken:
            # Deleted by somebody, and a deleted user's name stays taken; or another run makes it just now.
            continue
        if secret:
            links.append((user.username, secret))
        _files(services, user, entry.get("files", ()), folder)
    return links


def _user(services: Services, entry: dict[str, Any]) -> tuple[User, str]:
    """The user of that name, made if there is none."""
    try:
        return services.users.find(DEMO, entry["username"]), ""
    except NotFound:
        given = {name: entry[name] for name in ("username", "email", "roles", "quota_bytes") if name in entry}
        return services.users.create(DEMO, **given)


def _files(services: Services, user: User, entries: list[dict[str, Any]], folder: Path) -> None:
    """Upload what the user does not have yet, as the user would."""
    permissions = frozenset({Permissions.FILES_READ, Permissions.FILES_WRITE})
    actor: Actor = replace(DEMO, id=user.id, name=user.username, roles=(("user", permissions),))
    files = [*_all(services.files.page, actor), *_all(services.files.trash_page, actor)]
    names, digests = {file.name for file in files}, {file.sha256 for file in files}
    for entry in entries:
        path = folder / entry["path"]
        digest = hashlib.sha256(path.read_bytes()).digest()
        if path.name in names or digest.hex() in digests:
            continue
        spec = FileSpec(path.name, entry["mime_type"], digest, entry.get("tags", ()), OnConflict.FAIL)
        with path.open("rb") as source, suppress(NameTaken):  # another run was faster
            services.uploads.upload_stream(actor, spec, source.readinto, path.stat().st_size)


def _all(page: Callable[[Actor, Query], Page[File]], actor: Actor) -> Iterator[File]:
    query = Query(limit=MAX_LIMIT)
    while True:
        found = page(actor, query)
        yield from found.items
        if not found.next_cursor:
            return
        query = replace(query, cursor=found.next_cursor)
