"""All commands by name. Each lives in its own module, imported when it is called: `up` must not wait for Flask."""

from __future__ import annotations

import difflib
import errno
import gc
import importlib
import io
import os
import sys
from collections.abc import Sequence
from typing import Final

import click

from backoffice import __version__
from backoffice.embedded.data_dir import DataDirectoryError
from backoffice.embedded.discovery import NotRunning
from backoffice.errors import BackofficeError, Unavailable
from backoffice.settings import SettingsError

# Name, module in backoffice/commands, one line of help. The order is that of the help text.
COMMANDS: Final[tuple[tuple[str, str, str], ...]] = (
    ("up", "up", "Run everything: store, web server and worker."),
    ("serve", "serve", "Run the web server alone."),
    ("worker", "worker", "Run the worker alone."),
    ("user", "user", "Create, list, disable and enable users; set passwords."),
    ("role", "role", "List, create, change and delete roles."),
    ("token", "token", "Create, list and revoke access tokens."),
    ("upload", "upload", "Upload files over HTTP, in parallel and resumable."),
    ("download", "download", "Download files over HTTP."),
    ("request", "request", "Make a link by which others send you files."),
    ("share", "share", "Share a file or a folder by a link."),
    ("audit", "audit", "Read, export and trim the audit log."),
    ("store", "store", "Say where the store is."),
    ("doctor", "doctor", "Check settings, store, disk and clock, and say what to do."),
    ("encryption", "encryption", "Encrypt what is stored, and change its keys."),
    ("backup", "backup", "Write all that the store has into one file; prove such a file."),
    ("restore", "restore", "Make the store of a backup."),
    ("migrate", "migrate", "Bring what an earlier version stored into the form of this one."),
    ("fsck", "fsck", "Check every index and chunk against its record."),
    ("demo", "demo", "Load the demonstration data."),
    ("bench", "bench", "Measure speed and memory."),
)

# What a person at the terminal can mend: told in a line, without a trace.
OPERATOR_ERRORS: Final = (SettingsError, NotRunning, DataDirectoryError, BackofficeError)


class LazyGroup(click.Group):
    """A group whose commands are imported when called. Their one-line help is known without."""

    def list_commands(self, _ctx: click.Context) -> list[str]:
        return [name for name, _, _ in COMMANDS]

    def get_command(self, _ctx: click.Context, cmd_name: str) -> click.Command | None:
        module = next((module for name, module, _ in COMMANDS if name == cmd_name), None)
        if module is None:
            return None
        # Importing leaves no garbage behind; looking for some meanwhile costs a sixth of the time to start.
        gc.disable()
        try:
            command = importlib.import_module(f"backoffice.commands.{module}").command
        finally:
            gc.freeze()
            gc.enable()
        if not isinstance(command, click.Command):
            raise TypeError(f"backoffice.commands.{module}.command is not a click command")
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        near = difflib.get_close_matches(args[0], self.list_commands(ctx), n=1)
        if near and near[0] != args[0]:
            ctx.fail(f"No such command '{args[0]}': did you mean {near[0]}?")
        return super().resolve_command(ctx, args)

    def format_commands(self, _ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, _, text in COMMANDS])


@click.group(
    cls=LazyGroup,
    epilog="`manage.py test [ARGUMENTS]` runs the tests.",
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(__version__, message="backoffice %(version)s")
def cli() -> None:
    """A back office for files. `COMMAND --help` says more about each command."""


def main(argv: Sequence[str]) -> int:
    """Run one command and return its exit status."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a terminal that lacks a letter is no reason to end
    try:
        status = cli.main(args=list(argv), prog_name="manage.py", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except click.exceptions.Abort:
        return 130
    except OPERATOR_ERRORS as error:
        print(harmless(told(error)), file=sys.stderr)
        return 1
    except OSError as error:
        print(harmless(sentence(error)), file=sys.stderr)
        return 1
    return status if isinstance(status, int) else 0


def told(error: Exception) -> str:
    """The error's own words; where the store does not answer, or takes no changes, also what its client says."""
    if not isinstance(error, Unavailable) or error.args != type(error)().args:
        return str(error)
    cause = importlib.import_module("backoffice.logs").cause_of(error)
    return f"{error} ({cause})" if cause else str(error)


def harmless(text: str) -> str:
    """The text for a terminal, which no name of a file in it may steer."""
    return "".join(one if one == "\n" or one.isprintable() else ascii(one)[1:-1] for one in text)


def sentence(error: OSError) -> str:
    """What the operating system refused, and of which file."""
    what = os.fsdecode(error.filename) if isinstance(error.filename, str | bytes | os.PathLike) else ""
    hint = "; free some room and try again" if error.errno in {errno.ENOSPC, errno.EDQUOT} else ""
    return f"{what}{': ' if what else ''}{error.strerror or error}{hint}"
