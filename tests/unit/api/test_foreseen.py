"""What can be known before a large body is read is told then, and a refusal for want of quota is in the log."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import Any

import pytest
from redis import Redis

from backoffice.domain.files import FileSpec
from backoffice.errors import QuotaExceeded
from backoffice.web.client_socket import SMALL_BODY
from tests.support.api_site import Person, form, make_site, problem
from tests.support.website import SHELL, make_whole_site

QUOTA = 100


class Untouchable(io.RawIOBase):
    """A body that must not be read."""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        raise AssertionError("the body was read")


@pytest.mark.parametrize("query", ["", "&tag=x"])
def test_a_name_that_is_taken_is_told_before_a_large_body_is_read(ann: Person, query: str) -> None:
    ann.upload("Report.txt")
    large = {"CONTENT_LENGTH": str(SMALL_BODY + 1), "wsgi.input": Untouchable()}
    for name in ("Report.txt", "REPORT.TXT"):
        path = f"/files/{name}?on_conflict=fail{query}"
        answer = ann.call("PUT", path, environ_overrides=large)
        problem(answer, 409, "name_taken")
    for path in ("/files/Report.txt", "/files/other.txt?on_conflict=fail", "/files/Report.txt?on_conflict=replace"):
        assert ann.call("PUT", path, data=bytes(SMALL_BODY + 1)).status_code == 201, path


def denied(services: Any) -> list[str]:
    entries = services.audit.page(SHELL, filters=[("action", "access.deny")]).items
    return [f"{entry.event['actor']['name']}: {entry.event['data']['because']}" for entry in entries]


@pytest.mark.parametrize("door", ["put", "chunk", "form", "later chunk"])
def test_a_refusal_by_the_quota_is_in_the_log_once_a_minute(fake: Redis, door: str) -> None:
    site = make_site(fake, quota_bytes=QUOTA)
    ann = site.person("ann")
    started = ann.start(b"x" * QUOTA, 2)
    for _ in range(3):
        if door == "put":
            answer = ann.put("a", b"x")
        elif door == "chunk":
            answer = ann.chunk(b"x")
        elif door == "form":
            answer = ann.call("POST", "/upload_chunk", data=form(b"x"))
        else:
            answer = ann.chunk(b"x", file_id=started, chunk_index=1, total_chunks=2)
        problem(answer, 413, "quota_exceeded")
    assert denied(site.services) == ["ann: over the quota"]


def test_so_is_one_of_a_form_without_script(fake: Redis) -> None:
    site = make_whole_site(fake, quota_bytes=QUOTA)
    browser = site.signed_in("ann")
    browser.get("/account")
    data = {"file": (io.BytesIO(bytes(QUOTA + 1)), "a.txt")}
    answer = browser.client.post(f"/my/files?csrf_token={browser.token}", data=data)
    assert answer.status_code == 303
    assert denied(site.services) == ["ann: over the quota"]


@pytest.mark.parametrize(
    "act",
    [
        lambda has, who: has.uploads.start(who, total_chunks=1, size=QUOTA + 1),
        lambda has, who: has.uploads.create_stream(who, size=QUOTA + 1),
        lambda has, who: has.uploads.put_chunk(who, upload_id=None, index=0, total_chunks=1, data=bytes(QUOTA + 1)),
        lambda has, who: has.uploads.upload_stream(who, FileSpec("a"), io.BytesIO(bytes(QUOTA + 1)).readinto),
        lambda has, who: has.files.foresee(who, QUOTA + 1),
    ],
    ids=["start", "stream", "chunk", "body", "foreseen"],
)
def test_Z10_the_service_records_it_for_every_door(fake: Redis, act: Any) -> None:
    """A command, or a door to come, has the entry as well."""
    site = make_site(fake, quota_bytes=QUOTA)
    ann = replace(SHELL, id=site.person("ann").id, name="ann")
    with pytest.raises(QuotaExceeded):
        act(site.services, ann)
    assert denied(site.services) == ["ann: over the quota"]
