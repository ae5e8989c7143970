"""Results as Markdown, JSON and SVG."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from backoffice import __version__
from benchmarks.plan import Goal, Part, Plan
from benchmarks.svg import bars


def write(plan: Plan, parts: Sequence[Part]) -> Path:
    """Everything into `plan.out`; the path of the Markdown."""
    plan.out.mkdir(parents=True, exist_ok=True)
    machine = _machine()
    for part in parts:
        for chart in part.charts:
            (plan.out / f"{chart.name}.svg").write_text(bars(chart), "utf-8")
    goals = [goal for part in parts for goal in part.goals]
    figures = {
        "machine": machine,
        "quick": plan.quick,
        "parts": {part.title: part.figures for part in parts},
        "goals": [
            {"name": goal.name, "value": goal.value, "bound": goal.bound, "at_most": goal.at_most, "met": goal.met}
            for goal in goals
        ],
    }
    (plan.out / "results.json").write_text(json.dumps(figures, indent=2) + "\n", "utf-8")
    path = plan.out / "results.md"
    path.write_text("\n".join(_markdown(plan, machine, goals, parts)) + "\n", "utf-8")
    (plan.out / "figures.md").write_text(for_document(parts), "utf-8")
    return path


def _markdown(plan: Plan, machine: dict[str, str], goals: Sequence[Goal], parts: Sequence[Part]) -> list[str]:
    lines = ["# Benchmarks", "", "; ".join(f"{name}: {value}" for name, value in machine.items()), ""]
    if plan.quick:
        lines += ["Quick run: small amounts, few rounds. Do not quote its figures.", ""]
    lines += ["## Goals", "", *table(("", "measured", "goal", ""), [_goal(goal) for goal in goals]), ""]
    for part in parts:
        lines += [f"## {part.title}", "", part.about, "", *table(part.header, part.rows), ""]
        for chart in part.charts:
            lines += [f"![{chart.title}]({chart.name}.svg)", ""]
    return lines


def for_document(parts: Sequence[Part]) -> str:
    """The tables of some parts, and how they stand to their goals, to be pasted into `docs/operation.md`."""
    lines = []
    for part in parts:
        lines += [f"**{part.title}.** {part.about}", "", *table(part.header, part.rows), ""]
    goals = [_goal(goal) for part in parts for goal in part.goals]
    return "\n".join([*lines, *table(("", "measured", "goal", ""), goals), ""])


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """A Markdown table, numbers to the right."""
    marks = ["---", *["---:"] * (len(header) - 1)]
    return [f"| {' | '.join(row)} |" for row in (header, marks, *rows)]


def _goal(goal: Goal) -> list[str]:
    if not goal.at_most and not goal.bound:
        return [goal.name, _number(goal.value, goal.unit), "reported", ""]
    sign = "≤" if goal.at_most else "≥"
    return [
        goal.name,
        _number(goal.value, goal.unit),
        f"{sign} {_number(goal.bound, goal.unit)}",
        "met" if goal.met else "**missed**",
    ]


def _number(value: float, unit: str) -> str:
    if isinstance(value, int):
        return f"{value:,}{unit}"
    return f"{value:,.0f}{unit}" if value >= 20 else f"{value:.2f}{unit}"


def _machine() -> dict[str, str]:
    model = platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        lines = cpuinfo.read_text().splitlines()
        model = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), model)
    return {
        "backoffice": __version__,
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "processor": f"{len(os.sched_getaffinity(0))} × {model}",
        "system": f"{platform.system()} {platform.release()}",
        "Python": platform.python_version(),
    }
