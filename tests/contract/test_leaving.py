"""Somebody leaves, on each kind of server."""

from __future__ import annotations

from typing import Any

import pytest

from backoffice.domain.jobs import Selection
from backoffice.domain.paging import Query
from backoffice.domain.permissions import Permissions
from backoffice.domain.users import UserStatus
from backoffice.errors import Invalid, NotAllowed, NotFound
from backoffice.services.leaving import FilesGo
from tests.support.jobs import JobScene
from tests.support.people import ROOT


@pytest.fixture
def scene(redis: Any) -> JobScene:
    return JobScene(redis)


def test_one_act_shuts_out_signs_out_and_hands_over(scene: JobScene, on_fake: bool) -> None:
    many = 12 if on_fake else 120  # more than one step of the job takes
    scene.files_of(scene.owner, many)
    scene.file(scene.owner, trashed=True)
    scene.upload(scene.owner)
    session, token = scene.session(scene.owner), scene.token(scene.owner)
    who = scene.actor(scene.operator)
    found = scene.leaving.preview(who, scene.owner.id)
    assert (found.sessions, found.tokens, found.files, found.trashed, found.uploads) == (1, 1, many, 1, 1)
    left = scene.leaving.leave(who, scene.owner.id, FilesGo.TRANSFER, scene.operator.id)
    assert (left.sessions, left.tokens, [job.kind for job in left.jobs]) == (1, 1, ["upload.cancel", "file.transfer"])
    user = scene.people.user_store.get(scene.owner.id)
    assert user is not None
    assert user.status is UserStatus.DISABLED
    assert scene.people.session_store.get(session) is None
    assert scene.people.token_store.get(token) is None
    assert [scene.finish(job).done for job in left.jobs] == [1, many]
    now = scene.leaving.preview(who, scene.owner.id)
    assert (now.sessions, now.tokens, now.files, now.uploads) == (0, 0, 0, 0)
    assert scene.world.files.usage(scene.operator.id)[0] == many
    log = [(one.event["action"], one.event.get("data", {})) for one in scene.people.entries()]
    told = [action for action, _ in log if action in {"user.disable", "session.end", "token.revoke", "user.leave"}]
    assert told == ["user.disable", "session.end", "token.revoke", "user.leave"]
    assert dict(log)["user.leave"] == {
        "sessions": 1,
        "tokens": 1,
        "files": "transfer",
        "owner": scene.operator.id,
        "jobs": [job.id for job in left.jobs],
    }
    again = scene.leaving.leave(who, scene.owner.id, FilesGo.TRASH)
    assert (again.sessions, again.tokens, again.jobs) == (0, 0, ())
    scene.world.assert_sound()


def test_nothing_is_done_where_a_step_would_be_refused(scene: JobScene) -> None:
    scene.files_of(scene.owner, 3)
    admin, helper = scene.people.user("rosa", "admin"), scene.people.user("hal", "user")
    who = scene.actor(scene.operator)
    for user, files, heir, error in (
        (scene.owner.id, FilesGo.TRANSFER, "", Invalid),
        (scene.owner.id, FilesGo.TRANSFER, "nobody", Invalid),
        (scene.owner.id, FilesGo.TRANSFER, scene.owner.id, Invalid),
        (scene.owner.id, FilesGo.TRASH, helper.id, Invalid),
        (scene.operator.id, FilesGo.TRASH, "", Invalid),
        (admin.id, FilesGo.TRASH, "", NotAllowed),
        ("0" * 22, FilesGo.TRASH, "", NotFound),
    ):
        with pytest.raises(error):
            scene.leaving.leave(who, user, files, heir)
    with pytest.raises(NotAllowed):
        scene.leaving.leave(scene.actor(helper), scene.owner.id, FilesGo.TRASH)
    for one in (scene.owner, admin):
        user = scene.people.user_store.get(one.id)
        assert user is not None
        assert user.active


def test_all_that_waits_to_be_accepted_is_refused(scene: JobScene, on_fake: bool) -> None:
    many = 3 if on_fake else 103  # more than one step of the job takes
    waiting, others = [scene.delivery(scene.owner) for _ in range(many)], scene.delivery(scene.operator)
    accepted = scene.file(scene.owner)
    who = scene.actor(scene.operator)
    assert scene.leaving.preview(who, scene.owner.id).waiting == many
    left = scene.leaving.leave(who, scene.owner.id, FilesGo.KEEP)
    assert [job.kind for job in left.jobs] == ["file.refuse"]
    done = scene.finish(left.jobs[0])
    assert (done.done, done.refused, done.absent) == (many, 0, 0)
    assert set(scene.acts_of(done, "file.refuse")) == set(waiting)
    now = scene.leaving.preview(who, scene.owner.id)
    assert (now.waiting, now.files) == (0, 1)
    assert scene.world.files.get(accepted) is not None
    assert scene.consequences.of(who, scene.operator.id).waiting == 1, others
    [entry] = [one.event for one in scene.people.entries() if one.event["action"] == "user.leave"]
    assert entry["data"]["jobs"] == [done.id]
    scene.world.assert_sound()


def test_who_may_not_refuse_what_waits_lets_nobody_leave_who_has_some(scene: JobScene) -> None:
    held = {Permissions.USERS_READ, Permissions.USERS_WRITE, Permissions.SESSIONS_ALL, Permissions.TOKENS_ALL}
    held |= {Permissions.JOBS_WRITE, Permissions.FILES_READ, Permissions.FILES_ALL_READ, Permissions.FILES_DELETE}
    scene.people.roles.create(ROOT, name="clerk", permissions=sorted(held))
    clerk = scene.actor(scene.people.user("carl", "clerk"))
    scene.delivery(scene.owner)
    with pytest.raises(NotAllowed):
        scene.leaving.leave(clerk, scene.owner.id, FilesGo.KEEP)
    user = scene.people.user_store.get(scene.owner.id)
    assert user is not None
    assert user.active


@pytest.mark.parametrize("filters", [(), (("owner", "0" * 22), ("tag", "one")), (("tag", "one"),)])
def test_a_job_refuses_what_waits_for_one_person_only(scene: JobScene, filters: tuple[tuple[str, str], ...]) -> None:
    scene.delivery(scene.owner)
    with pytest.raises(Invalid):
        scene.start("file.refuse", Selection(query=Query(filters=filters)))
    assert scene.leaving.preview(scene.actor(scene.operator), scene.owner.id).waiting == 1
