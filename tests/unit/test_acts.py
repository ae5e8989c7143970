"""Every act of the table, by every built-in role, by whatever lets somebody in, on what is one's own and on what is of
each built-in role: the services do what the table says, and the log has what the table says."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Final

import pytest
from redis import Redis

from backoffice.domain.access import ADMIN, BUILT_IN, OWN_TO_ALL, Actor, granted_by
from backoffice.domain.acts import Act, Acts, Proof, Rank, Whose, all_acts, decide_act
from backoffice.domain.permissions import Permission, Permissions
from backoffice.domain.users import User
from backoffice.errors import NotAllowed, NotFound
from backoffice.services.authorization import FRESH_MS, RANKED
from tests.support import acts_table
from tests.support.act_walks import (
    ALSO,
    BEGINS,
    BESIDES,
    GIVEN,
    LISTED,
    LOOKS,
    NUMBERS,
    ONLY_OTHERS,
    ONLY_OWN,
    PERSONAL,
    WALKS,
    WITHOUT_EVENT_HERE,
    Do,
)
from tests.support.people import PASSWORD
from tests.support.scene import Scene

OWN: Final = "own"
CREDENTIALS: Final = ("session", "old session", "token", "scoped token")


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
    rows = (act, BESIDES.get(act, act), *ALSO.get(act, ()), *[Acts.FILES_LIST_ALL] * (act in LISTED))
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
    if not {one.takes for one in ALSO.get(act, ())} <= held:
        return False
    if act in LISTED and Acts.FILES_LIST_ALL.takes not in held:
        return False
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
        do, who = self._object(whom), self._actor(case, user)
        shown, before = self._shown(who, whom, case), self.scene.newest_entry()
        try:
            do(who)
        except (NotAllowed, NotFound):
            written = self.scene.actions_since(before, user)
            assert written == [self.act.refused], (case, written)
            assert not shown or case.credential != "session" or self.act in GIVEN, (case, "shown, and refused")
            return False
        written = self.scene.actions_since(before, user)
        if self.act.event is not None and self.act not in WITHOUT_EVENT_HERE:
            assert self.act.event in written, (case, written)
        assert shown, (case, "allowed, and not shown")
        if self.act not in LOOKS:
            del self.objects[whom.id]
        if self.act in PERSONAL:
            self.people = {key: one for key, one in self.people.items() if one is not whom}
        return True

    def _shown(self, who: Actor, whom: User, case: Case) -> bool:
        """Whether a page would show the act for this object: to a session, for what it takes a password is asked."""
        if self.act.rank in RANKED:
            return self.scene.people.users.permitted(who)(self.act, self.scene.people.user_store.get(whom.id) or whom)
        if self.act in LISTED and not decide_act(who, Acts.FILES_LIST_ALL).allowed:
            return False
        return decide_act(who, self.act, whom.id if case.whose else None).allowed and self.act.proof is not Proof.SHELL

    def _person(self, role: str, part: str = "who") -> User:
        key = f"{part}-{role}"
        if key not in self.people:
            self.people[key] = self.scene.people.user(f"{part}{next(NUMBERS)}", role)
        return self.people[key]

    def _object(self, whom: User) -> Do:
        """What is done to something that belongs to `whom`."""
        if whom.id not in self.objects:
            self.objects[whom.id] = WALKS[self.act](self.scene, whom)
        return self.objects[whom.id]

    def _actor(self, case: Case, user: User) -> Actor:
        """The user, by a credential of its own: refusals of the same one count once a minute."""
        fresh = replace(self.scene.people.actor(user), credential=f"session:{next(NUMBERS)}")
        match case.credential:
            case "session":
                return fresh
            case "old session":
                return replace(fresh, auth_at=fresh.auth_at - FRESH_MS)
            case "token":
                return replace(fresh, credential=f"token:{next(NUMBERS)}")
            case _:
                return replace(fresh, credential=f"token:{next(NUMBERS)}", scopes=scopes(self.act))


@pytest.fixture
def scene(real: Redis) -> Scene:
    """On the real store: some hundred acts for each test take the imitation four times as long."""
    made = Scene(real)
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
