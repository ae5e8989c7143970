"""Backups as they are typed: made, checked, proven, restored, and started as a job; what is wrong is told in a line."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from redis import Redis

from backoffice.domain.access import granted_by
from backoffice.domain.jobs import JobState
from backoffice.errors import NotAllowed
from backoffice.worker.proofs import proving
from tests.support.backups import SHELL, Site, actor, all_of, furnish, person, site_over
from tests.support.commands import Done, typed_in
from tests.support.servers import Store

FIXTURE = Path(__file__).resolve().parents[2] / "fixtures" / "backup-0.1.0.backup"


@pytest.fixture
def site(real: Redis) -> Site:
    made = site_over(real)
    furnish(made)
    return made


@pytest.fixture
def environ(site: Site, store_server: Store, tmp_path: Path) -> Mapping[str, str]:
    return {
        "REDIS_URL": store_server.url,
        "REDIS_PASSWORD": store_server.password,
        "BACKOFFICE_DATA_DIR": str(tmp_path / "none"),
    }


def last_line(done: Done) -> str:
    return done.stderr.strip().rpartition("\n")[2]


def test_made_checked_proven_and_restored(environ: Mapping[str, str], site: Site, tmp_path: Path) -> None:
    first, second, key = tmp_path / "1.backup", tmp_path / "2.backup", tmp_path / "key"
    assert typed_in(environ, "backup", "key", str(key)).returncode == 0
    made = typed_in(environ, "backup", str(first), "--key-file", str(key))
    assert (made.returncode, "records" in made.stdout) == (0, True), made
    made = typed_in(environ, "backup", "--base", str(first), "--key-file", str(key), str(second))
    assert (made.returncode, "in archives before it" in made.stdout) == (0, True), made
    checked = typed_in(environ, "backup", "check", str(second), "--key-file", str(key))
    assert (checked.returncode, "it stands on the archive" in checked.stdout) == (0, True), checked
    by_worker = [*proving(second)]  # nice, Python and the product before what is typed
    typed = by_worker[by_worker.index("backoffice") + 1 :]
    proven = typed_in(environ, *typed, "--key-file", str(key))
    assert (proven.returncode, "Proven" in proven.stdout) == (0, True), proven
    notes = site.services.backups.notes(SHELL)
    assert notes.made is not None
    assert notes.proven is not None
    assert (notes.made.file, notes.proven.file) == ("2.backup", "2.backup")
    assert list(tmp_path.glob(".proof-*")) == []
    said = typed_in(environ, "doctor").stdout
    assert "restored on trial on" in said
    [entry] = typed_in(environ, "audit", "search", "--action", "system.prove", "--json").stdout.splitlines()
    assert json.loads(entry)["event"]["actor"]["name"] == "worker", "nobody sat at a shell"
    with_store = typed_in(environ, "restore", str(second), "--key-file", str(key))
    assert (with_store.returncode, "not empty" in last_line(with_store)) == (1, True), with_store
    own = {"BACKOFFICE_DURABILITY": "os"}
    restored = typed_in(own, "restore", str(second), "--key-file", str(key), "--data", str(tmp_path / "data"))
    assert (restored.returncode, restored.stdout.strip().endswith("All is well.")) == (0, True), restored


def test_what_is_wrong_is_told_in_a_line(environ: Mapping[str, str], tmp_path: Path) -> None:
    (tmp_path / "text").write_text("hello\n" * 500)
    (tmp_path / "short").write_text("short")
    (tmp_path / "empty").write_text("")
    (tmp_path / "binary").write_bytes(bytes(range(256)))
    assert typed_in(environ, "backup", str(tmp_path / "a.backup")).returncode == 0
    for arguments, told in (
        (("backup", str(tmp_path / "a.backup")), "is there already"),
        (("backup", str(tmp_path / "none" / "b.backup")), "No such file"),
        (("backup", str(tmp_path / "b.backup"), "--key-file", str(tmp_path / "short")), "A key file has"),
        (("backup", str(tmp_path / "b.backup"), "--key-file", str(tmp_path / "empty")), "There is no key"),
        (("backup", str(tmp_path / "b.backup"), "--key-file", str(tmp_path / "binary")), "is no key file"),
        (("backup", str(tmp_path / "b.backup"), "--base", str(tmp_path / "text")), "is no backup"),
        (("backup", "check", str(tmp_path / "text")), "is no backup"),
        (("backup", "check", str(tmp_path / "gone")), "No such file"),
        (("backup", "prove", str(tmp_path / "text")), "is no backup"),
        (("backup", "key", str(tmp_path / "text")), "File exists"),
        (("restore", str(tmp_path / "gone")), "No such file"),
    ):
        done = typed_in(environ, *arguments)
        assert (done.returncode, told in done.stderr, "Traceback" in done.stderr) == (1, True, False), (arguments, done)
    assert not (tmp_path / "b.backup").exists()


def test_a_damaged_one_is_not_proven(environ: Mapping[str, str], site: Site, tmp_path: Path) -> None:
    path = tmp_path / "a.backup"
    assert typed_in(environ, "backup", str(path)).returncode == 0
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    for command in ("check", "prove"):
        done = typed_in(environ, "backup", command, str(path))
        assert (done.returncode, "is damaged" in done.stderr) == (1, True), done
    assert site.services.backups.notes(SHELL).proven is None


def work(site: Site) -> None:
    runner = site.services.jobs.runner
    while runner.run_some():
        pass


def test_it_is_a_job(real: Redis, tmp_path: Path) -> None:
    site = site_over(real, backup_dir=tmp_path / "backups")
    furnish(site)
    boss = site.services.users.update(SHELL, person(site, "boss").id, roles=["admin"])
    job = site.services.jobs.check(actor(boss), "backup")
    work(site)
    done = site.services.jobs.store.get(job.id)
    assert done is not None
    assert done.state is JobState.DONE
    assert [one.verdict for one in done.findings] == ["ok"]
    [path] = (tmp_path / "backups").iterdir()
    assert path.name in done.findings[0].text
    assert done.done == done.total > 0
    with pytest.raises(NotAllowed):
        site.services.jobs.check(replace(actor(boss), roles=(("operator", granted_by("operator")),)), "backup")


def test_a_job_that_cannot_write_says_so(real: Redis, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    site = site_over(real, backup_dir=tmp_path / "file")
    furnish(site)
    boss = site.services.users.update(SHELL, person(site, "boss").id, roles=["admin"])
    job = site.services.jobs.check(actor(boss), "backup")
    work(site)
    done = site.services.jobs.store.get(job.id)
    assert done is not None
    assert done.state is JobState.DONE
    assert [one.verdict for one in done.findings] == ["problem"]


def test_the_worker_makes_them_and_the_old_ones_go(real: Redis, tmp_path: Path) -> None:
    tmp_path /= "not yet there"
    site = site_over(real, backup_dir=tmp_path, backup_hours=1, backup_keep=2, backup_full=2, backup_prove=0)
    furnish(site)
    schedule = site.services.backup_schedule
    while schedule.run_some():
        pass
    assert len(list(tmp_path.glob("*.backup"))) == 1
    for number in range(4):
        path = tmp_path / f"{number}.backup"
        newest = schedule._base()
        all_of(site.services.backups.make(SHELL, path, base=newest))
    other = tmp_path / "of-another-site.backup"
    shutil.copy(FIXTURE, other)
    assert {one.name for one in schedule.retain()} != set()
    assert other.exists(), "it is another site's"
    archives = site.services.backups.store.archives(tmp_path, "")
    kept = {one.header.archive for one in archives}
    assert len(archives) <= 3
    assert all(one.needs <= kept for one in archives)
    assert schedule.to_be_proven() is None, "every so many-th one is: none by itself"


def test_nothing_stays_of_a_proof_that_is_stopped(environ: Mapping[str, str], tmp_path: Path) -> None:
    """All files of the site are in it."""
    path = tmp_path / "a.backup"
    assert typed_in(environ, "backup", str(path)).returncode == 0
    places = {name: tmp_path / f".proof-{name}" for name in ("old", "alive", "new")}
    for one in places.values():
        (one / "chunks").mkdir(parents=True)
        os.utime(one, (1, 1))
    places["new"].touch()
    # Making its lock has changed the time of the directory.
    with (places["alive"] / "proof.lock").open("w") as lock:
        os.utime(places["alive"], (1, 1))
        fcntl.flock(lock, fcntl.LOCK_EX)
        process = subprocess.Popen(
            [sys.executable, "-m", "backoffice", "backup", "prove", str(path)],
            env={**os.environ, **environ},
            stdout=subprocess.DEVNULL,
        )
        until = time.monotonic() + 60
        while not list(tmp_path.glob(".proof-*/data")) and time.monotonic() < until:
            time.sleep(0.02)
        process.terminate()
        assert process.wait(60) == 128 + signal.SIGTERM
        assert {one.name for one in tmp_path.glob(".proof-*")} == {".proof-alive", ".proof-new"}
