"""The frame of the commands: all are there, none costs another one's imports, and mistakes are told in a line."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from pathlib import Path

import click
import pytest

from backoffice import cli
from backoffice.commands.cli_settings import address, environ, load_to_serve
from backoffice.settings import Secret, Settings, SettingsError
from tests.support.servers import ROOT


def test_every_command_is_there() -> None:
    for _, module, about in cli.COMMANDS:
        assert isinstance(importlib.import_module(f"backoffice.commands.{module}").command, click.Command), module
        assert about.endswith(".")


def test_help_names_them_all_without_importing_any(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--help"]) == 0
    said = capsys.readouterr().out
    assert all(name in said for name, _, _ in cli.COMMANDS)


@pytest.mark.parametrize("module", ["backoffice.cli", "backoffice.commands.up", "backoffice.commands.store"])
def test_the_supervisor_and_the_small_commands_stay_light(module: str) -> None:
    code = f"import sys, {module}; print(*[m for m in ('flask', 'redis', 'pydantic', 'gunicorn') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


def test_an_unknown_command_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["bogus"]) == 2
    assert "No such command" in capsys.readouterr().err


def test_of_a_mistyped_command_the_nearest_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["downlod"]) == 2
    assert "No such command 'downlod': did you mean download?" in capsys.readouterr().err
    assert cli.main(["download", "--help"]) == 0


def test_wrong_settings_are_told_without_a_trace(capsys: pytest.CaptureFixture[str]) -> None:
    os.environ["BACKOFFICE_PORT"] = "many"
    assert cli.main(["store", "url"]) == 1
    assert capsys.readouterr().err.startswith("BACKOFFICE_PORT must be")


def test_an_option_takes_the_place_of_the_variable_and_its_file() -> None:
    os.environ.update(BACKOFFICE_PORT_FILE="/nowhere", BACKOFFICE_HOST="::1")
    found = environ({"BACKOFFICE_PORT": "80", "BACKOFFICE_HOST": None})
    assert (found["BACKOFFICE_PORT"], found["BACKOFFICE_HOST"]) == ("80", "::1")
    assert "BACKOFFICE_PORT_FILE" not in found


def test_k1_a_process_that_signs_needs_a_key_in_production(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    os.environ["REDIS_URL"] = "redis://localhost"
    with pytest.raises(SettingsError, match="APP_SECRET_KEY is missing"):
        load_to_serve()
    assert list(tmp_path.iterdir()) == []


def test_in_development_one_key_is_made_and_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    os.environ.update(REDIS_URL="redis://localhost", FLASK_ENV="development")
    [key] = load_to_serve().secret_keys
    assert load_to_serve().secret_keys == (key,)
    assert len(key.reveal()) >= 48


@pytest.mark.parametrize(
    ("url", "password", "whole", "bare"),
    [
        ("unix:///run/r.sock", "p@ss", "unix://:p%40ss@/run/r.sock", "unix:///run/r.sock"),
        ("redis://h:1/2", None, "redis://h:1/2", "redis://h:1/2"),
        ("redis://u:old@h/0", None, "redis://u:old@h/0", "redis://u@h/0"),
        ("redis://u:old@h/0", "new", "redis://u:new@h/0", "redis://u@h/0"),
        ("redis+cluster://a:1,b:2", "x", "redis+cluster://:x@a:1,b:2", "redis+cluster://a:1,b:2"),
    ],
)
def test_the_address_of_the_store(url: str, password: str | None, whole: str, bare: str) -> None:
    settings = Settings(redis_url=url, redis_password=Secret(password) if password else None)
    assert address(settings, with_password=True) == whole
    assert address(settings, with_password=False) == bare
