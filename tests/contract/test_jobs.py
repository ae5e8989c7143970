"""Jobs over many records: the filter's set shrinks under them, workers die and race, people stop them and lose rights;
on each kind of server."""

from __future__ import annotations

import os
import signal
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
from redis import Redis

from backoffice.domain.access import JobMark
from backoffice.domain.files import FileState
from backoffice.domain.jobs import Job, JobState, Selection
from backoffice.domain.paging import Query
from backoffice.errors import Conflict, Invalid, LeaseLost, NotAllowed, NotFound, ReauthRequired, TooMany
from backoffice.services.authorization import FRESH_MS
from tests.support.jobs import EVERYTHING, JobScene, Workers
from tests.support.people import ROOT
from tests.support.servers import Store, wait_for

MANY = 4000
"""So many that a worker is still at it when it is stopped or killed."""


@pytest.fixture
def scene(redis: Any) -> JobScene:
    return JobScene(redis)


def owned(scene: JobScene) -> Selection:
    return Selection(query=Query(filters=(("owner", scene.owner.id),)))


def states(scene: JobScene, ids: list[str]) -> Counter[FileState]:
    found = scene.world.files.collection.get_many(ids)
    return Counter(file.state for file in found if file is not None)


def finished(scene: JobScene, job: Job) -> Job:
    """The job at its end: all is counted once, and the log has each record once."""
    job = scene.finish(job)
    assert job.state is JobState.DONE
    acts = scene.acts_of(job, job.kind)
    assert len(acts) == len(set(acts)) == job.done
    scene.world.assert_sound()
    return job


def test_a_set_that_shrinks_by_the_act_is_walked_to_its_end(scene: JobScene) -> None:
    ids, others = scene.files_of(scene.owner, 50), scene.files_of(scene.operator, 12)
    preview = scene.jobs.preview(scene.actor(scene.operator), "file.trash", owned(scene))
    assert (preview.count, preview.bytes, preview.people, len(preview.sample)) == (50, 50, 1, 10)
    job = scene.start("file.trash", owned(scene))
    assert (job.total, job.title, job.shown_state) == (50, "Move to trash: 50 files", "queued")
    job = finished(scene, job)
    assert (job.done, job.refused, job.absent) == (50, 0, 0)
    assert (states(scene, ids), states(scene, others)) == (
        Counter({FileState.TRASHED: 50}),
        Counter({FileState.READY: 12}),
    )
    [end] = scene.people.log.page((("object", f"job:{job.id}"), ("action", "job.end")), "", 5).items
    assert end.event["data"] == {"state": "done", "done": 50, "of": 50}
    restored = finished(scene, scene.start("file.restore", EVERYTHING))
    assert (restored.done, states(scene, ids)) == (50, Counter({FileState.READY: 50}))


def test_what_comes_after_the_start_is_not_its_business(scene: JobScene) -> None:
    scene.files_of(scene.owner, 3)
    job = scene.start("file.trash")
    scene.people.clock.pass_(seconds=5)
    [late] = scene.files_of(scene.owner, 1)
    assert finished(scene, job).done == 3
    assert states(scene, [late]) == Counter({FileState.READY: 1})
    # What somebody puts into the trash meanwhile is not purged with what was there.
    purge = scene.start("file.purge")
    scene.people.clock.pass_(seconds=5)
    scene.world.clock.ms = scene.people.clock.ms
    scene.world.library.trash(ROOT, late)
    assert finished(scene, purge).done == 3
    assert states(scene, [late]) == Counter({FileState.TRASHED: 1})


def test_records_that_are_named_and_what_became_of_each(scene: JobScene) -> None:
    ids = scene.files_of(scene.owner, 5)
    scene.world.library.trash(ROOT, ids[0])
    job = finished(scene, scene.start("file.tag", Selection((*ids, ids[1], "0" * 22)), add=["Tax"]))
    assert (job.total, job.done, job.absent) == (6, 4, 2)
    assert [file.tags for file in map(scene.world.files.get, ids) if file] == [(), *[("tax",)] * 4]


def test_a_file_whose_heir_has_no_room_is_refused_with_the_reason(scene: JobScene) -> None:
    ids = scene.files_of(scene.owner, 26)
    scene.people.users.update(ROOT, scene.operator.id, quota_bytes=20)
    job = finished(scene, scene.start("file.transfer", owned(scene), owner=scene.operator.id))
    assert (job.done, job.refused) == (20, 6)
    [reason] = job.why_refused
    assert (reason.text, reason.count) == ("The new owner's quota does not leave room for this.", 6)
    assert set(reason.ids) < set(ids)
    assert (scene.world.files.usage(scene.owner.id), scene.world.files.usage(scene.operator.id)) == ((6, 0), (20, 0))


