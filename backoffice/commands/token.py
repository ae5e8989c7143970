"""`token`: create, list and revoke API tokens."""

from __future__ import annotations

from collections.abc import Sequence

import click

from backoffice.commands.cli_context import moment, shell, show
from backoffice.domain.limits import MAX_LIMIT
from backoffice.domain.paging import Query
from backoffice.domain.tokens import Token


@click.group("token")
def command() -> None:
    """Look after API tokens."""


@command.command("create")
@click.option("--user", "login", required=True, help="User name or e-mail address.")
@click.option("--name", default="shell", show_default=True, help="What it is for.")
@click.option("--scope", "scopes", multiple=True, help="A permission; may be given several times. None: all of them.")
@click.option("--days", type=int, help="How long it lives.  [default: 365]")
def create(*, login: str, name: str, scopes: Sequence[str], days: int | None) -> None:
    """Make a token and print it, alone, on standard output. It cannot be shown again."""
    here = shell()
    user = here.services.users.find(here.actor, login)
    _, text = here.services.tokens.create(here.actor, name=name, user_id=user.id, scopes=scopes or None, days=days)
    click.echo(text)


@command.command("list")
@click.option("--user", "login", help="User name or e-mail address.")
def list_tokens(*, login: str | None) -> None:
    """List tokens: id, user, name, scopes, made, expires, last used, state."""
    here = shell()
    filters = (("user", here.services.users.find(here.actor, login).id),) if login else ()
    found: list[Token] = []
    query = Query(filters=filters, limit=MAX_LIMIT)
    while True:
        page = here.services.tokens.page(here.actor, query)
        found += page.items
        if not page.next_cursor:
            break
        query = Query(filters=filters, limit=MAX_LIMIT, cursor=page.next_cursor)
    owners, now = here.services.users.owners(here.actor, [token.user for token in found]), here.services.tokens.now()
    show(
        ("Id", "User", "Name", "Scopes", "Made", "Expires", "Used", "State"),
        (
            (
                token.id,
                owners[token.user].username if token.user in owners else token.user,
                token.name,
                "all" if token.scopes is None else " ".join(sorted(token.scopes)),
                moment(token.created_at),
                moment(token.expires_at),
                moment(token.used_at),
                str(token.state(owners.get(token.user), now)),
            )
            for token in found
        ),
    )


@command.command("revoke")
@click.argument("token_id")
def revoke(*, token_id: str) -> None:
    """End a token at once, by its id (the part after `bo_`)."""
    here = shell()
    here.services.tokens.revoke(here.actor, token_id)
    click.echo("Revoked.", err=True)
