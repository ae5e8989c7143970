"""`audit export`, `seal`, `trim` and `verify`, as they are typed, on a real server; also a full one."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from redis import Redis

from backoffice.commands.audit_files import write_export
from backoffice.domain.actions import Actions
from backoffice.domain.times import rfc3339
from backoffice.errors import IntegrityError
from backoffice.services.audit import Audit
from backoffice.stores.client import Db
from backoffice.stores.keys import Keys
from tests.support.commands import Run
from tests.support.log_archive import Log
from tests.support.people import ROOT, event

KEYS = Keys("bo")


@pytest.fixture
def log(real: Redis) -> Log:
    return Log.over(Db(real), KEYS)


@contextmanager
def full(real: Redis) -> Iterator[None]:
    before = real.config_get("maxmemory")["maxmemory"]
    real.config_set("maxmemory", real.info("memory")["used_memory"] // 2)
    try:
        yield
    finally:
        real.config_set("maxmemory", before)


def test_from_export_to_verify(run: Run, log: Log, tmp_path: Path) -> None:
    ids = log.fill(50)
    first, second = tmp_path / "1.jsonl", tmp_path / "2.jsonl"
    status, out, _ = run("audit", "export", "--until", ids[29], "--out", str(first))
    digest = hashlib.sha256(first.read_bytes()).hexdigest()
    assert status == 0
    assert out == f"{first}: 30 entries from {ids[0]} to {ids[29]}, SHA-256 {digest}\n"
    assert stat.S_IMODE(first.stat().st_mode) == 0o600
    assert list(tmp_path.glob("*.part")) == []
    assert run("audit", "export", "--until", ids[29], "--out", str(first))[0] == 2
    assert run("audit", "trim", str(first))[0] == 1
    assert run("audit", "seal", str(first))[0] == 0
    assert run("audit", "export", "--until", ids[39], "--out", str(second))[0] == 0
    assert json.loads(second.read_text().splitlines()[0])["id"] == ids[30]
    assert run("audit", "verify", str(first))[0] == 0
    status, out, _ = run("audit", "verify", str(first), str(second))
    assert (status, "No seal" in out) == (1, True)
    assert run("audit", "seal", str(second))[0] == 0
    status, out, _ = run("audit", "trim", str(first), str(second))
    assert status == 0
    assert log.ids()[0] == ids[40]
    status, out, err = run("audit", "verify", str(first), str(second))
    assert status == 0
    assert [line.partition(":")[0][:6] for line in out.splitlines()[2:]] == ["seal 1", "seal 2"]
    assert f"Entries up to {ids[39]} were exported" in err
    assert ids[39] in run("audit", "search", "--action", "file.trash")[2]
    second.write_bytes(second.read_bytes().replace(b'"n":1', b'"n":2', 1))
    assert run("audit", "verify", str(first), str(second))[0] == 1
    actions = [entry.event["action"] for entry in log.log.page((), "", 50).items]
    assert [actions.count(name) for name in ("audit.export", "audit.seal", "audit.trim")] == [2, 2, 2]
    assert {entry.event["actor"]["via"] for entry in log.log.page((("action", "audit.trim"),), "", 9).items} == {
        "shell"
    }


def test_entries_of_a_span_of_time(run: Run, log: Log) -> None:
    ids = log.fill(3)
    time.sleep(0.005)
    later = log.fill(4, 2)
    since = rfc3339(int(later[0].partition("-")[0]))

    def found(*words: str) -> list[str]:
        status, out, _ = run("audit", "search", "--json", *words)
        assert status == 0
        return [one for one in (json.loads(line)["id"] for line in out.splitlines()) if one in {*ids, *later}]

    assert found("--since", since) == later[::-1]
    assert found("--until", since) == ids[::-1]
    assert found("--since", "2001-01-01", "--until", "2001-01-02") == []
    for word in ("--since", "--until"):
        assert run("audit", "search", word, "soon")[0] == 2


def test_nothing_is_exported_where_there_is_nothing(run: Run, log: Log, tmp_path: Path) -> None:
    log.fill(3)
    out = tmp_path / "1.jsonl"
    assert run("audit", "export", "--until", "2001-01-01", "--out", str(out))[0] == 1
    assert run("audit", "export", "--until", "soon", "--out", str(out))[0] == 1
    assert run("audit", "export", "--until", "2101-01-01", "--out", str(tmp_path / "none" / "1.jsonl"))[0] == 1
    assert list(tmp_path.glob("*.jsonl*")) == []


@pytest.mark.parametrize("left", ["whole lines", "half a line", "other entries", "a changed line", "no lines", "all"])
def test_an_interrupted_export_goes_on(log: Log, tmp_path: Path, left: str) -> None:
    ids = log.fill(20)
    whole = b"".join(log.lines(until=ids[-1]))
    lines = whole.splitlines(keepends=True)
    part, out = tmp_path / "1.jsonl.part", tmp_path / "1.jsonl"
    part.write_bytes(
        {
            "whole lines": b"".join(lines[:7]),
            "half a line": b"".join(lines[:7]) + lines[7][:30],
            "other entries": b"".join(lines[3:9]),
            "a changed line": b"".join(lines[:5]).replace(b'"n":1', b'"n":2', 1),
            "no lines": b"\0" * 5000,
            "all": whole,
        }[left]
    )
    export = log.archive.export(ROOT, until=ids[-1])
    assert export.extent is not None
    write_export(export, export.extent, out)
    assert out.read_bytes() == whole
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    assert not part.exists()


def test_a_log_that_changes_meanwhile_leaves_no_file(log: Log, tmp_path: Path) -> None:
    ids = log.fill(9)
    export = log.archive.export(ROOT, until=ids[-1])
    log.db.call("XDEL", KEYS.audit, ids[4])
    assert export.extent is not None
    with pytest.raises(IntegrityError):
        write_export(export, export.extent, tmp_path / "1.jsonl")
    assert not (tmp_path / "1.jsonl").exists()


def test_a_full_store_is_left_by_its_log(run: Run, real: Redis, log: Log, tmp_path: Path) -> None:
    """With no memory left: exported, sealed, trimmed; then there is room, measured."""
    ids = log.fill(5_000)
    used = real.info("memory")["used_memory"]
    out = tmp_path / "log.jsonl"
    with full(real):
        for words in (("export", "--until", ids[-1], "--out", str(out)), ("seal", str(out)), ("trim", str(out))):
            status, _, err = run("audit", *words)
            assert status == 0, err
        assert real.xlen(KEYS.audit) < 10
        assert Audit(log.log).page(ROOT).trimmed is not None
    left = real.info("memory")["used_memory"]
    assert used - left > 5_000 * 200, (used, left)
    assert log.wrong_indexes() == {}
    assert run("fsck")[0] == 0
    assert out.stat().st_size > 5_000 * 200
    assert log.log.record(event(Actions.FILE_RENAME))


SCRIPT = """
import sys
from backoffice.cli import main
sys.exit(main(sys.argv[1:]))
"""


def test_a_trim_that_is_killed_is_carried_out_by_the_next(run: Run, log: Log, tmp_path: Path) -> None:
    ids = log.fill(8_000)
    out = tmp_path / "log.jsonl"
    assert run("audit", "export", "--until", ids[-1], "--out", str(out))[0] == 0
    assert run("audit", "seal", str(out))[0] == 0
    before = len(log.ids())
    killed = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, "audit", "trim", str(out)],
        stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )
    while not log.store.state().pending and killed.poll() is None:
        pass
    killed.send_signal(signal.SIGKILL)
    assert killed.wait(10) == -signal.SIGKILL, "it was faster than its killing"
    assert log.store.state().pending == ids[-1]
    assert "interrupted" in run("audit", "verify", str(out))[2]
    assert run("fsck")[0] == 0
    assert run("audit", "trim", str(out))[0] == 0
    assert len(log.ids()) < before - 7_990
    assert log.wrong_indexes() == {}
    assert log.store.state().pending == ""
    assert run("fsck")[0] == 0
    assert log.log.page((("action", "audit.trim"),), "", 9).total == 1
