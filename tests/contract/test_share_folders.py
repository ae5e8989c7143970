"""Folders that somebody makes in another's folder that is shared to be written into, and uploads that go into them."""

from __future__ import annotations

import io
from typing import Any

import pytest

from backoffice.domain.files import FileSpec
from backoffice.domain.folders import Place
from backoffice.domain.paging import Query
from backoffice.errors import BackofficeError, Conflict, Invalid, NameTaken, NotFound, NotSignedIn, QuotaExceeded
from backoffice.services.shared_files import NO_ROOM
from backoffice.stores import folders as folder_store
from tests.support.shares import DATA, Circle
from tests.support.shares_under_way import BARS, CHUNK, ONLY_READ, WRITE, Bar, coming, crew, unsound
from tests.support.website import make_whole_site

ALL = Query(limit=100)


@pytest.fixture
def on(redis: Any) -> Circle:
    return Circle(make_whole_site(redis, chunk_size=CHUNK, max_chunk_size=CHUNK))


def names(on: Circle) -> set[str]:
    """Of all of Ann's folders."""
    return {one.name for one in on.site.services.folders.page_in(on.who("ann"), None, ALL).items}


def test_they_are_the_owners_and_the_log_says_who_made_them(on: Circle) -> None:
    share, shared, bob = on.share(WRITE), on.site.services.shared, coming(on, "bob")
    made = shared.create_folder(bob, share.id, "drafts")
    assert (made.owner, made.parent) == (on.ann, on.folder)
    deep = shared.make_path(bob, share.id, ["drafts", "old"], "")
    assert (deep.parent, shared.make_path(bob, share.id, ["drafts", "old"])) == (made.id, deep)
    file = shared.put(bob, share.id, FileSpec("a.txt", folder=on.deep), io.BytesIO(DATA).readinto, None, ["x", "y"])
    assert on.site.services.folders.paths([file.folder_id])[file.folder_id] == ("team", "deep", "x", "y")
    for entry in on.entries("folder.create")[-4:]:
        assert entry["actor"]["id"] == on.bob
        assert (entry["data"]["on_behalf_of"], entry["data"]["through"]) == (on.ann, f"share:{share.id}")
    assert on.site.services.folders.page_in(on.who("bob"), None, ALL).total == 0
    assert not unsound(on)


def test_names_and_depth_are_those_of_the_owner(on: Circle) -> None:
    share, shared, bob = on.share(WRITE), on.site.services.shared, coming(on, "bob")
    for name in ("deep", "plan.txt"):
        with pytest.raises(NameTaken):
            shared.create_folder(bob, share.id, name)
    with pytest.raises(NameTaken):
        shared.make_path(bob, share.id, ["plan.txt", "a"])
    with pytest.raises(Conflict):
        shared.make_path(bob, share.id, ["d"] * 100)
    for wrong in (["a/b"], [""], ["x"] * 101):
        with pytest.raises(Invalid):
            shared.make_path(bob, share.id, wrong)
    wanted = [((), "plan.txt"), ((), "deep"), (("deep",), "notes.txt"), (("deep",), "new"), (("none",), "plan.txt")]
    assert shared.taken(bob, share.id, "", wanted) == ["file", "folder", "file", "", ""]


def test_they_count_for_the_owner_whose_room_is_not_told(on: Circle, monkeypatch: pytest.MonkeyPatch) -> None:
    share, shared, bob = on.share(WRITE), on.site.services.shared, coming(on, "bob")
    monkeypatch.setattr(folder_store, "MAX_FOLDERS", 4)
    shared.create_folder(bob, share.id, "drafts")
    with pytest.raises(QuotaExceeded) as refused:
        shared.create_folder(bob, share.id, "more")
    assert (str(refused.value), refused.value.details) == (NO_ROOM, {})


@pytest.mark.parametrize(("refusal", "bar"), (BARS | ONLY_READ).values(), ids=[*BARS, *ONLY_READ])
def test_what_shuts_the_share_shuts_it_for_folders(on: Circle, refusal: type[BackofficeError], bar: Bar) -> None:
    share, shared = crew(on), on.site.services.shared
    guest, _ = shared.writer(coming(on, "bob"), share.id, on.deep)
    bar(on)
    with pytest.raises((refusal, Invalid)):  # asked before, and done now
        on.site.services.folders.create(guest, name="new", parent=on.deep)
    if refusal is not NotSignedIn:  # who cannot come in any more asks for nothing
        with pytest.raises(refusal):
            shared.make_path(on.who("bob"), share.id, ["new"], on.deep)
        with pytest.raises(refusal):
            shared.taken(on.who("bob"), share.id, on.deep, [((), "notes.txt")])
    assert "new" not in names(on)


def begin(on: Circle, share: str, place: Place) -> str:
    put = on.site.services.shared.put_chunk
    begun = put(coming(on, "bob"), share, upload_id=None, index=0, total_chunks=1, data=DATA, name="n", place=place)
    return begun.upload.id


def test_each_finds_what_they_began_there(on: Circle) -> None:
    share, other, shared = on.share(WRITE), on.share(WRITE, user="eve"), on.site.services.shared
    beside = on.share(WRITE, folder=on.beside)
    first, second = begin(on, share.id, Place(on.deep, ("x",))), begin(on, share.id, Place())
    assert [one.id for one in shared.begun(coming(on, "bob"), share.id)] == [second, first]
    assert shared.begun(coming(on, "eve"), other.id) == ()
    assert shared.begun(coming(on, "bob"), beside.id) == ()
    assert shared.begun_for(coming(on, "bob"), share.id, first) == Place(on.deep, ("x",))
    assert shared.begun_for(coming(on, "bob"), share.id, second) == Place(on.folder)
    assert shared.begun_for(coming(on, "eve"), other.id, first) == Place()


def test_an_upload_is_begun_and_ends_within_what_is_shared(on: Circle) -> None:
    share, shared = on.share(WRITE), on.site.services.shared
    with pytest.raises(NotFound):
        begin(on, share.id, Place(on.beside))
    upload = begin(on, share.id, Place(on.deep, ("x",)))
    on.site.services.folders.update(on.who("ann"), on.deep, parent=on.beside)
    place = shared.begun_for(coming(on, "bob"), share.id, upload)
    spec = FileSpec("n", folder=place.folder)
    with pytest.raises(NotFound):
        shared.complete(coming(on, "bob"), share.id, upload, spec, total_size=len(DATA), path=place.path)
    assert "x" not in names(on)
    file = shared.complete(coming(on, "bob"), share.id, upload, FileSpec("n"), total_size=len(DATA), path=["z"])
    assert on.site.services.folders.paths([file.folder_id])[file.folder_id] == ("team", "z")


def test_the_owner_goes_on_where_it_was_begun(on: Circle) -> None:
    share, has, ann = on.share(WRITE), on.site.services, on.who("ann")
    upload = begin(on, share.id, Place(on.deep, ("x",)))
    file = has.uploads.complete(
        ann, upload, FileSpec("n"), total_size=len(DATA), folder_of=lambda place: has.folders.at(ann, place)
    )
    assert has.folders.paths([file.folder_id])[file.folder_id] == ("team", "deep", "x")
