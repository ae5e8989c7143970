"""Every act of the table, by every built-in role, by whatever lets somebody in, on what is one's own and on what is of
each built-in role: the services do what the table says, and the log has what the table says."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Final

import pytest
from redis import Redis

from backoffice.domain.access import ADMIN, BUILT_IN, OWN_TO_ALL, Actor, granted_by
from backoffice.domain.acts import Act, Acts, Proof, Rank, Whose, all_acts
from backoffice.domain.files import FileSpec, OnConflict
from backoffice.domain.paging import Query
from backoffice.domain.permissions import Permission, Permissions
from backoffice.domain.users import User
from backoffice.errors import NotAllowed, NotFound
from backoffice.services.authorization import FRESH_MS
from tests.support import acts_table
from tests.support.people import PASSWORD
from tests.support.scene import Scene
from tests.support.uploads import reader

OWN: Final = "own"
CREDENTIALS: Final = ("session", "old session", "token", "scoped token")

Do = Callable[[Actor], object]
Prepare = Callable[[Scene, User], Do]
"""Makes something that belongs to the user, and gives what is done to it."""


def _role(on: Scene, _: User) -> str:
    name = f"r{next(_NUMBERS)}"
    on.people.roles.create(_root(on), name=name, permissions=["files:read"])
    return name


def _root(on: Scene) -> Actor:
    return replace(on.people.actor(on.people.user_store.find("spare") or on.people.user("spare", ADMIN)))


def _file(act: str, *, trashed: bool = False) -> Prepare:
    def prepare(on: Scene, whom: User) -> Do:
        file, more = on.file(whom, trashed=trashed), (f"{next(_NUMBERS)}.txt",) if act == "rename" else ()
        return lambda who: getattr(on.world.library, act)(who, file, *more)

    return prepare


def _user(act: str, *more: Any, **fields: Any) -> Prepare:
    return lambda on, whom: lambda who: getattr(on.people.users, act)(who, whom.id, *more, **fields)


def _with(make: Callable[[Scene, User], str], do: Callable[[Scene, Actor, str], object]) -> Prepare:
    def prepare(on: Scene, whom: User) -> Do:
        made = make(on, whom)
        return lambda who: do(on, who, made)

    return prepare


def _complete(on: Scene, who: Actor, upload: str, **options: Any) -> object:
    return on.world.service.complete(who, upload, FileSpec("c.txt", **options), total_size=6)


def _enable(on: Scene, whom: User) -> Do:
    disabled = on.people.users.disable(_root(on), whom.id)
    return lambda who: on.people.users.enable(who, disabled.id)


def _give_roles(on: Scene, whom: User) -> Do:
    """A role that grants what the person holds anyway."""
    return lambda who: on.people.users.update(who, whom.id, roles=[*whom.roles, on.harmless])


def _invite(on: Scene, whom: User) -> Do:
    """For somebody who has no password yet."""
    made = on.people.users.create(_root(on), username=f"i{next(_NUMBERS)}", roles=whom.roles)[0]
    return lambda who: on.people.users.invite(who, made.id)


_NUMBERS: Final = itertools.count(1)
WALKS: Final[dict[Act, Prepare]] = {
    Acts.FILE_READ: _file("get"),
    Acts.FILE_DOWNLOAD: _with(Scene.file, lambda on, who, file: on.world.read(who, file)),
    Acts.FILES_LIST: lambda on, _: lambda who: on.world.library.page(who, Query()),
    Acts.FILES_LIST_ALL: lambda on, _: lambda who: on.world.library.page(who, Query(), everybody=True),
    Acts.FILE_RENAME: _file("rename"),
    Acts.FILE_TRASH: _file("trash"),
    Acts.FILE_RESTORE: _file("restore", trashed=True),
    Acts.FILE_PURGE: _file("purge"),
    Acts.UPLOAD_READ: _with(Scene.upload, lambda on, who, upload: on.world.service.state(who, upload)),
    Acts.UPLOAD_CANCEL: _with(Scene.upload, lambda on, who, upload: on.world.service.cancel(who, upload)),
    Acts.UPLOAD_START: lambda on, _: lambda who: on.world.service.start(who, total_chunks=1),
    Acts.UPLOAD_SEND: _with(Scene.upload, lambda on, who, upload: on.world.put(who, upload, 0, [b"one", b"two"])),
    Acts.FILE_CREATE: _with(lambda on, whom: on.upload(whom, whole=True), _complete),
    Acts.FILE_REPLACE: lambda on, _: (
        lambda who: on.world.service.upload_stream(
            who, FileSpec("d.txt", on_conflict=OnConflict.REPLACE), reader(b"one")
        )
    ),
    Acts.USER_READ: lambda on, _: lambda who: on.people.users.page(who, Query()),
    Acts.USER_CREATE: lambda on, _: lambda who: on.people.users.create(who, username=f"n{next(_NUMBERS)}"),
    Acts.USER_CREATE_WITH_ROLES: lambda on, _: (
        lambda who: on.people.users.create(who, username=f"n{next(_NUMBERS)}", roles=["operator"])
    ),
    Acts.USER_UPDATE: _user("update", quota_bytes=1),
    Acts.USER_RENAME: lambda on, whom: lambda who: on.people.users.update(who, whom.id, username=f"n{next(_NUMBERS)}"),
    Acts.USER_ADDRESS: lambda on, whom: (
        lambda who: on.people.users.update(who, whom.id, email=f"{next(_NUMBERS)}@example.org")
    ),
    Acts.USER_GIVE_ROLES: _give_roles,
    Acts.USER_TAKE_ROLES: _user("update", roles=[]),
    Acts.USER_PASSWORD: _user("set_password", PASSWORD + "!"),
    Acts.USER_INVITE: _invite,
    Acts.USER_RESET: _user("invite"),
    Acts.USER_DISABLE: _user("disable"),
    Acts.USER_ENABLE: _enable,
    Acts.USER_DELETE: _user("delete"),
    Acts.PASSWORD_CHANGE: lambda on, _: lambda who: on.people.users.change_password(who, PASSWORD, PASSWORD + "!"),
    Acts.ROLE_READ: lambda on, _: on.people.roles.all,
    Acts.ROLE_CREATE: lambda on, _: (
        lambda who: on.people.roles.create(who, name=f"r{next(_NUMBERS)}", permissions=["files:read"])
    ),
    Acts.ROLE_UPDATE: _with(_role, lambda on, who, role: on.people.roles.update(who, role, description="other")),
    Acts.ROLE_DELETE: _with(_role, lambda on, who, role: on.people.roles.delete(who, role)),
    Acts.SESSION_LIST: lambda on, _: on.people.sessions.mine,
    Acts.SESSION_END: _with(Scene.session, lambda on, who, session: on.people.sessions.end(who, session)),
    Acts.SESSION_READ_ALL: lambda on, whom: lambda who: on.people.sessions.of_user(who, whom.id),
    Acts.SESSION_END_ALL: _with(Scene.session, lambda on, who, session: on.people.sessions.end(who, session)),
    Acts.TOKEN_LIST: lambda on, _: on.people.tokens.mine,
    Acts.TOKEN_READ: lambda on, _: lambda who: on.people.tokens.page(who, Query()),
    Acts.TOKEN_CREATE: lambda on, whom: lambda who: on.people.tokens.create(who, name="t", user_id=whom.id),
    Acts.TOKEN_REVOKE: _with(Scene.token, lambda on, who, token: on.people.tokens.revoke(who, token)),
    Acts.AUDIT_READ: lambda on, _: on.people.audit.page,
    Acts.AUDIT_EXPORT: lambda on, _: on.archive.export,
    Acts.AUDIT_SEAL: lambda on, _: lambda who: on.archive.seal(who, []),
    Acts.AUDIT_TRIM: lambda on, _: lambda who: on.archive.trim(who, []),
    Acts.SYSTEM_READ: lambda on, _: on.world.maintenance.check,
    Acts.SYSTEM_REPAIR: lambda on, _: on.world.maintenance.repair,
}
ONLY_OWN: Final = {Acts.SESSION_LIST, Acts.SESSION_END, Acts.TOKEN_LIST, Acts.FILES_LIST}
"""What they are asked for names nobody else, or with somebody else's is the row below."""
ONLY_OTHERS: Final = {Acts.SESSION_END_ALL}
BEGINS: Final = {Acts.UPLOAD_START, Acts.FILE_REPLACE, Acts.PASSWORD_CHANGE}
"""There is nothing yet, or nothing named, that could be somebody else's."""
BESIDES: Final = {Acts.FILE_REPLACE: Acts.FILE_CREATE}
"""What takes another act, too."""
GIVEN: Final = {
    Acts.USER_CREATE: granted_by("user"),
    Acts.USER_CREATE_WITH_ROLES: granted_by("operator"),
    **dict.fromkeys((Acts.ROLE_CREATE, Acts.ROLE_UPDATE, Acts.ROLE_DELETE), frozenset({Permissions.FILES_READ})),
}
WITHOUT_EVENT_HERE: Final = {Acts.SYSTEM_REPAIR}
"""There is nothing to repair."""
LOOKS: Final = {act for act in WALKS if act.event is None} | {Acts.FILE_DOWNLOAD}
"""What is looked at is there afterwards as before, and can be looked at by the next."""
PERSONAL: Final = {act for act in WALKS if act.whose is Whose.ACCOUNT} | {Acts.PASSWORD_CHANGE, Acts.AUDIT_READ}
"""What makes another of the person, or is an entry once a minute for each: somebody new stands in then."""


