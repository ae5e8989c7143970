"""Shares with people and roles: who makes and changes them, what they give, and what lists show."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

import fakeredis
import pytest
from redis import Redis

from backoffice.domain.limits import MAX_SHARES
from backoffice.domain.paging import Query
from backoffice.domain.shares import ShareAccess
from backoffice.errors import Conflict, Invalid, NameTaken, NotAllowed, NotFound, TooMany, VersionMismatch
from backoffice.services.sign_in.throttle import NETWORK
from backoffice.stores import shares as share_store
from tests.support.shares import SHELL, WRITES, Circle, doors
from tests.support.website import Site, make_whole_site

WRITE = ShareAccess.WRITE


@pytest.fixture(scope="module")
def made() -> Iterator[tuple[Site, Redis]]:
    with fakeredis.FakeRedis(server=fakeredis.FakeServer(server_type="valkey"), decode_responses=False) as client:
        yield make_whole_site(client), client


@pytest.fixture
def on(made: tuple[Site, Redis]) -> Circle:
    site, client = made
    client.flushall()
    site.users.clear()
    return Circle(site)


def test_read_gives_no_right_to_write_and_scopes_narrow(on: Circle) -> None:
    share = on.share()
    for name, door in doors(on, share).items():
        assert (door(on.bearer("bob")).status_code == 403) == (name in WRITES), name
    on.shares.update(on.who("ann"), share.id, access=WRITE)
    reads, writes = on.bearer("bob", "files:read"), on.bearer("bob", "files:write")
    for name, door in doors(on, share).items():
        assert (door(reads).status_code == 403) == (name in WRITES), name
        assert (door(writes).status_code == 403) == (name not in WRITES), name
    assert doors(on, share)["put"](writes).status_code == 201
    on.shares.update(on.who("ann"), share.id, access=ShareAccess.READ)
    assert doors(on, share)["put"](on.bearer("bob")).status_code == 403


def test_who_may_share_what_with_whom(on: Circle) -> None:
    on.site.add_user("audrey", "auditor")
    plan = on.files["plan"].id
    for who, refusal in (("bob", NotFound), ("audrey", NotAllowed)):
        for what in ({"folder": on.folder}, {"file": plan}):
            with pytest.raises(refusal):
                on.shares.create(on.who(who), user="eve", **what)
    for fields in (
        {"user": "nobody-at-all"},
        {"user": "ann"},
        {"user": ""},
        {"role": "crew"},
        {"user": "eve", "role": "user"},
        {"file": plan},
    ):
        with pytest.raises(Invalid):
            on.share(**{"folder": on.folder, **fields})
    assert on.share(WRITE, file=plan).access is WRITE
    on.site.services.roles.create(SHELL, name="crew", permissions=["tokens:own"])
    with pytest.raises(Invalid):
        on.share(role="crew")
    on.site.services.users.update(SHELL, on.eve, email="eve@example.org")
    with pytest.raises(Invalid):
        on.share(user="eve@example.org")
    on.site.services.users.disable(SHELL, on.eve)
    with pytest.raises(Invalid):
        on.share(user="eve")
    on.site.services.folders.trash(on.who("ann"), on.folder)
    with pytest.raises(NotFound):
        on.share()


def test_who_goes_on_naming_strangers_has_to_wait(on: Circle) -> None:
    for number in range(NETWORK.free + 1):
        with pytest.raises(Invalid):
            on.share(user=f"nobody{number}")
    with pytest.raises(TooMany):
        on.share(user="bob")
    assert on.shares.create(on.who("ann"), folder=on.folder, role="user").grantee == "user", "a role is no guess"


def test_bounds_and_versions(on: Circle, monkeypatch: pytest.MonkeyPatch) -> None:
    share = on.share()
    with pytest.raises(NameTaken):
        on.share()
    changed = on.shares.update(on.who("ann"), share.id, access=WRITE, version=1)
    assert (changed.version, changed.access) == (2, WRITE)
    with pytest.raises(VersionMismatch):
        on.shares.update(on.who("ann"), share.id, access=WRITE, version=1)
    for who in ("bob", "eve"):
        for do in (on.shares.revoke, on.shares.held_one):
            with pytest.raises(NotFound):
                do(on.who(who), share.id)
    assert MAX_SHARES == 500
    monkeypatch.setattr(share_store, "MAX_SHARES", 1)
    with pytest.raises(Conflict):
        on.share(user="eve")


def test_operators_see_and_revoke_all(on: Circle) -> None:
    on.site.add_user("olga", "operator")
    share, olga = on.share(), on.who("olga")
    assert [one.id for one in on.shares.held(olga, Query(), everybody=True).items] == [share.id]
    with pytest.raises(NotAllowed):
        on.shares.held(on.who("eve"), Query(), everybody=True)
    with pytest.raises(NotFound):
        on.shares.update(olga, share.id, access=WRITE)
    on.shares.revoke(olga, share.id)
    assert on.shares.store.get(share.id) is None
    [entry] = on.entries("share.revoke")
    assert (entry["actor"]["name"], entry["changes"]["owner"]) == ("olga", [on.ann, None])


def test_the_list_of_what_is_shared_with_somebody(on: Circle) -> None:
    bob = on.who("bob")
    on.share()
    on.share(file=on.files["private"].id, role="user")
    on.shares.create(on.who("eve"), file=on.store("of eve.txt", who="eve").id, user="bob")
    received = on.site.services.shared.received
    assert [one.name for one in received(bob, Query()).items] == ["of eve.txt", "private.txt", "team"]
    assert [one.name for one in received(bob, Query(search="eve")).items] == ["of eve.txt"]
    assert [one.name for one in received(bob, Query(search="priv")).items] == ["private.txt"]
    assert received(bob, Query(search="zzz")).total == 0
    assert [one.name for one in received(bob, Query(offset=1, limit=1)).items] == ["private.txt"]
    assert received(on.who("ann"), Query()).total == 0, "one's own is not shared with one"
    on.site.services.users.disable(SHELL, on.eve)
    assert [one.name for one in received(bob, Query()).items] == ["private.txt", "team"]


def test_sharing_anew_is_one_commit(on: Circle) -> None:
    share, ann = on.share(WRITE), on.who("ann")
    with pytest.raises(Conflict):
        on.shares.renew(ann, share.id)
    on.site.services.folders.trash(ann, on.folder)
    assert doors(on, share)["bytes"](on.bearer("bob")).status_code == 404
    with pytest.raises(NotFound):
        on.shares.renew(ann, share.id)
    on.site.services.folders.restore(ann, on.folder)
    on.site.services.users.update(SHELL, on.bob, username="robert")
    closed = on.now(share)
    assert closed.closed_at
    renewed = on.shares.renew(ann, share.id)
    assert (renewed.id, renewed.version, renewed.access) == (share.id, closed.version + 1, WRITE)
    assert (renewed.closed_at, renewed.grantee_name) == (0, "robert")
    assert on.now(share) == renewed
    assert doors(on, share)["bytes"](on.bearer("bob")).status_code == 200
    assert not on.entries("share.revoke")
    [entry] = on.entries("share.reopen")
    assert (entry["actor"]["name"], entry["object"]["id"]) == ("ann", share.id)


def test_what_is_refused_to_be_shared_anew_stays_as_it_was() -> None:
    with fakeredis.FakeRedis(server=fakeredis.FakeServer(server_type="valkey"), decode_responses=False) as client:
        on = Circle(make_whole_site(client, max_acts=40))
        share, ann = on.share(), on.who("ann")
        on.site.services.folders.trash(ann, on.folder)
        on.site.services.folders.restore(ann, on.folder)
        for number in range(100):
            with suppress(TooMany):
                on.site.services.folders.create(ann, name=f"folder {number}")
        with pytest.raises(TooMany):
            on.shares.renew(ann, share.id)
        assert on.now(share) == share
