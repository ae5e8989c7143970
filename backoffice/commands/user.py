"""`user`: create, list, change, disable, enable and delete users; set passwords and make one-time links."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import click

from backoffice.commands.cli_context import Shell, moment, new_password, shell, show
from backoffice.domain.lifecycle import NEVER, Ending
from backoffice.domain.limits import MAX_LIMIT, UNLIMITED_QUOTA
from backoffice.domain.paging import Query
from backoffice.domain.times import parse_time
from backoffice.domain.users import User, UserStatus
from backoffice.services.records import UNSET, Unset
from backoffice.units import UNLIMITED, parse_size


@click.group("user")
def command() -> None:
    """Look after users. A user is named by user name or e-mail address."""


def _quota(_context: click.Context, _option: click.Parameter, text: str | None) -> int | Unset | None:
    if text is None:
        return UNSET
    if text == "default":
        return None
    if text == UNLIMITED:
        return UNLIMITED_QUOTA
    try:
        return parse_size(text)
    except ValueError as error:
        raise click.BadParameter(f"{error}, or {UNLIMITED}, or default") from None


def _moment(_context: click.Context, _option: click.Parameter, text: str | None) -> int | Unset:
    if text is None:
        return UNSET
    try:
        return 0 if text == "never" else parse_time(text)
    except (ValueError, OverflowError):
        raise click.BadParameter("a day such as 2027-01-31, a time, or never") from None


def _days(_context: click.Context, _option: click.Parameter, text: str | None) -> int | Unset | None:
    if text is None:
        return UNSET
    if text == "default":
        return None
    if text == "never":
        return NEVER
    if not (text.isascii() and text.isdigit() and len(text) < 6):
        raise click.BadParameter("a number of days, never, or default")
    return int(text)


expires_option = click.option(
    "--expires", callback=_moment, help="Day (its beginning) or time, UTC, from which on nobody gets in; or never."
)
inactive_option = click.option(
    "--inactive-days",
    "inactive",
    callback=_days,
    help="Days without signing in after which nobody gets in; never; or default: what roles and site say.",
)
quota_option = click.option("--quota", callback=_quota, help="Bytes, 10GiB and the like, unlimited, or default.")
role_option = click.option("--role", "roles", multiple=True, help="May be given several times.")


@command.command("create")
@click.argument("username")
@click.option("--email", default="")
@role_option
@quota_option
@expires_option
@inactive_option
@click.option("--password", "ask", is_flag=True, help="Ask for a password (or read it from standard input).")
def create(
    *,
    username: str,
    email: str,
    roles: Sequence[str],
    quota: int | Unset | None,
    expires: int | Unset,
    inactive: int | Unset | None,
    ask: bool,
) -> None:
    """Make a user. Without --password, print a one-time link by which the user chooses one."""
    here = shell()
    user, secret = here.services.users.create(
        here.actor,
        username=username,
        email=email,
        password=new_password() if ask else "",
        roles=roles or ("user",),
        quota_bytes=None if isinstance(quota, Unset) else quota,
        expires_at=0 if isinstance(expires, Unset) else expires,
        inactive_days=None if isinstance(inactive, Unset) else inactive,
    )
    click.echo(f"Created {user.username} with {', '.join(user.roles)}.", err=True)
    if secret:
        click.echo(here.link(secret))


@command.command("list")
@click.option("--role")
@click.option("--status", type=click.Choice([str(status) for status in UserStatus]))
@click.option("--search", default="", help="Beginnings of words of names and addresses.")
def list_users(*, role: str | None, status: str | None, search: str) -> None:
    """List users: name, address, status, roles, last sign-in, id."""
    here = shell()
    filters = tuple((name, value) for name, value in (("role", role), ("status", status)) if value)
    query = Query(filters=filters, search=search, limit=MAX_LIMIT)
    found: list[User] = []
    while True:
        page = here.services.users.page(here.actor, query)
        found += page.items
        if not page.next_cursor:
            break
        query = Query(filters=filters, search=search, limit=MAX_LIMIT, cursor=page.next_cursor)
    now, standing = here.services.users.now(), here.services.users.standings()
    show(
        ("User", "E-mail", "Status", "Roles", "Last sign-in", "Id"),
        (
            (
                one.username,
                one.email,
                _status(one, now, standing(one).ended),
                ",".join(one.roles),
                moment(one.last_login_at),
                one.id,
            )
            for one in found
        ),
    )


def _status(user: User, now: int, ended: Ending | None) -> str:
    """An invitation without a link that still works invites nobody; an account that is over lets nobody in."""
    if user.status is not UserStatus.DISABLED and ended is not None:
        return f"{user.status} ({ended.why})"
    stranded = user.status is UserStatus.INVITED and not user.has_open_link(now)
    return f"{user.status} (no open link)" if stranded else str(user.status)


@command.command("update")
@click.argument("login")
@click.option("--username")
@click.option("--email")
@role_option
@quota_option
@expires_option
@inactive_option
def update(
    *,
    login: str,
    username: str | None,
    email: str | None,
    roles: Sequence[str],
    quota: int | Unset | None,
    expires: int | Unset,
    inactive: int | Unset | None,
) -> None:
    """Change what is given. The roles given take the place of all that the user has."""

    def act(here: Shell, user: User) -> None:
        here.services.users.update(
            here.actor,
            user.id,
            username=username,
            email=email,
            roles=roles or None,
            quota_bytes=quota,
            expires_at=expires,
            inactive_days=inactive,
        )

    _for(login, act, "Changed")


@command.command("disable")
@click.argument("login")
def disable(*, login: str) -> None:
    """Shut a user out at once, sessions and tokens included."""
    _for(login, lambda here, user: here.services.users.disable(here.actor, user.id), "Disabled")


@command.command("enable")
@click.argument("login")
def enable(*, login: str) -> None:
    """Let a disabled user in again."""
    _for(login, lambda here, user: here.services.users.enable(here.actor, user.id), "Enabled")


@command.command("delete")
@click.argument("login")
def delete(*, login: str) -> None:
    """Delete a user who has no files left. The name stays taken."""
    _for(login, lambda here, user: here.services.users.delete(here.actor, user.id), "Deleted")


@command.command("set-password")
@click.argument("login")
def set_password(*, login: str) -> None:
    """Give a user a password: asked for on a terminal, else the first line of standard input."""
    _for(
        login,
        lambda here, user: here.services.users.set_password(here.actor, user.id, new_password()),
        "Set the password of",
    )


@command.command("invite")
@click.argument("login")
def invite(*, login: str) -> None:
    """Print a new one-time link by which a user chooses a password."""
    here = shell()
    user = here.services.users.find(here.actor, login)
    click.echo(here.link(here.services.users.invite(here.actor, user.id)))


@command.command("sessions")
@click.argument("login")
def sessions(*, login: str) -> None:
    """List where a user is signed in: address, browser, signed in, last seen."""
    here = shell()
    user = here.services.users.find(here.actor, login)
    show(
        ("Address", "Browser", "Signed in", "Last seen"),
        (
            (one.ip, one.agent or "-", moment(one.created_at), moment(one.seen_at))
            for one in here.services.sessions.of_user(here.actor, user.id)
        ),
    )


@command.command("sign-out")
@click.argument("login")
def sign_out(*, login: str) -> None:
    """End all sessions of a user. Tokens stay; `disable` ends both."""
    _for(login, lambda here, user: here.services.sessions.end_all(here.actor, user.id), "Signed out")


def _for(login: str, act: Callable[[Shell, User], object], done: str) -> None:
    here = shell()
    user = here.services.users.find(here.actor, login)
    act(here, user)
    click.echo(f"{done} {user.username}.", err=True)
