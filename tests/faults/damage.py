"""What befalls the data itself: a log that is cut or damaged, and bits that flip."""

from __future__ import annotations

import base64
import copy
import itertools
import random
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from backoffice.composition import build_services, store_client
from backoffice.embedded.discovery import attach
from backoffice.services.container import Services
from backoffice.settings import Settings
from tests.faults.deeds import DEEDS, Doer
from tests.faults.oracle import Oracle, digest, entries
from tests.faults.sites import Running
from tests.faults.trial import Row, Trial
from tests.support.long_acts import SHELL
from tests.support.servers import Site


def do_each(running: Running, seed: str, times: int = 1) -> Doer:
    """Each kind of act, one after the other."""
    doer = Doer(running.client, running.oracle, seed)
    for _ in range(times):
        for prepare, act in DEEDS.values():
            prepare(doer)
            act(doer)
    return doer


def cut_log(trial: Trial) -> Iterator[Row]:
    """Power fails in the middle of a write: the log's last command is torn. It starts, with all that was answered."""
    row = Row("The append-only file ends in the middle of a command")
    running = Running.start(trial.place("cut") / "data")
    chance = trial.chance("cut")
    try:
        do_each(running, f"cut{trial.seed}")
        for _ in trial.rounds(10):
            running.site.process.kill()
            running.site.close()
            with _log(running).open("ab") as log:  # a command that was never answered, and of which a part got there
                log.write(b"*3\r\n$3\r\nSET\r\n$4\r\ntorn\r\n$1000\r\n" + chance.randbytes(chance.randint(1, 900)))
            began = time.monotonic()
            running.again()
            row.recovered.append(time.monotonic() - began)
            row.runs += 1
        row.count(running.judge())
    finally:
        running.site.close()
    yield row


def damaged_log(trial: Trial) -> Iterator[Row]:
    """Damage in its middle: `up` stops with words that say what to do, and changes nothing. Then what they say is done:
    the backup is restored, and the log is cut where it is damaged."""
    row = Row("The append-only file is damaged in its middle: `up` stops, and says what to do")
    place = trial.place("damaged")
    running = Running.start(place / "data")
    try:
        doer = do_each(running, f"dam{trial.seed}")
        running.command("backup", str(place / "a.backup"))
        backed_up = copy.deepcopy({"kept": running.oracle.kept, "users": running.oracle.users})
        for _ in range(6):  # what comes after the backup is lost with the log
            DEEDS["PUT"][1](doer)
        running.site.stop()
        log = _log(running)
        whole = log.read_bytes()
        for number in trial.rounds(5):
            said = _stops_and_says(running, row, log, _damaged(whole, trial.chance(f"damaged {number}")))
        yield row
        yield _as_it_says(running, said, doer)
        yield _from_backup(running, place, backed_up)
    finally:
        running.site.close()


