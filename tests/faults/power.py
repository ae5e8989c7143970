"""Power is cut: what the store had synced at that moment is all that there is.

`strace` tells what the store wrote to its log and when it had it synced. Every sync is a moment: a store is started on
the log up to there, and some torn bytes of what came next, and has to have all that clients had been told before the
sync after it began.
"""

from __future__ import annotations

import contextlib
import copy
import json
import random
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex
from typing import Any

from backoffice.app import make_web
from backoffice.composition import build_services
from backoffice.embedded.data_dir import Layout
from backoffice.settings import Durability, Settings
from backoffice.stores.client import connect
from tests.faults.client import Answer, Client
from tests.faults.load import under_load
from tests.faults.oracle import Kept, Oracle, State, entries
from tests.faults.sites import Running
from tests.faults.trial import NotTried, Row, Trial
from tests.support.commands import typed_in
from tests.support.servers import run_store, wait_for

CALL = re.compile(r"^(?:\d+ +)?(\d+\.\d+) (write|fdatasync|fsync)\(.*\) += (\d+)")
TORN = 4096
"""Bytes of what came next that may be there as well."""
LEASE = 75.0
"""Seconds after which nobody completes an upload any more who was at it when the power was cut."""
UNDER_WAY = re.compile(r"^found: (\w+): chunks [\d, -]+ are noted and not there$", re.MULTILINE)
KINDS = ("PUT", "chunk upload", "batch", "replace content", "purge", "tus")


@dataclass(frozen=True, slots=True)
class Moment:
    """`length` bytes of the log are safe until `until`, when the next sync begins. `torn`: how many of those that
    follow may be there as well."""

    length: int
    until: float
    torn: int = TORN


class Remembering(Oracle):
    """Knows when it was told what."""

    def __init__(self) -> None:
        super().__init__()
        self.tale: list[tuple[float, str, Kept]] = []

    def told(self, name: str, file_id: str, sha256: str, *, promised: bool = True) -> None:
        super().told(name, file_id, sha256, promised=promised)
        self._note(name)

    def replaced(self, name: str, sha256: str, *, promised: bool = True) -> None:
        super().replaced(name, sha256, promised=promised)
        self._note(name)

    def moved(self, name: str, state: State) -> None:
        super().moved(name, state)
        self._note(name)

    def _note(self, name: str) -> None:
        self.tale.append((time.time(), name, copy.copy(self.kept[name])))

    def at(self, moment: float) -> Oracle:
        """What had been told by then. What came later may be there as well."""
        then = Oracle()
        for told_at, name, file in self.tale:
            before = then.kept.get(name)
            if told_at <= moment:
                then.kept[name] = copy.copy(file)
                then.acknowledged += 1
            elif before is None:
                then.unsure.add(name)
            else:
                before.maybe += (file.digest, file.state)
        return then


def power_cuts(trial: Trial) -> Iterator[Row]:
    row = Row("Power is cut: a store on its log up to a sync, with torn bytes after it")
    if shutil.which("strace") is None:
        raise NotTried("there is no strace here (Debian: apt install strace)")
    place = trial.place("power")
    oracle = Remembering()
    running = Running.start(place / "data", oracle=oracle)
    try:
        [log] = (running.layout.store / "appendonlydir").glob("*.incr.aof")
        with _traced(running, log, place / "calls") as begin:
            seed = f"p{trial.seed}"
            with under_load([running.client.url], running.client.token, oracle, seed, KINDS) as load:
                time.sleep(6.0 if trial.full else 3.0)
            row.problems += load.failures
        token = running.client.token
    finally:
        running.site.close()
    moments = list(_moments(place / "calls", begin))
    chance = trial.chance("power")
    chosen = sorted(chance.sample(moments, min(200 if trial.full else 12, len(moments))), key=lambda one: one.length)
    for number, moment in enumerate(chosen):
        if not trial.goes_on:
            break
        cut(row, trial.place(f"power-{number}"), log, moment, oracle, token, chance)
    row.note = (
        f"{len(moments)} syncs, {oracle.acknowledged} acts acknowledged in all; counted are those before each cut"
    )
    yield row


