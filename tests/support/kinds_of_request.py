"""Requests of every kind, each with what has to be there before it, on a site whose store is counted."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import count

from redis import Redis
from werkzeug.test import TestResponse

from backoffice.domain.nouns import all_permissions
from tests.support.api_site import Person, Site, form, make_site
from tests.support.tus import OCTETS, Tus
from tests.support.website import Browser

PASSWORD = "violet-harbour-93"
FILES = 60
RANGE = {"Range": "bytes=0-99"}
_NUMBERS = count()


@dataclass
class World:
    """A site whose store is counted: Ann with 60 files, an administrator, and a browser of each."""

    site: Site
    ann: Person
    root: Person
    page: Browser
    desk: Browser
    file: str
    pieces: str

    def path(self, text: str) -> str:
        return text.format(file=self.file, pieces=self.pieces, user=self.ann.id)

    def endpoint(self, answer: TestResponse) -> str:
        """Of the request that this is the answer to."""
        asked = answer.request
        endpoint, _ = self.site.app.url_map.bind("localhost").match(asked.path, asked.method)
        return str(endpoint)

    def name(self) -> str:
        return f"own {next(_NUMBERS)}.bin"

    def stored(self) -> str:
        return self.ann.upload(self.name(), b"x" * 1000)

    def trashed(self) -> str:
        file_id = self.stored()
        assert self.ann.call("DELETE", f"/files/{file_id}").status_code == 204
        return file_id

    def sent(self, chunks: int, left: int = 0) -> str:
        """An upload whose chunks are there, except the last `left`."""
        file_id = self.ann.start(b"x", total=chunks)
        for index in range(1, chunks - left):
            assert self.ann.chunk(b"x", total_chunks=chunks, chunk_index=index, file_id=file_id).status_code == 200
        return file_id


Ask = Callable[[], TestResponse]
Prepare = Callable[[World], Ask]


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of request, its endpoint and answer, and the most round trips it may make."""

    name: str
    endpoint: str
    status: int
    most: int
    prepare: Prepare


"""Makes what a request needs; the request itself, which is counted."""


def make_world(client: Redis) -> World:
    """`client` is one of the product, by way of the counter."""
    # Room for all that the tests leave behind.
    site = make_site(client, quota_bytes=1024**3, max_open_uploads=10_000)
    ann, root = site.person("ann"), site.person("rosa", "admin", "user", scopes=all_permissions())
    for number in range(FILES):
        ann.upload(f"file {number}.bin", b"x" * 10_000)
    whole = ann.upload("whole.bin", b"x" * 10_000)
    pieces = ann.upload("pieces.bin", b"x" * 256 * 1024)
    return World(site, ann, root, signed_in(site, ann), signed_in(site, root), whole, pieces)


def signed_in(site: Site, person: Person) -> Browser:
    browser = Browser(site.app.test_client())
    assert browser.sign_in(person.name, PASSWORD).status_code == 303
    return browser


def ann(method: str, path: str, headers: Mapping[str, str] | None = None) -> Prepare:
    """Ann's token. `{file}` and `{pieces}` are a file of one chunk and one of four; `{user}` is Ann."""
    return lambda world: lambda: world.ann.call(method, world.path(path), headers)


def root(method: str, path: str) -> Prepare:
    """The administrator's token."""
    return lambda world: lambda: world.root.call(method, world.path(path))


def page(path: str) -> Prepare:
    """Ann's browser."""
    return lambda world: lambda: world.page.get(world.path(path))


def desk(path: str) -> Prepare:
    """The administrator's browser."""
    return lambda world: lambda: world.desk.get(world.path(path))


def put(data: bytes) -> Prepare:
    def prepare(world: World) -> Ask:
        name = world.name()
        return lambda: world.ann.put(name, data)

    return prepare


def sign_somebody_out(world: World) -> Ask:
    other = world.site.somebody()
    signed_in(world.site, other)
    return lambda: world.root.call("DELETE", f"/admin/users/{other.id}/sessions")


def put_again(world: World) -> Ask:
    name = world.name()
    world.ann.upload(name)
    return lambda: world.ann.put(name, b"x", query_string={"on_conflict": "rename"})


def first_chunk(world: World) -> Ask:
    return lambda: world.ann.chunk(b"x" * 16_384, total_chunks=2)


def next_chunk(world: World) -> Ask:
    file_id = world.sent(2, left=1)
    return lambda: world.ann.chunk(b"x" * 16_384, total_chunks=2, chunk_index=1, file_id=file_id)


def large_chunk(world: World) -> Ask:
    """One that is not in memory when its request begins."""
    file_id = world.sent(2, left=1)
    return lambda: world.ann.chunk(b"x" * 100_000, total_chunks=2, chunk_index=1, file_id=file_id)


