"""Commands as they are typed, in this process: a Python of its own takes a second of the processor for each."""

from __future__ import annotations

import contextlib
import io
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import pytest

from backoffice.cli import main

Run = Callable[..., tuple[int, str, str]]
"""Runs a command, which reads `typed`; its status and what it said on standard output and error."""


@dataclass(frozen=True, slots=True)
class Done:
    """What became of a command; the names are those of `subprocess.CompletedProcess`."""

    returncode: int
    stdout: str
    stderr: str


def runner(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """For a test that has set what the command finds in its environment."""

    def command(*arguments: str, typed: str = "") -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "stdin", io.StringIO(typed))
        capsys.readouterr()
        status = main(list(arguments))
        said = capsys.readouterr()
        return status, said.out, said.err

    return command


def typed_in(environ: Mapping[str, str], *arguments: str, typed: str = "") -> Done:
    """For fixtures of a file as well. `environ` comes on top of this process's."""
    out, err = io.StringIO(), io.StringIO()
    before = os.umask(0o077)
    os.umask(before)
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        patch.setattr(sys, "stdin", io.StringIO(typed))
        for name, value in environ.items():
            patch.setenv(name, value)
        try:
            status = main(list(arguments))
        finally:
            os.umask(before)  # `up` takes another one
    return Done(status, out.getvalue(), err.getvalue())
