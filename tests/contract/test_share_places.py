"""What others take of an owner's room while they send: half of the places at most, and of the quota what has come."""

from __future__ import annotations

import io
from typing import Any

import pytest

from backoffice.domain.files import FileSpec
from backoffice.domain.paging import Query
from backoffice.errors import QuotaExceeded, TooMany
from tests.support.shares import DATA, SHELL, Circle
from tests.support.shares_under_way import CHUNK, LONG, WRITE, coming, unsound
from tests.support.website import make_whole_site


@pytest.fixture
def on(redis: Any) -> Circle:
    return Circle(make_whole_site(redis, chunk_size=CHUNK, max_chunk_size=CHUNK, max_open_uploads=5))


def test_who_writes_takes_half_of_the_places_for_uploads(on: Circle) -> None:
    share, put = on.share(WRITE), on.site.services.shared.put_chunk
    for _ in range(2):
        put(coming(on, "bob"), share.id, upload_id=None, index=0, total_chunks=2, data=DATA)
    with pytest.raises(TooMany):
        put(coming(on, "bob"), share.id, upload_id=None, index=0, total_chunks=2, data=DATA)
    with pytest.raises(TooMany):
        on.site.services.shared.put(coming(on, "bob"), share.id, FileSpec("long"), io.BytesIO(LONG).readinto, None)
    for _ in range(3):
        on.site.services.uploads.put_chunk(coming(on, "ann"), upload_id=None, index=0, total_chunks=2, data=DATA)
    assert not unsound(on)


def test_nor_do_forms_take_more(on: Circle) -> None:
    share = on.share(WRITE)
    for _ in range(2):
        on.site.services.uploads.put_chunk(coming(on, "ann"), upload_id=None, index=0, total_chunks=2, data=DATA)
    page = on.site.browser()
    page.sign_in("bob")
    page.get(f"/shared-with-me/{share.id}")
    where = f"/shared-with-me/{share.id}/files?csrf_token={page.token}"
    assert page.post(where, {"file": (io.BytesIO(LONG), "long.bin")}).status_code == 303
    assert "At most 2 uploads" in page.get(f"/shared-with-me/{share.id}").text
    assert "long.bin" not in {file.name for file in on.site.services.files.files.page(Query()).items}
    assert page.post(where, {"file": (io.BytesIO(DATA), "short.txt")}).status_code == 303
    assert "short.txt" in page.get(f"/shared-with-me/{share.id}").text


def test_what_is_announced_reserves_nothing_of_the_owners_quota(on: Circle) -> None:
    share, shared, files = on.share(WRITE), on.site.services.shared, on.site.services.files
    used = files.usage(on.who("ann")).used
    on.site.services.users.update(SHELL, on.ann, quota_bytes=used + 3 * len(DATA))
    begun = shared.put_chunk(
        coming(on, "bob"), share.id, upload_id=None, index=0, total_chunks=2, data=DATA, size=2 * len(DATA)
    )
    usage = files.usage(on.who("ann"))
    assert (usage.used, usage.reserved) == (used, len(DATA))
    on.store("of Ann", data=bytes(2 * len(DATA)))
    with pytest.raises(QuotaExceeded):
        shared.put_chunk(coming(on, "bob"), share.id, upload_id=begun.upload.id, index=1, total_chunks=2, data=DATA)
    shared.cancel(coming(on, "bob"), share.id, begun.upload.id)
    assert files.usage(on.who("ann")).reserved == 0
    assert not unsound(on)
