"""Requests about shares, as `kinds_of_request` makes them: the administrator shares with Ann."""

from __future__ import annotations

import io
from collections.abc import Callable
from itertools import count
from typing import Any, Final

from tests.support.kinds_of_admin_request import made
from tests.support.kinds_of_folder_request import own_folder
from tests.support.kinds_of_request import Ask, Kind, Prepare, World, ann, desk, page, root
from tests.support.kinds_of_upload import batch_body

_NUMBERS: Final = count(1)


def share(world: World) -> str:
    """Of a new folder with a file in it, to be written into."""
    return _share(world)[0]


def _share(world: World) -> tuple[str, str, str]:
    """Share, folder, file."""
    folder = own_folder(world)
    file = str(world.root.call("PUT", f"/files/plan.txt?folder={folder}", data=b"plan").json["id"])  # type: ignore[index]
    body = {"folder": folder, "user": world.ann.name, "access": "write"}
    answer = world.root.call("POST", "/shares", json=body)
    assert answer.status_code == 201, answer.text
    return str(answer.json["id"]), folder, file  # type: ignore[index]


def new_share(world: World) -> Ask:
    body = {"folder": own_folder(world), "user": world.ann.name}
    return lambda: world.root.call("POST", "/shares", json=body)


def closed_share(world: World) -> str:
    made_for_it, folder, _ = _share(world)
    for act in ("trash", "restore"):
        assert world.root.call("POST", f"/folders/{folder}/{act}").status_code == 200
    return made_for_it


def theirs(method: str, path: str, **more: Any) -> Prepare:
    """Ann's token, on what is shared with her. `{file}` lies in it."""

    def prepare(world: World) -> Ask:
        key, _, file = _share(world)
        where = f"/shares/{key}{path.format(file=file, name=world.name())}"
        return lambda: world.ann.call(method, where, **more)

    return prepare


def begun(world: World) -> tuple[str, str]:
    """A share, and an upload that Ann began there."""
    key = share(world)
    sent = world.ann.call("POST", f"/shares/{key}/upload_chunk?chunk_index=0&total_chunks=1", data=b"x")
    assert sent.status_code == 200, sent.text
    return key, str(sent.json["file_id"])  # type: ignore[index]


def complete(world: World) -> Ask:
    key, upload = begun(world)
    body = {"file_id": upload, "name": world.name(), "total_size": 1}
    return lambda: world.ann.call("POST", f"/shares/{key}/upload_complete", json=body)


def in_order(world: World) -> Ask:
    key = share(world)
    begun = world.ann.call("POST", f"/shares/{key}/uploads", json={"total_size": 2})
    assert begun.status_code == 201, begun.text
    path = f"/shares/{key}/uploads/{begun.json['file_id']}?offset=0"  # type: ignore[index]
    return lambda: world.ann.call("PATCH", path, data=b"xy", content_type="application/octet-stream")


def many(world: World) -> Ask:
    body, kind = batch_body(world)
    key = share(world)
    return lambda: world.ann.call("POST", f"/shares/{key}/files/batch", data=body, content_type=kind)


def of_upload(method: str, more: str = "") -> Prepare:
    def prepare(world: World) -> Ask:
        key, upload = begun(world)
        return lambda: world.ann.call(method, f"/shares/{key}/uploads/{upload}{more}")

    return prepare


def their_page(path: str) -> Prepare:
    """Ann's browser, likewise."""

    def prepare(world: World) -> Ask:
        key, _, file = _share(world)
        where = f"/shared-with-me/{key}{path.format(file=file)}"
        return lambda: world.page.get(where)

    return prepare


def upload_form(world: World) -> Ask:
    key = share(world)
    world.page.get(f"/shared-with-me/{key}")
    where, name = f"/shared-with-me/{key}/files?csrf_token={world.page.token}", world.name()
    return lambda: world.page.post(where, {"file": (io.BytesIO(b"x"), name)})


def folder_form(world: World) -> Ask:
    key = share(world)
    world.page.get(f"/shared-with-me/{key}")
    return lambda: world.page.post(f"/shared-with-me/{key}/folders", {"name": "new", "folder": ""})


def cancel_form(world: World) -> Ask:
    key, upload = begun(world)
    world.page.get(f"/shared-with-me/{key}")
    return lambda: world.page.post(f"/shared-with-me/{key}/uploads/{upload}/cancel", {"folder": ""})


def own_page(what: str) -> Prepare:
    """The administrator's browser, on the page of a folder or file of theirs."""

    def prepare(world: World) -> Ask:
        _, folder, file = _share(world)
        where = f"/my/{what}/{folder if what == 'folders' else file}/people"
        return lambda: world.desk.get(where)

    return prepare


