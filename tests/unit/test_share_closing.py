"""What closes a share for good, and what does not: only that what is shared is not there, or may not be shared. And
what happens between the reads of one request."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from typing import Any

import fakeredis
import pytest
from redis import Redis
from werkzeug.test import TestResponse

from backoffice.domain.folders import Folder
from backoffice.domain.shares import Share, ShareAccess, ShareState
from backoffice.services.files import Files
from backoffice.services.folders import Folders
from backoffice.stores.folders import RedisFolders
from tests.support.shares import DATA, SHELL, Bearer, Browser, Circle
from tests.support.website import Site, make_whole_site

Ask = Callable[[Bearer], TestResponse]


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


def of_files(share: Share, key: str) -> dict[str, Ask]:
    """Every address that names a file, with `key` for it."""
    one = f"/shares/{share.id}/files/{key}"
    return {
        "bytes": lambda call: call("GET", one),
        "head": lambda call: call("HEAD", one),
        "metadata": lambda call: call("GET", f"{one}/metadata"),
        "preview": lambda call: call("GET", f"{one}/preview"),
        "content": lambda call: call("PUT", f"{one}/content", data=DATA),
        "content that is still this": lambda call: call(
            "PUT", f"{one}/content", data=DATA, headers={"If-Match": '"x"'}
        ),
    }


def of_folders(share: Share, key: str) -> dict[str, Ask]:
    """Every address that names a folder, likewise."""
    root, last = f"/shares/{share.id}", f"folder={key}"
    body = {"json": {"file_id": "0" * 22, "name": "x.txt", "total_size": 1, "folder": key}}
    return {
        "files": lambda call: call("GET", f"{root}/files?{last}"),
        "folders": lambda call: call("GET", f"{root}/folders?{last}"),
        "zip": lambda call: call("GET", f"{root}/files.zip?{last}"),
        "put": lambda call: call("PUT", f"{root}/files/x.txt?{last}", data=DATA),
        "complete": lambda call: call("POST", f"{root}/upload_complete", **body),
    }


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_what_is_asked_for_as_the_other_kind_is_not_there_and_closes_nothing(on: Circle, kind: str) -> None:
    plan = on.files["plan"].id
    share = on.share(ShareAccess.WRITE, **({"file": plan} if kind == "file" else {}))
    asked, call = (of_folders(share, plan) if kind == "file" else of_files(share, on.folder)), on.bearer("bob")
    for name, ask in asked.items():
        assert ask(call).status_code == 404, name
        assert on.now(share) == share, name
    assert call("GET", f"/shares/{share.id}/files").status_code == 200
    assert not on.entries("share.close")


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_nor_does_a_page_or_a_form(on: Circle, kind: str) -> None:
    plan = on.files["plan"].id
    share = on.share(ShareAccess.WRITE, **({"file": plan} if kind == "file" else {}))
    page, home = on.site.browser(), f"/shared-with-me/{share.id}"
    page.sign_in("bob")
    assert page.get(home).status_code == 200
    form, token = {"file": (io.BytesIO(DATA), "x.txt")}, f"csrf_token={page.token}"
    if kind == "file":
        answers = [page.get(f"{home}?folder={plan}"), page.post(f"{home}/files?folder={plan}&{token}", form)]
    else:
        other = f"{home}/files/{on.folder}"
        answers = [page.get(other), page.post(f"{other}/content?{token}", form)]
    assert [one.status_code for one in answers] == [404, 404]
    assert on.now(share) == share


def test_what_is_not_there_closes_it_whatever_is_asked_for(on: Circle) -> None:
    """With its own kind."""
    share, call = on.share(), on.bearer("bob")
    on.site.services.folders.trash(SHELL, on.folder)
    assert of_files(share, on.folder)["bytes"](call).status_code == 404
    assert not on.now(share).closed_at
    assert of_folders(share, on.folder)["files"](call).status_code == 404
    assert on.shares.held_one(SHELL, share.id).state is ShareState.CLOSED


@pytest.mark.parametrize(
    "door",
    [
        lambda on, share, page: on.bearer("bob")("GET", f"/shares/{share.id}/files?folder={on.deep}"),
        lambda on, share, page: on.bearer("bob")("GET", f"/shares/{share.id}/folders?folder={on.deep}"),
        lambda on, share, page: page.get(f"/shared-with-me/{share.id}?folder={on.deep}"),
    ],
    ids=["files", "folders", "page"],
)
@pytest.mark.parametrize("what", ["moved out", "revoked"])
def test_what_comes_into_a_folder_that_was_moved_out_is_not_shown(
    on: Circle, monkeypatch: pytest.MonkeyPatch, door: Callable[[Circle, Share, Browser], TestResponse], what: str
) -> None:
    """Between the look at the share and the list."""
    share, has, page = on.share(), on.site.services, on.site.browser()
    page.sign_in("bob")
    assert door(on, share, page).status_code == 200

    def before(read: Callable[..., Any]) -> Callable[..., Any]:
        def page_in(*args: Any) -> Any:
            monkeypatch.undo()
            if what == "revoked":
                on.shares.revoke(on.who("ann"), share.id)
            else:
                has.folders.update(on.who("ann"), on.deep, parent=on.beside)
            on.store("secret plan.txt", on.deep)
            has.folders.create(on.who("ann"), name="secret folder", parent=on.deep)
            return read(*args)

        return page_in

    for service in (Files, Folders):
        monkeypatch.setattr(service, "page_in", before(service.page_in))
    answer = door(on, share, page)
    assert (answer.status_code, b"secret" in answer.data) == (404, False)


@pytest.mark.parametrize("kind", ["file", "folder", "file within"])
def test_a_share_that_looks_barred_while_its_owner_moves_it_stays_open(
    on: Circle, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """It is read with the folder in which it lay before, and that when it is in the trash, where nothing of it is."""
    has, ann, plan = on.site.services, on.who("ann"), on.files["plan"].id
    share = on.share(ShareAccess.READ, **({"file": plan} if kind == "file" else {}))
    has.folders.update(ann, on.folder, parent=on.beside)
    read = RedisFolders.get

    def get(store: RedisFolders, key: str) -> Folder | None:
        found = read(store, key)
        if key == on.folder:
            monkeypatch.undo()
            has.folders.update(ann, on.folder, parent="")
            has.folders.trash(ann, on.beside)
        return found

    monkeypatch.setattr(RedisFolders, "get", get)
    path = f"/shares/{share.id}/files"
    assert on.bearer("bob")("GET", path if kind == "folder" else f"{path}/{plan}").status_code == 200
    assert RedisFolders.get is read, "it happened"
    assert on.now(share) == share
    assert not on.entries("share.close")