def _damaged(whole: bytes, chance: random.Random) -> bytes:
    """Where a command begins: within a value any byte is as good as another."""
    at = whole.index(b"\r\n*", chance.randrange(len(whole) // 4, len(whole) // 2)) + 2
    return whole[:at] + b"\x00DAMAGE\x00" + whole[at + 8 :]


def _stops_and_says(running: Running, row: Row, log: Path, damaged: bytes) -> list[str]:
    """What it says."""
    log.write_bytes(damaged)
    site = Site.start(running.data, environ=running.environ, port=running.port)
    try:
        told = site.expect("is damaged", 60)
        site.expect("'exec -a valkey-check-aof \"$@\"' _", 60)
        site.expect("--fix", 60)
        status = site.process.wait(60)
    finally:
        site.close()
    row.runs += 1
    row.note = f"it says: {told.split(' in ')[0]} … is damaged, and two ways out, which the next rows take"
    row.problems += ["`up` ended with 0"] if status == 0 else []
    row.problems += ["the damaged log was changed"] if log.read_bytes() != damaged else []
    return site.lines


def _as_it_says(running: Running, said: list[str], doer: Doer) -> Row:
    """The command for who has no backup, as it was printed, with `--fix`: what was written up to the damage is there,
    the rest is lost, as was said. The site is whole: `fsck` has nothing, the quota is right, people can work."""
    row = Row("… the log is cut at the damage, as `up` says: what came before it is there, and is whole", runs=1)
    [fixing] = [line.strip() for line in said if line.startswith("    bash -c 'exec -a ") and " --fix " in line]
    ran = subprocess.run(["sh", "-c", fixing], input="y\n", capture_output=True, text=True, check=False, timeout=60)
    row.problems += [f"{fixing}: {ran.stdout} {ran.stderr}"] if ran.returncode else []
    began = time.monotonic()
    running.again()
    row.recovered.append(time.monotonic() - began)
    row.problems += [f"fsck: {line}" for line in running.fsck()]
    there = {item["name"]: item for item in running.client.everything("/files")}
    wrong = [
        file.name
        for file in running.oracle.kept.values()
        if file.name in there and digest(running.client.ask("GET", f"/files/{file.id}").body) != file.digest
    ]
    row.problems += [f"{name}: its bytes are others" for name in wrong]
    DEEDS["PUT"][1](doer)
    row.acknowledged = len(there)
    row.note = (
        f"{len(there)} of {len(running.oracle.kept)} files were written before the damage; the rest is lost with it"
    )
    return row


def _from_backup(running: Running, place: Path, backed_up: dict[str, Any]) -> Row:
    """As an operator does it: the directory out of the way, the archive restored, `up`."""
    row = Row("… a backup is restored instead: everything up to it is there", runs=1)
    running.site.stop()
    running.data.rename(place / "damaged")
    began = time.monotonic()
    told = running.command("restore", str(place / "a.backup"), "--data", str(running.data))
    row.problems += [] if "All is well." in told.stdout else [told.stdout]
    shutil.copy(place / "damaged" / "secret.key", running.data / "secret.key")
    running.again()
    row.recovered.append(time.monotonic() - began)
    running.oracle = Oracle()
    running.oracle.kept, running.oracle.users = backed_up["kept"], backed_up["users"]
    running.oracle.acknowledged = len(running.oracle.kept)
    row.count(running.judge())
    return row


def _log(running: Running) -> Path:
    [log] = (running.layout.store / "appendonlydir").glob("*.incr.aof")
    return log


def flipped_bits(trial: Trial) -> Iterator[Row]:
    """A bit of a stored chunk flips: no byte of it is sent, the log has it, and verifying names file and chunk."""
    key = base64.b64encode(trial.chance("key").randbytes(32)).decode()
    for where, encrypted in itertools.product(("redis", "directory"), (False, True)):
        called = f"bytes in {'Redis' if where == 'redis' else 'a directory'}{', encrypted' if encrypted else ''}"
        row = Row(f"A bit of a chunk flips, {called}")
        place = trial.place(f"bits-{where}-{encrypted}")
        environ = {"BACKOFFICE_CHUNKS": f"file:{place / 'bytes'}"} if where == "directory" else {}
        environ |= {"BACKOFFICE_ENCRYPTION_KEYS": key} if encrypted else {}
        running = Running.start(place / "data", environ)
        try:
            doer = Doer(running.client, running.oracle, f"b{trial.seed}")
            for number in trial.rounds(20, 2):
                DEEDS["chunk upload"][1](doer)
                _flip(running, row, where, trial, number)
            row.count(running.judge())
        finally:
            running.site.close()
        yield row


def _flip(running: Running, row: Row, where: str, trial: Trial, number: int) -> None:
    file = next(reversed(running.oracle.kept.values()))
    chance = trial.chance(f"bits {where} {number}")
    index, at, bit = chance.randrange(2), chance.randrange(70_000), 1 << chance.randrange(8)
    undo = _flip_in_redis if where == "redis" else _flip_in_directory
    undo(running, file.id, index, at, bit)
    answer = running.client.ask("GET", f"/files/{file.id}")
    if answer.status == 200 and len(answer.body) == len_of(running, file.id):
        row.problems.append(f"{file.name}: {len(answer.body)} bytes were sent, one of them wrong")
    verified = _services(running).inspection.verify(SHELL, file.id)
    if list(verified.damaged) != [index]:
        row.problems.append(f"{file.name}: verifying names {verified.damaged}, and not chunk {index}")
    with running.store() as store:
        told = [event for event in entries(store) if event["action"] == "file.damaged"]
    if not any(event["object"]["id"] == file.id for event in told):
        row.problems.append(f"{file.name}: no entry file.damaged")
    undo(running, file.id, index, at, bit)
    row.runs += 1
    row.note = "verifying names the file and the chunk"


def _services(running: Running) -> Services:
    """Of the same site, in this process."""
    environ = {**running.environ, "BACKOFFICE_DATA_DIR": str(running.data)}
    settings = attach(Settings.from_env(environ, need_secret=False))
    return build_services(settings, store_client(settings))


def len_of(running: Running, file_id: str) -> int:
    return int(running.client.ask("GET", f"/files/{file_id}/metadata").json["size"])


def _flip_in_redis(running: Running, file_id: str, index: int, at: int, bit: int) -> None:
    key = f"file:{{{file_id}}}:chunk:{index}"
    with running.store() as store:
        [byte] = store.getrange(key, at, at)
        store.setrange(key, at, bytes([byte ^ bit]))


def _flip_in_directory(running: Running, file_id: str, index: int, at: int, bit: int) -> None:
    root = Path(running.environ["BACKOFFICE_CHUNKS"].removeprefix("file:"))
    path = sorted(root.glob(f"kept/*/{file_id}/*"))[index]
    with path.open("r+b") as file:
        file.seek(at)
        [byte] = file.read(1)
        file.seek(at)
        file.write(bytes([byte ^ bit]))
