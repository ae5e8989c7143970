"""Links to folders: what lies in one is shown and given out, and nothing else, whatever is moved meanwhile."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

import pytest
from redis import Redis

from backoffice.domain.files import FileSpec, OnConflict
from backoffice.domain.ids import new_id, new_secret, secret_hash
from backoffice.domain.links import LinkKind, Shared, link_token
from backoffice.errors import Invalid, NotFound
from backoffice.services import folder_trash, ground
from backoffice.services.zips import PIECE
from backoffice.web.pages import links as page
from tests.support.links import DATA, Tree, download, names_in, press
from tests.support.uploads import reader
from tests.support.website import Site

MB = 1_000_000


@pytest.fixture
def on(shared: tuple[Site, Redis]) -> Tree:
    site, client = shared
    client.flushall()
    return Tree(site)


def test_a_stranger_sees_what_lies_in_a_folder_and_downloads_one_file(on: Tree) -> None:
    browser = on.stranger()
    seen = browser.get(on.path).text
    assert [name in seen for name in ("plans", "one.txt", "inner", "empty", "ann")] == [True] * 5
    assert [name in seen for name in ("two.txt", "outside", "above", "top", "plans b")] == [False] * 5
    inner = browser.get(f"{on.path}?folder={on.inner.id}").text
    assert ("two.txt" in inner, "one.txt" in inner, "plans" in inner) == (True, False, True)
    assert (on.now(on.link), len(on.entries("link.open"))) == (on.link, 1)
    answer = download(browser, on.path, file=on.two.id)
    assert (answer.status_code, answer.data) == (200, b"second")
    assert answer.headers["Content-Disposition"].startswith("attachment;")
    assert on.now(on.link).downloads == 1
    [entry] = on.entries("link.download")
    assert entry.event["data"] == {"file": on.two.id, "name": "two.txt", "size": 6}
    assert entry.event["object"] == {"type": "link", "id": on.link.id, "name": "plans"}


def test_all_of_it_is_one_archive_and_one_download(on: Tree) -> None:
    answer = download(on.stranger(), on.path, all="1")
    assert answer.status_code == 200
    assert names_in(answer.data) == {"one.txt": DATA, "inner/two.txt": b"second", "empty/": b""}
    assert answer.headers["Content-Disposition"] == 'attachment; filename="plans.zip"'
    assert on.now(on.link).downloads == 1
    [entry] = on.entries("link.download")
    assert entry.event["data"] == {"folder": on.plans.id, "size": len(answer.data)}
    assert not on.entries("file.download")


OUTSIDE: dict[str, Callable[[Tree], str]] = {
    "alike": lambda on: on.outside.id,
    "above": lambda on: on.above.id,
    "top": lambda on: on.file.id,
    "nothing": lambda _: "0" * 22,
    "odd": lambda _: "../" + "x" * 19,
    "folder": lambda on: on.inner.id,
    "foreign": lambda on: (
        on.site.services.uploads.upload_stream(
            on.owner(on.site.add_user("bob")), FileSpec("bobs.txt"), reader(b"a secret")
        ).id
    ),
}


@pytest.mark.parametrize("what", OUTSIDE)
def test_Z7_no_file_outside_of_the_folder_is_given_out(on: Tree, what: str) -> None:
    file, browser = OUTSIDE[what](on), on.stranger()
    answer = press(browser, on.path, {"file": file})
    assert (answer.status_code, "not in this folder" in answer.text) == (404, True)
    assert "one.txt" in answer.text, "the page of the folder, still"
    assert on.now(on.link).downloads == 0
    assert on.entries("link.refuse")[-1].event["data"]["because"] == "not in the folder"
    # Also not by the ticket of a file that does lie there.
    assert download(browser, on.path, file=on.one.id).status_code == 200
    assert browser.get(f"{on.path}/files/{file}").status_code in (303, 404)
    with pytest.raises(NotFound):
        on.links.open(on.visitor(), on.path.removeprefix("/s/"), file)


@pytest.mark.parametrize("where", ["top", "beside", "never", "odd", "trashed"])
def test_Z7_no_folder_outside_of_it_is_listed(on: Tree, where: str) -> None:
    if where == "trashed":
        on.site.services.folders.trash(on.owner(), on.inner.id)
    ids = {"top": on.top.id, "beside": on.beside.id, "never": "0" * 22, "odd": "..%2F", "trashed": on.inner.id}
    answer = on.stranger().get(f"{on.path}?folder={ids[where]}")
    assert answer.status_code == 404
    assert [name in answer.text for name in ("one.txt", "outside", "above", "two.txt")] == [True, False, False, False]


def test_Z7_what_is_moved_out_is_out_at_once_and_what_comes_in_is_in(on: Tree) -> None:
    browser = on.stranger()
    assert download(browser, on.path, file=on.two.id).status_code == 200
    for moved in (on.two, on.inner):
        on.move(moved, on.beside)
        assert browser.get(f"{on.path}/files/{on.two.id}").status_code == 404, "also for who has begun"
        assert press(on.stranger(), on.path, {"file": on.two.id}).status_code == 404
        assert "two.txt" not in "".join(names_in(download(on.stranger(), on.path, all="1").data))
        on.move(moved, on.inner if moved is on.two else on.plans)
        assert browser.get(f"{on.path}/files/{on.two.id}").data == b"second"
    on.move(on.beside, on.plans)
    assert download(on.stranger(), on.path, file=on.outside.id).data == b"a secret"
    on.site.services.folders.update(on.owner(), on.plans.id, name="plans b2", parent="")
    assert "plans b2" in on.stranger().get(on.path).text


def test_Z7_links_give_the_newest_version_of_a_file_and_no_earlier_one(on: Tree) -> None:
    """An earlier one is no file of the folder, whoever names it."""
    link, path = on.share(file=on.one.id)
    has = on.site.services
    spec = FileSpec("one.txt", folder=on.plans.id, on_conflict=OnConflict.REPLACE)
    now = has.uploads.upload_stream(on.owner(), spec, reader(b"another content"))
    assert now.id == on.one.id
    assert download(on.stranger(), path).data == b"another content"
    assert download(on.stranger(), on.path, file=on.one.id).data == b"another content"
    assert names_in(download(on.stranger(), on.path, all="1").data)["one.txt"] == b"another content"
    [earlier] = has.files.history(on.owner(), on.one.id).earlier
    assert press(on.stranger(), on.path, {"file": earlier.id}).status_code == 404
    assert earlier.id not in on.stranger().get(on.path).text
    with pytest.raises(NotFound):
        on.links.create(on.owner(), file=earlier.id)
    assert on.now(link).downloads == 1


def test_Z7_a_file_in_the_trash_is_out_and_back_when_it_is_back(on: Tree) -> None:
    on.site.services.folders.trash(on.owner(), on.inner.id)
    assert press(on.stranger(), on.path, {"file": on.two.id}).status_code == 404
    assert set(names_in(download(on.stranger(), on.path, all="1").data)) == {"one.txt", "empty/"}
    on.site.services.folders.restore(on.owner(), on.inner.id)
    assert download(on.stranger(), on.path, file=on.two.id).data == b"second"


def test_Z7_what_has_yet_to_follow_its_folder_into_the_trash_is_out(on: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folder_trash, "AT_ONCE", 0)
    on.site.services.folders.trash(on.owner(), on.inner.id)
    assert press(on.stranger(), on.path, {"file": on.two.id}).status_code == 404
    assert set(names_in(download(on.stranger(), on.path, all="1").data)) == {"one.txt", "empty/"}


def test_Z7_a_file_that_is_moved_out_while_an_archive_is_sent_is_not_in_it(on: Tree) -> None:
    token = on.path.removeprefix("/s/")
    on.links.begin(on.visitor(), token)
    parts = on.links.open_zip(on.visitor(), token).read()
    on.move(on.two, on.beside)
    sent = bytearray()
    with pytest.raises(NotFound):
        sent.extend(byte for part in parts for byte in part)
    assert b"second" not in sent


def test_Z7_a_folder_that_is_moved_out_while_an_archive_is_sent_is_not_in_it(on: Tree) -> None:
    """Also where the way up from it is known by then, from another file in it."""
    token = on.path.removeprefix("/s/")
    big = b"x" * (2 * PIECE)
    for number in range(3):
        on.store(f"big {number}.bin", on.inner, big)
    parts = on.links.open_zip(on.visitor(), token).read()
    sent = bytearray(next(parts))
    while len(sent) < len(big):
        sent.extend(next(parts))
    on.move(on.inner, on.beside)
    with pytest.raises(NotFound):
        sent.extend(byte for part in parts for byte in part)
    assert len(sent) < 2 * len(big)


def test_Z7_a_file_that_is_moved_out_while_it_is_sent_is_cut_off(on: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ground, "CONFIRM_SECONDS", 0.0)
    big = on.store("big.bin", on.inner, b"x" * (5 * MB))
    parts = on.links.open(on.visitor(), on.path.removeprefix("/s/"), big.id).read()
    next(parts)
    on.move(big, on.beside)
    with pytest.raises(NotFound):
        list(parts)


def test_a_request_for_files_shows_nobody_what_lies_in_its_folder(on: Tree) -> None:
    secret = new_secret()
    link = replace(on.link, id=new_id(), kind=LinkKind.REQUEST, secret=secret_hash(secret))
    on.links._insert(on.owner(), link)
    token = link_token(link.id, secret)
    told = on.stranger().get(f"/s/{token}")
    assert "one.txt" not in told.text
    shared = Shared(link, on.plans, "ann")
    for read in (
        lambda: on.links.look(on.visitor(), token),
        lambda: on.links.place(shared, "", 0, 10),
        lambda: on.links.begin(on.visitor(), token),
        lambda: on.links.begin(on.visitor(), token, file=on.one.id),
        lambda: on.links.open(on.visitor(), token, on.one.id),
        lambda: on.links.open_zip(on.visitor(), token),
    ):
        with pytest.raises(NotFound):
            read()


def test_who_may_share_which_folder(on: Tree) -> None:
    bob, olga = on.owner(on.site.add_user("bob")), on.owner(on.site.add_user("olga", "operator"))
    for who in (bob, olga):
        with pytest.raises(NotFound):
            on.links.create(who, folder=on.plans.id)
    for fields in ({}, {"file": on.one.id, "folder": on.plans.id}):
        with pytest.raises(Invalid):
            on.links.create(on.owner(), **fields)
    for fields in ({"file": on.plans.id}, {"folder": on.one.id}, {"folder": "x"}):
        with pytest.raises(NotFound):
            on.links.create(on.owner(), **fields)
    on.site.services.folders.trash(on.owner(), on.top.id)
    with pytest.raises(NotFound):
        on.links.create(on.owner(), folder=on.plans.id)


@pytest.mark.parametrize("name", ["..", "<img src=x onerror=alert(1)>", '"><script>', "a{{7*7}}b", "-rf", "%2e%2e"])
def test_Z7_odd_names_stay_inside(on: Tree, name: str) -> None:
    if name == "..":
        with pytest.raises(Invalid):
            on.folder(name, on.plans)
        name = "..x"
    odd = on.folder(name, on.plans)
    on.store(f"{name}.txt", odd, b"odd")
    for folder in (on.plans, odd):
        _, path = on.share(folder=folder.id)
        for address in (path, f"{path}?folder={odd.id}"):
            text = on.stranger().get(address).text
            assert "<img src" not in text
            assert '"><script>' not in text
            assert "a49b" not in text
        for inside in names_in(download(on.stranger(), path, all="1").data):
            assert not inside.startswith("/")
            assert ".." not in inside.split("/")


def test_pages_of_a_long_folder_have_each_row_once(on: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page, "ROWS", 3)
    for number in range(5):
        on.store(f"more {number}.txt", on.plans)
    browser, seen = on.stranger(), []
    for number in range(4):
        text = browser.get(f"{on.path}?page={number}").text
        seen += re.findall(r'aria-label="Download ([^"]+)"', text)
        assert ("Next page" in text) == (number < 2), number
    assert seen == sorted(["one.txt", *(f"more {number}.txt" for number in range(5))])
    assert browser.get(f"{on.path}?page=x").status_code == 200
    assert "past the end" in browser.get(f"{on.path}?page=9").text


def test_an_archive_of_too_much_is_refused_before_it_is_counted(on: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("backoffice.services.zips.MAX_ZIPPED", 1)
    answer = press(on.stranger(), on.path, {"all": "1"})
    assert (answer.status_code, "at most 1 files" in answer.text) == (400, True)
    assert on.now(on.link).downloads == 0


def test_an_empty_folder_is_open_and_offers_nothing(on: Tree) -> None:
    link, path = on.share(folder=on.empty.id)
    text = on.stranger().get(path).text
    assert ("This folder is empty" in text, 'name="all"' in text) == (True, False)
    assert press(on.stranger(), path, {"all": "1"}).status_code == 404
    assert on.now(link).downloads == 0