def own_form(act: str, make: Callable[[World], str] = share, **fields: str) -> Prepare:
    def prepare(world: World) -> Ask:
        where = f"/my/shares/{make(world)}/{act}"
        world.desk.get("/shared-with-people")
        return lambda: world.desk.post(where, fields)

    return prepare


FILES, PAGES = "api.files.", "pages."
READ = {"access": "read"}
OF_SHARES = [
    Kind("shares", FILES + "list_shares", 200, 4, root("GET", "/shares?all=1")),
    Kind("new share", FILES + "create_share", 201, 9, new_share),
    Kind("a share", FILES + "get_share", 200, 3, made(share, "GET", "/shares/{made}")),
    Kind("change a share", FILES + "update_share", 200, 6, made(share, "PATCH", "/shares/{made}", json=READ)),
    Kind("reopen a share", FILES + "reopen_share", 200, 8, made(closed_share, "POST", "/shares/{made}/reopen")),
    Kind("revoke a share", FILES + "revoke_share", 204, 3, made(share, "DELETE", "/shares/{made}")),
    Kind("what is shared with one", FILES + "list_received", 200, 5, ann("GET", "/shares/received")),
    Kind("files of a share", FILES + "list_shared_files", 200, 8, theirs("GET", "/files")),
    Kind("folders of a share", FILES + "list_shared_folders", 200, 7, theirs("GET", "/folders")),
    Kind("a shared file", FILES + "download_shared", 200, 5, theirs("GET", "/files/{file}")),
    Kind("about a shared file", FILES + "shared_metadata", 200, 4, theirs("GET", "/files/{file}/metadata")),
    Kind("look at a shared file", FILES + "preview_shared", 200, 6, theirs("GET", "/files/{file}/preview")),
    Kind("archive of a share", FILES + "download_shared_zip", 200, 13, theirs("GET", "/files.zip")),
    Kind("put into a share", FILES + "put_shared", 201, 4, theirs("PUT", "/files/{name}", data=b"x")),
    Kind(
        "other content in a share",
        FILES + "put_shared_content",
        200,
        7,
        theirs("PUT", "/files/{file}/content", data=b"x"),
    ),
    Kind(
        "a chunk into a share",
        FILES + "shared_chunk",
        200,
        5,
        theirs("POST", "/upload_chunk?chunk_index=0&total_chunks=2", data=b"x"),
    ),
    Kind(
        "begin in order in a share",
        FILES + "begin_shared_in_order",
        201,
        6,
        theirs("POST", "/uploads", json={"name": "x", "total_size": 2}),
    ),
    Kind("bytes in order in a share", FILES + "append_shared_in_order", 200, 9, in_order),
    Kind("small files into a share", FILES + "batch_shared", 200, 15, many),
    Kind("complete in a share", FILES + "shared_complete", 201, 7, complete),
    Kind(
        "make a folder in a share",
        FILES + "create_shared_folder",
        201,
        6,
        theirs("POST", "/folders", json={"name": "new"}),
    ),
    Kind(
        "names taken in a share",
        FILES + "taken_in_share",
        200,
        6,
        theirs("POST", "/files/taken", json={"files": [{"name": "plan.txt"}]}),
    ),
    Kind("uploads in a share", FILES + "list_shared_uploads", 200, 8, theirs("GET", "/uploads")),
    Kind("chunks of an upload in a share", FILES + "shared_chunks", 200, 8, of_upload("GET", "/chunks")),
    Kind("an upload in a share", FILES + "shared_upload", 200, 7, of_upload("GET")),
    Kind("give up in a share", FILES + "cancel_shared_upload", 204, 10, of_upload("DELETE")),
    Kind("page of what is shared with one", PAGES + "shared_with_me", 200, 5, page("/shared-with-me")),
    Kind("page of a shared folder", PAGES + "shared_thing", 200, 11, their_page("")),
    Kind("page of a shared file", PAGES + "shared_file", 200, 4, their_page("/files/{file}")),
    Kind("folder by a form in a share", PAGES + "shared_folder_create", 303, 8, folder_form),
    Kind("give up by a form in a share", PAGES + "shared_upload_cancel", 303, 16, cancel_form),
    Kind("form of a shared folder", PAGES + "shared_upload", 303, 4, upload_form),
    Kind("with whom a folder is shared", PAGES + "folder_people", 200, 7, own_page("folders")),
    Kind("with whom a file is shared", PAGES + "file_people", 200, 4, own_page("files")),
    Kind("all that one shares", PAGES + "shared_people", 200, 4, desk("/shared-with-people")),
    Kind("what a share gives, by a form", PAGES + "share_access", 303, 2, own_form("access", **READ)),
    Kind("share again, by a form", PAGES + "share_again", 303, 8, own_form("again", closed_share)),
    Kind("revoke a share, by a form", PAGES + "share_revoke", 303, 2, own_form("revoke")),
    Kind("admin, shares", "shares.index_view", 200, 6, desk("/admin/shares/")),
]
