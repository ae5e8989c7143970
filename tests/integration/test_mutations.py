"""`manage.py mutations` on a project of two files: what was killed, what was not, and what proves nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.mutations.run import main

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


def tried(project: Path, *mutations: tuple[str, str, str], arguments: tuple[str, ...] = ()) -> int:
    directory = project.parent / "mutations"
    directory.mkdir()
    entries = [
        f'[[mutation]]\nitem = "L{number}"\nwithout = "it"\nfile = "limits.py"\n'
        f'old = "{old}"\nnew = "{new}"\ntest = "test_limits.py::{test}"\n'
        for number, (old, new, test) in enumerate(mutations, 1)
    ]
    (directory / "L.toml").write_text("\n".join(entries))
    return main(arguments, project, directory)


def test_one_that_the_named_test_notices_is_killed(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert tried(project, ("<= LIMIT", "<= 99", "test_named")) == 0
    assert "1 killed, 0 not" in capsys.readouterr().out
    assert (project / "limits.py").read_text() == CODE


def test_whatever_else_comes_of_one_is_told_and_fails(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status = tried(
        project,
        ("<= LIMIT", "<= 99", "test_weak"),
        ("<= 11", "<= 99", "test_named"),
        ("size <= LIMIT", "size <= NOTHING", "test_named"),
        ("LIMIT = 10", "LIMIT = 1 / 0", "test_named"),
        ("LIMIT = 10", "LIMIT = 9", "test_by_fixture"),
        ("<= LIMIT", "<= 98", "test_named"),
    )
    out = capsys.readouterr().out
    assert status == 1
    assert [line[18:33].strip() for line in out.splitlines() if line.startswith("L")] == [
        "SURVIVED",
        "DOES NOT APPLY",
        "killed",  # by a NameError where the test looks
        "NO ANSWER",
        "NO ANSWER",
        "killed",
    ]
    assert "6 mutations for 6 items" in out
    assert "2 killed, 4 not" in out


def test_tests_that_fail_anyway_prove_nothing(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert tried(project, ("<= LIMIT", "<= 99", "test_broken")) == 1
    assert "fail without a mutation already" in capsys.readouterr().err


def test_an_item_without_one_is_said_so(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert tried(project, ("<= LIMIT", "<= 99", "test_named"), arguments=("L2",)) == 2
    assert "L2" in capsys.readouterr().err
