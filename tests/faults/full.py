"""Memory and disk that are full: uploads are refused, and all else goes on."""

from __future__ import annotations

import contextlib
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from backoffice.embedded.store import BALLAST
from backoffice.stores.durability import CACHE_SECONDS
from tests.faults.client import Answer
from tests.faults.damage import do_each
from tests.faults.deeds import DEEDS, Doer, GaveUp
from tests.faults.oracle import State, digest, entries
from tests.faults.sites import PASSWORD, Running
from tests.faults.trial import NotTried, Row, Trial
from tests.integration.data_script import Api, sign_in
from tests.support.servers import wait_for

MIB = 1024**2
SMALL_DISK = 1000
"""MiB: 512 of them have to be free for an upload."""


def full_memory(trial: Trial) -> Iterator[Row]:
    """The store's memory is full: uploads are refused with 507, all else goes on, and deleting makes room again;
    nothing is thrown away for that."""
    row = Row("The store's memory is full")
    running = Running.start(trial.place("memory") / "data", {"BACKOFFICE_STORE_MEMORY": "48MiB"})
    try:
        doer = do_each(running, f"m{trial.seed}")
        for _ in trial.rounds(3):
            stored = _fill(running, row, doer)
            began = time.monotonic()
            _goes_on(running, row, doer, stored[: len(stored) * 2 // 3])
            wait_for(lambda: _takes(running, doer), "uploads are taken again", 60)
            row.recovered.append(time.monotonic() - began)
            row.runs += 1
        with running.store() as store:
            row.problems += ["keys were evicted"] if int(store.info("stats")["evicted_keys"]) else []
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
    """A list, signing in, the log (in which that is) and deleting: at once, or asked again as long as a client does."""
    before = _sign_ins(running)

    def expect(what: str, step: Callable[[], Answer], status: int) -> None:
        try:
            answer = doer.again(step)
        except GaveUp as error:
            row.problems.append(f"{what}: {error}")
            return
        if answer.status != status:
            row.problems.append(f"{what}: {answer.status} {answer.body[:100]!r}, and not {status}")

    ask = running.client.ask
    expect("a list", lambda: ask("GET", "/files"), 200)
    expect("signing in", lambda: Answer(sign_in(Api(running.client.url), "admin", PASSWORD)[0]), 303)
    expect("the log", lambda: ask("GET", "/admin/audit/export"), 200)
    if _sign_ins(running) != before + 1:
        row.problems.append("signing in is not in the log, once")
    for name in stored:
        file = running.oracle.kept[name]
        expect("a delete", lambda file=file: ask("DELETE", f"/files/{file.id}?purge=1"), 204)
        running.oracle.moved(name, State.GONE)


def _sign_ins(running: Running) -> int:
    with running.store() as store:
        return sum(event["action"] == "session.start" for event in entries(store))


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
    with _small_disk(trial.place("disk"), SMALL_DISK) as disk, _crowded(disk) as crowd:
        running = Running.start(disk / "data")
        try:
            doer = do_each(running, f"d{trial.seed}")
            for _ in trial.rounds(3):
                crowd(100)
                time.sleep(CACHE_SECONDS + 0.5)  # for so long what was seen of the disk holds
                stored = _fill(running, row, doer)
                row.problems += ["uploads were taken on a full disk"] if len(stored) > 3 else []
                crowd(0)
                _write_on(running, row, trial)
                crowd(None)
                began = time.monotonic()
                wait_for(lambda: _takes(running, doer), "uploads are taken again", 90)
                row.recovered.append(time.monotonic() - began)
                row.runs += 1
            do_each(running, f"d{trial.seed}-after")
            row.note = f"answers: {dict(sorted(running.client.statuses.items()))}"
            row.count(running.judge())
        finally:
            running.site.close()
    yield row
    yield _reserve(trial)


def _reserve(trial: Trial) -> Row:
    """Something else takes the disk to the last byte and keeps it. The 64 MiB that are kept for that are enough to sign
    in, to look, to delete, and for the log of it; and for a start of the site in that state."""
    row = Row("The disk is full and stays so: the reserve of 64 MiB is freed, people delete files")
    with _small_disk(trial.place("reserve"), SMALL_DISK) as disk, _crowded(disk) as crowd:
        running = Running.start(disk / "data")
        try:
            running.layout.ballast.write_bytes(bytes(BALLAST))  # as on a larger disk
            doer = do_each(running, f"r{trial.seed}")
            stored = [_stored(running, doer) for _ in range(4)]
            crowd(0)
            _write_on(running, row, trial)
            began = time.monotonic()
            wait_for(lambda: not running.layout.ballast.exists(), "the reserve is freed", 60)
            _goes_on(running, row, doer, stored[:2])
            row.recovered.append(time.monotonic() - began)
            running.site.stop()
            running.again()
            _goes_on(running, row, doer, stored[2:])
            row.runs += 1
            row.count(running.judge())
        finally:
            running.site.close()
    return row


def _stored(running: Running, doer: Doer) -> str:
    DEEDS["PUT"][1](doer)
    return next(reversed(running.oracle.kept))


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


@contextlib.contextmanager
def _crowded(disk: Path) -> Iterator[Callable[[int | None], None]]:
    """Yields what has something else take the disk, but for so many MiB; None: it goes again."""
    filler = disk / "filler"

    def crowd(left: int | None) -> None:
        filler.unlink(missing_ok=True)
        if left is None:
            return
        with filler.open("wb") as file:
            for piece in (MIB, 4096):  # others write meanwhile: what does not fit at once fits in smaller pieces
                with contextlib.suppress(OSError):
                    while (room := os.statvfs(disk)).f_bavail * room.f_frsize >= left * MIB + piece:
                        os.posix_fallocate(file.fileno(), file.seek(0, os.SEEK_END), piece)

    try:
        yield crowd
    finally:
        filler.unlink(missing_ok=True)


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
