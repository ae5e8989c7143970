"""Shares with people and roles: every way in is shut by every bar, and nothing beside what is shared is reached."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Iterator
from typing import Final

import fakeredis
import pytest
from redis import Redis

from backoffice.domain.paging import Query
from backoffice.domain.shares import ShareAccess, ShareState
from backoffice.domain.times import now_ms
from backoffice.errors import NameTaken, NotAllowed
from tests.support.shares import DATA, SHELL, WITHOUT_MATCH, Circle, doors
from tests.support.website import Site, make_whole_site

DAY_MS: Final = 24 * 3600 * 1000
WRITE: Final = ShareAccess.WRITE


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


def test_whoever_it_is_shared_with_sees_reads_and_writes(on: Circle) -> None:
    share, call = on.share(WRITE), on.bearer("bob")
    found = {name: door(call).status_code for name, door in doors(on, share).items()}
    assert {name for name, status in found.items() if status >= 400} == WITHOUT_MATCH, found
    assert call("GET", f"/shares/{share.id}/files/{on.files['notes'].id}").data == DATA
    names = [one["name"] for one in call("GET", f"/shares/{share.id}/files").json["items"]]
    assert names == ["new.txt", "plan.txt"]
    [received] = call("GET", "/shares/received").json["items"]
    assert (received["id"], received["name"], received["username"]) == (share.id, "team", "ann")


BARS: dict[str, Callable[[Circle], object]] = {
    "owner disabled": lambda on: on.site.services.users.disable(SHELL, on.ann),
    "owner expired": lambda on: on.site.services.users.update(SHELL, on.ann, expires_at=now_ms() - DAY_MS),
    "owner demoted": lambda on: on.site.services.users.update(SHELL, on.ann, roles=["auditor"]),
    "owner without roles": lambda on: on.site.services.users.update(SHELL, on.ann, roles=[]),
    "folder trashed": lambda on: on.site.services.folders.trash(SHELL, on.folder),
    "folder purged": lambda on: [
        on.site.services.folders.trash(SHELL, on.folder),
        on.site.services.folders.purge(SHELL, on.folder),
    ],
    "revoked": lambda on: [
        on.shares.revoke(on.who("ann"), one.id) for one in on.shares.held(on.who("ann"), Query()).items
    ],
}
GRANTEE: dict[str, tuple[int, Callable[[Circle], object]]] = {
    "role taken away": (404, lambda on: on.site.services.users.update(SHELL, on.bob, roles=["user"])),
    "role deleted": (
        404,
        lambda on: [
            *(on.site.services.users.update(SHELL, one, roles=["user"]) for one in (on.ann, on.bob)),
            on.site.services.roles.delete(SHELL, "crew"),
        ],
    ),
    "grantee disabled": (401, lambda on: on.site.services.users.disable(SHELL, on.bob)),
    "grantee expired": (401, lambda on: on.site.services.users.update(SHELL, on.bob, expires_at=now_ms() - DAY_MS)),
    "grantee without rights": (403, lambda on: on.site.services.users.update(SHELL, on.bob, roles=["crew"])),
}


@pytest.mark.parametrize("bar", BARS)
def test_every_way_in_is_shut_by_every_bar(on: Circle, bar: str) -> None:
    """As an address that never was: whatever the reason, the answer is the same."""
    share, call = on.share(WRITE), on.bearer("bob")
    assert doors(on, share)["bytes"](call).status_code == 200
    BARS[bar](on)
    for name, door in doors(on, share).items():
        answer = door(call)
        assert (answer.status_code, DATA in answer.data) == (404, False), (bar, name)
        never = answer.data.replace(share.id.encode(), b"0" * 22)
        assert b"plan" not in never, name
    assert call("GET", "/shares/received").json["items"] == []


@pytest.mark.parametrize("bar", GRANTEE)
def test_every_way_in_is_shut_to_who_is_not_meant_any_more(on: Circle, bar: str) -> None:
    on.site.services.roles.create(SHELL, name="crew", permissions=["tokens:own"])
    for name in ("ann", "bob"):
        on.site.services.users.update(SHELL, on.site.users[name], roles=["crew", "user"])
    share, call = on.share(WRITE, role="crew"), on.bearer("bob")
    assert doors(on, share)["bytes"](call).status_code == 200
    status, do = GRANTEE[bar]
    do(on)
    call = call if status == 401 else on.bearer("bob")
    for name, door in doors(on, share).items():
        answer = door(call)
        assert (answer.status_code, DATA in answer.data) == (status, False), (bar, name)
    if status == 404:
        assert call("GET", "/shares/received").json["items"] == []


def test_somebody_else_gets_the_answer_of_an_address_that_never_was(on: Circle) -> None:
    """Also the owner, whose own door is another one, and who may see everybody's files."""
    share = on.share(WRITE)
    on.site.add_user("olga", "operator", "user")
    for who in ("eve", "ann", "olga"):
        call = on.bearer(who)
        for name, door in doors(on, share).items():
            answer, never = door(call), doors(on, share.__class__(**{**_fields(share), "id": "0" * 22}))[name](call)
            assert answer.status_code == never.status_code == 404, (who, name)
            if answer.data:
                kept = ("code", "title", "detail", "status")
                assert [answer.json[key] for key in kept] == [never.json[key] for key in kept], (who, name)