@dataclass(frozen=True, slots=True)
class Case:
    """`whose`: OWN, or the role of the one whose it is; "" where it is nobody's."""

    role: str
    credential: str
    whose: str


def cases(act: Act) -> Iterator[Case]:
    own = (OWN,) if act not in ONLY_OTHERS else ()
    others = (*BUILT_IN,) if act not in ONLY_OWN | BEGINS else ()
    whose = (*own, *others) if act.whose is not Whose.SITE else ("",)
    yield from itertools.starmap(Case, itertools.product(BUILT_IN, CREDENTIALS, whose))


def scopes(act: Act) -> frozenset[Permission]:
    """Just what the act takes, and gives."""
    rows = (act, BESIDES.get(act, act))
    given = GIVEN[act] if act.rank is Rank.GIVES else frozenset()
    return given.union(one for row in rows for one in (row.takes, row.others) if one is not None)


def expected(act: Act, case: Case) -> bool:
    """What the table says, worked out as a reader would."""
    own = case.whose in {OWN, ""}
    held = granted_by(case.role) & (scopes(act) if case.credential == "scoped token" else granted_by(ADMIN))
    takes = act.takes if own or act.whose is Whose.ACCOUNT else act.others
    proven = {
        Proof.ANY: True,
        Proof.PERSON: "token" not in case.credential,
        Proof.FRESH: case.credential == "session",
        Proof.FRESH_OR_SCOPE: case.credential in {"session", "scoped token"},
        Proof.SHELL: False,
    }
    if (not own and act.whose is Whose.OWN) or (takes is not None and takes not in held) or not proven[act.proof]:
        return False
    if act.rank is Rank.GIVES:
        return GIVEN[act] <= held
    if act.rank is Rank.ANY or (own and act.whose is not Whose.ACCOUNT):
        return True
    theirs = granted_by(case.role if own else case.whose)
    return theirs < held or (theirs == held and (act.rank is Rank.NO_LESS or own))


