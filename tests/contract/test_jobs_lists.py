"""Jobs over what is walked in other ways: sessions, which move when they are used, tokens, and what a search finds."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from backoffice.domain.access import JobMark
from backoffice.domain.jobs import JobState, Selection
from backoffice.domain.paging import Query
from backoffice.domain.users import User
from backoffice.errors import Invalid
from backoffice.services.authorization import session_credential
from backoffice.services.bulk import STAYS
from backoffice.services.bulk_lists import BEYOND
from tests.support.jobs import EVERYTHING, JobScene
from tests.support.people import ROOT


@pytest.fixture
def scene(redis: Any) -> JobScene:
    made = JobScene(redis)
    made.step = 3
    return made


def sessions(scene: JobScene, user: User) -> list[str]:
    return [one.id for one in scene.people.sessions.of_user(ROOT, user.id)]


def test_all_sessions_but_those_beyond_reach_and_the_one_it_is_started_from(scene: JobScene) -> None:
    admin = scene.people.user("rosa", "admin")
    mine, theirs, top = scene.session(scene.operator), [scene.session(scene.owner) for _ in range(5)], [admin, admin]
    for user in top:
        scene.session(user)
    actor = replace(scene.actor(scene.operator), credential=session_credential(mine))
    preview = scene.jobs.preview(actor, "session.end", EVERYTHING)
    assert (preview.count, preview.bytes, preview.people, preview.kind.final) == (8, None, 3, True)
    assert {(reason.text, reason.count) for reason in preview.refused} == {(STAYS, 1), (BEYOND, 2)}
    job = scene.jobs.start(actor, "session.end", EVERYTHING)
    # One that is used while it is under way moves; it is met all the same.
    assert scene.runner.run_some()
    left = [one for one in theirs if scene.people.session_store.get(one) is not None]
    moved = scene.people.session_store.get(left[0])
    assert moved is not None
    scene.people.session_store.touch(moved, moved.seen_at + 5, moved.expires_at + 5)
    job = scene.finish(job)
    assert (job.state, job.done, job.refused) == (JobState.DONE, 5, 3)
    assert (sessions(scene, scene.owner), sessions(scene, scene.operator)) == ([], [mine])
    assert len(sessions(scene, admin)) == 2
    assert scene.acts_of(job, "session.end") == [scene.owner.id] * 5


def test_tokens_by_themselves_and_by_their_people(scene: JobScene) -> None:
    admin = scene.people.user("rosa", "admin")
    tokens = [scene.token(scene.owner) for _ in range(4)]
    kept = scene.token(admin)
    job = scene.finish(scene.start("token.revoke", Selection((tokens[0], kept, "0" * 22))))
    assert (job.done, job.refused, job.absent) == (1, 1, 1)
    job = scene.finish(scene.start("token.revoke_all"))
    assert (job.state, job.refused) == (JobState.DONE, 1)
    assert sorted(scene.acts_of(job, "token.revoke")) == sorted(tokens[1:])
    assert scene.people.token_store.get(kept) is not None


def test_a_step_that_was_cut_off_counts_records_whose_acts_name_others(scene: JobScene) -> None:
    """What is noted of a session is the session, though its entry in the log names the person."""
    made = [scene.session(scene.owner) for _ in range(5)]
    job = scene.start("session.end")
    scene.jobs.store.take(job.id, "dead", 0)
    actor = replace(scene.actor(scene.operator), job=JobMark(job.id, "dead", made[0]))
    scene.people.sessions.end(actor, made[0])
    assert scene.jobs.store.begun(job.id) == {made[0]}
    job = scene.finish(job)
    assert (job.done, job.refused, job.absent) == (5, 0, 0)


def test_no_session_is_named_that_is_none(scene: JobScene) -> None:
    for selection in (Selection(("0" * 22,)), Selection(("../x",))):
        with pytest.raises(Invalid):
            scene.start("session.end", selection)
    assert scene.finish(scene.start("session.end", Selection(("1" * 64,)))).absent == 1


def test_where_the_words_run_out_their_parts_do_not_come_next(scene: JobScene) -> None:
    made = scene.files_of(scene.owner, 4)
    names = ("art 1.txt", "art 2.txt", "chart.txt", "party.txt")
    for one, name in zip(made, names, strict=True):
        scene.world.library.rename(ROOT, one, name)
    art = Selection(query=Query(search="art"))
    preview = scene.jobs.preview(scene.actor(scene.operator), "file.trash", art)
    assert (preview.count, preview.selection.query and preview.selection.query.parts) == (2, False)
    job = scene.start("file.trash", art)
    for one in made[:2]:  # by somebody else, before its turn comes
        scene.world.library.trash(ROOT, one)
    job = scene.finish(job)
    assert (job.state, job.done) == (JobState.DONE, 0)
    # What has them somewhere is what the list shows then, and what is meant by whoever says so.
    assert scene.finish(scene.start("file.trash", art)).done == 2


def test_a_preview_looks_at_so_many_and_says_at_least(scene: JobScene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("backoffice.services.jobs.MAX_WEIGHED", 20)
    monkeypatch.setattr("backoffice.services.jobs.MAX_LIMIT", 10)
    scene.files_of(scene.owner, 45)
    preview = scene.jobs.preview(scene.actor(scene.operator), "file.trash", EVERYTHING)
    assert (preview.count, preview.exact, preview.weighed, preview.bytes) == (45, True, False, 20)
    assert len(preview.sample) == 10
    monkeypatch.setattr("backoffice.services.jobs.MAX_LOOKS", 1)
    preview = scene.jobs.preview(scene.actor(scene.operator), "file.trash", EVERYTHING)
    assert (preview.count, preview.weighed, preview.bytes) == (45, False, 10)
    monkeypatch.undo()
    preview = scene.jobs.preview(scene.actor(scene.operator), "file.trash", EVERYTHING)
    assert (preview.count, preview.weighed, preview.bytes) == (45, True, 45)