def test_it_is_stopped_half_way_and_another_goes_on(scene: JobScene) -> None:
    ids = scene.files_of(scene.owner, 50)
    job = scene.start("file.trash")
    assert scene.runner.run_some()
    assert scene.again(job).shown_state == "running"
    scene.jobs.stop(scene.actor(scene.operator), job.id)
    assert not scene.runner.run_some()
    job = scene.again(job)
    assert (job.state, job.done, states(scene, ids)[FileState.TRASHED]) == (JobState.STOPPED, 20, 20)
    assert finished(scene, scene.start("file.trash")).done == 30


def test_whoever_is_disabled_or_loses_the_right_acts_no_more(scene: JobScene) -> None:
    for take_away in (
        lambda: scene.people.users.update(ROOT, scene.operator.id, roles=["user"]),
        lambda: scene.people.users.disable(ROOT, scene.operator.id),
    ):
        scene.people.users.update(ROOT, scene.operator.id, roles=["operator"])
        scene.files_of(scene.owner, 30)
        job = scene.start("file.trash", owned(scene))
        assert scene.runner.run_some()
        take_away()
        job = scene.finish(job)
        assert (job.state, job.done) == (JobState.FAILED, 20)
        assert "any more" in job.failure


def test_a_right_that_goes_in_the_middle_of_a_step_is_gone_for_the_next_record(scene: JobScene) -> None:
    ids = scene.files_of(scene.owner, 5)
    job = scene.start("file.trash", Selection(tuple(ids)))
    trash, calls = scene.world.files.trash, []

    def trash_after_the_third(*args: Any) -> Any:
        calls.append(args)
        if len(calls) == 3:
            scene.people.users.update(ROOT, scene.operator.id, roles=["user"])
        return trash(*args)

    scene.world.files.trash = trash_after_the_third  # type: ignore[method-assign]
    job = scene.finish(job)
    assert (job.state, job.done, job.refused + job.absent) == (JobState.DONE, 2, 3)
    assert states(scene, ids)[FileState.TRASHED] == 2


def test_rights_gained_after_the_start_are_not_the_jobs(scene: JobScene) -> None:
    admin = scene.people.user("rosa", "admin")
    job = scene.start("user.disable", Selection((admin.id,)))
    scene.people.users.update(ROOT, scene.operator.id, roles=["admin"])
    job = scene.finish(job)
    assert (job.done, job.refused) == (0, 1)
    assert (scene.people.user_store.get(admin.id) or admin).active


def test_two_workers_never_carry_one_out_at_once(scene: JobScene) -> None:
    ids = scene.files_of(scene.owner, 3)
    job = scene.start("file.trash", Selection(tuple(ids)))
    store = scene.jobs.store
    assert store.take(job.id, "one", 60_000) is not None
    assert store.take(job.id, "two", 60_000) is None
    assert not replace(scene.runner).run_some()
    # One whose time is over while it is away has no effect any more, on records and on the job.
    slow = scene.start("file.trash", Selection(tuple(ids[1:])))
    taken = store.take(slow.id, "slow", 0)
    assert taken is not None
    actor = replace(scene.actor(scene.operator), job=JobMark(slow.id, "slow"))
    scene.world.library.trash(actor, ids[1])
    assert store.take(slow.id, "other", 60_000) is not None
    with pytest.raises(LeaseLost):
        scene.world.library.trash(actor, ids[2])
    with pytest.raises(LeaseLost):
        store.save(taken, "slow")
    assert store.begun(slow.id) == {ids[1]}
    assert states(scene, ids) == Counter({FileState.READY: 2, FileState.TRASHED: 1})


@pytest.mark.one_server
@pytest.mark.real_only
@pytest.mark.parametrize("kind", ["file.trash", "file.tag", "file.transfer"])
def test_a_worker_killed_anywhere_leaves_nothing_out_and_does_nothing_twice(
    redis: Redis, store_server: Store, workers: Workers, kind: str
) -> None:
    scene = JobScene(redis)
    ids = scene.files_of(scene.owner, 100)
    args = {"file.tag": {"add": ["x"]}, "file.transfer": {"owner": scene.operator.id}}.get(kind, {})
    job = scene.start(kind, owned(scene), **args)
    for calls in (9, 60, 101):
        assert workers.killed(store_server.url, store_server.password, calls) == signal.SIGKILL
        redis.hset(scene.people.keys.record("jobs", job.id), "lease_until", 0)  # its time is over
    assert 0 < len(scene.acts_of(scene.again(job), kind)) < 100
    job = finished(scene, job)
    assert (job.done, job.refused, job.absent) == (100, 0, 0)
    assert set(scene.acts_of(job, kind)) == set(ids)