@dataclass
class Walk:
    """One act, by everybody on everything. People and objects serve until an act has made something else of them: what
    was refused has changed nothing."""

    scene: Scene
    act: Act
    people: dict[str, User] = field(default_factory=dict)
    objects: dict[str, Do] = field(default_factory=dict)

    def outcome(self, case: Case) -> bool:
        """Whether the act was done. The log has what the table says."""
        user = self._person(case.role)
        whom = self._person(case.whose, "whom") if case.whose in BUILT_IN else user
        do, who, before = self._object(whom), self._actor(case, user), self.scene.newest_entry()
        try:
            do(who)
        except (NotAllowed, NotFound):
            written = self.scene.actions_since(before, user)
            assert written == [self.act.refused], (case, written)
            return False
        written = self.scene.actions_since(before, user)
        if self.act.event is not None and self.act not in WITHOUT_EVENT_HERE:
            assert self.act.event in written, (case, written)
        if self.act not in LOOKS:
            del self.objects[whom.id]
        if self.act in PERSONAL:
            self.people = {key: one for key, one in self.people.items() if one is not whom}
        return True

    def _person(self, role: str, part: str = "who") -> User:
        key = f"{part}-{role}"
        if key not in self.people:
            self.people[key] = self.scene.people.user(f"{part}{next(_NUMBERS)}", role)
        return self.people[key]

    def _object(self, whom: User) -> Do:
        """What is done to something that belongs to `whom`."""
        if whom.id not in self.objects:
            self.objects[whom.id] = WALKS[self.act](self.scene, whom)
        return self.objects[whom.id]

    def _actor(self, case: Case, user: User) -> Actor:
        """The user, by a credential of its own: refusals of the same one count once a minute."""
        fresh = replace(self.scene.people.actor(user), credential=f"session:{next(_NUMBERS)}")
        match case.credential:
            case "session":
                return fresh
            case "old session":
                return replace(fresh, auth_at=fresh.auth_at - FRESH_MS)
            case "token":
                return replace(fresh, credential=f"token:{next(_NUMBERS)}")
            case _:
                return replace(fresh, credential=f"token:{next(_NUMBERS)}", scopes=scopes(self.act))


