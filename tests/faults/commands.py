"""kill -9 of commands that take long, after one of their steps, and of the store meanwhile: a backup, a restore, the
conversion to encrypted bytes, a migration; and of a site that is just taking new settings (SIGHUP). Given again, each
comes to its end, and all is as it should be."""

from __future__ import annotations

import base64
import contextlib
import os
import signal
import subprocess
import sys
import tarfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from secrets import token_hex

from backoffice.settings import Durability
from tests.faults.damage import do_each
from tests.faults.load import under_load
from tests.faults.oracle import entries
from tests.faults.sites import Running
from tests.faults.steps import Steps
from tests.faults.trial import Row, Trial
from tests.support.commands import typed_in
from tests.support.servers import ROOT, Store, run_store

AGAIN_WITHIN = 60.0
LONG = 120.0


def commands(trial: Trial) -> Iterator[Row]:
    place = trial.place("commands")
    running = Running.start(place / "data")
    try:
        do_each(running, f"o{trial.seed}", 2)
        yield _backup(trial, running, place)
        yield _reload(trial, running)
        yield _restore(trial, running, place)
        yield _convert(trial, running)
    finally:
        running.site.close()
    yield _migrate(trial)


class Struck:
    """A command of the site's, killed at a step: when the store has carried out so many commands since it began."""

    def __init__(self, environ: Mapping[str, str], socket: Path, password: str) -> None:
        self._environ = {**os.environ, **environ, "PYTHONPATH": str(ROOT)}
        self._socket, self._password = str(socket), password

    def length(self, *words: str) -> int:
        """Steps of one that is not disturbed."""
        with contextlib.closing(Steps(self._socket, self._password)) as steps:
            steps.arm(0, None)
            ran = self._start(words)
            said = ran.communicate(timeout=LONG)[0]
            assert ran.returncode == 0, f"{words}: {said}"
            return max(steps.counted, 2)

    def kill(self, after: int, *words: str) -> bool:
        """Whether it was alive then."""
        with contextlib.closing(Steps(self._socket, self._password)) as steps:
            ran = self._start(words)
            steps.arm(after, ran.kill)
            ran.communicate(timeout=LONG)
            return ran.returncode == -signal.SIGKILL

    def _start(self, words: Sequence[str]) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "backoffice", *words]
        return subprocess.Popen(
            command, env=self._environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd="/"
        )


def _of_site(running: Running) -> Struck:
    password = running.layout.store_password.read_text().strip()
    environ = {**running.environ, "BACKOFFICE_DATA_DIR": str(running.data)}
    return Struck(environ, running.layout.socket(), password)


def _backup(trial: Trial, running: Running, place: Path) -> Row:
    """It goes on with what it has; and where the store dies under it, it says so, and goes on with the next one."""
    row = Row("kill -9 of `backup`, and of the store under it; given again it goes on")
    chance, struck = trial.chance("backup"), _of_site(running)
    length = struck.length("backup", str(place / "whole.backup"))
    for number in trial.rounds(10, 2):
        archive = place / f"{number}.backup"
        if number % 2:
            with contextlib.closing(Steps(str(running.layout.socket()), _password(running))) as steps:
                steps.arm(chance.randint(1, length), lambda: running.kill("store"))
                running.command("backup", str(archive), check=False)
            running.wait_until_ready()
        else:
            struck.kill(chance.randint(1, length), "backup", str(archive))
        began = time.monotonic()
        if not archive.exists():  # it was struck after its last step, or goes on by itself where the store comes back
            running.command("backup", str(archive))
        row.recovered.append(time.monotonic() - began)
        checked = running.command("backup", "check", str(archive), check=False)
        row.problems += [] if "is whole" in checked.stdout else [checked.stdout + checked.stderr]
        row.runs += 1
    row.count(running.judge())
    return row


def _password(running: Running) -> str:
    return running.layout.store_password.read_text().strip()


def _reload(trial: Trial, running: Running) -> Row:
    """While new web processes take the place of the old ones, one of either, their parent, or the store dies."""
    row = Row("kill -9 of web process, gunicorn, worker or store while the site takes new settings (SIGHUP)")
    chance = trial.chance("reload")
    for number, who in zip(trial.rounds(12, 2), ["web worker", "store", "gunicorn", "worker"] * 3, strict=False):
        seed = f"u{trial.seed}.{number}"
        with under_load([running.client.url], running.client.token, running.oracle, seed) as load:
            time.sleep(0.5)
            running.site.process.send_signal(signal.SIGHUP)
            time.sleep(chance.uniform(0.0, 2.5))
            with contextlib.suppress(AssertionError, ProcessLookupError, ValueError):  # it has just gone
                running.kill(who)
            struck = time.monotonic()
            time.sleep(4.0)
        row.runs += 1
        row.recovered.append(load.first_after(struck))
        row.slowest = max(row.slowest or 0, load.slowest)
        row.problems += load.failures
        running.wait_until_ready()
        if number % 2:  # deaths in a row are waited for longer and longer
            running.again()
    row.count(running.judge())
    return row


