"""`--password-file` of `share` and `request`."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from backoffice.client.errors import printable_path
from backoffice.domain.limits import MAX_PASSWORD

F = TypeVar("F", bound=Callable[..., Any])


def password_option(command: F) -> F:
    """Add it; it comes as `password_file`."""
    return click.option(
        "--password-file",
        type=click.Path(dir_okay=False),
        help="A file whose first line is the password of the link; - for standard input.",
    )(command)


def password_in(path: str | None, token_file: str | None) -> str:
    """What the first line says, "" where no file is named. Raises ClickException, UsageError."""
    if path is None:
        return ""
    if {token_file, path} == {"-"}:
        raise click.UsageError("Standard input cannot be both the password and the token.")
    try:
        if path == "-":
            line = "" if sys.stdin is None else sys.stdin.readline(4 * MAX_PASSWORD)
        else:
            with Path(path).open(encoding="utf-8") as file:
                line = file.readline(4 * MAX_PASSWORD)
    except (OSError, UnicodeDecodeError) as error:
        why = (isinstance(error, OSError) and error.strerror) or "it is not text"
        raise click.ClickException(f"{printable_path(path)} cannot be read: {why}.") from error
    password = line.rstrip("\r\n")
    if not password:
        raise click.ClickException(f"There is no password in {printable_path(path)}.")
    return password
