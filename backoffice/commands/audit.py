"""`audit`: read the log."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

import click

from backoffice.commands.cli_context import Shell, shell
from backoffice.domain.audit import AuditEntry
from backoffice.domain.ids import is_id
from backoffice.domain.limits import MAX_LIMIT
from backoffice.domain.nouns import all_actions

WAIT_MS = 2_000


@click.group("audit")
def command() -> None:
    """Read the audit log. Reading it is recorded, too."""


json_option = click.option("--json", "raw", is_flag=True, help="Print each entry as it is stored, a line each.")


@command.command("tail")
@click.option("-n", "--lines", type=click.IntRange(0, MAX_LIMIT), default=20, show_default=True)
@click.option("-f", "--follow", is_flag=True, help="Go on with new entries until Ctrl-C.")
@json_option
def tail(*, lines: int, follow: bool, raw: bool) -> None:
    """Print the newest entries, oldest first."""
    here = shell()
    newest = here.services.audit.page(here.actor, limit=max(1, lines)).items
    _print(reversed(newest[:lines]), raw=raw)
    last = newest[0].id if newest else "$"
    while follow:
        entries = here.services.audit.follow(here.actor, last, WAIT_MS)
        _print(entries, raw=raw)
        last = entries[-1].id if entries else last


@command.command("search")
@click.option("--actor", help="User name, e-mail address or id of who did it.")
@click.option("--object", "target", help="type:id of what it was done to, such as file:… or user:….")
@click.option("--action", type=click.Choice([str(action) for action in all_actions()]))
@click.option("--ip")
@click.option("-n", "--lines", type=click.IntRange(1), default=100, show_default=True, help="At most so many.")
@json_option
def search(*, actor: str | None, target: str | None, action: str | None, ip: str | None, lines: int, raw: bool) -> None:
    """Print the entries for which everything given holds, newest first."""
    here = shell()
    given = (("actor", _actor_id(here, actor)), ("object", target), ("action", action), ("ip", ip))
    filters = tuple((name, value) for name, value in given if value)
    cursor = ""
    while lines > 0:
        page = here.services.audit.page(here.actor, filters=filters, cursor=cursor, limit=min(lines, MAX_LIMIT))
        _print(page.items, raw=raw)
        lines -= len(page.items)
        cursor = page.next_cursor
        if not cursor:
            break


def _actor_id(here: Shell, text: str | None) -> str | None:
    """Actors are indexed by id, which stays when a name changes or its user goes."""
    if text is None or text.startswith("system-") or (is_id(text) and here.services.users.names([text])):
        return text
    return here.services.users.find(here.actor, text).id


def _print(entries: Iterable[AuditEntry], *, raw: bool) -> None:
    for entry in entries:
        # The stored bytes themselves, not a copy that another program might write differently.
        click.echo(f'{{"id":"{entry.id}","event":{entry.raw.decode()}}}' if raw else _line(entry.event))


def _line(event: Mapping[str, Any]) -> str:
    """When, what, who, to what, and what else there is; ASCII, so that no name can play with the terminal."""
    actor, target = event.get("actor", {}), event.get("object", {})
    who = actor.get("name", "-") + (f" ({actor['ip']})" if "ip" in actor else "")
    what = f"{target['type']} {target.get('name') or target['id']}" if target else "-"
    outcome = "" if event["outcome"] == "ok" else f" {event['outcome'].upper()}"
    rest = {name: event[name] for name in ("changes", "data") if name in event}
    parts = (event["at"], f"{event['action']}{outcome}", who, what, json.dumps(rest) if rest else "")
    return "  ".join(json.dumps(part)[1:-1] if not part.isascii() or not part.isprintable() else part for part in parts)