@pytest.mark.one_server
@pytest.mark.real_only
@pytest.mark.timeout(600)
def test_a_long_one_is_stopped_killed_and_done_once(redis: Redis, store_server: Store, workers: Workers) -> None:
    scene = JobScene(redis)
    scene.step = 100
    ids = scene.files_of(scene.owner, MANY)

    def until(job: Job, done: int) -> None:
        wait_for(lambda: scene.again(job).done >= done, f"{done} are done", 300)

    stopped = scene.start("file.tag", owned(scene), add=["x"])
    with workers.one(store_server.url, store_server.password):
        until(stopped, 200)
        scene.jobs.stop(scene.actor(scene.operator), stopped.id)
        wait_for(lambda: scene.again(stopped).over, "it is stopped", 30)
    stopped = scene.again(stopped)
    assert (stopped.state, stopped.refused, stopped.absent) == (JobState.STOPPED, 0, 0)
    assert 200 <= stopped.done < MANY
    job = scene.start("file.tag", owned(scene), add=["x"])
    with workers.one(store_server.url, store_server.password) as pid:
        until(job, 1_000)
        os.kill(pid, signal.SIGKILL)
    assert 1_000 <= scene.again(job).done < MANY
    redis.hset(scene.people.keys.record("jobs", job.id), "lease_until", 0)  # its time is over
    job = scene.finish(job)
    assert (job.state, job.done, job.refused, job.absent) == (JobState.DONE, MANY, 0, 0)
    assert Counter(scene.acts_of(stopped, "file.tag") + scene.acts_of(job, "file.tag")) == Counter(ids)
    ends = (("object", f"job:{job.id}"), ("action", "job.end"))
    assert len(scene.people.log.page(ends, "", 5).items) == 1


def test_what_cannot_be_started(scene: JobScene) -> None:
    [file] = scene.files_of(scene.owner, 1)
    some, nobody = Selection((file,)), scene.people.user("una", "user")
    for kind, selection, args in (
        ("file.burn", some, {}),
        ("file.trash", Selection(), {}),
        ("file.trash", Selection(("../x",)), {}),
        ("file.trash", Selection(tuple(f"{n:022}" for n in range(1001))), {}),
        ("file.trash", some, {"owner": "x"}),
        ("file.tag", some, {}),
        ("file.tag", some, {"add": "x"}),
        ("file.transfer", some, {"owner": "nobody"}),
        ("file.trash", Selection(query=Query(filters=(("mime_type", "no/such"),))), {}),
        ("file.trash", Selection(query=Query(filters=(("nonsense", "x"),))), {}),
    ):
        with pytest.raises(Invalid):
            scene.start(kind, selection, **args)
    for actor in (scene.actor(nobody), ROOT):
        with pytest.raises(NotAllowed):
            scene.jobs.start(actor, "file.trash", some)
    scene.people.clock.pass_(ms=FRESH_MS)
    stale = replace(scene.actor(scene.operator), auth_at=scene.people.clock() - FRESH_MS)
    with pytest.raises(ReauthRequired):
        scene.jobs.start(stale, "user.disable", Selection((nobody.id,)))


def test_one_person_has_so_many_open_and_starts_so_many_in_a_day(
    scene: JobScene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("backoffice.stores.jobs.MAX_OPEN_JOBS", 2)
    monkeypatch.setattr("backoffice.stores.jobs.MAX_JOBS", 4)
    some = Selection(tuple(scene.files_of(scene.owner, 1)))
    for _ in range(2):
        for _ in range(2):
            scene.start("file.trash", some)
        with pytest.raises(TooMany) as caught:
            scene.start("file.trash", some)
        assert caught.value.details["limit"] == 2
        while scene.runner.run_some():
            pass
    with pytest.raises(TooMany) as caught:
        scene.start("file.trash", some)
    assert caught.value.details["limit"] == 4


def test_who_sees_a_job_and_when_its_report_goes(scene: JobScene) -> None:
    job = scene.start("file.trash", Selection(tuple(scene.files_of(scene.owner, 1))))
    una, auditor = scene.people.user("una", "user"), scene.people.user("audrey", "auditor")
    assert scene.jobs.get(scene.actor(auditor), job.id) == job
    assert [one.id for one in scene.jobs.page(scene.actor(scene.operator), Query(), everybody=False).items] == [job.id]
    with pytest.raises(NotFound):
        scene.jobs.get(scene.actor(una), job.id)
    with pytest.raises(NotAllowed):
        scene.jobs.stop(scene.actor(auditor), job.id)
    scene.finish(job)
    assert not scene.jobs.forget_old()
    assert scene.jobs.store.get(job.id) is not None
    scene.people.clock.pass_(hours=31 * 24)
    scene.jobs.forget_old()
    assert scene.jobs.store.get(job.id) is None
    scene.world.assert_sound()


def test_nobody_disables_themselves_with_others(scene: JobScene) -> None:
    una = scene.people.user("una", "user")
    job = finished(scene, scene.start("user.disable", Selection((una.id, scene.operator.id))))
    assert (job.done, job.refused) == (1, 1)
    assert issubclass(LeaseLost, Conflict)
