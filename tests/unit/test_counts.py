"""The directories that web processes count into: what killed servers have left goes, and nothing else."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from backoffice.embedded.data_dir import take_lock
from backoffice.server.counts import BEGUN_SECONDS, LOCK, PREFIX, counts_directory


def made(place: Path, name: str, *, locked: bool = True, age: float = BEGUN_SECONDS + 5) -> Path:
    left = place / name
    left.mkdir()
    (left / "counter_1.db").write_bytes(b"x")
    if locked:
        (left / LOCK).touch()
    then = left.stat().st_mtime - age
    os.utime(left, (then, then))
    return left


def test_what_killed_servers_have_left_goes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    dead, begun = made(tmp_path, f"{PREFIX}dead"), made(tmp_path, f"{PREFIX}begun", age=0)
    alive, unknown = made(tmp_path, f"{PREFIX}alive"), made(tmp_path, f"{PREFIX}unknown", locked=False)
    link = tmp_path / f"{PREFIX}link"
    link.symlink_to(made(tmp_path, "of somebody else"))
    held = take_lock(alive / LOCK)
    assert held is not None
    with held:
        found, lock = counts_directory()
    assert lock is not None
    with lock:
        assert not dead.exists()
        assert all(one.is_dir() for one in (begun, alive, unknown, link))
        assert found.parent == tmp_path
        assert found.stat().st_mode & 0o777 == 0o700
        assert take_lock(found / LOCK) is None


def test_it_is_held_by_whatever_the_first_process_becomes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on SIGHUP, which runs the new program in its place."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    code = (
        "import os, sys; from backoffice.server.counts import counts_directory\n"
        "made, lock = counts_directory()\n"
        "os.execv('/bin/sh', ['sh', '-c', f'echo {made}; read line'])"
    )
    environ = {**os.environ, "TMPDIR": str(tmp_path)}
    command = [sys.executable, "-c", code]
    with subprocess.Popen(command, env=environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        counts = Path(process.stdout.readline().strip())
        assert counts.is_dir()
        assert take_lock(counts / LOCK) is None
        process.kill()
    found = take_lock(counts / LOCK)
    assert found is not None
    found.close()
