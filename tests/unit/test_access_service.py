"""Why somebody may do something, who reaches an object, and what a change would do: asked, and found true by trying."""

from __future__ import annotations

import pytest
from redis import Redis

from backoffice.domain.access import ADMIN, BUILT_IN
from backoffice.domain.acts import Act, Acts, all_acts
from backoffice.domain.explanations import Reach
from backoffice.domain.ids import new_id
from backoffice.domain.permissions import Permissions
from backoffice.domain.users import User, UserStatus
from backoffice.errors import Invalid, NotAllowed, NotFound
from backoffice.services import access as module
from backoffice.services.access import Way
from backoffice.services.authorization import RANKED
from tests.support.people import ROOT, People, anybody
from tests.support.scene import Scene

P = Permissions


@pytest.fixture
def scene(fake: Redis) -> Scene:
    return Scene(fake)


def by_role(ways: tuple[Way, ...]) -> dict[str, Way]:
    return {way.role.name if way.role is not None else "": way for way in ways}


# -- why


def test_why_names_the_roles_that_grant_it(people: People) -> None:
    user = people.user("vera", "operator", "auditor")
    found = people.access.why(ROOT, user.id)
    said = {(one.act, one.reach): one for one in found.explanations}
    assert said[Acts.FILE_READ, Reach.OTHERS].roles == ("auditor", "operator")
    assert said[Acts.AUDIT_READ, Reach.SITE].roles == ("auditor",)
    assert not said[Acts.ROLE_CREATE, Reach.SITE].allowed
    assert "no role of vera grants roles:write" in said[Acts.ROLE_CREATE, Reach.SITE].reason
    assert [role.name for role in found.roles] == ["auditor", "operator"]


def test_why_of_a_token_is_within_its_scopes(people: People) -> None:
    vera, carl = people.user("vera", "operator"), people.user("carl")
    token, _ = people.tokens.create(ROOT, name="t", user_id=vera.id, scopes=["files:read"])
    found = people.access.why(ROOT, vera.id, token.id)
    assert {one.act for one in found.explanations if one.allowed and one.act.takes} == {
        Acts.DELIVERY_READ,
        Acts.FILE_READ,
        Acts.FILE_DOWNLOAD,
        Acts.FILES_LIST,
        Acts.FOLDER_READ,
        Acts.UPLOAD_READ,
        Acts.SHARE_OPEN,
        Acts.DELIVERY_READ,
    }
    with pytest.raises(NotFound):
        people.access.why(ROOT, carl.id, token.id)


def test_it_takes_the_rights_to_see_users_and_roles(people: People) -> None:
    vera = people.user("vera", "auditor")
    ask = people.access
    for actor in (anybody(P.USERS_READ), anybody(P.ROLES_READ), people.actor(people.user("carl"))):
        for attempt in (
            lambda who=actor: ask.why(who, vera.id),
            lambda who=actor: ask.who_reaches_user(who, vera.id),
            lambda who=actor: ask.who_reaches_role(who, "user"),
            lambda who=actor: ask.if_role(who, "user", None),
            lambda who=actor: ask.if_user(who, vera.id, []),
            lambda who=actor: ask.holders(who),
        ):
            with pytest.raises(NotAllowed):
                attempt()
    assert ask.why(people.actor(vera), vera.id).user.id == vera.id


def test_what_is_not_there_is_not_found(people: People) -> None:
    ask = people.access
    for attempt in (ask.why, ask.who_reaches_user, ask.who_reaches_file, ask.who_reaches_role):
        for name in (new_id(), "../x", "", "\ud800"):
            with pytest.raises(NotFound):
                attempt(ROOT, name)
    with pytest.raises(NotFound):
        ask.if_role(ROOT, "nothing", None)
    with pytest.raises(Invalid):
        ask.if_role(ROOT, "user", ["root"])
    with pytest.raises(Invalid):
        ask.if_user(ROOT, people.user("vera").id, ["nothing"])


# -- who


def test_who_reaches_a_file(scene: Scene) -> None:
    people = scene.people
    vera, desk, reads = people.user("vera"), people.user("desk", "operator"), people.user("reads", "auditor")
    people.user("other")
    file = scene.file(vera)
    ways = by_role(people.access.who_reaches_file(ROOT, file))
    assert set(ways) == {"", "admin", "operator", "auditor"}
    assert [one.user.id for one in ways[""].people] == [vera.id]
    assert [one.user.id for one in ways["operator"].people] == [desk.id]
    assert ways["auditor"].acts == (Acts.FILE_READ, Acts.FILE_DOWNLOAD)
    assert (ways["auditor"].people[0].user.id, ways["auditor"].holders) == (reads.id, 1)
    assert Acts.FILE_TRASH in ways["operator"].acts
    people.users.disable(ROOT, desk.id)
    ways = by_role(people.access.who_reaches_file(ROOT, file))
    assert ways["operator"].people[0].acts == ()


def test_a_file_that_is_not_for_the_one_who_asks_is_not_there(scene: Scene) -> None:
    file = scene.file(scene.people.user("vera"))
    with pytest.raises(NotFound):
        scene.people.access.who_reaches_file(anybody(P.USERS_READ, P.ROLES_READ), file)


@pytest.mark.parametrize("target", BUILT_IN)
def test_who_reaches_a_user_is_who_is_let_through(scene: Scene, target: str) -> None:
    """Each person's answer is that of the rule by which the services refuse."""
    people = scene.people
    whom = people.user("whom", target)
    others = [people.user(f"by-{role}", role) for role in BUILT_IN]
    permitted = {one.id: people.users.permitted(people.actor(one)) for one in others}
    said = {one.user.id: set(one.acts) for way in people.access.who_reaches_user(ROOT, whom.id) for one in way.people}
    for one in others:
        expected = {act for act in all_acts() if act.rank in RANKED and permitted[one.id](act, whom)}
        assert said.get(one.id, set()) == expected, one.username


