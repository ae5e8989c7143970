"""Requests about what files hold and held, as `kinds_of_request` makes them."""

from __future__ import annotations

from tests.support.kinds_of_request import Ask, Kind, Prepare, World, ann

FILES = "api.files."


def content(data: bytes) -> Prepare:
    def prepare(world: World) -> Ask:
        file_id = world.stored()
        return lambda: world.ann.call("PUT", f"/files/{file_id}/content", data=data)

    return prepare


def version(method: str, path: str = "") -> Prepare:
    """Something about the earlier version of a file that has one; `path` behind its address."""

    def prepare(world: World) -> Ask:
        file_id, version_id = made(world)
        return lambda: world.ann.call(method, f"/files/{file_id}/versions/{version_id}{path}")

    return prepare


def versioned(path: str) -> Prepare:
    """A file that has an earlier version."""

    def prepare(world: World) -> Ask:
        file_id, _ = made(world)
        return lambda: world.ann.get(path.format(file_id))

    return prepare


def made(world: World) -> tuple[str, str]:
    """A file, and what it held before."""
    file_id = world.stored()
    assert world.ann.call("PUT", f"/files/{file_id}/content", data=b"y" * 500).status_code == 200
    return file_id, str(world.ann.get(f"/files/{file_id}/versions").get_json()["items"][0]["id"])


def replaced(world: World) -> Ask:
    name = world.name()
    world.ann.upload(name)
    return lambda: world.ann.put(f"{name}?on_conflict=replace", b"y" * 500)


OF_VERSIONS = [
    Kind("new content", FILES + "put_content", 200, 3, content(b"y" * 10_000)),
    Kind("new content of four chunks", FILES + "put_content", 200, 11, content(b"y" * 256 * 1024)),
    Kind("PUT in the place of another", "api.uploads.upload_whole", 201, 3, replaced),
    Kind("earlier versions", FILES + "list_versions", 200, 3, versioned("/files/{}/versions")),
    Kind("no earlier versions", FILES + "list_versions", 200, 1, ann("GET", "/files/{file}/versions")),
    Kind("download of new content", FILES + "download", 200, 3, versioned("/files/{}")),
    Kind("download of a version", FILES + "download_version", 200, 7, version("GET")),
    Kind("take a version again", FILES + "restore_version", 200, 4, version("POST", "/restore")),
    Kind("delete a version", FILES + "delete_version", 204, 6, version("DELETE")),
]
