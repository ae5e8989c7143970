"""Who may act on whom: every act on what belongs to somebody, by every built-in role, on every built-in role."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import pytest
from redis import Redis

from backoffice.domain.access import ADMIN, BUILT_IN, Actor
from backoffice.domain.actions import Actions
from backoffice.domain.permissions import AUDITOR, OPERATOR, USER
from backoffice.domain.users import User
from backoffice.errors import NotAllowed, NotFound
from backoffice.services.files import Files
from backoffice.services.sessions import Sessions
from backoffice.services.tokens import Tokens
from backoffice.services.uploads.service import Uploads
from backoffice.services.users import Users
from tests.support.people import PASSWORD
from tests.support.scene import Scene

ROLES = tuple(BUILT_IN)
MAY_ACT_ON_ACCOUNTS_OF = {
    ADMIN: {ADMIN, OPERATOR, AUDITOR, USER},
    OPERATOR: {OPERATOR, USER},  # an auditor reads the log, which an operator does not
    AUDITOR: set(),
    USER: set(),
}
"""Actor's role -> the roles of those on whose record, sessions and tokens it may act."""
MAY_LET_IN = {ADMIN: {OPERATOR, AUDITOR, USER}, OPERATOR: {USER}, AUDITOR: set(), USER: set()}
"""Actor's role -> the roles of those to whom it may give a password, a link for another one or an address, and from
whom it may take roles: no equals."""
WAYS_IN = {"Users.set_password", "Users.invite", "Users.update", "Users.update2"}
"""By their names as cases: the address is the first change of `update`, fewer roles the third."""
MAY_ACT_ON_FILES_OF = {ADMIN: set(ROLES), OPERATOR: set(ROLES), AUDITOR: set(), USER: set()}
"""Rank is of accounts: whoever may look after everybody's files looks after everybody's."""

Act = Callable[["Scene", Actor, User], object]


ON_ACCOUNTS: dict[tuple[type, str], list[Act]] = {
    (Users, "update"): [
        lambda on, who, whom: on.people.users.update(who, whom.id, email=f"{whom.username}@example.org"),
        lambda on, who, whom: on.people.users.update(who, whom.id, username=f"new-{whom.username}"),
        lambda on, who, whom: on.people.users.update(who, whom.id, roles=[]),
        lambda on, who, whom: on.people.users.update(who, whom.id, quota_bytes=1),
    ],
    (Users, "foresee"): [lambda on, who, whom: on.people.users.foresee(who, whom.id, quota_bytes=1)],
    (Users, "set_password"): [lambda on, who, whom: on.people.users.set_password(who, whom.id, PASSWORD + "!")],
    (Users, "disable"): [lambda on, who, whom: on.people.users.disable(who, whom.id)],
    (Users, "enable"): [lambda on, who, whom: on.people.users.enable(who, whom.id)],
    (Users, "delete"): [lambda on, who, whom: on.people.users.delete(who, whom.id)],
    (Users, "invite"): [lambda on, who, whom: on.people.users.invite(who, whom.id)],
    (Sessions, "end_all"): [
        lambda on, who, whom: (on.session(whom), on.people.sessions.end_all(who, whom.id)),
    ],
    (Sessions, "end"): [lambda on, who, whom: on.people.sessions.end(who, on.session(whom))],
    (Tokens, "revoke"): [lambda on, who, whom: on.people.tokens.revoke(who, on.token(whom))],
    (Tokens, "revoke_all"): [
        lambda on, who, whom: (on.token(whom), on.people.tokens.revoke_all(who, whom.id)),
    ],
}
ON_FILES: dict[tuple[type, str], list[Act]] = {
    (Files, "rename"): [lambda on, who, whom: on.world.library.rename(who, on.file(whom), "b.txt")],
    (Files, "trash"): [lambda on, who, whom: on.world.library.trash(who, on.file(whom))],
    (Files, "restore"): [lambda on, who, whom: on.world.library.restore(who, on.file(whom, trashed=True))],
    (Files, "tag"): [lambda on, who, whom: on.world.library.tag(who, on.file(whom), ["red"])],
    (Files, "retag"): [lambda on, who, whom: on.world.library.retag(who, on.file(whom), lambda tags: (*tags, "red"))],
    (Files, "amend"): [lambda on, who, whom: on.world.library.amend(who, on.file(whom), name="b.txt")],
    (Files, "transfer"): [lambda on, who, whom: on.world.library.transfer(who, on.file(whom), who.id)],
    (Files, "purge"): [lambda on, who, whom: on.world.library.purge(who, on.file(whom))],
    (Files, "restore_version"): [
        lambda on, who, whom: on.world.library.restore_version(who, *on.file_with_version(whom)),
    ],
    (Files, "restore_content"): [
        lambda on, who, whom: on.world.library.restore_content(who, *2 * on.file_with_version(whom)[:1]),
    ],
    (Files, "delete_version"): [
        lambda on, who, whom: on.world.library.delete_version(who, *on.file_with_version(whom)),
    ],
    (Uploads, "cancel"): [lambda on, who, whom: on.world.service.cancel(who, on.upload(whom))],
}
NO_ACTS_ON_OTHERS = {
    (Users, "get"), (Files, "get"), (Files, "open"), (Files, "read_unsent"), (Files, "trashed"), (Files, "usage"),
    (Files, "history"), (Files, "open_version"),  # reading
    (Files, "target"),  # as the act that follows, which asks again
    (Sessions, "of_user"),
    (Sessions, "get"), (Tokens, "held_one"), (Tokens, "of_user"),  # reading: a right for everybody's
    (Uploads, "state"), (Uploads, "sent"),  # reading
    (Uploads, "append"), (Uploads, "append_checked"), (Uploads, "complete"), (Uploads, "declare_size"),
    (Uploads, "create_stream"),  # one of one's own, under an identifier that nothing has
    (Uploads, "put_chunk"),  # bytes for an upload, as its owner's file
    (Uploads, "replace_content"),  # for a file of one's own
    (Tokens, "create"),  # one's own, but for the shell
    (Tokens, "get"),  # reading
}  # fmt: skip
"""Methods that take an id and are not walked."""


