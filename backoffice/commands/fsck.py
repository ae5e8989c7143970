"""`fsck`: compare every index and chunk with its record."""

from __future__ import annotations

import click
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from backoffice.commands.bars import passing
from backoffice.commands.cli_context import shell
from backoffice.domain.maintenance import Finding, Invariant, Report

SHOWN = 20
"""Findings of one kind that are told one by one."""


@click.command("fsck")
@click.option("--fix", is_flag=True, help="Mend what can be mended.")
def command(*, fix: bool) -> int:
    """Compare every index, count, quota and chunk with its record, while people go on working.

    The exit status is 0 when all is well or was mended, 1 when something is left.
    """
    # A store that evicts is one in which there is much to find.
    here = shell(refuse_unsafe=False)
    maintenance = here.services.maintenance
    out, told = Console(highlight=False), dict.fromkeys(Invariant, 0)

    def tell(finding: Finding, repaired: bool) -> None:
        told[finding.invariant] += 1
        if told[finding.invariant] <= SHOWN:
            out.print(f"{_verdict(finding, repaired)}: {escape(finding.what)}", soft_wrap=True)
        elif told[finding.invariant] == SHOWN + 1:
            out.print(f"… and more of this kind: {finding.invariant}")

    columns = TextColumn("Keys"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
    with passing(*columns) as bar:
        task = bar.add_task("", total=None)

        def show_progress(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total)

        run = maintenance.repair if fix else maintenance.check
        report = run(here.actor, on_finding=tell, on_progress=show_progress)
    out.print(_table(report))
    out.print(_conclusion(report, fix=fix))
    return 1 if report.left else 0


def _verdict(finding: Finding, repaired: bool) -> str:
    if repaired:
        return "mended"
    return "found" if finding.repairable else "cannot be mended"


def _table(report: Report) -> Table:
    table = Table("", "checked", "wrong", "mended", box=None, pad_edge=False)
    for column in table.columns[1:]:
        column.justify = "right"
    for invariant in Invariant:
        numbers = (report.checked[invariant], report.found[invariant], report.repaired[invariant])
        table.add_row(invariant.value, *map(str, numbers))
    return table


def _conclusion(report: Report, *, fix: bool) -> str:
    lost = report.lost.total()
    if not report.found.total():
        return "All is well."
    if not report.left:
        return "Everything that was wrong is mended."
    if lost:
        return f"{report.left} left, {lost} of them only a backup can mend."
    return (
        f"{report.left} left; they may be under way just now, so run it again."
        if fix
        else (f"{report.left} left; `fsck --fix` mends them.")
    )