@contextlib.contextmanager
def _traced(running: Running, log: Path, calls: Path) -> Iterator[int]:
    """Yields how long the log is when the tracing begins."""
    command = ["strace", "-f", "-ttt", "-s", "0", "-P", str(log), "-e", "trace=write,fdatasync,fsync"]
    with (calls.with_suffix(".said")).open("w+") as said:
        tracer = subprocess.Popen(
            [*command, "-o", str(calls), "-p", str(running.pid("store"))], stderr=said, stdin=subprocess.DEVNULL
        )
        try:
            wait_for(
                lambda: "attached" in calls.with_suffix(".said").read_text() or tracer.poll() is not None, "strace", 10
            )
            if tracer.poll() is not None:
                raise NotTried(f"strace may not look here: {calls.with_suffix('.said').read_text().strip()}")
            yield log.stat().st_size
        finally:
            if tracer.poll() is None:
                tracer.send_signal(signal.SIGINT)
                tracer.wait(20)


def _moments(calls: Path, begin: int) -> Iterator[Moment]:
    length, synced = begin, 0
    for line in calls.read_text("utf-8", "replace").splitlines():
        found = CALL.match(line)
        if found is None:
            continue
        at, call, result = float(found[1]), found[2], int(found[3])
        if call == "write":
            length += result
        else:
            if synced:
                yield Moment(synced, at)
            synced = length


class InProcess(Client):
    """The same questions to a site in this process."""

    web: Any

    def ask(
        self, method: str, path: str, body: bytes | object = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        sent = {"Authorization": f"Bearer {self.token}", **(headers or {})}
        if body is not None and not isinstance(body, bytes):
            sent["Content-Type"] = "application/json"
        got = self.web.open(path, method=method, data=data, headers=sent, buffered=True)
        return Answer(got.status_code, got.data, dict(got.headers))


def cut(
    row: Row,
    place: Path,
    log: Path,
    moment: Moment,
    oracle: Remembering,
    token: str,
    chance: random.Random,
    chunks: Path | None = None,
) -> None:
    """Start on what is left at that moment, and judge. `chunks`: what is left of a directory with the bytes."""
    layout = Layout.at(place / "data")
    layout.prepare()
    target = layout.store / log.parent.name
    shutil.copytree(log.parent, target, ignore=shutil.ignore_patterns(log.name))
    torn = chance.randint(0, moment.torn)
    with log.open("rb") as whole, (target / log.name).open("wb") as kept:
        kept.write(whole.read(moment.length + torn))
    began = time.monotonic()
    with (
        run_store(place / "data", Durability.DISK) as store,
        contextlib.closing(connect(store.url, store.password)) as db,
    ):
        row.recovered.append(time.monotonic() - began)
        environ = {"REDIS_URL": store.url, "REDIS_PASSWORD": store.password, "APP_SECRET_KEY": token_hex(24)}
        environ |= {"BACKOFFICE_CHUNKS": f"file:{chunks}"} if chunks else {}
        settings = Settings.from_env({**environ, "BACKOFFICE_DATA_DIR": str(place / "data")})
        services = build_services(settings, db)
        client = InProcess("", token)
        client.web = make_web(services, settings).test_client()
        services.files.collect()  # as the worker does when it starts
        verdict = oracle.at(moment.until).judge(client, entries(db))
        verdict.problems += _checked(client, environ)
    verdict.problems = [f"{moment.length} bytes and {torn}: {one}" for one in verdict.problems]
    row.runs += 1
    row.count(verdict)
    shutil.rmtree(place)


def _checked(client: Client, environ: Mapping[str, str]) -> list[str]:
    """What `fsck` finds. A chunk of an upload under way may be gone with the power where bytes lie in a directory: 200
    promises less than 201. Whoever completes that upload is told which ones to send again, and then all is well."""
    said = typed_in(environ, "fsck")
    if said.returncode == 0:
        return []
    if said.stdout.count("\nfound: ") + said.stdout.startswith("found: ") != len(UNDER_WAY.findall(said.stdout)):
        return [f"fsck: {said.stdout}"]
    problems = []
    for upload in UNDER_WAY.findall(said.stdout):
        begun = client.ask("GET", f"/uploads/{upload}").json
        total = {"file_id": upload, "name": "again.bin", "total_size": begun["received_bytes"]}
        answer = client.ask("POST", "/upload_complete", total)
        if answer.status != 409:  # or somebody was completing it, who has a lease
            problems.append(f"{upload} lacks chunks and is completed with {answer.status} {answer.body[:200]!r}")
    end = time.monotonic() + LEASE
    while True:  # of one that has not all its chunks yet, those are told later that are gone
        typed_in(environ, "fsck", "--fix")
        said = typed_in(environ, "fsck")
        if said.returncode == 0 or time.monotonic() > end:
            return [*problems, f"fsck after --fix: {said.stdout}"] if said.returncode else problems
        time.sleep(3)
