"""Undo of what consists of many acts: a request, a job, somebody's leaving."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from redis import Redis

from backoffice.domain.access import Actor
from backoffice.domain.actions import Actions
from backoffice.domain.jobs import JobState, Selection
from backoffice.domain.users import UserStatus
from backoffice.errors import AlreadyUndone, BackofficeError, Conflict, Invalid, NotFound, NotReversible
from backoffice.services.leaving import FilesGo
from backoffice.services.undo_jobs import acts_of
from tests.support.jobs import JobScene


@pytest.fixture
def scene(fake: Redis) -> JobScene:
    return JobScene(fake)


@pytest.fixture
def olga(scene: JobScene) -> Actor:
    return scene.actor(scene.operator)


def test_all_that_one_request_did(scene: JobScene, olga: Actor) -> None:
    first, second = scene.files_of(scene.owner, 2)
    here, there = replace(olga, request_id="r1"), replace(olga, request_id="r2")
    for file in (first, second):
        scene.world.library.trash(here, file)
    scene.world.library.restore(there, first)
    found = scene.undo.of_request(olga, "r1")
    assert [one.event["object"]["id"] for one in found] == [second, first]
    assert scene.undo.of_request(scene.people.actor(scene.owner), "r1") == []
    assert scene.undo.of_request(olga, "") == []


def test_what_the_worker_did_in_somebodys_name_since_hides_nothing(
    scene: JobScene, olga: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A large folder follows into the trash for minutes, in the name of who put it there."""
    monkeypatch.setattr("backoffice.services.undo.PAGE", 2)
    file, *others = scene.files_of(scene.owner, 20)
    scene.world.library.trash(replace(olga, request_id="r1"), file)
    by = Actor(olga.id, olga.name, olga.roles, via="worker", request_id="")
    for other in others:
        scene.world.library.trash(by, other)
    assert [one.event["object"]["id"] for one in scene.undo.of_request(olga, "r1")] == [file]
    moved = replace(olga, ip="198.51.100.7")
    assert scene.undo.of_request(moved, "r1") == [], "as far as is looked from elsewhere"
    for other in others[6:]:
        scene.world.library.restore(replace(moved, request_id="r2"), other)
    assert len(scene.undo.of_request(olga, "r2")) > 0, "from another address it is looked for among all"


def test_a_job_is_undone_by_a_job_as_far_as_it_can_be(scene: JobScene, olga: Actor) -> None:
    files = scene.files_of(scene.owner, 8)
    trashed = scene.finish(scene.start("file.trash"))
    assert trashed.done == 8
    scene.world.library.restore(olga, files[7])
    preview = scene.jobs.preview(olga, "undo", acts_of(trashed.id))
    assert (preview.count, preview.exact) == (8, True)
    undone = scene.finish(scene.undo.job(olga, trashed.id))
    assert (undone.state, undone.done, undone.refused) == (JobState.DONE, 7, 1)
    [reason] = undone.why_refused
    assert reason.text == "It was changed again since, by olga."
    assert len(scene.acts_of(undone, "file.restore")) == 7
    again = scene.finish(scene.undo.job(olga, trashed.id))
    assert (again.done, again.refused, again.why_refused[0].text) == (0, 8, "This is undone already.")
    redone = scene.finish(scene.undo.job(olga, undone.id))
    assert redone.done == 7
    scene.world.assert_sound()


def test_which_jobs_can_be_undone(scene: JobScene, olga: Actor) -> None:
    scene.files_of(scene.owner, 3)
    running = scene.start("file.trash")
    with pytest.raises(Conflict, match="not over"):
        scene.undo.job(olga, running.id)
    scene.finish(running)
    with pytest.raises(NotFound):
        scene.undo.job(scene.people.actor(scene.owner), running.id)
    purged = scene.finish(scene.start("file.purge"))
    asked = acts_of(running.id).query
    assert asked is not None
    wide = Selection(query=replace(asked, filters=()))
    refusals: tuple[tuple[Callable[[], object], type[BackofficeError]], ...] = (
        (lambda: scene.undo.job(olga, purged.id), NotReversible),
        (lambda: scene.undo.job(olga, "nonsense"), NotFound),
        (lambda: scene.jobs.preview(olga, "undo", wide), Invalid),
    )
    for refused, error in refusals:
        with pytest.raises(error):
            refused()
    assert scene.jobs.preview(olga, "undo", Selection((running.id,))).count == 0, "acts are not named one by one"
    by_entry = scene.undo.entry(olga, scene.people.entries(Actions.JOB_END)[0].id)
    assert [job.kind for job in by_entry.jobs] == ["undo"]


def test_a_worker_that_died_is_not_counted_twice(scene: JobScene, olga: Actor) -> None:
    """Its step is done once more: what is undone by this very job counts as done."""
    scene.files_of(scene.owner, 5)
    trashed = scene.finish(scene.start("file.trash"))
    job = scene.undo.job(olga, trashed.id)
    runner, taken = scene.runner, scene.jobs.store.take(job.id, "dead", 0)
    assert taken is not None
    who = runner._actor(taken, "dead")
    kind = scene.jobs.bulk.kind("undo")
    for key in runner._next(taken, who, kind)[0][:2]:
        kind.run(replace(who, job=replace(who.job, record=key)), key, {})
    assert len(scene.jobs.store.begun(job.id)) == 2
    assert (scene.finish(job).done, scene.again(job).refused) == (5, 0)


def test_a_job_whose_job_is_gone_fails_and_is_over(scene: JobScene, olga: Actor) -> None:
    scene.files_of(scene.owner, 1)
    trashed = scene.finish(scene.start("file.trash"))
    job = scene.undo.job(olga, trashed.id)
    scene.jobs.store.remove(scene.again(trashed), scene.jobs._event(Actions.JOB_DELETE, olga, trashed))
    assert scene.finish(job).state is JobState.FAILED


def test_leaving_is_undone_as_far_as_it_can_be(scene: JobScene, olga: Actor) -> None:
    scene.files_of(scene.owner, 4)
    scene.session(scene.owner)
    scene.upload(scene.owner)
    here = replace(olga, request_id="r1")
    scene.delivery(scene.owner)
    left = scene.leaving.leave(here, scene.owner.id, FilesGo.TRANSFER, scene.operator.id)
    leaving = scene.newest("user.leave")
    with pytest.raises(Conflict, match="not over"):
        scene.undo.entry(olga, leaving)
    assert [scene.finish(job).done for job in left.jobs] == [1, 1, 4]
    assert [one.id for one in scene.undo.of_request(olga, "r1")] == [leaving]
    undone = scene.undo.entry(olga, leaving)
    assert (len(undone.done), [job.kind for job in undone.jobs]) == (1, ["undo"])
    assert undone.stays == ("sessions", "uploads", "deliveries")
    assert [scene.finish(job).done for job in undone.jobs] == [4]
    user = scene.people.users.get(olga, scene.owner.id)
    assert user.status is UserStatus.ACTIVE
    assert scene.world.files.usage(scene.owner.id)[0] == 4
    with pytest.raises(AlreadyUndone):
        scene.undo.entry(olga, leaving)
    scene.world.assert_sound()
