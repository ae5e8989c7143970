"""What is done in somebody else's folder: who goes on with which upload, on whose quota it counts, what becomes of
what a file held, and what the log says of it."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any, Final

import pytest

from backoffice.domain.files import File, FileSpec, OnConflict
from backoffice.domain.shares import Share
from backoffice.errors import Conflict, NameTaken, NotAllowed, NotFound, QuotaExceeded
from backoffice.services.file_reading import record_counted_reads
from backoffice.stores.file_versions import FileVersions
from tests.support.shares import DATA, SHELL, Circle
from tests.support.shares_under_way import CHUNK, LONG, WRITE, coming, unsound
from tests.support.website import make_whole_site


@pytest.fixture
def on(redis: Any) -> Circle:
    return Circle(make_whole_site(redis, chunk_size=CHUNK, max_chunk_size=CHUNK))


def test_of_two_who_may_write_each_goes_on_with_what_they_began_in_whichever_session(on: Circle) -> None:
    shared = on.site.services.shared
    share, other = on.share(WRITE), on.share(WRITE, user="eve")
    parts = [LONG[:CHUNK], LONG[CHUNK : 2 * CHUNK]]
    begun = shared.put_chunk(coming(on, "bob"), share.id, upload_id=None, index=0, total_chunks=2, data=parts[0])
    upload, spec = begun.upload.id, FileSpec("new.bin")
    for who, through in (("eve", other), ("bob", on.share(WRITE, folder=on.beside))):
        for attempt in (
            lambda one, by: shared.put_chunk(one, by, upload_id=upload, index=1, total_chunks=2, data=parts[1]),
            lambda one, by: shared.complete(one, by, upload, spec, total_size=2 * CHUNK),
            lambda one, by: shared.upload(one, by, upload),
            lambda one, by: shared.cancel(one, by, upload),
        ):
            with pytest.raises(NotFound):
                attempt(coming(on, who), through.id)
    for attempt in (on.site.services.uploads.state, on.site.services.uploads.cancel):
        with pytest.raises(NotFound):
            attempt(coming(on, "bob"), upload)
    assert shared.upload(coming(on, "bob"), share.id, upload).missing[:] == [(1, 1)]
    shared.put_chunk(coming(on, "bob"), share.id, upload_id=upload, index=1, total_chunks=2, data=parts[1])
    file = shared.complete(coming(on, "bob"), share.id, upload, spec, total_size=2 * CHUNK)
    assert (file.owner, file.folder) == (on.ann, on.folder)
    assert shared.complete(coming(on, "bob"), share.id, upload, spec, total_size=2 * CHUNK) == file
    with pytest.raises(Conflict):
        shared.complete(coming(on, "bob"), share.id, upload, spec, total_size=CHUNK)
    on.site.services.files.amend(on.who("ann"), file.id, folder="")
    with pytest.raises(NotFound):
        shared.complete(coming(on, "bob"), share.id, upload, spec, total_size=2 * CHUNK)


def test_its_owner_goes_on_with_it_and_gives_it_up(on: Circle) -> None:
    share, uploads = on.share(WRITE), on.site.services.uploads
    put = on.site.services.shared.put_chunk
    for _ in range(2):
        begun = put(coming(on, "bob"), share.id, upload_id=None, index=0, total_chunks=1, data=DATA).upload.id
        if not _:
            assert uploads.complete(on.who("ann"), begun, FileSpec("x"), total_size=len(DATA)).owner == on.ann
        else:
            uploads.cancel(on.who("ann"), begun)


def test_the_log_names_who_did_it_and_on_whose_behalf(on: Circle) -> None:
    share, bob = on.share(WRITE), coming(on, "bob")
    shared = on.site.services.shared
    shared.put(bob, share.id, FileSpec("new.txt"), io.BytesIO(DATA).readinto, len(DATA))
    for _ in range(3):
        list(shared.open(bob, share.id, on.files["plan"].id).read())
    list(shared.zip(bob, share.id).read())
    created, read = on.entries("file.create")[-1], on.entries("file.download")
    assert len(read) == 3, "of the same file the first one; the others are counted"
    for entry in (created, *read):
        assert (entry["actor"]["id"], entry["actor"]["name"]) == (on.bob, "bob")
        assert entry["actor"]["credential"].startswith("token:")
        assert entry["data"]["on_behalf_of"] == on.ann
        assert entry["data"]["through"] == f"share:{share.id}"


def test_what_is_counted_of_downloads_says_so_as_well(on: Circle) -> None:
    share, bob = on.share(), coming(on, "bob")
    for _ in range(3):
        list(on.site.services.shared.open(bob, share.id, on.files["plan"].id).read())
    later = on.site.services.files.now() + 3_600_000
    counted = on.site.services.audit.log.counted_reads(later, 10)
    assert [(one.actor.acts_for, one.actor.through) for one in counted] == [(on.ann, f"share:{share.id}")]
    record_counted_reads(on.site.services.audit.log, later, 10)
    assert on.entries("file.download")[-1]["data"]["on_behalf_of"] == on.ann


def test_it_counts_on_the_owners_quota_which_nobody_else_is_told(on: Circle) -> None:
    share, bob = on.share(WRITE), coming(on, "bob")
    used = on.site.services.files.usage(on.who("ann")).used
    put = on.site.services.shared.put
    put(bob, share.id, FileSpec("a"), io.BytesIO(DATA).readinto, len(DATA))
    assert on.site.services.files.usage(on.who("ann")).used == used + len(DATA)
    assert on.site.services.files.usage(on.who("bob")).used == 0
    on.site.services.users.update(SHELL, on.ann, quota_bytes=used + len(DATA) + 1)
    with pytest.raises(QuotaExceeded) as refused:
        put(bob, share.id, FileSpec("b"), io.BytesIO(DATA).readinto, len(DATA))
    assert "limit" not in refused.value.details
    with pytest.raises(QuotaExceeded) as refused:
        on.site.services.shared.put_chunk(bob, share.id, upload_id=None, index=0, total_chunks=1, data=DATA)
    assert "limit" not in refused.value.details


def test_other_content_leaves_what_a_file_held_with_its_owner(on: Circle) -> None:
    share, bob, plan = on.share(WRITE), coming(on, "bob"), on.files["plan"].id
    shared, files = on.site.services.shared, on.site.services.files
    changed = shared.replace_content(bob, share.id, plan, io.BytesIO(b"plan B").readinto, 6)
    assert (changed.id, changed.owner, changed.size) == (plan, on.ann, 6)
    spec = FileSpec("plan.txt", on_conflict=OnConflict.REPLACE)
    assert shared.put(bob, share.id, spec, io.BytesIO(b"plan C").readinto, 6).id == plan
    assert [one.size for one in files.history(on.who("ann"), plan).earlier] == [6, len(DATA)]
    assert [entry["data"]["on_behalf_of"] for entry in on.entries("file.replace")] == [on.ann, on.ann]
    for other in ("other", "private"):
        with pytest.raises(NotFound):
            shared.replace_content(bob, share.id, on.files[other].id, io.BytesIO(b"x").readinto, 1)
    assert not unsound(on)


def test_where_no_versions_are_kept_it_takes_more_than_a_share_gives(redis: Any) -> None:
    on = Circle(make_whole_site(redis, keep_versions=0))
    share, bob = on.share(WRITE), coming(on, "bob")
    shared, plan = on.site.services.shared, on.files["plan"].id
    with pytest.raises(NotAllowed):
        shared.replace_content(bob, share.id, plan, io.BytesIO(b"plan B").readinto, 6)
    spec = FileSpec("plan.txt", on_conflict=OnConflict.REPLACE)
    with pytest.raises(NotAllowed):
        shared.put(bob, share.id, spec, io.BytesIO(b"plan B").readinto, 6)
    assert on.site.services.files.get(on.who("ann"), plan).size == len(DATA)


def _replace(on: Circle, share: Share, who: str, data: bytes, how: str = "content") -> File:
    """Give Ann's `plan.txt` other content, by one of the ways."""
    shared, plan, body = on.site.services.shared, on.files["plan"].id, io.BytesIO(data).readinto
    if how == "content":
        return shared.replace_content(coming(on, who), share.id, plan, body, len(data))
    if how == "form":
        writer, into = shared.file_writer(coming(on, who), share.id, plan)
        return on.site.services.uploads.upload_stream(writer, FileSpec("plan.txt", into=into), body)
    spec = FileSpec("plan.txt", on_conflict=OnConflict.REPLACE)
    if how == "name":
        return shared.put(coming(on, who), share.id, spec, body, len(data))
    begun = shared.put_chunk(coming(on, who), share.id, upload_id=None, index=0, total_chunks=1, data=data).upload.id
    return shared.complete(coming(on, who), share.id, begun, spec, total_size=len(data))


