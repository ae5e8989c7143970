"""`audit`: read the log, export it, and trim what was exported."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import click
from rich.progress import Progress, TaskID, TextColumn

from backoffice.commands.audit_files import read_lines, write_export
from backoffice.commands.bars import passing
from backoffice.commands.cli_context import Shell, shell
from backoffice.domain.audit import AuditEntry
from backoffice.domain.ids import is_id
from backoffice.domain.limits import MAX_LIMIT
from backoffice.domain.log_archive import Extent, Seal, Trimmed
from backoffice.domain.nouns import all_actions
from backoffice.domain.times import parse_time, rfc3339
from backoffice.errors import BackofficeError

WAIT_MS = 2_000


@click.group("audit")
def command() -> None:
    """Read, export and trim the audit log. All of that is recorded, too."""


def moment(text: str) -> int:
    """A day or time that somebody types. Raises BadParameter."""
    try:
        return parse_time(text)
    except ValueError:
        raise click.BadParameter("This is neither a day nor a time, as in 2026-01-31 and RFC 3339.") from None


log_file = click.Path(exists=True, dir_okay=False, path_type=Path)
json_option = click.option("--json", "raw", is_flag=True, help="Print each entry as it is stored, a line each.")


@command.command("tail")
@click.option("-n", "--lines", type=click.IntRange(0, MAX_LIMIT), default=20, show_default=True)
@click.option("-f", "--follow", is_flag=True, help="Go on with new entries until Ctrl-C.")
@json_option
def tail(*, lines: int, follow: bool, raw: bool) -> None:
    """Print the newest entries, oldest first."""
    here = shell()
    page = here.services.audit.page(here.actor, limit=max(1, lines))
    newest = page.items
    if not page.next_cursor:
        _tell_trimmed(page.trimmed)
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
@click.option("--since", type=moment, help="Written from this day or time on.")
@click.option("--until", type=moment, help="Written before this day or time.")
@click.option("-n", "--lines", type=click.IntRange(1), default=100, show_default=True, help="At most so many.")
@json_option
def search(
    *,
    actor: str | None,
    target: str | None,
    action: str | None,
    ip: str | None,
    since: int | None,
    until: int | None,
    lines: int,
    raw: bool,
) -> None:
    """Print the entries for which everything given holds, newest first. Days and times are UTC or RFC 3339."""
    here = shell()
    given = (("actor", _actor_id(here, actor)), ("object", target), ("action", action), ("ip", ip))
    filters = tuple((name, value) for name, value in given if value)
    cursor = ""
    while lines > 0:
        page = here.services.audit.page(
            here.actor, filters=filters, cursor=cursor, limit=min(lines, MAX_LIMIT), since=since, until=until
        )
        _print(page.items, raw=raw)
        lines -= len(page.items)
        cursor = page.next_cursor
        if not cursor:
            _tell_trimmed(page.trimmed)
            break


@command.command("export")
@click.option("--since", default="", metavar="ID|DATE", help="First entry. Left out: the first that is not sealed.")
@click.option("--until", required=True, metavar="ID|DATE", help="Last entry; with a date: those before it, in UTC.")
@click.option("--out", required=True, type=click.Path(dir_okay=False, path_type=Path), help="A file that is not there.")
def export(*, since: str, until: str, out: Path) -> None:
    """Write entries into a file, a line of JSON each, exactly as they are stored.

    When it is interrupted, the same command goes on where it was.
    """
    if out.exists() or out.is_symlink():
        raise click.UsageError(f"{out} is there already.")
    here = shell()
    archive = here.services.archive
    found = archive.export(here.actor, since=since or archive.unsealed(here.actor), until=until)
    if found.extent is None:
        raise click.ClickException("There are no such entries.")
    write_export(found, found.extent, out)
    click.echo(f"{out}: {_about(found.extent)}")


@command.command("seal")
@click.argument("file", type=log_file)
def seal(file: Path) -> None:
    """Record the digest of an exported file, which goes on where the last sealed one ends.

    It is compared with the log before. Keep the last chain somewhere else: with it, any change of a sealed file, and of
    a seal, can be told.
    """
    here = shell()
    _tell_sealed(here.services.archive.seal(here.actor, read_lines(file)))


@command.command("trim")
@click.argument("files", nargs=-1, required=True, type=log_file)
def trim(files: tuple[Path, ...]) -> None:
    """Take entries out of the log that are in sealed files. The files stay as the only place that has them.

    When it is interrupted, the same command carries it out.
    """
    here = shell()
    for file in files:
        with passing(TextColumn("{task.completed} entries")) as bar:
            show = partial(_show_progress, bar, bar.add_task("", total=None))
            done = here.services.archive.trim(here.actor, read_lines(file), on_progress=show)
        click.echo(f"{file}: seal {done.number}, {done.extent.entries} entries left the log, up to {done.extent.last}")


@command.command("verify")
@click.argument("files", nargs=-1, type=log_file)
def verify(files: tuple[Path, ...]) -> int:
    """Compare files with their seals, the seals with each other and with the log.

    The exit status is 1 where something is not as it was sealed.
    """
    here = shell()
    wrong = 0
    for file in files:
        try:
            found = here.services.archive.verify(here.actor, read_lines(file))
            click.echo(f"{file}: as seal {found.number} says")
        except BackofficeError as error:
            wrong += 1
            click.echo(f"{file}: {error}")
    seals = here.services.archive.verify_chain(here.actor)
    for one in seals:
        _tell_sealed(one)
    state = here.services.archive.state(here.actor)
    _tell_trimmed(state.trimmed)
    if state.pending:
        click.echo("The last trim was interrupted: give its command again.", err=True)
    return 1 if wrong else 0


def _show_progress(bar: Progress, task: TaskID, done: int) -> None:
    bar.update(task, completed=done)


def _tell_sealed(one: Seal) -> None:
    click.echo(f"seal {one.number} of {rfc3339(one.at)}: {_about(one.extent)}, chain {one.chain}")


def _about(extent: Extent) -> str:
    return f"{extent.entries} entries from {extent.first} to {extent.last}, SHA-256 {extent.sha256}"


def _tell_trimmed(trimmed: Trimmed | None) -> None:
    """Beside what is read, so that whoever reads knows where it ends."""
    if trimmed is not None:
        click.echo(
            f"Entries up to {trimmed.last} were exported, and left the log at {rfc3339(trimmed.at)}"
            f" (SHA-256 of the last file {trimmed.sha256}).",
            err=True,
        )


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