def tus_begin(world: World) -> Ask:
    headers = {"Tus-Resumable": "1.0.0", "Upload-Length": "100000"}
    return lambda: world.ann.call("POST", "/tus/", headers)


def tus(method: str, data: bytes = b"") -> Prepare:
    """Something done to an upload of 16 KiB that was just begun, with the token of its owner."""

    def prepare(world: World) -> Ask:
        begun = Tus.of(world.ann).begin(16_384, world.name())
        headers = {"Tus-Resumable": "1.0.0", "Upload-Offset": "0"}
        return lambda: world.ann.call(method, begun, headers, data=data, content_type=OCTETS)

    return prepare


def chunk_again(world: World) -> Ask:
    file_id = world.sent(2, left=1)
    return lambda: world.ann.chunk(b"x", total_chunks=2, chunk_index=0, file_id=file_id)


def chunk_in_form(world: World) -> Ask:
    file_id = world.sent(2, left=1)
    fields = form(b"y" * 1000, total_chunks=2, chunk_index=1, file_id=file_id)
    return lambda: world.ann.call("POST", "/upload_chunk", data=fields)


def complete(chunks: int) -> Prepare:
    def prepare(world: World) -> Ask:
        file_id, name = world.sent(chunks), world.name()
        return lambda: world.ann.complete(file_id, chunks, name)

    return prepare


def complete_too_early(world: World) -> Ask:
    file_id = world.sent(3, left=1)
    return lambda: world.ann.complete(file_id, 3)


def chunks_there(world: World) -> Ask:
    file_id = world.sent(3, left=1)
    return lambda: world.ann.get(f"/uploads/{file_id}/chunks")


def unfinished(method: str) -> Prepare:
    def prepare(world: World) -> Ask:
        file_id = world.sent(3, left=1)
        return lambda: world.ann.call(method, f"/uploads/{file_id}")

    return prepare


def rename(world: World) -> Ask:
    file_id, name = world.stored(), world.name()
    return lambda: world.ann.call("POST", f"/files/{file_id}/rename", json={"new_name": name})


def delete(world: World) -> Ask:
    file_id = world.stored()
    return lambda: world.ann.call("DELETE", f"/files/{file_id}")


def delete_as_root(world: World) -> Ask:
    file_id = world.stored()
    return lambda: world.root.call("DELETE", f"/admin/files/{file_id}")


def restore(world: World) -> Ask:
    file_id = world.trashed()
    return lambda: world.ann.call("POST", f"/files/{file_id}/restore")


def not_modified(world: World) -> Ask:
    tag = world.ann.get(f"/files/{world.file}").headers["ETag"]
    return lambda: world.ann.get(f"/files/{world.file}", headers={"If-None-Match": tag})


def no_such_token(world: World) -> Ask:
    stranger = Person(world.site, "", "", f"{world.ann.token[:-4]}AAAA")
    return lambda: stranger.get("/limits")


def not_own(world: World) -> Ask:
    other = world.site.person("other")
    return lambda: other.get(f"/files/{world.file}")


def new_user(world: World) -> Ask:
    body = {"username": f"n{next(_NUMBERS)}", "roles": ["user"]}
    return lambda: world.root.call("POST", "/admin/users", json=body)


def new_role(world: World) -> Ask:
    body = {"name": f"r{next(_NUMBERS)}", "permissions": ["files:read"]}
    return lambda: world.root.call("POST", "/admin/roles", json=body)


def upload_form(world: World) -> Ask:
    world.page.get("/")
    path = f"/my/files?csrf_token={world.page.token}"
    data = {"file": (io.BytesIO(b"x" * 1000), world.name())}
    return lambda: world.page.open(path, "POST", data=data)


def file_form(act: str) -> Prepare:
    """What the buttons of a row do."""

    def prepare(world: World) -> Ask:
        file_id = world.stored() if act in {"rename", "trash"} else world.trashed()
        name = world.name()
        world.page.get("/")
        return lambda: world.page.post(f"/my/files/{file_id}/{act}", {"new_name": name})

    return prepare


def cancel_form(world: World) -> Ask:
    file_id = world.sent(3, left=1)
    world.page.get("/")
    return lambda: world.page.post(f"/my/uploads/{file_id}/cancel")


def sign_in(world: World) -> Ask:
    browser = Browser(world.site.app.test_client())
    browser.get("/login")
    return lambda: browser.post("/login", {"username": world.ann.name, "password": PASSWORD})


def sign_out(world: World) -> Ask:
    browser = signed_in(world.site, world.ann)
    browser.get("/")
    return lambda: browser.post("/logout")


def new_token(world: World) -> Ask:
    world.page.get("/account")
    return lambda: world.page.post("/account/tokens", {"name": "more", "preset": "all", "days": "1"})
