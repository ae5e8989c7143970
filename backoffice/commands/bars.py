"""What is shown while a command is at work."""

from __future__ import annotations

from rich.console import Console
from rich.progress import Progress, ProgressColumn


def passing(*columns: ProgressColumn) -> Progress:
    """On standard error, and gone at the end. Where nobody sits before it, in a schedule or a script, there is nothing,
    not even an empty line."""
    console = Console(stderr=True)
    return Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
