"""`migrate`: bring the store into the form of this version."""

from __future__ import annotations

import click
from rich.progress import SpinnerColumn, TextColumn, TimeElapsedColumn

from backoffice.commands.bars import passing
from backoffice.commands.cli_context import shell, show
from backoffice.domain.migrations import MigrationState


@click.command("migrate")
@click.option("--check", is_flag=True, help="Only say what is left to do; status 1 if anything is.")
def command(*, check: bool) -> int:
    """Bring what an earlier version stored into the form of this one.

    It may be stopped at any moment and given again: it goes on where it was. Most of it the worker does by itself,
    while people go on working.
    """
    here = shell(migrating=True)
    if not check:
        columns = SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn()
        with passing(*columns) as bar:
            task = bar.add_task("", total=None)
            for state in here.services.migrations.run(here.actor):
                bar.update(task, description=f"{state.migration.name}: {state.steps:,} steps")
    states = here.services.migrations.states(here.actor)
    show(("", "migration", "", "by", "what it does"), map(_row, states))
    left = sum(not state.done for state in states)
    click.echo(f"{left} left to do." if left else "Nothing is left to do.")
    return 1 if left else 0


def _row(state: MigrationState) -> tuple[str, ...]:
    one = state.migration
    how = "done" if state.done else f"after {state.steps:,} steps" if state.steps else "to do"
    return (str(one.number), one.name, how, "worker" if one.online else "migrate", one.what)
