"""What befalls the data itself: a log that is cut or damaged, bits that flip, memory and disk that are full."""

from __future__ import annotations

import contextlib
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from backoffice.composition import build_services, store_client
from backoffice.embedded.discovery import attach
from backoffice.services.container import Services
from backoffice.settings import Settings
from backoffice.stores.durability import CACHE_SECONDS
from tests.faults.client import Answer
from tests.faults.deeds import DEEDS, Doer, GaveUp
from tests.faults.oracle import digest, entries
from tests.faults.sites import PASSWORD, Running
from tests.faults.trial import NotTried, Row, Trial
from tests.integration.data_script import Api, sign_in
from tests.support.long_acts import SHELL
from tests.support.servers import Site, wait_for

MIB = 1024**2


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
        for _ in range(10 if trial.full else 1):
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
    """Damage in its middle: `up` stops with words that say what to do, and changes nothing."""
    row = Row("The append-only file is damaged in its middle")
    running = Running.start(trial.place("damaged") / "data")
    try:
        do_each(running, f"dam{trial.seed}")
        running.site.stop()
        log = _log(running)
        whole = log.read_bytes()
        for _ in range(5 if trial.full else 1):
            at = trial.chance(f"damaged {row.runs}").randrange(len(whole) // 4, len(whole) // 2)
            at = whole.index(b"\r\n*", at) + 2  # where a command begins: within a value any byte is as good as another
            log.write_bytes(whole[:at] + b"\x00DAMAGE\x00" + whole[at + 8 :])
            before = log.read_bytes()
            site = Site.start(running.data, environ=running.environ, port=running.port)
            try:
                said = site.expect("is damaged", 60)
                status = site.process.wait(60)
            finally:
                site.close()
            row.runs += 1
            row.note = f"it says: {said.split(' in ')[0]} … is damaged"
            row.problems += ["`up` ended with 0"] if status == 0 else []
            row.problems += ["the damaged log was changed"] if log.read_bytes() != before else []
        log.write_bytes(whole)
        running.again()  # as from a backup
        row.count(running.judge())
    finally:
        running.site.close()
    yield row


def _log(running: Running) -> Path:
    [log] = (running.layout.store / "appendonlydir").glob("*.incr.aof")
    return log


def flipped_bits(trial: Trial) -> Iterator[Row]:
    """A bit of a stored chunk flips: no byte of it is sent, the log has it, and verifying names file and chunk."""
    for where in ("redis", "directory"):
        row = Row(f"A bit of a chunk flips, bytes in {'Redis' if where == 'redis' else 'a directory'}")
        place = trial.place(f"bits-{where}")
        environ = {"BACKOFFICE_CHUNKS": f"file:{place / 'bytes'}"} if where == "directory" else {}
        running = Running.start(place / "data", environ)
        try:
            doer = Doer(running.client, running.oracle, f"b{trial.seed}")
            for number in range(20 if trial.full else 3):
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


def full_memory(trial: Trial) -> Iterator[Row]:
    """The store's memory is full: uploads are refused with 507, all else goes on, and deleting makes room again."""
    row = Row("The store's memory is full")
    running = Running.start(trial.place("memory") / "data", {"BACKOFFICE_STORE_MEMORY": "48MiB"})
    try:
        doer = do_each(running, f"m{trial.seed}")
        stored = _fill(running, row, doer)
        _goes_on(running, row, doer, stored)
        row.runs += 1
        row.count(running.judge())
    finally:
        running.site.close()
    yield row


def _fill(running: Running, row: Row, doer: Doer, piece: int = MIB) -> list[str]:
    """Until it takes no more. What was stored."""
    stored: list[str] = []
    end = time.monotonic() + 60
    while time.monotonic() < end:
        name, data = doer.name("fill"), doer.noise(piece)
        answer = running.client.ask("PUT", f"/files/{name}?on_conflict=fail", data)
        if answer.status == 201:
            running.oracle.told(name, answer.json["id"], digest(data))
            stored.append(name)
            continue
        if answer.in_doubt:
            running.oracle.doubt(name)
        if answer.status not in {507, 503, 0}:
            row.problems.append(f"an upload was answered with {answer.status}: {answer.body[:100]!r}")
        if answer.status == 507:
            row.note = f"507 after {len(stored)} files of {piece // 1024} KiB"
            return stored
        time.sleep(0.3)
    row.problems.append("no upload was refused with 507")
    return stored


def _goes_on(running: Running, row: Row, doer: Doer, stored: list[str]) -> None:
    """Deleting, the log, signing in (a token's own reading), and uploads once there is room."""
    ask = running.client.ask

    def expect(what: str, answer: Answer, status: int) -> None:
        if answer.status != status:
            row.problems.append(f"{what}: {answer.status} {answer.body[:100]!r}, and not {status}")

    expect("a list", ask("GET", "/files"), 200)
    status, _ = sign_in(Api(running.client.url), "admin", PASSWORD)
    expect("signing in", Answer(status), 303)
    expect("the log", ask("GET", "/admin/audit/export"), 200)
    began = time.monotonic()
    for name in stored[: len(stored) * 2 // 3]:
        file = running.oracle.kept[name]
        answer = doer.again(lambda file=file: ask("DELETE", f"/files/{file.id}?purge=1"))
        expect("a delete", answer, 204)
        running.oracle.moved(name, running.oracle.kept[name].state.GONE)
    wait_for(lambda: _takes(running, doer), "uploads are taken again", 60)
    row.recovered.append(time.monotonic() - began)


def _takes(running: Running, doer: Doer) -> bool:
    name, data = doer.name("after"), doer.noise(1000)
    answer = running.client.ask("PUT", f"/files/{name}?on_conflict=fail", data)
    if answer.status == 201:
        running.oracle.told(name, answer.json["id"], digest(data))
    elif answer.in_doubt:
        running.oracle.doubt(name)
    return answer.status == 201


def full_disk(trial: Trial) -> Iterator[Row]:
    """The disk is full: no answer but 507 and 503; what was answered is there, and it recovers."""
    row = Row("The disk is full")
    place = trial.place("disk")
    with _small_disk(place, 1000) as disk:
        running = Running.start(disk / "data")
        filler = disk / "filler"
        try:
            doer = do_each(running, f"d{trial.seed}")
            for _ in range(3 if trial.full else 1):
                _crowd(filler, disk, 100)
                time.sleep(CACHE_SECONDS + 0.5)  # for so long what was seen of the disk holds
                stored = _fill(running, row, doer)
                row.problems += ["uploads were taken on a full disk"] if len(stored) > 3 else []
                _crowd(filler, disk, 0)
                _write_on(running, row, trial)
                filler.unlink()
                began = time.monotonic()
                wait_for(lambda: _takes(running, doer), "uploads are taken again", 90)
                row.recovered.append(time.monotonic() - began)
                row.runs += 1
            do_each(running, f"d{trial.seed}-after")
            row.note = f"answers: {dict(sorted(running.client.statuses.items()))}"
            row.count(running.judge())
        finally:
            filler.unlink(missing_ok=True)
            running.site.close()
    yield row


def _write_on(running: Running, row: Row, trial: Trial) -> None:
    """What does not ask for room is done until the store cannot write it any more; who gets no answer gives up."""
    doer = Doer(running.client, running.oracle, f"w{trial.seed}.{row.runs}", seconds=2.0)
    end = time.monotonic() + 12
    while time.monotonic() < end:
        try:
            DEEDS["admin edit"][0](doer)
            DEEDS["admin edit"][1](doer)
        except (GaveUp, AssertionError):
            return


def _crowd(filler: Path, disk: Path, left: int) -> None:
    """Something else takes the disk, but for so many MiB."""
    filler.unlink(missing_ok=True)
    room = os.statvfs(disk)
    with filler.open("wb") as file, contextlib.suppress(OSError):
        os.posix_fallocate(file.fileno(), 0, max(room.f_bavail * room.f_frsize - left * MIB, 1))


@contextlib.contextmanager
def _small_disk(place: Path, mib: int) -> Iterator[Path]:
    """Raises NotTried where none can be mounted."""
    disk = place / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={mib}m", "tmpfs", str(disk)], capture_output=True, text=True, check=False
    )
    if mounted.returncode:
        raise NotTried(f"no small disk can be mounted here: {mounted.stderr.strip()}")
    try:
        yield disk
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=False)