def _fields(share: object) -> dict[str, object]:
    return {name: getattr(share, name) for name in share.__slots__}  # type: ignore[attr-defined]


def test_a_grantee_comes_in_by_no_other_door(on: Circle) -> None:
    on.share(WRITE)
    call, plan = on.bearer("bob"), on.files["plan"].id
    for method, path in (
        ("GET", f"/files/{plan}"),
        ("GET", f"/files/{plan}/metadata"),
        ("GET", f"/files/{plan}/preview"),
        ("DELETE", f"/files/{plan}"),
        ("GET", f"/folders/{on.folder}"),
        ("GET", f"/files.zip?id={plan}"),
        ("GET", f"/files.zip?folder={on.folder}"),
    ):
        assert call(method, path).status_code == 404, path
    assert call("PUT", f"/files/x.txt?folder={on.folder}", data=DATA).status_code == 400
    assert call("GET", f"/files?folder={on.folder}").json["code"] == "invalid"
    assert call("GET", "/files").json["items"] == []


def test_folder_a_never_gives_ab(on: Circle) -> None:
    """Nothing beside or above what is shared, by whichever of the addresses; a ZIP holds what lies in it alone."""
    share, call = on.share(WRITE, folder=on.deep), on.bearer("bob")
    root = f"/shares/{share.id}"
    for file in ("plan", "other", "private"):
        one = on.files[file].id
        for path in (f"{root}/files/{one}", f"{root}/files/{one}/metadata", f"{root}/files/{one}/preview"):
            assert call("GET", path).status_code == 404, path
    for folder in (on.folder, on.beside, "0" * 22, "..", "%00", on.deep + "b"):
        for path in ("files", "folders", "files.zip"):
            assert call("GET", f"{root}/{path}?folder={folder}").status_code == 404, path
        assert call("PUT", f"{root}/files/x.txt?folder={folder}", data=DATA).status_code in {400, 404}, folder
    archive = zipfile.ZipFile(io.BytesIO(call("GET", f"{root}/files.zip").data))
    assert archive.namelist() == ["notes.txt"]
    whole = on.share(folder=on.folder)
    archive = zipfile.ZipFile(io.BytesIO(call("GET", f"/shares/{whole.id}/files.zip").data))
    assert sorted(archive.namelist()) == ["deep/notes.txt", "plan.txt"]


def test_what_is_moved_out_or_trashed_is_gone_and_what_is_moved_in_is_there(on: Circle) -> None:
    share, call = on.share(), on.bearer("bob")
    has, ann = on.site.services, on.who("ann")
    plan, other = (f"/shares/{share.id}/files/{on.files[name].id}" for name in ("plan", "other"))
    has.files.amend(ann, on.files["plan"].id, folder=on.beside)
    has.files.amend(ann, on.files["other"].id, folder=on.deep)
    assert [call("GET", path).status_code for path in (plan, other)] == [404, 200]
    has.folders.update(ann, on.deep, parent=on.beside)
    assert call("GET", other).status_code == 404, "with the folder that it lies in"
    has.folders.update(ann, on.deep, parent=on.folder)
    assert call("GET", other).status_code == 200
    has.files.trash(ann, on.files["other"].id)
    assert call("GET", other).status_code == 404
    has.files.transfer(SHELL, on.files["notes"].id, on.eve)
    assert call("GET", f"/shares/{share.id}/files/{on.files['notes'].id}").status_code == 404


