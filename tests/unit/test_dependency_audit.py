"""What `.ci/audit.py` makes of pip-audit's answers, and that `.ci/run` asks for it."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def audit() -> ModuleType:
    spec = importlib.util.spec_from_file_location("ci_audit", ROOT / ".ci" / "audit.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


GOOD = {"name": "flask", "version": "3.1.3", "vulns": []}
HOLED = {
    "name": "werkzeug",
    "version": "3.0.2",
    "vulns": [{"id": "PYSEC-2024-1", "fix_versions": ["3.0.3"], "aliases": [], "description": ""}],
}
UNKNOWN = {"name": "xxhash", "skip_reason": "Dependency not found on PyPI"}


def answer(*packages: object) -> str:
    return json.dumps({"dependencies": packages, "fixes": []})


def test_d5_a_known_hole_fails_also_where_others_were_not_looked_up(audit: ModuleType) -> None:
    status, said = audit.judge("a.lock", answer(GOOD, HOLED, UNKNOWN), "")
    assert status == 1
    assert "werkzeug 3.0.2: PYSEC-2024-1, mended in 3.0.3" in said
    assert "NOT AUDITED" in said


def test_d5_all_looked_up_and_none_known(audit: ModuleType) -> None:
    assert audit.judge("a.lock", answer(GOOD), "") == (0, "a.lock: 1 packages, no known hole")


@pytest.mark.parametrize(
    ("output", "errors"),
    [(answer(UNKNOWN), ""), (answer(GOOD, UNKNOWN), ""), (answer(), ""), ("", "ConnectionError: no route"), ("[]", "")],
)
def test_d5_silence_is_no_all_clear(audit: ModuleType, output: str, errors: str) -> None:
    status, said = audit.judge("a.lock", output, errors)
    assert status == 0
    assert said.startswith("!!!! NOT AUDITED !!!! a.lock")
    assert errors in said


def test_d5_every_lock_is_audited_and_by_the_checks(audit: ModuleType) -> None:
    assert set(audit.LOCKS) == {path.name for path in ROOT.glob("[!.]*.lock")}
    assert ".ci/audit.py" in (ROOT / ".ci" / "run").read_text()
    pins = [line for line in (ROOT / "requirements-audit.lock").read_text().splitlines() if "==" in line]
    assert any(line.startswith("pip-audit==") for line in pins)
