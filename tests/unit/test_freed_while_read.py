"""Bytes that are freed after a file was opened and before the first of them was read: whatever door they were asked for
by, that is told as what it is, and no damage."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from redis import Redis
from werkzeug.test import TestResponse

from backoffice.domain.shares import ShareAccess
from backoffice.services.file_reading import FileReader
from backoffice.stores.files import RedisFiles
from tests.support.links import Sharing, Tree, press
from tests.support.requests import Requesting
from tests.support.shares import Bearer
from tests.support.website import Site

LARGE = b"more than what comes with its entry in the log. " * 2000
Ask = Callable[[], TestResponse]
OWN = ("file", "range", "version", "zip", "preview", "image")
LINKED = ("link", "link raw", "folder link", "folder link zip")
SHARED = ("share", "share zip", "share preview")


@pytest.fixture
def site(shared: tuple[Site, Redis]) -> Site:
    shared[1].flushall()
    return shared[0]


def asked(on: Tree, door: str) -> tuple[str, Ask]:
    """A file (of a version: its own identifier), and what asks for the bytes by that door."""
    file = on.store("large.png" if door == "image" else "large.txt", on.plans, LARGE)
    if door in LINKED:
        return file.id, _by_link(on, file.id, door)
    if door in SHARED:
        on.site.add_user("bob")
        share = on.site.services.shares.create(on.owner(), access=ShareAccess.READ, folder=on.plans.id, user="bob")
        bob = Bearer(on.site, on.site.token("bob"))
        end = {"share": f"files/{file.id}", "share zip": "files.zip", "share preview": f"files/{file.id}/preview"}
        return file.id, lambda: bob("GET", f"/shares/{share.id}/{end[door]}")
    ann, path, headers = Bearer(on.site, on.site.token("ann")), f"/files/{file.id}", dict[str, str]()
    if door == "version":
        assert ann("PUT", f"{path}/content", data=b"other").status_code == 200
        [version] = ann("GET", f"{path}/versions").get_json()["items"]
        return version["id"], lambda: ann("GET", f"{path}/versions/{version['id']}")
    if door == "range":
        headers["Range"] = "bytes=5-70000"
    elif door == "zip":
        path = f"/files.zip?id={file.id}"
    elif door != "file":
        path += "/preview"
    return file.id, lambda: ann("GET", path, headers=headers)


def _by_link(on: Tree, file_id: str, door: str) -> Ask:
    visitor = on.stranger()
    if door == "link raw":
        path = on.share(file=file_id)[1]
        return lambda: visitor.get(f"{path}/raw")
    path = on.share(file=file_id)[1] if door == "link" else on.path
    form = {"file": file_id} if door == "folder link" else {}
    assert press(visitor, path, form).status_code == 303
    end = {"link": "/file", "folder link": f"/files/{file_id}", "folder link zip": "/zip"}[door]
    return lambda: visitor.get(path + end)


def free(on: Sharing, file_id: str) -> None:
    """What it holds is gone for good."""
    has = on.site.services.files
    file = has.files.get(file_id)
    assert file is not None
    if file.version_of:
        has.delete_version(on.owner(), file.version_of, file.id)
    else:
        has.purge(on.owner(), file.id)


def freed_before_the_first_byte(on: Sharing, file_id: str, monkeypatch: pytest.MonkeyPatch) -> None:
    unhindered = FileReader.parts

    def parts(self: FileReader, *args: Any) -> Iterator[memoryview]:
        if args[1].id == file_id:
            free(on, file_id)
        yield from unhindered(self, *args)

    monkeypatch.setattr(FileReader, "parts", parts)


def told(on: Sharing, answer: TestResponse) -> None:
    assert answer.status_code == 404, answer.text
    assert not answer.headers.get("Content-Disposition")
    assert not on.entries("file.damaged")


@pytest.mark.parametrize("door", [*OWN, *LINKED, *SHARED])
def test_what_goes_before_its_first_byte_is_told_to_be_gone(
    site: Site, monkeypatch: pytest.MonkeyPatch, door: str
) -> None:
    on = Tree(site)
    file_id, ask = asked(on, door)
    freed_before_the_first_byte(on, file_id, monkeypatch)
    told(on, ask())


@pytest.mark.parametrize("door", ["bytes", "preview"])
def test_a_delivery_that_is_refused_at_that_moment(site: Site, monkeypatch: pytest.MonkeyPatch, door: str) -> None:
    on = Requesting(site)
    _, token = on.request()
    sent = on.deliver(token, on.guest(token), body=LARGE)
    unhindered = FileReader.parts

    def parts(self: FileReader, *args: Any) -> Iterator[memoryview]:
        site.services.deliveries.refuse(on.owner(), sent.id)
        yield from unhindered(self, *args)

    monkeypatch.setattr(FileReader, "parts", parts)
    end = "/preview" if door == "preview" else ""
    told(on, Bearer(site, site.token("ann"))("GET", f"/deliveries/{sent.id}{end}"))


def test_a_small_file_whose_bytes_do_not_come_with_its_entry(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """With bytes in a directory, or on a cluster."""
    on, ann = Sharing(site), Bearer(site, site.token("ann"))
    unhindered = RedisFiles.record_read

    def record_read(self: RedisFiles, *args: Any, **more: Any) -> None:
        unhindered(self, *args[:4], **more)
        monkeypatch.undo()
        free(on, on.file.id)

    monkeypatch.setattr(type(site.services.files.chunks), "within_commit", lambda *_: None)
    monkeypatch.setattr(RedisFiles, "record_read", record_read)
    told(on, ann("GET", f"/files/{on.file.id}"))


def test_what_is_missing_of_a_file_that_is_there_is_damage_as_before(site: Site) -> None:
    on, ann = Sharing(site), Bearer(site, site.token("ann"))
    file = on.store("large.txt", data=LARGE)
    site.services.files.chunks.delete(file.id, file.total_chunks)
    assert ann("GET", f"/files/{file.id}").status_code == 500
    assert len(on.entries("file.damaged")) == 1