def test_a_file_by_itself(on: Circle) -> None:
    share, call = on.share(file=on.files["plan"].id), on.bearer("bob")
    root, plan = f"/shares/{share.id}", on.files["plan"].id
    assert call("GET", f"{root}/files/{plan}").data == DATA
    assert [one["name"] for one in call("GET", f"{root}/files").json["items"]] == ["plan.txt"]
    assert call("GET", f"{root}/files/{on.files['notes'].id}").status_code == 404
    for path in (f"{root}/folders", f"{root}/files?folder={on.folder}", f"{root}/files.zip"):
        assert call("GET", path).status_code == 404, path
    assert call("PUT", f"{root}/files/x.txt", data=DATA).status_code == 403
    assert call("PUT", f"{root}/files/{plan}/content", data=b"new").status_code == 403
    on.shares.update(on.who("ann"), share.id, access=WRITE)
    assert call("PUT", f"{root}/files/x.txt", data=DATA).status_code == 404
    assert call("PUT", f"{root}/files/{plan}/content", data=b"new").status_code == 200
    assert call("GET", f"{root}/files/{plan}").data == b"new"
    on.site.services.files.rename(on.who("ann"), plan, "renamed.txt")
    on.store("plan.txt", on.folder)
    assert call("GET", f"{root}/files/{plan}/metadata").json["name"] == "renamed.txt"
    on.site.services.files.trash(on.who("ann"), plan)
    assert call("GET", f"{root}/files/{plan}").status_code == 404
    assert on.now(share).closed_because == "the file is not there"


BACK: dict[str, tuple[Callable[[Circle], object], Callable[[Circle], object]]] = {
    "owner": (BARS["owner disabled"], lambda on: on.site.services.users.enable(SHELL, on.ann)),
    "folder": (BARS["folder trashed"], lambda on: on.site.services.folders.restore(SHELL, on.folder)),
    "date": (BARS["owner expired"], lambda on: on.site.services.users.update(SHELL, on.ann, expires_at=0)),
    "right": (BARS["owner demoted"], lambda on: on.site.services.users.update(SHELL, on.ann, roles=["user"])),
}


@pytest.mark.parametrize("looked", [True, False])
@pytest.mark.parametrize("what", BACK)
def test_what_was_dead_stays_dead_when_owner_or_folder_come_back(on: Circle, what: str, *, looked: bool) -> None:
    """Whether or not somebody used the share meanwhile; its owner opens it again."""
    share, call = on.share(WRITE), on.bearer("bob")
    away, back = BACK[what]
    away(on)
    if looked:
        assert doors(on, share)["bytes"](call).status_code == 404
        assert len(on.entries("share.close")) == 1
    back(on)
    for name, door in doors(on, share).items():
        assert door(call).status_code == 404, name
    assert on.shares.held_one(SHELL, share.id).state is ShareState.CLOSED
    with pytest.raises(NameTaken):
        on.share(WRITE)
    with pytest.raises(NotAllowed):
        on.shares.reopen(on.who("ann"), share.id)
    on.shares.reopen(SHELL, share.id)
    assert doors(on, share)["bytes"](call).status_code == 200


def test_a_role_that_was_made_again_is_another_one(on: Circle) -> None:
    has = on.site.services
    has.roles.create(SHELL, name="crew", permissions=["tokens:own"])
    for name in ("ann", "bob"):
        has.users.update(SHELL, on.site.users[name], roles=["crew", "user"])
    share = on.share(role="crew")
    for name in ("ann", "bob"):
        has.users.update(SHELL, on.site.users[name], roles=["user"])
    has.roles.delete(SHELL, "crew")
    assert on.shares.held_one(SHELL, share.id).because == "the role is gone"
    has.roles.create(SHELL, name="crew", permissions=["tokens:own"])
    has.users.update(SHELL, on.bob, roles=["crew", "user"])
    assert doors(on, share)["bytes"](on.bearer("bob")).status_code == 404
    assert on.now(share).closed_because == "the role was another one"
