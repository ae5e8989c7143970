"""`role`: list, create, change and delete roles."""

from __future__ import annotations

from collections.abc import Sequence

import click

from backoffice.commands.cli_context import shell, show
from backoffice.domain.nouns import all_permissions


@click.group("role")
def command() -> None:
    """Look after roles."""


DAYS = "Days without signing in after which accounts with this role end; 0: it says nothing of that."
SHARE_DAYS = "Days that share links of those with this role live at most; 0: it says nothing of that."
SHARE_GUARDED = "1: share links of those with this role need a password; 0: it says nothing of that."
permission_option = click.option(
    "--permission", "permissions", multiple=True, help="May be given several times; `role permissions` lists them."
)


@command.command("list")
def list_roles() -> None:
    """List roles: name, built-in or custom, description, permissions."""
    here = shell()
    show(
        ("Role", "Kind", "Description", "Permissions"),
        (
            (role.name, "built-in" if role.built_in else "custom", role.description, " ".join(sorted(role.permissions)))
            for role in here.services.roles.all(here.actor)
        ),
    )


@command.command("permissions")
def permissions_() -> None:
    """List what a role can grant."""
    show(("Permission", "Meaning"), ((str(one), one.text) for one in all_permissions() if one.offered))


@command.command("create")
@click.argument("name")
@click.option("--description", default="")
@permission_option
@click.option("--inactive-days", "days", default=0, help=DAYS)
@click.option("--share-days", default=0, help=SHARE_DAYS)
@click.option("--share-password", default=0, help=SHARE_GUARDED)
def create(
    *, name: str, description: str, permissions: Sequence[str], days: int, share_days: int, share_password: int
) -> None:
    """Make a role that grants these permissions."""
    here = shell()
    role = here.services.roles.create(
        here.actor,
        name=name,
        description=description,
        permissions=permissions,
        inactive_days=days,
        share_days=share_days,
        share_password=share_password,
    )
    click.echo(f"Created {role.name}.", err=True)


@command.command("update")
@click.argument("name")
@click.option("--description")
@permission_option
@click.option("--inactive-days", "days", type=int, help=DAYS)
@click.option("--share-days", type=int, help=SHARE_DAYS)
@click.option("--share-password", type=int, help=SHARE_GUARDED)
def update(
    *,
    name: str,
    description: str | None,
    permissions: Sequence[str],
    days: int | None,
    share_days: int | None,
    share_password: int | None,
) -> None:
    """Change what is given. The permissions given take the place of all that the role grants."""
    here = shell()
    role = here.services.roles.update(
        here.actor,
        name,
        description=description,
        permissions=permissions or None,
        inactive_days=days,
        share_days=share_days,
        share_password=share_password,
    )
    click.echo(f"Changed {role.name}.", err=True)


@command.command("delete")
@click.argument("name")
def delete(*, name: str) -> None:
    """Delete a role that no user has."""
    here = shell()
    here.services.roles.delete(here.actor, name)
    click.echo(f"Deleted {name}.", err=True)
