"""Saved views, and how people arrange their lists, on every kind of server."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from backoffice.domain.ids import new_id
from backoffice.domain.times import now_ms
from backoffice.domain.views import PLAIN_LOOK, Audience, ListLook, SavedView
from backoffice.errors import Conflict, VersionMismatch
from backoffice.stores import views as view_store
from backoffice.stores.client import Db
from backoffice.stores.keys import Keys
from backoffice.stores.users import RedisUsers
from backoffice.stores.views import RedisListLooks, RedisViews
from tests.contract.test_people_stores import user
from tests.support.people import CountedDb, event

pytestmark = pytest.mark.cluster
KEYS = Keys("t")
NOW = now_ms()
SHARED = Audience.EVERYBODY


def view(owner: str = "ada", section: str = "files", **parts: Any) -> SavedView:
    return SavedView(new_id(), owner, section, "Large", "flt0_size_at_least=1+GB", NOW, NOW, **parts)


def test_ones_own_views_and_the_shared_ones_of_a_list(db: CountedDb) -> None:
    views = RedisViews(db, KEYS)
    before = db.trips
    assert views.for_section("ada", "files") == []
    assert db.trips - before == 1
    mine, elsewhere, theirs = view(), view(section="users"), view("bob")
    shared, own_shared = view("bob", audience=SHARED), view(audience=SHARED)
    for one in (mine, elsewhere, theirs, shared, own_shared):
        views.insert(one, event())
    before = db.trips
    found = views.for_section("ada", "files")
    assert db.trips - before == 2
    assert sorted(one.id for one in found) == sorted(one.id for one in (mine, shared, own_shared)), "each of them once"
    hidden = replace(shared, audience=Audience.OWNER, version=2)
    views.replace(shared, hidden, event())
    assert shared.id not in {one.id for one in views.for_section("ada", "files")}
    assert hidden in views.for_section("bob", "files")
    with pytest.raises(VersionMismatch):
        views.replace(shared, replace(shared, name="x", version=2), event())
    views.remove(mine, event())
    assert [one.id for one in views.for_section("ada", "files")] == [own_shared.id]


def test_they_are_bounded_for_a_person_a_list_and_the_site(db: Db, monkeypatch: pytest.MonkeyPatch) -> None:
    views = RedisViews(db, KEYS)
    for name, most in (("MAX_VIEWS", 3), ("MAX_SHARED_VIEWS", 2), ("MAX_SAVED_VIEWS", 5)):
        monkeypatch.setattr(view_store, name, most)
    first = view()
    for one in (first, view(audience=SHARED), view(audience=SHARED)):
        views.insert(one, event())
    with pytest.raises(Conflict, match="One person has at most 3"):
        views.insert(view(), event())
    with pytest.raises(Conflict, match="at most 2 shared"):
        views.insert(view("bob", audience=SHARED), event())
    with pytest.raises(Conflict, match="at most 2 shared"):
        views.replace(first, replace(first, audience=SHARED, version=2), event())
    views.insert(view("bob", "users", audience=SHARED), event())
    views.insert(view("bob"), event())
    with pytest.raises(Conflict, match="at most 5 saved"):
        views.insert(view("carl"), event())


def test_how_somebody_arranged_a_list_is_kept_for_each_of_them(db: CountedDb) -> None:
    users, looks = RedisUsers(db, KEYS), RedisListLooks(db, KEYS)
    ada, bob = user("ada"), user("bob")
    for one in (ada, bob):
        users.insert(one, event())
    compact = ListLook(("name", "größe"), compact=True)
    looks.keep(ada.id, "files", compact)
    before = db.trips
    assert looks.of(ada.id, "files") == compact
    assert db.trips - before == 1
    assert looks.of(ada.id, "users") == looks.of(bob.id, "files") == PLAIN_LOOK
    looks.keep(ada.id, "files", PLAIN_LOOK)
    assert db.call("EXISTS", KEYS.list_looks(ada.id)) == 0
    looks.keep(ada.id, "files", compact)
    users.remove(ada, event())
    assert looks.of(ada.id, "files") == PLAIN_LOOK
    looks.keep(ada.id, "files", compact)
    assert db.call("EXISTS", KEYS.list_looks(ada.id)) == 0, "nothing is left of somebody who has gone"


@pytest.mark.parametrize("text", ["", "{", "[]", '{"columns": 5, "compact": true}', '{"compact": true}'])
def test_a_look_that_cannot_be_read_is_a_plain_one(db: Db, text: str) -> None:
    db.call("HSET", KEYS.list_looks("ada"), "files", text)
    assert RedisListLooks(db, KEYS).of("ada", "files") == PLAIN_LOOK
