"""Many files, people who start jobs on them, and a worker in a process of its own that dies.

Run as a program it forks a worker for each line it reads (JSON: URL, password, CALLS), which carries jobs out until
that many calls of the store are made (0: all), and writes its process number, and at its end how it ended.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from typing import Any, Final, Self

from backoffice.domain.access import Actor
from backoffice.domain.actions import Actions
from backoffice.domain.audit import AuditEvent, ObjectRef
from backoffice.domain.files import File
from backoffice.domain.ids import new_id
from backoffice.domain.jobs import Job, Selection
from backoffice.domain.paging import Query
from backoffice.domain.users import User
from backoffice.services.authorization import session_credential
from backoffice.services.bulk import Bulk
from backoffice.services.deliveries import Deliveries
from backoffice.services.job_runner import JobRunner
from backoffice.services.jobs import Jobs
from backoffice.services.links import Links
from backoffice.services.shares import Shares
from backoffice.services.undo import make_undo
from backoffice.services.undo_records import UndoRecords
from backoffice.services.views import Views
from backoffice.services.zips import Zips
from backoffice.stores.client import connect
from backoffice.stores.delivered_files import RedisDeliveries
from backoffice.stores.jobs import RedisJobs
from backoffice.stores.links import RedisLinks
from backoffice.stores.log.audit import RedisAudit
from backoffice.stores.records.commit import Commit
from backoffice.stores.shares import RedisShares
from backoffice.stores.views import RedisViews
from tests.support.killing import KillingDb
from tests.support.people import People
from tests.support.scene import Scene
from tests.support.servers import ROOT as TREE
from tests.support.uploads import KEYS, OPERATOR, World

BATCH: Final = 200
EVERYTHING: Final = Selection(query=Query())
SIZE: Final = 1


class JobScene(Scene):
    """`operator`: who starts jobs; `owner`: whose files they are about. `step`: records that the worker does at a time;
    few, so that few records are several steps."""

    step = 20

    def __init__(self, client: Any) -> None:
        super().__init__(client)
        self.world.clock.ms = self.people.clock.ms
        self.owner, self.operator = self.people.user("owen", "user"), self.people.user("olga", "operator")

    @classmethod
    def with_one_clock(cls, client: Any) -> Self:
        """One whose files and uploads go by the clock of its people."""
        made = cls(client)
        made.world.clock = made.people.clock
        return made

    def newest(self, action: str) -> str:
        """The id of the newest entry of this action."""
        return next(one.id for one in reversed(self.people.entries()) if one.event["action"] == action)

    def files_of(self, owner: User, count: int) -> list[str]:
        """So many files without bytes worth mentioning, two hundred in one commit."""
        made = []
        store, keys = self.world.files, self.people.keys
        began = self.people.clock() - count - 1
        for start in range(0, count, BATCH):
            event = AuditEvent(Actions.FILE_CREATE, OPERATOR, ObjectRef("file", "many"))
            commit = Commit(keys, event)
            numbers = range(start, min(start + BATCH, count))
            for number in numbers:
                file = File(new_id(), f"f{number:06}.txt", SIZE, "text/plain", owner.id, began + number, 0)
                store.collection.insert(commit, file)
                made.append(file.id)
            commit.write("HINCRBY", keys.quota(owner.id), "used", SIZE * len(numbers))
            commit.run(self.people.db)
        return made

    def actor(self, user: User) -> Actor:
        return replace(self.people.actor(user), credential=session_credential("0" * 64))

    def start(self, kind: str, selection: Selection = EVERYTHING, **args: Any) -> Job:
        return self.jobs.start(self.actor(self.operator), kind, selection, args)

    def again(self, job: Job) -> Job:
        found = self.jobs.store.get(job.id)
        assert found is not None
        return found

    @property
    def runner(self) -> JobRunner:
        """Takes what a dead worker had at once."""
        return replace(self.jobs.runner, lease_ms=1, step=self.step)

    def finish(self, job: Job) -> Job:
        while self.runner.run_some():
            pass
        return self.again(job)

    def acts_of(self, job: Job, action: str) -> list[str]:
        """The identifiers of the records of which the log has this act in the job, by the job's own index."""
        cursor, found = "", []
        while True:
            page = self.people.log.page((("object", f"job:{job.id}"), ("action", action)), cursor, 500)
            found += [entry.event["object"]["id"] for entry in page.items]
            if not page.next_cursor:
                return found
            cursor = page.next_cursor


@dataclass(frozen=True, slots=True)
class Workers:
    """The program that forks them, so that Python is started once for all of them."""

    program: subprocess.Popen[str]

    @classmethod
    @contextmanager
    def program_runs(cls) -> Iterator[Workers]:
        command = [sys.executable, "-m", "tests.support.jobs"]
        with subprocess.Popen(command, cwd=TREE, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as program:
            yield cls(program)
            assert program.stdin is not None
            program.stdin.close()  # so it ends

    def killed(self, url: str, password: str, calls: int) -> int:
        """One that dies after so many calls of the store; the signal it died of, 0 = it found nothing more to do."""
        self._begin(url, password, calls)
        return -self._number()

    @contextmanager
    def one(self, url: str, password: str) -> Iterator[int]:
        """One that lives until nothing is left to do, or until it is killed; its process number."""
        pid = self._begin(url, password, 0)
        try:
            yield pid
        finally:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            self._number()

    def _begin(self, url: str, password: str, calls: int) -> int:
        assert self.program.stdin is not None
        self.program.stdin.write(json.dumps([url, password, calls]) + "\n")
        self.program.stdin.flush()
        return self._number()

    def _number(self) -> int:
        assert self.program.stdout is not None
        return int(self.program.stdout.readline())


def main(url: str, password: str, calls: int) -> None:
    client = connect(url, password)
    db, people = KillingDb(client, calls or sys.maxsize, os.getpid()), People(client)
    world = World.over(client, db=db)
    links = Links.of(RedisLinks(db, KEYS), people.users, Zips(world.library, world.folders))
    shares = Shares.of(RedisShares(db, KEYS), people.users, world.files, world.folders.store)
    deliveries = Deliveries(RedisDeliveries(db, KEYS), links.store, world.chunks, RedisAudit(db, KEYS))
    ways_in = (people.users, people.sessions, people.tokens)
    bulk = Bulk(world.library, world.service, *ways_in, links, shares, deliveries)
    jobs = Jobs(store=RedisJobs(db, KEYS), accounts=people.accounts, bulk=bulk, audit=RedisAudit(db, KEYS))
    audit = RedisAudit(db, KEYS)
    views = Views(store=RedisViews(db, KEYS), audit=audit)
    make_undo(UndoRecords(world.library, world.folders, people.users, people.roles, views, audit), jobs)
    # The same steps as those of whoever goes on: a step that was cut off is gone through again by one that is as long.
    runner = replace(jobs.runner, step=JobScene.step) if calls else jobs.runner
    while runner.run_some():
        pass


def fork_workers() -> None:
    for line in sys.stdin:
        child = os.fork()
        if not child:
            main(*json.loads(line))
            os._exit(0)
        print(child, flush=True)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


if __name__ == "__main__":
    fork_workers()
