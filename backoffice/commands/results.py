"""What `upload` and `download` say of each file: a line for people, or with `--json` an object for programs."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import click

from backoffice.client.errors import ClientError, ResponseError, printable_path
from backoffice.commands.display import Display

F = TypeVar("F", bound=Callable[..., Any])


def json_option(command: F) -> F:
    """Add `--json`, which comes as `as_json`."""
    return click.option(
        "--json", "as_json", is_flag=True, help="On standard output an object in JSON for each file, also of a failure."
    )(command)


@dataclass(frozen=True, slots=True)
class Results:
    """Goes to standard output, and what is for people alone to standard error."""

    show: Display
    as_json: bool

    def done(self, line: str, /, **fields: Any) -> None:
        """A file is where it should be. `line` says so to people, `fields` to programs."""
        self.show.result(json.dumps(fields) if self.as_json else line)

    def failed(self, what: str, error: ClientError, /, **fields: Any) -> None:
        """It is not. `code`: that of the site's answer, "" where there was none."""
        self.show.problem(f"{printable_path(what)}: {error}")
        if self.as_json:
            code = error.code if isinstance(error, ResponseError) else ""
            self.show.result(json.dumps({**fields, "error": str(error), "code": code}))
