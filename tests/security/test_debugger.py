"""D6: Flask's own command does not start a debugger either, which lets every visitor run code (CVE-2024-34069)."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys

import pytest
from click.testing import CliRunner
from flask.cli import cli as flask_cli

from tests.support.servers import ROOT


def here(words: list[str], environ: dict[str, str]) -> tuple[int, str]:
    """In this process: a command that ends by itself whatever comes of it."""
    done = CliRunner().invoke(flask_cli, words, env=environ)
    assert isinstance(done.exception, SystemExit), done.exception
    return done.exit_code, done.output


def elsewhere(words: list[str], environ: dict[str, str]) -> tuple[int, str]:
    with subprocess.Popen(
        [sys.executable, "-m", "flask", *words],
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            said, _ = process.communicate(timeout=30)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
    return process.returncode, said


@pytest.mark.parametrize(
    ("before", "command", "debug", "environment"),
    [
        (("--debug",), ("routes",), "", "production"),
        ((), ("routes",), "1", "development"),
        ((), ("run", "--debug", "--port", "0"), "", "development"),
        ((), ("run", "--debugger", "--port", "0"), "", "production"),
    ],
)
def test_D6_flasks_own_command_has_no_debugger(
    before: tuple[str, ...], command: tuple[str, ...], debug: str, environment: str
) -> None:
    environ = {**os.environ, "PYTHONPATH": str(ROOT), "FLASK_ENV": environment, "FLASK_DEBUG": debug}
    words = ["--app", "backoffice", *before, *command]
    status, said = here(words, environ) if "routes" in command else elsewhere(words, environ)
    assert status != 0
    assert "does not run with Flask's debugger" in said
    assert "Traceback" not in said


def test_D6_the_reloader_shows_no_debugger_either() -> None:
    """It runs the application in a process of its own, with a socket that it hands over, and goes on when loading
    fails: every address then showed the failure, with the console."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.set_inheritable(True)
        environ = {**os.environ, "PYTHONPATH": str(ROOT), "WERKZEUG_RUN_MAIN": "true"}
        environ["WERKZEUG_SERVER_FD"] = str(listening.fileno())
        flask = [sys.executable, "-m", "flask", "--app", "backoffice", "run", "--debug"]
        with subprocess.Popen(
            flask, env=environ, stderr=subprocess.PIPE, text=True, start_new_session=True, close_fds=False
        ) as process:
            try:
                _, said = process.communicate(timeout=30)
            finally:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
    assert process.returncode == 1, said
    assert "does not run with Flask's debugger" in said
