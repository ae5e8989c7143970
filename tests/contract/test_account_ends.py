"""Lists of users by last sign-in and by the moment when days without one end the account, on every kind of server."""

from __future__ import annotations

from typing import Any

import pytest

from backoffice.domain.lifecycle import DAY_MS, AccountPolicy
from backoffice.domain.maintenance import ignore
from backoffice.domain.paging import Query
from backoffice.domain.users import User
from backoffice.services import users as service
from backoffice.stores.bounds import Bounds
from backoffice.stores.fsck.run import Fsck
from tests.support.people import ROOT, People
from tests.support.scene import Scene
from tests.support.uploads import World


@pytest.fixture
def people(redis: Any) -> People:
    return People(redis)


def sound(people: People) -> None:
    World.over(people.db.client).assert_sound()


def listed(people: People, order: str, least: int | None = None, most: int | None = None) -> list[str]:
    page = people.user_store.page(Query(sort=order, ranges=((order, least, most),)))
    return [user.username for user in page.items]


def sign_in(people: People, user: User) -> None:
    people.sessions.start_for(people.visitor(), user)


def steps(people: People) -> int:
    """What the worker does until there is nothing left; how many steps that were."""
    cursor, number = "", 0
    while True:
        cursor, number = people.users.note_ends(cursor), number + 1
        if not cursor:
            return number


def test_who_never_signed_in_and_whose_days_run_out(people: People) -> None:
    people.with_policy(AccountPolicy(90))
    people.roles.create(ROOT, name="guests", permissions=["files:read"], inactive_days=30)
    began = people.clock()
    people.user("vera", "admin")
    ada, gast = people.user("ada", "user"), people.user("gast", "user", "guests")
    assert sorted(listed(people, "signed_in", 0, 0)) == ["ada", "gast", "vera"]
    assert listed(people, "inactive") == ["gast", "ada"], "no days end an administrator's account"
    assert listed(people, "inactive", began, began + 30 * DAY_MS) == ["gast"]
    people.clock.pass_(days=20)
    sign_in(people, gast)
    assert sorted(listed(people, "signed_in", 0, 0)) == ["ada", "vera"]
    assert listed(people, "inactive", began, began + 30 * DAY_MS) == []
    assert listed(people, "inactive", people.clock() + 30 * DAY_MS, None) == ["gast", "ada"]
    people.users.update(ROOT, ada.id, inactive_days=0)
    people.users.disable(ROOT, gast.id)
    assert listed(people, "inactive") == []
    people.users.enable(ROOT, gast.id)
    people.users.update(ROOT, ada.id, inactive_days=5)
    assert listed(people, "inactive") == ["ada", "gast"]
    people.users.update(ROOT, gast.id, roles=("user",))
    assert listed(people, "inactive", people.clock() + 89 * DAY_MS, None) == ["gast"]
    for one in (people.user_store.get(ada.id), people.user_store.get(gast.id)):
        assert one is not None
        ending = people.users.standings()(one).ending
        assert ending is not None
        assert ending.at == one.inactive_at, "as whoever lets them in works it out"
    sound(people)


def test_users_of_an_earlier_version_come_into_the_lists_in_steps(
    people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "NOTED_TOGETHER", 2)
    people.with_policy(AccountPolicy(90))
    made = [people.user(name, "user") for name in ("ada", "bert", "cora", "dora", "emil")]
    sign_in(people, made[1])
    for user in made:
        people.db.call("HDEL", people.keys.record("users", user.id), "inactive_at")
    for index in ("signed_in", "inactive"):
        people.db.call("DEL", people.keys.index("users", index))
    assert listed(people, "inactive") == []
    assert steps(people) == 3
    assert sorted(listed(people, "signed_in", 0, 0)) == ["ada", "cora", "dora", "emil"]
    assert len(listed(people, "inactive")) == 5
    sound(people)
    before = people.db.trips
    assert steps(people) == 1
    assert people.db.trips - before <= 2, "done, and nobody is read again"