def test_who_reaches_a_role(people: People) -> None:
    people.roles.create(ROOT, name="small", permissions=["files:read"])
    people.roles.create(ROOT, name="keeper", permissions=["roles:read", "roles:write", "files:read"])
    vera = people.user("vera", "admin")
    keeper = people.user("keep", "keeper")
    ways = by_role(people.access.who_reaches_role(ROOT, "small"))
    assert {name: [one.user.id for one in way.people if one.acts] for name, way in ways.items()} == {
        "admin": [vera.id],
        "keeper": [keeper.id],
    }
    assert people.access.who_reaches_role(ROOT, "operator") == ()


def test_holders_come_in_pages_and_not_all_at_once(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PEOPLE", 2)
    people = scene.people
    file, desks = scene.file(people.user("vera")), [people.user(f"desk{n}", "operator") for n in range(5)]
    ask, found, cursor = people.access, list[str](), ""
    for _ in range(3):
        [way] = ask.who_reaches_file(ROOT, file, "operator", cursor)
        assert len(way.people) <= 2
        assert way.holders == 5
        found += [one.user.id for one in way.people]
        cursor = way.next_cursor
    assert not cursor
    assert sorted(found) == sorted(one.id for one in desks)


def test_round_trips(scene: Scene) -> None:
    people = scene.people
    vera = people.user("vera")
    people.user("desk", "operator")
    file, ask = scene.file(vera), people.access
    ask.holders(ROOT)  # the roles are known to the process then
    for most, attempt in (
        (1, lambda: ask.why(ROOT, vera.id)),
        (3, lambda: ask.who_reaches_file(ROOT, file)),
        (3, lambda: ask.who_reaches_user(ROOT, vera.id)),
        (3, lambda: ask.if_role(ROOT, "user", None)),
        (1, lambda: ask.if_user(ROOT, vera.id, [])),
    ):
        people.db.trips = 0
        attempt()
        assert people.db.trips <= most


# -- what if


def effects(people: People, user: User) -> frozenset[tuple[Act, Reach]]:
    return frozenset((one.act, one.reach) for one in people.access.why(ROOT, user.id).explanations if one.allowed)


def test_the_preview_of_a_role_is_what_then_happens(people: People) -> None:
    people.roles.create(ROOT, name="desk", permissions=["users:read", "files.all:read"])
    alone, also = people.user("alone", "desk"), people.user("also", "desk", "auditor")
    before = {one.id: effects(people, one) for one in (alone, also)}
    found = people.access.if_role(ROOT, "desk", ["users:read", "files.all:write"])
    assert (found.holders, found.exact) == (2, True)
    people.roles.update(ROOT, "desk", permissions=["users:read", "files.all:write"])
    said = {user.id: (set(one.gained), set(one.lost)) for one in found.effects for user in one.people}
    for user in (alone, also):
        after = effects(people, user)
        assert said[user.id] == (after - before[user.id], before[user.id] - after)
    assert said[alone.id][1] > said[also.id][1]  # who reads files by another role, too, goes on doing so


def test_the_preview_of_deleting_a_role(people: People) -> None:
    people.roles.create(ROOT, name="desk", permissions=["users:read"])
    vera = people.user("vera", "desk")
    people.user("carl", "desk", "auditor")
    found = people.access.if_role(ROOT, "desk", None)
    assert [[user.id for user in one.people] for one in found.effects] == [[vera.id]]
    assert (Acts.USER_READ, Reach.SITE) in found.effects[0].lost
    assert found.unchanged == 1
    assert people.role_store.all()["desk"].permissions == {P.USERS_READ}


def test_several_roles_changed_at_once_count_each_person_once(people: People) -> None:
    for name in ("one", "two"):
        people.roles.create(ROOT, name=name, permissions=["users:read"])
    vera = people.user("vera", "one", "two")
    ask = people.access
    assert ask.if_roles(ROOT, {"one": ["files:read"], "two": ["users:read"]}).effects[0].lost == ()
    found = ask.if_roles(ROOT, {"one": ["files:read"], "two": ["files:read"]})
    assert found.holders == 1
    assert [one.id for one in found.effects[0].people] == [vera.id]
    assert (Acts.USER_READ, Reach.SITE) in found.effects[0].lost


def test_more_holders_than_can_be_looked_at_are_said_to_be_more(
    people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_LIMIT", 2)
    people.roles.create(ROOT, name="desk", permissions=["users:read"])
    for n in range(3):
        people.user(f"desk{n}", "desk")
    found = people.access.if_role(ROOT, "desk", None)
    assert (found.holders, found.exact, len(found.effects[0].people)) == (3, False, 2)


def test_the_preview_of_a_users_roles(people: People) -> None:
    vera = people.user("vera", "admin")
    found = people.access.if_user(ROOT, vera.id, ["user"])
    assert found.last_admin
    assert found.effects[0].gained == ()
    assert (Acts.USER_DELETE, Reach.OTHERS) in found.effects[0].lost
    people.user("second", ADMIN)
    assert not people.access.if_user(ROOT, vera.id, ["user"]).last_admin
    assert people.access.if_user(ROOT, vera.id, ["admin"]).effects == ()


def test_a_person_who_cannot_sign_in_reaches_nothing(scene: Scene) -> None:
    people = scene.people
    file = scene.file(people.user("vera"))
    invited, _ = people.users.create(ROOT, username="late", roles=["operator"])
    assert invited.status is UserStatus.INVITED
    way = by_role(people.access.who_reaches_file(ROOT, file))["operator"]
    assert [(one.user.username, one.acts) for one in way.people] == [("late", ())]
