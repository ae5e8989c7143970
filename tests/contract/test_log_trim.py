"""Trimming the log while it is written, stopped anywhere, and by two at once; on every kind of server."""

from __future__ import annotations

import json
import random
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from redis.exceptions import ResponseError

from backoffice.domain.actions import Actions
from backoffice.domain.log_archive import Trimmed
from backoffice.errors import Conflict, Unavailable
from backoffice.stores.client import Db
from backoffice.stores.fsck.run import Fsck
from backoffice.stores.keys import Keys
from backoffice.stores.log.log_index import pack
from tests.support.log_archive import Log
from tests.support.people import ROOT, event
from tests.support.uploads import World

pytestmark = pytest.mark.cluster
KEYS = Keys("t")


SMALL = Keys("t", segment_bytes=64)


@pytest.fixture(params=[KEYS, SMALL], ids=["whole", "segments"])
def keys(request: pytest.FixtureRequest) -> Any:
    return request.param


@pytest.fixture
def on_real(request: pytest.FixtureRequest) -> bool:
    return bool(request.node.callspec.params["redis"] == "real")


@pytest.fixture
def log(db: Db, keys: Keys) -> Log:
    return Log.over(db, keys)


class StoppedDb(Db):
    """Does not answer any more after so many commands, as if the process had been killed there."""

    left = 10**9

    def _one(self, command: Any) -> Any:
        self._step()
        return super()._one(command)

    def _several(self, commands: Any) -> list[Any]:
        if len(commands) > 1:
            self._step()
        return super()._several(commands)

    def _step(self) -> None:
        if self.left == 0:
            raise Unavailable
        self.left -= 1


@pytest.mark.real_only
@pytest.mark.usefixtures("small_steps")
def test_a_trim_that_was_stopped_anywhere_is_carried_out_by_the_next(db: Db, keys: Keys, on_real: bool) -> None:
    """After each single command in turn; new entries come in between, and the log and its indexes never disagree about
    what stays. On a cluster, after some of them."""
    chance = random.Random(7)  # noqa: S311 - to be repeated
    stopped = StoppedDb(db.client, shebang=db._shebang)
    whole, broken = Log.over(db, keys), Log.over(stopped, keys)
    whole.fill(40)
    stops, steps = 0, 0
    while True:
        ids = whole.fill(40, seed=steps)
        file = whole.sealed(until=ids[chance.randrange(len(ids) - 1)])
        stopped.left = steps
        try:
            broken.archive.trim(ROOT, file)
            finished = True
        except Unavailable:
            finished = False
            stops += 1
            ids += whole.fill(3, seed=steps)
        stopped.left = 10**9
        fsck_is_silent(db, keys)
        whole.archive.trim(ROOT, file)
        assert whole.wrong_indexes() == {}, steps
        assert place_of(whole.ids()[0]) > place_of(json.loads(file[-1])["id"])
        assert whole.store.state().pending == ""
        if finished:
            break
        steps += (1 if steps < 12 else 5) if on_real else 13
    assert stops > (12 if on_real else 2)
    events = [entry.event["data"]["number"] for entry in whole.log.page((("action", "audit.trim"),), "", 500).items]
    assert events == sorted(set(events), reverse=True)
    fsck_is_silent(db, keys)
    whole.assert_segments()


def place_of(entry_id: str) -> list[int]:
    """Where an entry stands in the log: 5-10 comes after 5-9."""
    return [int(part) for part in entry_id.split("-")]


def fsck_is_silent(db: Db, keys: Keys) -> None:
    """Neither the log nor its indexes are found wrong, and nothing is repaired."""
    world = World.over(db.client)
    told: list[str] = []
    Fsck(db, keys, world.chunks).repair(
        ROOT, on_finding=lambda found, _: told.append(found.what), on_progress=lambda *_: None
    )
    assert told == []


@pytest.mark.usefixtures("small_steps")
def test_what_an_earlier_version_left_of_a_copy_goes(log: Log, db: Db) -> None:
    ids = log.fill(100)
    index = KEYS.audit_index("action", "file.rename")
    db.call("SET", KEYS.cut(index), pack(ids[2]) + pack(ids[70]))
    log.archive.trim(ROOT, log.sealed(until=ids[40]))
    assert log.wrong_indexes() == {}
    assert db.call("EXISTS", KEYS.cut(index)) == 0


@pytest.mark.real_only
@pytest.mark.usefixtures("small_steps")
def test_what_is_written_during_a_trim_is_not_lost(log: Log) -> None:
    ids = log.fill(300)
    file = log.sealed(until=ids[-1])
    with ThreadPoolExecutor(4) as pool:
        writing = [pool.submit(log.fill, 100, seed) for seed in range(3)]
        log.archive.trim(ROOT, file)
        written = [one for job in writing for one in job.result()]
    assert {*written} <= {*log.ids()}
    assert not {*ids} & {*log.ids()}
    assert log.wrong_indexes() == {}
    log.assert_segments()


@pytest.mark.real_only
@pytest.mark.usefixtures("small_steps")
def test_two_that_trim_at_once_trim_once(log: Log) -> None:
    ids = log.fill(300)
    file = log.sealed(until=ids[-1])

    def trim(_: int) -> bool:
        try:
            log.archive.trim(ROOT, file)
        except Conflict:
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        assert any(pool.map(trim, range(4)))
    assert log.log.page((("action", "audit.trim"),), "", 9).total == 1
    assert log.wrong_indexes() == {}
    assert log.store.state().pending == ""


def test_no_trim_begins_before_the_one_before_is_carried_out(log: Log, db: Db) -> None:
    """Whoever goes past `Archive.trim`, which carries it out itself."""
    ids = log.fill(20)
    files = [log.sealed(until=until) for until in (ids[4], ids[9])]
    first, second = log.store.state().seals
    now = Trimmed(1, first.extent.last, 5, first.extent.sha256, first.chain, 1)
    log.store.begin_trim(None, now, event(Actions.AUDIT_TRIM))
    following = replace(now, number=2, last=second.extent.last)
    for before in (now, None, following):
        with pytest.raises(Conflict):
            log.store.begin_trim(before, following, event(Actions.AUDIT_TRIM))
    assert db.script("log_trim", [KEYS.seals], ["done", ids[9]]) == 0
    assert log.store.state().pending == ids[4]
    told: list[int] = []
    log.store.finish_trim(told.append)
    assert told == [5]
    assert log.ids()[0] == ids[5]
    with pytest.raises(Conflict):
        log.store.begin_trim(None, following, event(Actions.AUDIT_TRIM))
    log.archive.trim(ROOT, files[1])
    assert log.ids()[0] == ids[10]
    with pytest.raises(ResponseError, match="BADOP"):
        db.script("log_trim", [KEYS.seals], ["all", "1-1"])
