"""What a guest of a request for files has unfinished: their own alone, listed on the page, with what has arrived."""

from __future__ import annotations

import re
from collections.abc import Iterator
from hashlib import sha256
from typing import Any

import pytest
from redis import Redis

from tests.support.requests import BODY, Requesting, fresh, requesting_site
from tests.support.website import Site


@pytest.fixture(scope="module")
def shared() -> Iterator[tuple[Site, Redis]]:
    with requesting_site() as made:
        yield made


@pytest.fixture
def on(shared: tuple[Site, Redis]) -> Iterator[Requesting]:
    with fresh(shared) as found:
        yield found


def begin(guest: Any, path: str, name: str = "film.bin") -> str:
    """The first of two pieces; the identifier."""
    page = guest.get(path)
    [token] = set(re.findall(r'name="csrf-token" content="([^"]+)"', page.text))
    answer = guest.client.post(
        f"{path}/chunks?chunk_index=0&total_chunks=2&total_size={2 * len(BODY)}&name={name}",
        data=BODY,
        content_type="application/octet-stream",
        headers={"X-CSRFToken": token},
    )
    assert answer.status_code == 200, answer.text
    return str(answer.json["file_id"])


def test_a_guest_sees_what_they_have_unfinished_and_nobody_elses(on: Requesting) -> None:
    link, token = on.request()
    _, beside = on.request()
    used, reserved = on.site.services.files.files.usage(link.owner)
    guest, other, path = on.stranger(), on.stranger(), f"/s/{token}"
    upload, theirs = begin(guest, path), begin(other, path, "other.bin")
    for one, own, strange in ((guest, upload, theirs), (other, theirs, upload)):
        page = one.get(path).text
        assert f'data-unfinished="{own}"' in page
        assert strange not in page
        there = one.get(f"{path}/uploads/{own}/chunks").json
        assert there["items"] == [{"chunk_index": 0, "size": len(BODY), "sha256": sha256(BODY).hexdigest()}]
        assert there["next_cursor"] is None
        for kind in ("", "/chunks"):
            assert one.get(f"{path}/uploads/{strange}{kind}").status_code == 404
        assert one.get(f"/s/{beside}/uploads/{own}/chunks").status_code != 200
    assert upload not in on.stranger().get(path).text
    assert guest.get(f"{path}/uploads/{upload}/chunks?cursor=1").json["items"] == []
    usage = on.site.services.files.files.usage(link.owner)
    assert usage == (used, reserved + 2 * len(BODY)), "what was announced reserves nothing"


def test_a_guest_gives_up_what_they_began_by_a_form(on: Requesting) -> None:
    _, token = on.request()
    guest, other, path = on.stranger(), on.stranger(), f"/s/{token}"
    upload = begin(guest, path)
    begin(other, path)
    where = f"{path}/uploads/{upload}/cancel"
    for one, said in ((other, "not there any more"), (guest, "is cancelled"), (guest, "not there any more")):
        one.get(path)
        assert one.post(where).status_code == 303
        assert said in one.get(path).text
    assert upload not in guest.get(path).text
