"""Known holes in what the lock files pin, by pip-audit from a lock of its own.

Ends with 1 where there is one. What could not be looked up (no network, or a mirror that does not know of holes) is no
failure, but is said in a line of its own: nobody should take silence for an all-clear.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import venv
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
PARTS = ("", "-test", "-build", "-otel", "-audit")
LOCKS = tuple(f"requirements{part}.lock" for part in PARTS)
PATIENCE = 120
"""Seconds for each step."""


def main() -> int:
    with tempfile.TemporaryDirectory() as directory:
        try:
            command = _install(Path(directory))
        except (OSError, subprocess.SubprocessError) as error:
            print(_not_audited(f"pip-audit could not be installed ({_last_line(error)})"))
            return 0
        found = [_audit(command, lock) for lock in LOCKS]
    for _, said in found:
        print(said)
    return max(status for status, _ in found)


def _install(directory: Path) -> list[str]:
    venv.create(directory, with_pip=True, symlinks=True)
    python = str(directory / "bin" / "python")
    options = ["--require-hashes", "--no-deps", "--only-binary=:all:", "--no-input", "--disable-pip-version-check"]
    command = [python, "-m", "pip", "install", "--quiet", *options, "-r", str(ROOT / "requirements-audit.lock")]
    subprocess.run(command, check=True, timeout=PATIENCE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    return [python, "-m", "pip_audit"]


def _audit(command: list[str], lock: str) -> tuple[int, str]:
    options = ["--disable-pip", "--require-hashes", "--progress-spinner=off", "--format=json", "--timeout=15"]
    try:
        done = subprocess.run(
            [*command, *options, "-r", str(ROOT / lock)],
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
            env={**os.environ, "NO_COLOR": "1"},
        )
    except subprocess.TimeoutExpired:
        return 0, _not_audited(f"{lock}: no answer within {PATIENCE} s")
    return judge(lock, done.stdout, done.stderr)


def judge(lock: str, output: str, errors: str) -> tuple[int, str]:
    """The exit status and what is said: 1 where a hole is known, whatever else could not be looked up."""
    try:
        packages: list[dict[str, Any]] = json.loads(output)["dependencies"]
    except (ValueError, KeyError, TypeError):
        last = errors.strip().splitlines()[-1:] or ["no answer"]
        return 0, _not_audited(f"{lock}: {last[0][:200]}")
    holes = [
        f"{one['name']} {one['version']}: {hole['id']}, mended in {', '.join(hole['fix_versions']) or 'no version yet'}"
        for one in packages
        for hole in one.get("vulns", ())
    ]
    skipped = [one["name"] for one in packages if "skip_reason" in one]
    lines = [f"{lock}: {hole}" for hole in holes]
    if skipped or not packages:
        lines.append(_not_audited(f"{lock}: {len(skipped)} of {len(packages)} packages could not be looked up"))
    if not lines:
        lines.append(f"{lock}: {len(packages)} packages, no known hole")
    return int(bool(holes)), "\n".join(lines)


def _not_audited(why: str) -> str:
    return f"!!!! NOT AUDITED !!!! {why}"


def _last_line(error: Exception) -> str:
    said = getattr(error, "stderr", None) or str(error)
    return str(said).strip().splitlines()[-1][:200]


if __name__ == "__main__":
    sys.exit(main())
