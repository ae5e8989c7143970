"""Undo: the table of opposites, and the service that does them as by hand."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any, Final

import pytest
from redis import Redis

from backoffice.domain.access import Actor
from backoffice.domain.acts import Act, Acts, all_acts
from backoffice.domain.audit import AuditEntry
from backoffice.domain.undo import UNDO_MS, Verb, changed_fields, has_opposite, offered, opposite
from backoffice.domain.users import UserStatus
from backoffice.errors import (
    AlreadyUndone,
    ChangedSince,
    NotAllowed,
    NotFound,
    NotReversible,
    ReauthRequired,
    UndoExpired,
)
from backoffice.services.authorization import FRESH_MS
from tests.support.jobs import JobScene

AT: Final = "2026-11-01T12:00:00.000Z"


def entry(action: str, key: str = "1-0", target: str = "file", outcome: str = "ok", **changes: Any) -> AuditEntry:
    made = {"action": action, "outcome": outcome, "at": AT, "object": {"type": target, "id": "X", "name": "x"}}
    return AuditEntry(key, json.dumps({**made, "changes": changes} if changes else made).encode())


# -- the table


def test_each_reversible_act_has_its_opposite() -> None:
    said = {one.name for one in all_acts() if has_opposite(one)}
    assert said == {
        *("file.move", "folder.rename", "folder.move", "file.content", "file.replace", "file.revert"),
        *("folder.create", "folder.delete", "folder.trash", "folder.restore"),
        *("file.rename", "file.tag", "file.transfer", "file.trash", "file.restore"),
        *("user.update", "user.rename", "user.address", "user.give_roles", "user.take_roles", "user.end"),
        *("user.disable", "user.enable", "role.create", "role.update", "role.delete"),
        *("view.create", "view.update", "view.delete"),
    }


READY: Final = {"state": "ready"}
TRASHED: Final = {"state": "trashed"}
SHUT: Final = {"status": "disabled"}
ENABLED: Final = {"status": ["disabled", "invited"], "expires_at": [5, 0]}
NO_FOLDER: Final = {"name": None, "parent": None}
AT_THE_TOP: Final = {"name": "a", "parent": ""}
MEANINGS: Final = (
    (entry("file.rename", name=["a", "b"]), Verb.CHANGE, Acts.FILE_RENAME, {"name": "a"}, {"name": "b", **READY}),
    (entry("file.tag", tags=[["a"], []]), Verb.CHANGE, Acts.FILE_TAG, {"tags": ["a"]}, {"tags": [], **READY}),
    (entry("file.trash"), Verb.RESTORE, Acts.FILE_RESTORE, READY, TRASHED),
    (entry("file.restore"), Verb.TRASH, Acts.FILE_TRASH, TRASHED, READY),
    (entry("file.restore", name=["a", "a (2)"]), Verb.TRASH, Acts.FILE_TRASH, TRASHED, READY),
    (entry("folder.trash"), Verb.RESTORE, Acts.FOLDER_RESTORE, READY, TRASHED),
    (entry("folder.restore", name=["a", "a (2)"], parent=["P", ""]), Verb.TRASH, Acts.FOLDER_TRASH, TRASHED, READY),
    (entry("folder.create", name=[None, "a"]), Verb.DELETE, Acts.FOLDER_DELETE, NO_FOLDER, {"name": "a", "parent": ""}),
    (entry("folder.delete", name=["a", None]), Verb.CREATE, Acts.FOLDER_CREATE, AT_THE_TOP, {"name": None}),
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
        entry("folder.purge"),
        entry("folder.delete", name=["a", None], owner=["somebody else", None]),
        AuditEntry("1-0", entry("file.trash").raw[:-1] + b',"data":{"with":"F"}}'),
        AuditEntry("1-0", entry("folder.restore").raw[:-1] + b',"data":{"with":"F"}}'),
        entry("session.end"),
        entry("token.revoke"),
        entry("user.enable"),
        entry("user.update"),
        entry("file.rename", outcome="denied", name=["a", "b"]),
        entry("user.update", quota_bytes=[1, 2], something_later=[1, 2]),
        entry("role.delete", permissions=[["files:read"], None]),
        entry("view.delete", section=["files", None], name=["n", None], query=["", None], audience=["owner", None]),
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
    return JobScene.with_one_clock(fake)


@pytest.fixture
def olga(scene: JobScene) -> Actor:
    return scene.actor(scene.operator)


def last_event(scene: JobScene) -> Any:
    return scene.people.entries()[-1].event


def test_the_opposite_act_is_the_entry_and_names_the_undone_one(scene: JobScene, olga: Actor) -> None:
    [file] = scene.files_of(scene.owner, 1)
    scene.world.library.rename(olga, file, "other.txt")
    renamed = scene.newest("file.rename")
    scene.undo.entry(olga, renamed)
    assert scene.world.library.get(olga, file).name == "f000000.txt"
    event = last_event(scene)
    assert (event["action"], event["changes"]) == ("file.rename", {"name": ["other.txt", "f000000.txt"]})
    assert (event["data"], event["actor"]["name"]) == ({"undoes": renamed}, "olga")
    with pytest.raises(AlreadyUndone) as twice:
        scene.undo.entry(olga, renamed)
    assert twice.value.details == {"by": "olga", "at": event["at"]}
    scene.undo.entry(olga, scene.newest("file.rename"))
    assert scene.world.library.get(olga, file).name == "other.txt", "an undo is undone like every other act"


def test_users_and_roles(scene: JobScene) -> None:
    admin = scene.people.actor(scene.people.user("rosa", "admin"))
    users, roles = scene.people.users, scene.people.roles
    role = roles.create(admin, name="readers", permissions=["files:read"])
    roles.update(admin, "readers", permissions=["files:read", "files:delete"], description="They read")
    scene.undo.entry(admin, scene.newest("role.update"))
    assert roles.get(admin, "readers") == replace(role, version=3)
    users.update(
        admin, scene.owner.id, roles=["user", "operator"], quota_bytes=7, email="o@example.org", inactive_days=0
    )
    scene.undo.entry(admin, scene.newest("user.update"))
    user = users.get(admin, scene.owner.id)
    assert (user.roles, user.quota_bytes, user.email, user.inactive_days) == (("user",), None, "", None)
    users.disable(admin, user.id)
    scene.undo.entry(admin, scene.newest("user.disable"))
    assert users.get(admin, user.id).status is UserStatus.ACTIVE
    scene.undo.entry(admin, scene.newest("user.enable"))
    assert users.get(admin, user.id).status is UserStatus.DISABLED


def test_what_was_changed_since_stays_and_is_told(scene: JobScene, olga: Actor) -> None:
    [file] = scene.files_of(scene.owner, 1)
    library = scene.world.library
    library.rename(olga, file, "second.txt")
    first = scene.newest("file.rename")
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
    scene.undo.entry(olga, scene.newest("file.tag"))
    file_now = library.get(olga, file)
    assert (file_now.name, file_now.tags) == ("second.txt", ())
    library.trash(olga, file)
    trashed = scene.newest("file.trash")
    library.restore(rosa, file)
    library.trash(rosa, file)
    with pytest.raises(ChangedSince, match="by rosa"):
        scene.undo.entry(olga, trashed)
    with pytest.raises(ChangedSince) as in_trash:
        scene.undo.entry(rosa, scene.newest("file.rename"))
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
    renamed, between = scene.newest("file.rename"), [["t"]]
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
    renamed = scene.newest("file.rename")
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
    quota = scene.newest("user.update")
    for who in (stranger, auditor):
        with pytest.raises(NotAllowed):
            scene.undo.entry(who, quota)
        assert last_event(scene)["action"] == "access.deny"
    with pytest.raises(NotAllowed):
        scene.undo.entry(replace(auditor, scopes=frozenset()), quota)
    scene.people.users.disable(olga, stranger.id)
    stale = replace(olga, auth_at=olga.auth_at - FRESH_MS)
    with pytest.raises(ReauthRequired):
        scene.undo.entry(stale, scene.newest("user.disable"))
    owner = scene.people.actor(scene.owner)
    scene.undo.entry(owner, scene.newest("file.rename"))
    assert scene.world.library.get(owner, file).name == "other.txt", "the owner may, whoever did it"


def test_what_cannot_be_undone_and_what_is_too_long_ago(scene: JobScene, olga: Actor) -> None:
    [file] = scene.files_of(scene.owner, 1)
    scene.world.library.tag(olga, file, ["t"])
    tagged = scene.newest("file.tag")
    made = scene.newest("user.create")
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
    moved = scene.newest("file.transfer")
    assert last_event(scene)["changes"] == {
        "name": ["f000000.txt", "f000000 (2).txt"],
        "owner": [scene.owner.id, scene.operator.id],
    }
    scene.undo.entry(olga, moved)
    back = library.get(olga, file)
    assert (back.name, back.owner) == ("f000000.txt", scene.owner.id)
    library.transfer(olga, file, scene.operator.id)
    scene.files_of(scene.owner, 1)
    scene.undo.entry(olga, scene.newest("file.transfer"))
    assert library.get(olga, file).owner == scene.owner.id, "under another name, where its own is taken by now"
    scene.world.assert_sound()
