"""Commands as they are typed, in this process."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable

import pytest

from backoffice.cli import main

Run = Callable[..., tuple[int, str, str]]
"""Runs a command, which reads `typed`; its status and what it said on standard output and error."""


def runner(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """For a test that has set what the command finds in its environment."""

    def command(*arguments: str, typed: str = "") -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "stdin", io.StringIO(typed))
        capsys.readouterr()
        status = main(list(arguments))
        said = capsys.readouterr()
        return status, said.out, said.err

    return command