@pytest.fixture
def scene(fake: Redis) -> Scene:
    made = Scene(fake)
    made.people.user("spare", ADMIN)  # nobody is the last administrator
    return made


@pytest.mark.parametrize("act", WALKS, ids=lambda act: act.name)
def test_Z4_every_act_is_for_whom_the_table_says(scene: Scene, act: Act) -> None:
    walk = Walk(scene, act)
    found = {case: walk.outcome(case) for case in cases(act)}
    assert found == {case: expected(act, case) for case in found}


def test_every_act_is_walked() -> None:
    assert set(WALKS) == set(all_acts())
    assert len({act.name for act in WALKS}) == len(WALKS)


def test_every_permission_over_everybodys_things_is_in_the_table() -> None:
    assert set(OWN_TO_ALL.values()) <= {one for act in all_acts() for one in (act.takes, act.others)}


def test_Z8_a_leaked_token_lets_nobody_in_and_gives_no_role(scene: Scene) -> None:
    """What guards an account takes a person: a token that holds everything makes no user with rights, no link, no
    password and no role, so nothing is left once it is revoked. One made for it by name gives what it holds."""
    admin = scene.people.user("ada", ADMIN)
    leaked = replace(scene.people.actor(admin), credential="token:t")
    for do in (
        lambda: scene.people.users.create(leaked, username="eve", roles=[ADMIN], password=PASSWORD),
        lambda: scene.people.users.invite(leaked, scene.people.user("ben").id),
        lambda: scene.people.users.update(leaked, scene.people.user("eva").id, email="eve@example.org"),
        lambda: scene.people.users.update(leaked, scene.people.user("eric").id, roles=[ADMIN]),
        lambda: scene.people.roles.create(leaked, name="mine", permissions=["users:write"]),
    ):
        with pytest.raises(NotAllowed, match="A token cannot"):
            do()
    named = replace(leaked, scopes=frozenset({Permissions.ROLES_WRITE, Permissions.FILES_READ}))
    assert scene.people.roles.create(named, name="readers", permissions=["files:read"]).name == "readers"
    with pytest.raises(NotAllowed, match="beyond what you hold"):
        scene.people.roles.create(named, name="writers", permissions=["users:write"])


def test_the_paper_has_the_table_as_it_is() -> None:
    text = acts_table.PAPER.read_text("utf-8")
    assert acts_table.table() in text
    assert acts_table.with_table(text) == text
