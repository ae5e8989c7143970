"""What is under way in somebody else's folder, when the share that gave it does not give it any more."""

from __future__ import annotations

from typing import Any

import pytest

from backoffice.domain.files import FileSpec
from backoffice.domain.paging import Query
from backoffice.errors import BackofficeError, NotFound
from backoffice.services import ground
from tests.support.shares import DATA, Circle
from tests.support.shares_under_way import BARS, CHUNK, LONG, ONLY_READ, Bar, coming, crew, meanwhile, unsound
from tests.support.website import make_whole_site


@pytest.fixture
def on(redis: Any) -> Circle:
    return Circle(make_whole_site(redis, chunk_size=CHUNK, max_chunk_size=CHUNK))


@pytest.mark.parametrize("content", [DATA, LONG], ids=["small", "long"])
@pytest.mark.parametrize("bar", [*BARS, *ONLY_READ])
def test_a_body_that_is_coming_is_refused_at_its_end_and_nothing_is_left(on: Circle, bar: str, content: bytes) -> None:
    share, bob = crew(on), coming(on, "bob")
    error, do = {**BARS, **ONLY_READ}[bar]
    before = on.site.services.files.files.usage(on.ann)
    with pytest.raises(error):
        on.site.services.shared.put(
            bob, share.id, FileSpec("new.bin", folder=on.deep), meanwhile(content, lambda: do(on)), len(content)
        )
    names = {file.name for file in on.site.services.files.files.page(Query(limit=100)).items}
    assert "new.bin" not in names
    assert on.site.services.files.files.usage(on.ann) == before
    assert not on.site.services.uploads.uploads.page(Query()).items
    assert not unsound(on)


@pytest.mark.parametrize("bar", [*BARS, *ONLY_READ])
def test_nothing_is_completed_any_more(on: Circle, bar: str) -> None:
    """In a request that began before, and the next one finds the upload as it was."""
    share, bob, shared = crew(on), coming(on, "bob"), on.site.services.shared
    begun = shared.put_chunk(bob, share.id, upload_id=None, index=0, total_chunks=1, data=DATA).upload.id
    error, do = {**BARS, **ONLY_READ}[bar]
    writer, folder = shared.writer(bob, share.id, on.deep)
    do(on)
    with pytest.raises(error):
        on.site.services.uploads.complete(writer, begun, FileSpec("new.bin", folder=folder), total_size=len(DATA))
    assert on.site.services.uploads.uploads.get(begun) is not None
    assert "new.bin" not in {file.name for file in on.site.services.files.files.page(Query(limit=100)).items}
    assert not unsound(on)


@pytest.mark.parametrize("bar", [one for one in (*BARS, *ONLY_READ) if "within" not in one])
def test_no_chunk_is_taken_any_more(on: Circle, bar: str) -> None:
    """One lies in no folder yet: where it comes to lie is asked when it is completed."""
    share, bob, shared = crew(on), coming(on, "bob"), on.site.services.shared
    begun = shared.put_chunk(bob, share.id, upload_id=None, index=0, total_chunks=2, data=DATA).upload.id
    error, do = {**BARS, **ONLY_READ}[bar]
    writer, _ = shared.writer(bob, share.id)
    do(on)
    with pytest.raises(error):
        on.site.services.uploads.put_chunk(writer, upload_id=begun, index=1, total_chunks=2, data=DATA)
    left = on.site.services.uploads.uploads.get(begun)
    assert left is not None
    assert left.received == 1


@pytest.mark.parametrize("archive", [False, True], ids=["file", "zip"])
@pytest.mark.parametrize("bar", [*BARS, "moved out", "file trashed"])
def test_a_download_is_cut_off(on: Circle, bar: str, archive: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    share, shared = crew(on), on.site.services.shared
    file = on.store("long.bin", on.deep, data=LONG)
    more: dict[str, tuple[type[BackofficeError], Bar]] = {
        "moved out": (NotFound, lambda on: on.site.services.files.amend(on.who("ann"), file.id, folder=on.beside)),
        "file trashed": (NotFound, lambda on: on.site.services.files.trash(on.who("ann"), file.id)),
    }
    error, do = {**BARS, **more}[bar]
    monkeypatch.setattr(ground, "CONFIRM_SECONDS", 0)
    bob = coming(on, "bob")
    opened = shared.zip(bob, share.id, on.deep) if archive else shared.open(bob, share.id, file.id)
    parts, come = opened.read(), 0
    for part in parts:
        come += len(part)
        if come > CHUNK // 2:
            break
    do(on)
    with pytest.raises(error):
        list(parts)
    assert come < len(LONG)


@pytest.mark.parametrize("bar", [one for one in (*BARS, *ONLY_READ) if "within" not in one])
def test_content_that_is_coming_is_refused_at_its_end(on: Circle, bar: str) -> None:
    share, bob, plan = crew(on), coming(on, "bob"), on.files["plan"].id
    error, do = {**BARS, **ONLY_READ}[bar]
    body = meanwhile(LONG, lambda: do(on))
    with pytest.raises(error):
        on.site.services.shared.replace_content(bob, share.id, plan, body, len(LONG))
    found = on.site.services.files.files.get(plan)
    assert found is not None
    assert found.size == len(DATA)
    assert not unsound(on)
