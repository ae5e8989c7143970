"""Undo: the table of opposites, and the service that does them as by hand."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

import pytest
from redis import Redis

from backoffice.domain.access import Actor
from backoffice.domain.actions import Actions
from backoffice.domain.acts import Act, Acts, all_acts
from backoffice.domain.audit import AuditEntry
from backoffice.domain.jobs import JobState, Selection
from backoffice.domain.undo import UNDO_MS, Verb, changed_fields, has_opposite, offered, opposite
from backoffice.domain.users import UserStatus
from backoffice.errors import (
    AlreadyUndone,
    BackofficeError,
    ChangedSince,
    Conflict,
    Invalid,
    NotAllowed,
    NotFound,
    NotReversible,
    ReauthRequired,
    UndoExpired,
)
from backoffice.services.authorization import FRESH_MS
from backoffice.services.leaving import FilesGo
from backoffice.services.undo_jobs import acts_of
from tests.support.jobs import JobScene

AT: Final = "2026-11-01T12:00:00.000Z"


def entry(action: str, key: str = "1-0", target: str = "file", outcome: str = "ok", **changes: Any) -> AuditEntry:
    made = {"action": action, "outcome": outcome, "at": AT, "object": {"type": target, "id": "X", "name": "x"}}
    return AuditEntry(key, json.dumps({**made, "changes": changes} if changes else made).encode())


# -- the table


def test_each_reversible_act_has_its_opposite() -> None:
    said = {one.name for one in all_acts() if has_opposite(one)}
    assert said == {
        *("file.rename", "file.tag", "file.transfer", "file.trash", "file.restore"),
        *("user.update", "user.rename", "user.address", "user.give_roles", "user.take_roles", "user.end"),
        *("user.disable", "user.enable", "role.update"),
    }


READY: Final = {"state": "ready"}
TRASHED: Final = {"state": "trashed"}
SHUT: Final = {"status": "disabled"}
ENABLED: Final = {"status": ["disabled", "invited"], "expires_at": [5, 0]}
MEANINGS: Final = (
    (entry("file.rename", name=["a", "b"]), Verb.CHANGE, Acts.FILE_RENAME, {"name": "a"}, {"name": "b", **READY}),
    (entry("file.tag", tags=[["a"], []]), Verb.CHANGE, Acts.FILE_TAG, {"tags": ["a"]}, {"tags": [], **READY}),
    (entry("file.trash"), Verb.RESTORE, Acts.FILE_RESTORE, READY, TRASHED),
    (entry("file.restore"), Verb.TRASH, Acts.FILE_TRASH, TRASHED, READY),
    (entry("file.restore", name=["a", "a (2)"]), Verb.TRASH, Acts.FILE_TRASH, TRASHED, READY),
    (entry("user.disable", status=["active", "disabled"]), Verb.ENABLE, Acts.USER_ENABLE, {"status": "active"}, SHUT),
    (entry("user.enable", **ENABLED), Verb.DISABLE, Acts.USER_DISABLE, SHUT, {"status": "invited"}),
    (entry("user.enable", expires_at=[5, 0]), Verb.CHANGE, Acts.USER_UPDATE, {"expires_at": 5}, {"expires_at": 0}),
    (entry("user.update", roles=[[], ["a"]]), Verb.CHANGE, Acts.USER_UPDATE, {"roles": []}, {"roles": ["a"]}),
)


@pytest.mark.parametrize(("made", "verb", "act", "back", "left"), MEANINGS)
def test_what_an_entry_means(made: AuditEntry, verb: Verb, act: Act, back: Any, left: Any) -> None:
    found = opposite(made)
    assert found is not None
    assert (found.verb, found.act, found.back, found.left) == (verb, act, back, left)
    assert (found.type, found.key, found.entry_id) == ("file", "X", "1-0")


@pytest.mark.parametrize(
    "made",
    [
        entry("file.purge"),
        entry("file.create"),
        entry("session.end"),
        entry("token.revoke"),
        entry("user.enable"),
        entry("user.update"),
        entry("file.rename", outcome="denied", name=["a", "b"]),
        entry("user.update", quota_bytes=[1, 2], something_later=[1, 2]),
        AuditEntry("1-0", b"{}"),
    ],
)
def test_what_nothing_undoes(made: AuditEntry) -> None:
    assert opposite(made) is None


def test_a_line_is_offered_unless_something_newer_stands_against_it() -> None:
    rename, tag, again = (
        entry("file.rename", "1-0", name=["a", "b"]),
        entry("file.tag", "2-0", tags=[[], ["t"]]),
        entry("file.rename", "3-0", name=["b", "c"]),
    )
    now = 1793534400000  # AT
    assert set(offered([again, tag, rename], now)) == {"3-0", "2-0"}
    undo = AuditEntry("4-0", again.raw[:-1] + b',"data":{"undoes":"3-0"}}')
    assert set(offered([undo, again, tag, rename], now)) == {"4-0", "2-0", "1-0"}, (
        "the undone one and its undo are gone"
    )
    assert set(offered([entry("file.purge", "4-0"), entry("file.trash", "3-0")], now)) == set()
    assert offered([rename], now + UNDO_MS) == {}
    assert changed_fields(entry("file.trash", outcome="denied").event) == frozenset()


# -- the service


@pytest.fixture
def scene(fake: Redis) -> JobScene:
    made = JobScene(fake)
    made.world.clock = made.people.clock
    return made


@pytest.fixture
def olga(scene: JobScene) -> Actor:
    return scene.actor(scene.operator)


def newest(scene: JobScene, action: str) -> str:
    return next(one.id for one in reversed(scene.people.entries()) if one.event["action"] == action)


def last_event(scene: JobScene) -> Any:
    return scene.people.entries()[-1].event


def test_the_opposite_act_is_the_entry_and_names_the_undone_one(scene: JobScene, olga: Actor) -> None:
    [file] = scene.files_of(scene.owner, 1)
    scene.world.library.rename(olga, file, "other.txt")
    renamed = newest(scene, "file.rename")
    scene.undo.entry(olga, renamed)
    assert scene.world.library.get(olga, file).name == "f000000.txt"
    event = last_event(scene)
    assert (event["action"], event["changes"]) == ("file.rename", {"name": ["other.txt", "f000000.txt"]})
    assert (event["data"], event["actor"]["name"]) == ({"undoes": renamed}, "olga")
    with pytest.raises(AlreadyUndone) as twice:
        scene.undo.entry(olga, renamed)
    assert twice.value.details == {"by": "olga", "at": event["at"]}
    scene.undo.entry(olga, newest(scene, "file.rename"))
    assert scene.world.library.get(olga, file).name == "other.txt", "an undo is undone like every other act"


def test_users_and_roles(scene: JobScene) -> None:
    admin = scene.people.actor(scene.people.user("rosa", "admin"))
    users, roles = scene.people.users, scene.people.roles
    role = roles.create(admin, name="readers", permissions=["files:read"])
    roles.update(admin, "readers", permissions=["files:read", "files:write"], description="They read")
    scene.undo.entry(admin, newest(scene, "role.update"))
    assert roles.get(admin, "readers") == replace(role, version=3)
    users.update(
        admin, scene.owner.id, roles=["user", "operator"], quota_bytes=7, email="o@example.org", inactive_days=0
    )
    scene.undo.entry(admin, newest(scene, "user.update"))
    user = users.get(admin, scene.owner.id)
    assert (user.roles, user.quota_bytes, user.email, user.inactive_days) == (("user",), None, "", None)
    users.disable(admin, user.id)
    scene.undo.entry(admin, newest(scene, "user.disable"))
    assert users.get(admin, user.id).status is UserStatus.ACTIVE
    scene.undo.entry(admin, newest(scene, "user.enable"))
    assert users.get(admin, user.id).status is UserStatus.DISABLED


def test_what_was_changed_since_stays_and_is_told(scene: JobScene, olga: Actor) -> None:
    [file] = scene.files_of(scene.owner, 1)
    library = scene.world.library
    library.rename(olga, file, "second.txt")
    first = newest(scene, "file.rename")
    library.tag(olga, file, ["t"])
    rosa = scene.people.actor(scene.people.user("rosa", "admin"))
    library.rename(rosa, file, "third.txt")
    with pytest.raises(ChangedSince, match="again since, by rosa") as refused:
        scene.undo.entry(olga, first)
    assert refused.value.details == {
        "changed": {"name": {"before": "f000000.txt", "left": "second.txt", "now": "third.txt"}},
        "by": "rosa",
        "at": last_event(scene)["at"],
    }
    library.rename(rosa, file, "second.txt")
    with pytest.raises(ChangedSince, match="by rosa"):
        scene.undo.entry(olga, first)
    scene.undo.entry(olga, newest(scene, "file.tag"))
    file_now = library.get(olga, file)
    assert (file_now.name, file_now.tags) == ("second.txt", ())
    library.trash(olga, file)
    trashed = newest(scene, "file.trash")
    library.restore(rosa, file)
    library.trash(rosa, file)
    with pytest.raises(ChangedSince, match="by rosa"):
        scene.undo.entry(olga, trashed)
    with pytest.raises(ChangedSince) as in_trash:
        scene.undo.entry(rosa, newest(scene, "file.rename"))
    assert in_trash.value.details["changed"] == {"state": {"before": None, "left": "ready", "now": "trashed"}}
    library.purge(rosa, file)
    with pytest.raises(NotFound):
        scene.undo.entry(olga, trashed)


def test_a_change_at_the_same_moment_of_something_else_does_not_stand_against_it(
    scene: JobScene, olga: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    [file] = scene.files_of(scene.owner, 1)
    library = scene.world.library
    library.rename(olga, file, "other.txt")
    renamed, between = newest(scene, "file.rename"), [["t"]]
    page = type(scene.people.log).page

    def and_meanwhile(*args: Any, **options: Any) -> Any:
        found = page(*args, **options)
        if between:
            library.tag(olga, file, between.pop())
        return found

    monkeypatch.setattr(type(scene.people.log), "page", and_meanwhile)
    scene.undo.entry(olga, renamed)
    now = library.get(olga, file)
    assert (now.name, now.tags) == ("f000000.txt", ("t",))


def test_undo_takes_what_the_opposite_takes(scene: JobScene, olga: Actor) -> None:
    """Refused as by hand, with the entry of that; who cannot see the record is told nothing of it."""
    [file] = scene.files_of(scene.owner, 1)
    scene.world.library.rename(olga, file, "other.txt")
    renamed = newest(scene, "file.rename")
    scene.world.library.rename(olga, file, "third.txt")
    stranger = scene.people.actor(scene.people.user("sam", "user"))
    auditor = scene.people.actor(scene.people.user("anna", "auditor"))
    reader = scene.people.actor(scene.people.user("rita", scene.harmless))
    for who, error in ((stranger, NotFound), (auditor, NotFound), (reader, NotFound)):
        with pytest.raises(error):
            scene.undo.entry(who, renamed)
        event = last_event(scene)
        assert (event["action"], event["actor"]["name"]) == ("access.deny", who.name)
        assert (event["object"]["id"], event["data"]["undoes"]) == (file, renamed)
    scene.people.users.update(scene.people.actor(scene.people.user("rosa", "admin")), scene.owner.id, quota_bytes=5)
    quota = newest(scene, "user.update")
    for who in (stranger, auditor):
        with pytest.raises(NotAllowed):
            scene.undo.entry(who, quota)
        assert last_event(scene)["action"] == "access.deny"
    with pytest.raises(NotAllowed):
        scene.undo.entry(Actor("", ""), quota) if False else scene.undo.entry(
            replace(auditor, scopes=frozenset()), quota
        )
    scene.people.users.disable(olga, stranger.id)
    stale = replace(olga, auth_at=olga.auth_at - FRESH_MS)
    with pytest.raises(ReauthRequired):
        scene.undo.entry(stale, newest(scene, "user.disable"))
    owner = scene.people.actor(scene.owner)
    scene.undo.entry(owner, newest(scene, "file.rename"))
    assert scene.world.library.get(owner, file).name == "other.txt", "the owner may, whoever did it"


def test_what_cannot_be_undone_and_what_is_too_long_ago(scene: JobScene, olga: Actor) -> None:
    [file] = scene.files_of(scene.owner, 1)
    scene.world.library.tag(olga, file, ["t"])
    tagged = newest(scene, "file.tag")
    made = newest(scene, "user.create")
    auditor = scene.people.actor(scene.people.user("anna", "auditor"))
    with pytest.raises(NotReversible):
        scene.undo.entry(auditor, made)
    with pytest.raises(NotFound):
        scene.undo.entry(olga, made)
    for unknown in ("1-0", "nonsense", "", "9" * 40):
        with pytest.raises(NotFound):
            scene.undo.entry(olga, unknown)
    scene.people.clock.pass_(days=30)
    with pytest.raises(UndoExpired):
        scene.undo.entry(olga, tagged)


def test_a_hand_over_gives_the_file_back_under_its_name(scene: JobScene, olga: Actor) -> None:
    """The other person had one of that name."""
    library = scene.world.library
    [file], [_] = scene.files_of(scene.owner, 1), scene.files_of(scene.operator, 1)
    assert library.transfer(olga, file, scene.operator.id).name == "f000000 (2).txt"
    moved = newest(scene, "file.transfer")
    assert last_event(scene)["changes"] == {
        "name": ["f000000.txt", "f000000 (2).txt"],
        "owner": [scene.owner.id, scene.operator.id],
    }
    scene.undo.entry(olga, moved)
    back = library.get(olga, file)
    assert (back.name, back.owner) == ("f000000.txt", scene.owner.id)
    library.transfer(olga, file, scene.operator.id)
    scene.files_of(scene.owner, 1)
    scene.undo.entry(olga, newest(scene, "file.transfer"))
    assert library.get(olga, file).owner == scene.owner.id, "under another name, where its own is taken by now"
    scene.world.assert_sound()


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


# -- jobs and leaving


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
        kind.run(who, key, {})
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
    left = scene.leaving.leave(here, scene.owner.id, FilesGo.TRANSFER, scene.operator.id)
    leaving = newest(scene, "user.leave")
    with pytest.raises(Conflict, match="not over"):
        scene.undo.entry(olga, leaving)
    assert [scene.finish(job).done for job in left.jobs] == [1, 4]
    assert [one.id for one in scene.undo.of_request(olga, "r1")] == [leaving]
    undone = scene.undo.entry(olga, leaving)
    assert (len(undone.done), [job.kind for job in undone.jobs]) == (1, ["undo"])
    assert undone.stays == ("sessions", "uploads")
    assert [scene.finish(job).done for job in undone.jobs] == [4]
    user = scene.people.users.get(olga, scene.owner.id)
    assert user.status is UserStatus.ACTIVE
    assert scene.world.files.usage(scene.owner.id)[0] == 4
    with pytest.raises(AlreadyUndone):
        scene.undo.entry(olga, leaving)
    scene.world.assert_sound()