def _sizes(on: Circle) -> list[int]:
    history = on.site.services.files.history(on.who("ann"), on.files["plan"].id)
    return [one.size for one in (history.file, *history.earlier)]


WAYS: Final = ["content", "name", "form", "chunks"]


@pytest.mark.parametrize("how", WAYS)
def test_who_replaces_again_and_again_drops_what_they_brought_and_nothing_else(redis: Any, how: str) -> None:
    on = Circle(make_whole_site(redis, chunk_size=CHUNK, max_chunk_size=CHUNK, keep_versions=3))
    share = on.share(WRITE)
    for size in range(1, 7):
        _replace(on, share, "bob", b"x" * size, how)
    assert _sizes(on) == [6, 5, 4, len(DATA)]
    assert not unsound(on)


@pytest.mark.parametrize("how", WAYS)
def test_nobody_pushes_out_what_others_brought(redis: Any, how: str) -> None:
    on = Circle(make_whole_site(redis, chunk_size=CHUNK, max_chunk_size=CHUNK, keep_versions=2))
    share, eves, plan = on.share(WRITE), on.share(WRITE, user="eve"), on.files["plan"].id
    _replace(on, eves, "eve", b"eve")
    _replace(on, share, "bob", b"b", how)
    _replace(on, share, "bob", b"bob again", how)
    assert _sizes(on) == [9, 3, len(DATA)], "of their own goes what it holds now, where they brought nothing before"
    on.site.services.uploads.replace_content(on.who("ann"), plan, io.BytesIO(b"of Ann").readinto, 6)
    on.site.services.uploads.replace_content(on.who("ann"), plan, io.BytesIO(b"Ann").readinto, 3)
    assert _sizes(on) == [3, 6, 9], "its owner may"
    _replace(on, share, "bob", b"by Bob", how)
    assert _sizes(on) == [6, 3, 6]
    for who, by in (("bob", share), ("eve", eves)):
        on.site.services.uploads.replace_content(on.who("ann"), plan, io.BytesIO(b"last").readinto, 4)
        on.site.services.uploads.replace_content(on.who("ann"), plan, io.BytesIO(b"of all").readinto, 6)
        on.site.services.uploads.replace_content(on.who("ann"), plan, io.BytesIO(b"!").readinto, 1)
        with pytest.raises(Conflict, match="only its owner"):
            _replace(on, by, who, b"too many", how)
        assert _sizes(on) == [1, 6, 4]
    assert not unsound(on)


