"""`manage.py mutations` on a project of two files: what was killed, what was not, and what proves nothing."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CODE = "LIMIT = 10\n\n\ndef allowed(size: int) -> bool:\n    return size <= LIMIT\n"
TESTS = """\
import time

import pytest

import limits


def test_named():
    assert limits.allowed(10)
    assert not limits.allowed(11)


def test_weak():
    assert limits.allowed(10)


@pytest.fixture
def small():
    return range(limits.LIMIT)[9]


def test_by_fixture(small):
    assert small


def test_broken():
    raise AssertionError
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    (root / "tests").mkdir(parents=True)
    (root / "limits.py").write_text(CODE)
    (root / "tests" / "test_limits.py").write_text(TESTS)
    (root / "setup.cfg").write_text("[tool:pytest]\npythonpath = .\n")
    return root


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    made = tmp_path / "mutants"
    made.mkdir()
    return made


def mutation(item: str, old: str, new: str, test: str, more: str = "") -> str:
    return (
        f'[[mutation]]\nitem = "{item}"\nwithout = "it"\nfile = "limits.py"\n'
        f'old = "{old}"\nnew = "{new}"\ntest = "test_limits.py::{test}"\n{more}\n'
    )


def tried(project: Path, directory: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """In a process of its own, for it forks."""
    code = "import sys; from pathlib import Path; from tests.security.mutants.run import main; "
    code += "sys.exit(main(sys.argv[3:], Path(sys.argv[1]), Path(sys.argv[2])))"
    command = [sys.executable, "-c", code, str(project), str(directory), "--jobs", "1", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=100, check=False)


def outcomes(done: subprocess.CompletedProcess[str]) -> list[str]:
    return [line[18:33].strip() for line in done.stdout.splitlines() if re.match(r"L\d+ ", line)]


def test_whatever_else_comes_of_one_is_told_and_fails(project: Path, directory: Path) -> None:
    (directory / "L.toml").write_text(
        mutation("L1", "<= LIMIT", "<= 99", "test_weak")
        + mutation("L2", "<= 11", "<= 99", "test_named")
        + mutation("L3", "size <= LIMIT", "size <= NOTHING", "test_named")
        + mutation("L4", "LIMIT = 10", "LIMIT = 1 / 0", "test_named")
        + mutation("L5", "LIMIT = 10", "LIMIT = 9", "test_by_fixture")
        + mutation("L6", "<= LIMIT", "<= 98", "test_named")
    )
    done = tried(project, directory)
    assert done.returncode == 1
    assert outcomes(done) == [
        "SURVIVED",
        "DOES NOT APPLY",
        "killed",  # by a NameError where the test looks
        "NO ANSWER",
        "NO ANSWER",
        "killed",
    ]
    assert "6 mutations for 6 items" in done.stdout
    assert "2 killed, 4 not" in done.stdout


def test_redundant_controls_are_taken_away_together_and_each_alone(project: Path, directory: Path) -> None:
    code = f"MOST = 10\n{CODE.rstrip()} and size <= MOST\n"
    (project / "limits.py").write_text(code)
    also = 'also = [["limits.py", "\\nLIMIT = 10", "\\nLIMIT = 99"]]\nredundant = ["the most", "the limit"]\n'
    for_one = 'also = [["limits.py", "def allowed", "def  allowed"]]\nredundant = ["both", "nothing"]\n'
    (directory / "L.toml").write_text(
        mutation("L1", "MOST = 10", "MOST = 99", "test_named", also)
        + mutation("L2", "size <= LIMIT and size <= MOST", "True", "test_weak")
        + mutation("L3", "size <= LIMIT and size <= MOST", "True", "test_named", for_one)
    )
    done = tried(project, directory)
    assert outcomes(done) == ["killed", "redundant", "redundant", "SURVIVED", "killed", "NOT REDUNDANT", "redundant"]
    assert done.returncode == 1
    assert (project / "limits.py").read_text() == code
    part = tried(project, directory, "--part", "1/3")
    assert "Part 1 of 3: 1 of 3 mutations (manage.py mutations --part 1/3)" in part.stdout
    assert part.stdout.count("redundant") == 2
    assert "1 killed, 0 not" in part.stdout
    assert part.returncode == 0, part.stderr


def test_tests_that_fail_anyway_prove_nothing(project: Path, directory: Path) -> None:
    (directory / "L.toml").write_text(mutation("L1", "<= LIMIT", "<= 99", "test_broken"))
    done = tried(project, directory)
    assert done.returncode == 1
    assert "fail without a mutation already" in done.stderr


def test_an_item_without_one_is_said_so(project: Path, directory: Path) -> None:
    (directory / "L.toml").write_text(mutation("L1", "<= LIMIT", "<= 99", "test_named"))
    done = tried(project, directory, "L2")
    assert done.returncode == 2
    assert "L2" in done.stderr
