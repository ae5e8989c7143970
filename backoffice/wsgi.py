"""The application for `flask --app backoffice …` and for WSGI servers other than our own: settings from the
environment."""

from __future__ import annotations

import sys
from typing import Any, Final

import click
from flask import Flask
from flask.cli import NoAppException
from flask.helpers import get_debug_flag
from werkzeug.serving import is_running_from_reloader

from backoffice.app import create_app as build
from backoffice.cli import COMMANDS, OPERATOR_ERRORS, cli, sentence
from backoffice.commands.cli_settings import load_to_serve
from backoffice.embedded.discovery import NotRunning
from backoffice.settings import SettingsError

NO_DEBUGGER: Final = (
    "backoffice does not run with Flask's debugger. Leave out --debug and --debugger and unset FLASK_DEBUG;"
    " --reload alone starts anew when a file was changed."
)


def create_app() -> Flask:
    """The application, with the commands of `manage.py`. They work before there is a store, too: one of them
    starts it. There is no debugger: Werkzeug's lets every visitor run code (CVE-2024-34069). Under its
    reloader an exception would be shown by the debugger, so there the process ends."""
    if get_debug_flag() or _asks_for_debugger():
        if is_running_from_reloader():
            sys.exit(NO_DEBUGGER)
        raise NoAppException(NO_DEBUGGER)
    try:
        app = build(load_to_serve())
    except SettingsError as error:
        raise NoAppException(str(error)) from error
    except NotRunning as error:
        app = _waiting(str(error))
    for name, _, about in COMMANDS:
        app.cli.add_command(_Later(name, about))
    return app


def _asks_for_debugger() -> bool:
    """Whether `flask run --debugger` is what loads the application."""
    context = click.get_current_context(silent=True)
    return context is not None and bool(context.params.get("debugger"))


class _Later(click.Command):
    """A command known by name, imported when it is called."""

    def __init__(self, name: str, about: str) -> None:
        super().__init__(name, short_help=about, add_help_option=False)
        self._real: click.Command = self

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        """The real command's context, as ours, so that it is invoked through us."""
        real = cli.get_command(click.Context(cli), self.name or "")
        if real is None:
            raise click.UsageError(f"No such command {self.name!r}.")
        self._real = real
        context = real.make_context(info_name, args, parent, **extra)
        context.command = self
        return context

    def invoke(self, ctx: click.Context) -> Any:
        """As in `main`: what the operator can mend is one line, and a number is the exit status."""
        ctx.command = self._real
        try:
            status = self._real.invoke(ctx)
        except OPERATOR_ERRORS as error:
            raise click.ClickException(str(error)) from error
        except OSError as error:
            raise click.ClickException(sentence(error)) from error
        if isinstance(status, int) and status:
            ctx.exit(status)
        return status


def _waiting(reason: str) -> Flask:
    """An application for the time before there is a store: it answers everything with the reason."""
    app = Flask(__name__)

    @app.before_request
    def refuse() -> tuple[str, int, dict[str, str]]:
        return f"{reason}\n", 503, {"Content-Type": "text/plain; charset=utf-8"}

    return app