def test_two_at_once_push_nothing_out_either(redis: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between the look at the versions and the commit somebody else has replaced it."""
    on = Circle(make_whole_site(redis, keep_versions=2))
    share, eves = on.share(WRITE), on.share(WRITE, user="eve")
    _replace(on, eves, "eve", b"eve")
    read, come = FileVersions.versions, list[str]()

    def versions(store: FileVersions, file: File) -> list[File]:
        found = read(store, file)
        if not come:
            come.append("eve")
            _replace(on, eves, "eve", b"eve2")
        return found

    monkeypatch.setattr(FileVersions, "versions", versions)
    with pytest.raises(Conflict, match="only its owner"):
        _replace(on, share, "bob", b"b")
    monkeypatch.undo()
    assert _sizes(on) == [4, 3, len(DATA)]


def test_nothing_is_renamed_moved_or_deleted(on: Circle) -> None:
    share, bob = on.share(WRITE), coming(on, "bob")
    put = on.site.services.shared.put

    def body() -> Callable[[memoryview], int]:
        return io.BytesIO(b"other").readinto

    with pytest.raises(NameTaken):
        put(bob, share.id, FileSpec("plan.txt", on_conflict=OnConflict.FAIL), body(), 5)
    assert put(bob, share.id, FileSpec("plan.txt"), body(), 5).name == "plan (2).txt"
    guest, folder = on.site.services.shared.writer(bob, share.id)
    files, plan = on.site.services.files, on.files["plan"].id
    for attempt in (
        lambda: files.rename(guest, plan, "x"),
        lambda: files.trash(guest, plan),
        lambda: files.purge(guest, plan),
        lambda: files.amend(guest, plan, folder=""),
        lambda: files.restore_version(guest, plan, plan),
        lambda: files.get(guest, plan),
        lambda: list(files.open(guest, on.files["private"].id).read()),
        lambda: on.site.services.folders.trash(guest, folder),
        lambda: on.site.services.links.create(guest, file=plan),
        lambda: on.shares.create(guest, file=plan, user="eve"),
    ):
        with pytest.raises((NotAllowed, NotFound)):
            attempt()