def test_other_days_of_a_role_or_the_site_are_noted_of_everybody(people: People) -> None:
    people.roles.create(ROOT, name="guests", permissions=["files:read"])
    people.user("ada", "user"), people.user("gast", "guests")
    steps(people)
    assert listed(people, "inactive") == []
    people.roles.update(ROOT, "guests", inactive_days=30)
    steps(people)
    assert listed(people, "inactive") == ["gast"]
    people.with_policy(AccountPolicy(10))
    steps(people)
    assert listed(people, "inactive") == ["ada", "gast"]


def test_who_changed_or_went_meanwhile_is_left_alone(people: People) -> None:
    ada, bert = people.user("ada", "user"), people.user("bert", "user")
    read = [user for one in (ada, bert) if (user := people.user_store.get(one.id)) is not None]
    sign_in(people, ada)
    people.users.delete(ROOT, bert.id)
    people.user_store.note_ends([(user, 5) for user in read])
    kept = people.user_store.get(ada.id)
    assert kept is not None
    assert (kept.last_login_at > 0, kept.inactive_at) == (True, 0)
    assert people.user_store.get(bert.id) is None
    sound(people)


def test_whose_quota_is_nearly_used_up_is_listed_at_every_moment(redis: Any) -> None:
    scene = Scene(redis)
    people, world = scene.people, scene.world

    def near() -> list[str]:
        page = people.user_store.page(Query(filters=(("quota", "near"),)))
        sound(people)
        return [user.username for user in page.items]

    una, otto = people.user("una", "user"), people.user("otto", "user")
    people.users.update(ROOT, una.id, quota_bytes=10)
    for _ in range(3):
        last = scene.file(una)  # of 3 bytes
        scene.file(otto)
    assert near() == [], "nine of ten are not more than nine tenths"
    people.users.update(ROOT, una.id, quota_bytes=9)
    assert near() == ["una"]
    people.users.update(ROOT, una.id, email="una@example.org")
    assert near() == ["una"]
    world.library.transfer(ROOT, last, otto.id)
    assert near() == []
    people.users.update(ROOT, otto.id, quota_bytes=13)
    assert near() == ["otto"]
    world.library.purge(ROOT, last)
    assert near() == []
    people.users.update(ROOT, una.id, quota_bytes=12)
    upload = scene.upload(una)
    assert near() == ["una"], "what is reserved for an upload counts"
    world.service.cancel(ROOT, upload)
    world.service.cleanup.collect()
    assert near() == []
    people.users.update(ROOT, una.id, quota_bytes=6)
    people.db.call("HDEL", people.keys.record("users", una.id), "quota_near")
    people.db.call("DEL", people.keys.quota_near)
    people.db.call("HDEL", people.keys.install, "account_ends")
    steps(people)
    assert near() == ["una"], "also where an earlier version did not note it"


def test_a_repaired_quota_is_listed_as_it_is_then(redis: Any) -> None:
    scene = Scene(redis)
    people, world = scene.people, scene.world
    una, otto = people.user("una", "user"), people.user("otto", "user")
    people.users.update(ROOT, una.id, quota_bytes=12)
    files = [scene.file(una) for _ in range(4)]  # of 3 bytes each
    scene.file(otto)
    people.db.call("HSET", people.keys.quota(una.id), "used", 2)
    people.db.call("HSET", people.keys.quota(otto.id), "used", 200)
    people.users.update(ROOT, una.id, quota_bytes=13)
    check = Fsck(people.db, people.keys, world.chunks, bounds=Bounds(quota=3))

    def near() -> list[str]:
        check.repair(ROOT, on_finding=ignore, on_progress=ignore)
        return sorted(one.username for one in people.user_store.page(Query(filters=(("quota", "near"),))).items)

    assert near() == ["otto", "una"], "by the quota of the site, and by one's own"
    world.library.purge(ROOT, files[0])
    people.db.call("HSET", people.keys.quota(una.id), "used", 13)
    people.users.update(ROOT, una.id, quota_bytes=14)
    assert near() == ["otto"]
    sound(people)