@pytest.fixture
def scene(fake: Redis) -> Scene:
    scene = Scene(fake)
    scene.people.user("spare", ADMIN)  # nobody is the last administrator
    return scene


def allowed(act: Act, scene: Scene, actor_role: str, target_role: str) -> bool:
    who = scene.people.actor(scene.people.user(f"for-{target_role}", actor_role))
    whom = scene.people.user(f"the-{target_role}", target_role)
    try:
        act(scene, who, whom)
    except (NotAllowed, NotFound):
        return False
    return True


def cases(table: dict[tuple[type, str], list[Act]]) -> list[Any]:
    return [
        pytest.param(act, id=f"{kind.__name__}.{name}{number or ''}")
        for (kind, name), acts in table.items()
        for number, act in enumerate(acts)
    ]


@pytest.mark.parametrize("actor", ROLES)
@pytest.mark.parametrize("act", cases(ON_ACCOUNTS))
def test_Z4_who_may_act_on_whose_account(scene: Scene, act: Act, actor: str, request: pytest.FixtureRequest) -> None:
    way_in = any(f"[{name}-" in request.node.name for name in WAYS_IN)
    may = (MAY_LET_IN if way_in else MAY_ACT_ON_ACCOUNTS_OF)[actor]
    assert {target for target in ROLES if allowed(act, scene, actor, target)} == may
    denied = {one.event["actor"]["name"] for one in scene.people.entries(Actions.ACCESS_DENY)}
    assert denied == {f"for-{target}" for target in ROLES if target not in may}


@pytest.mark.parametrize("actor", ROLES)
@pytest.mark.parametrize("act", cases(ON_FILES))
def test_Z4_who_may_act_on_whose_files(scene: Scene, act: Act, actor: str) -> None:
    assert {target for target in ROLES if allowed(act, scene, actor, target)} == MAY_ACT_ON_FILES_OF[actor]


def test_every_act_on_somebody_elses_is_walked() -> None:
    ids = {"user_id", "session_id", "token_id", "file_id", "upload_id", "record_id"}
    found = {
        (kind, name)
        for kind in (Users, Sessions, Tokens, Files, Uploads)
        for name, method in inspect.getmembers(kind, inspect.isfunction)
        if not name.startswith("_") and {"actor"} < set(inspect.signature(method).parameters)
        if ids & set(inspect.signature(method).parameters)
    }
    assert found == {*ON_ACCOUNTS, *ON_FILES, *NO_ACTS_ON_OTHERS}
