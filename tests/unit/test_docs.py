"""What the papers say is what the code does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from backoffice import __version__, errors
from backoffice.cli import COMMANDS
from backoffice.domain.actions import Action, Actions
from backoffice.domain.nouns import all_actions
from backoffice.errors import BackofficeError, LeaseLost
from backoffice.settings import table
from backoffice.web.errors import status_of

ROOT = Path(__file__).resolve().parents[2]


def paper(name: str) -> str:
    return (ROOT / name).read_text("utf-8")


def test_the_readme_has_every_setting_with_its_meaning() -> None:
    rows = [line for line in paper("README.md").splitlines() if line.startswith("| `")]
    for name, _, about in table():
        assert any(line.startswith(f"| `{name}` | ") and line.endswith(f" | {about} |") for line in rows), name


def test_the_readme_has_no_setting_that_is_gone() -> None:
    named = set(re.findall(r"^\| `([A-Z_]+)` \|", paper("README.md"), re.MULTILINE))
    assert named == {name for name, _, _ in table()}


def test_every_code_of_an_error_stands_beside_its_status() -> None:
    rows = dict(re.findall(r"^\| (\d{3}) \| (.+) \|$", paper("docs/api.md"), re.MULTILINE))
    found = [one for one in vars(errors).values() if isinstance(one, type) and issubclass(one, BackofficeError)]
    # A lease is lost by a worker, never in a request.
    told = [one for one in found if one is not LeaseLost]
    assert not [one.code for one in told if f"`{one.code}`" not in rows.get(str(status_of(one())), "")]


def test_every_action_of_the_log_is_explained() -> None:
    text = paper("docs/audit.md")
    assert not [action for action in all_actions() if f"`{action}`" not in text]


def test_every_action_of_the_log_is_written_somewhere() -> None:
    """By a service or a store, or by the generic service of the noun that declares it."""
    package = ROOT / "backoffice"
    writers = [*package.glob("services/**/*.py"), *package.glob("stores/**/*.py"), *package.glob("domain/*.py")]
    text = "".join(
        path.read_text("utf-8")
        for path in writers
        if path.parts[-2:] not in {("domain", "actions.py"), ("domain", "audit.py")}
    )
    names = [name for name, one in vars(Actions).items() if isinstance(one, Action)]
    assert not [name for name in names if f"Actions.{name}" not in text]


def test_the_changelog_speaks_of_this_version() -> None:
    assert f"## {__version__}" in paper("CHANGELOG.md")


@pytest.mark.parametrize(
    "name", ["README.md", "CONTRIBUTING.md", *(f"docs/{one.name}" for one in (ROOT / "docs").glob("*.md"))]
)
def test_links_between_papers_lead_somewhere(name: str) -> None:
    folder = (ROOT / name).parent
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", paper(name)):
        assert (folder / target).exists(), f"{name} links to {target}"


def test_every_command_of_the_operation_manual_exists() -> None:
    commands = {name for name, _, _ in COMMANDS} | {"test", "flask"}
    for text in (paper("README.md"), paper("docs/operation.md"), paper("docs/audit.md")):
        assert set(re.findall(r"manage\.py ([a-z]+)", text)) <= commands
