"""`bench`: measure speed and memory."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import click

ROOT = Path(__file__).resolve().parents[2]


@click.command("bench", context_settings={"ignore_unknown_options": True, "help_option_names": []})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def command(arguments: tuple[str, ...]) -> int:
    """Measure speed, cost and memory on throwaway sites; `--help` lists the options."""
    if not (ROOT / "benchmarks").is_dir():
        # An installed package has no benchmarks: they belong to the source.
        raise click.ClickException("the benchmarks are in the project's source; run this from a checkout")
    # A process of its own: what it measures must not share memory and threads with the command line.
    return subprocess.run([sys.executable, "-m", "benchmarks", *arguments], cwd=ROOT, check=False).returncode  # noqa: S603