def _restore(trial: Trial, running: Running, place: Path) -> Row:
    """Half of it is never taken for a site: until the command was given again and came to its end nothing starts."""
    row = Row("kill -9 of `restore`; nothing starts on it, and given again it begins anew")
    chance = trial.chance("restore")
    running.command("backup", str(place / "last.backup"))
    with running.store() as client:
        *told, _ = [event["entry"] for event in entries(client)]  # but that of the backup itself
    environ = {"APP_SECRET_KEY": token_hex(24)}
    with _empty_store(place / "length") as (store, more):
        length = _struck(store, {**environ, **more}).length("restore", str(place / "last.backup"))
    for number in trial.rounds(10):
        with _empty_store(place / f"restored-{number}") as (store, more):
            struck = _struck(store, {**environ, **more})
            dead = struck.kill(chance.randint(length // 10, length * 9 // 10), "restore", str(place / "last.backup"))
            refused = typed_in({**environ, **more}, "serve", "--check")
            if dead and (refused.returncode == 0 or "restore" not in refused.stdout + refused.stderr):
                row.problems.append(f"it would start on half of it: {refused.stdout}{refused.stderr}")
            began = time.monotonic()
            said = typed_in({**environ, **more}, "restore", str(place / "last.backup"))
            row.recovered.append(time.monotonic() - began)
            row.problems += [] if "All is well." in said.stdout else [said.stdout + said.stderr]
            with store.client() as restored:
                *now, last = entries(restored)
            if [event["entry"] for event in now] != told or last["action"] != "system.restore":
                row.problems.append(f"the log has other entries than that of the backup, and {last['action']}")
            row.acknowledged += len(now)
            row.runs += 1
    row.note = f"{length} steps; `restore` itself reads every chunk, and runs fsck"
    return row


@contextlib.contextmanager
def _empty_store(place: Path) -> Iterator[tuple[Store, dict[str, str]]]:
    with run_store(place, Durability.DISK) as store:
        yield (
            store,
            {"REDIS_URL": store.url, "REDIS_PASSWORD": store.password, "BACKOFFICE_DATA_DIR": str(place / "none")},
        )


def _struck(store: Store, environ: Mapping[str, str]) -> Struck:
    return Struck(environ, store.socket, store.password)


def _convert(trial: Trial, running: Running) -> Row:
    """Each chunk is what it was or encrypted, and can be read, all the time."""
    row = Row("kill -9 of `encryption convert`, and of the store under it; given again it goes on")
    chance = trial.chance("convert")
    key = base64.b64encode(chance.randbytes(32)).decode()
    running.environ = {**running.environ, "BACKOFFICE_ENCRYPTION_KEYS": key}
    running.again()
    struck = _of_site(running)
    for number in trial.rounds(6):
        killed = struck.kill(chance.randint(4, 60), "encryption", "convert")
        row.note = row.note or ("" if killed else "one had ended before it was killed")
        if number % 2 == 0:
            with contextlib.closing(Steps(str(running.layout.socket()), _password(running))) as steps:
                steps.arm(chance.randint(4, 60), lambda: running.kill("store"))
                running.command("encryption", "convert", check=False)
            running.wait_until_ready()
        do_each(running, f"v{trial.seed}.{number}")
        row.runs += 1
        row.count(running.judge())
    began = time.monotonic()
    running.command("encryption", "convert")
    row.recovered.append(time.monotonic() - began)
    again = running.command("encryption", "convert").stdout
    row.problems += [] if ", 0 encrypted." in again else [f"after the end there was more to encrypt: {again}"]
    row.count(running.judge())
    return row


def _migrate(trial: Trial) -> Row:
    """Of data that the first version wrote."""
    row = Row("kill -9 of `migrate` on data of 0.1.0; given again it goes on")
    chance = trial.chance("migrate")
    length, undisturbed = 0, [""]
    for number in range(-1, 10 if trial.full else 1):
        if number > 0 and not trial.goes_on:
            break
        place = trial.place(f"old-{number}")
        with tarfile.open(ROOT / "fixtures" / "data-0.1.0.tar.xz") as tar:
            tar.extractall(place, filter="data")
        with run_store(place / "data", Durability.DISK) as store:
            environ = {"REDIS_URL": store.url, "REDIS_PASSWORD": store.password, "APP_SECRET_KEY": token_hex(24)}
            struck = _struck(store, {**environ, "BACKOFFICE_DATA_DIR": str(place / "none")})
            if number < 0:
                length, undisturbed = struck.length("migrate"), _lines(typed_in(environ, "fsck").stdout)
                continue
            for _ in range(3):
                struck.kill(chance.randint(2, length), "migrate")
            began = time.monotonic()
            said = typed_in(environ, "migrate")
            row.recovered.append(time.monotonic() - began)
            row.problems += [] if "Nothing is left to do." in said.stdout else [said.stdout + said.stderr]
            found = typed_in(environ, "fsck")
            row.problems += [f"fsck: {found.stdout}"] if _lines(found.stdout) != undisturbed else []
            row.runs += 1
    row.note = f"{length} steps, three kills a run; `fsck` says what it says where nobody was killed"
    return row


def _lines(said: str) -> list[str]:
    return sorted(said.splitlines())
