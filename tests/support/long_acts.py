"""Requests that are allowed at their beginning and act at their end, on a running site: the client waits with the body
until the site asks for it (`100 Continue`), which it does when it knows who is asking. Meanwhile something happens, in
this process, not in the one that serves.
"""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from http.cookiejar import CookieJar
from itertools import count
from pathlib import Path
from typing import Final
from urllib.parse import urlencode, urlsplit
from urllib.request import HTTPCookieProcessor, Request, build_opener

from backoffice.composition import build_services, store_client
from backoffice.domain.access import Actor, system_actor
from backoffice.domain.files import File, FileSpec
from backoffice.domain.paging import Query
from backoffice.domain.uploads import Upload
from backoffice.embedded.discovery import attach
from backoffice.services.authorization import grants_of
from backoffice.services.container import Services
from backoffice.services.sign_in.passwords import Passwords
from backoffice.settings import Settings
from tests.support.uploads import reader

SHELL = system_actor("test", "shell")
CHUNK = 64 * 1024
PASSWORD = "violet-harbour-93"
SMALL, LARGE = b"s" * 5_000, b"l" * (3 * CHUNK + 17)
RIGHTS = frozenset({"files:read", "files:write", "files:delete"})
BOUNDARY = "long-acts"
_NUMBERS = count()
_FORM_TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')


def services_of(data: Path) -> Services:
    """Of the site whose data is there; another process of it, so to speak."""
    settings = attach(Settings(data_dir=data))
    return build_services(settings, store_client(settings), passwords=Passwords(memory_kib=8, passes=1))


@dataclass
class Somebody:
    """A new person with a role of their own and a token."""

    site: Services
    address: str
    role: str = field(init=False)
    id: str = field(init=False)
    token: str = field(init=False)

    def __post_init__(self) -> None:
        self.role = self.site.roles.create(SHELL, name=f"role{next(_NUMBERS)}", permissions=RIGHTS).name
        self.id = self.site.users.create(SHELL, username=self.name, password=PASSWORD, roles=[self.role])[0].id
        self.token = self.site.tokens.create(SHELL, name="t", user_id=self.id)[1]

    @property
    def name(self) -> str:
        return f"somebody-{self.role}"

    @property
    def actor(self) -> Actor:
        user = self.site.users.get(SHELL, self.id)
        roles = {role.name: role for role in self.site.roles.all(SHELL)}
        return Actor(user.id, user.username, grants_of(user, roles))

    def stored(self, name: str = "a.bin") -> File:
        return self.site.uploads.upload_stream(self.actor, FileSpec(name), reader(SMALL), len(SMALL))

    def begun(self, chunks: int = 2, sent: int = 1) -> Upload:
        upload = self.site.uploads.start(self.actor, total_chunks=chunks)
        for index in range(sent):
            self.site.uploads.put_chunk(self.actor, upload_id=upload.id, index=index, total_chunks=chunks, data=SMALL)
        return upload

    def files(self) -> Sequence[File]:
        return self.site.files.page(self.actor, Query()).items

    def uploads(self) -> Sequence[Upload]:
        return self.site.uploads.uploads.page(Query(filters=(("owner", self.id),))).items

    def state(self) -> object:
        """All that a refused request must not change: files, the trash, uploads, quota, and chunks."""
        files, uploads = self.site.files, self.uploads()
        mine = [*self.files(), *files.trash_page(self.actor, Query()).items]
        ids = {one.id for one in [*mine, *uploads]}
        chunks = {place for place in _chunks(self.site) if place[0] in ids}
        strays = {place for place in _chunks(self.site) if not _known(self.site, place[0])}
        shown = [(one.id, one.state, one.received, one.bytes, one.reserved) for one in uploads]
        return sorted(mine, key=lambda one: one.id), shown, files.usage(self.actor), chunks, strays

    def sign_in(self) -> tuple[str, str]:
        """By a browser. Its cookies, and the token of its forms."""
        jar = CookieJar()
        browser = build_opener(HTTPCookieProcessor(jar))

        def page(path: str, form: Mapping[str, str] | None = None) -> str:
            data = None if form is None else urlencode(form).encode()
            headers = {"Accept": "text/html", "Referer": f"{self.address}{path}", "Origin": self.address}
            asked = Request(f"{self.address}{path}", data, headers)  # noqa: S310 - the site of the test
            with browser.open(asked, timeout=30) as answer:
                found = _FORM_TOKEN.search(answer.read().decode())
            assert found is not None, path
            return found[1]

        entered = {"csrf_token": page("/login"), "username": self.name, "password": PASSWORD}
        token = page("/login", entered)
        return "; ".join(f"{cookie.name}={cookie.value}" for cookie in jar), token


def _chunks(site: Services) -> set[tuple[str, int, int, bool]]:
    return {(file_id, index, stat.size, stat.kept) for file_id, index, stat in site.uploads.chunks.scan()}


def _known(site: Services, file_id: str) -> bool:
    return site.files.files.get(file_id) is not None or site.uploads.uploads.get(file_id) is not None


@dataclass(frozen=True)
class Waiting:
    """A request whose head was sent."""

    method: str
    path: str
    body: bytes
    headers: Mapping[str, str]

    def send(self, address: str, meanwhile: Callable[[], object]) -> tuple[int, bytes]:
        """Status and body of the answer. `meanwhile`: when the site asks for the body, half of it was sent."""
        place = urlsplit(address)
        lines = [f"{self.method} {self.path} HTTP/1.1", f"Host: {place.netloc}", "Expect: 100-continue"]
        lines += [f"{name}: {value}" for name, value in self.headers.items()]
        lines += [f"Content-Length: {len(self.body)}", "Connection: close", "", ""]
        with closing(socket.create_connection((place.hostname or "", place.port or 80), timeout=30)) as connection:
            connection.sendall("\r\n".join(lines).encode())
            first = connection.recv(4096)
            assert first.startswith(b"HTTP/1.1 100 "), first
            connection.sendall(self.body[: len(self.body) // 2])
            meanwhile()
            connection.sendall(self.body[len(self.body) // 2 :])
            answer = b""
            while piece := connection.recv(65536):
                answer += piece
        head, _, content = answer.partition(b"\r\n\r\n")
        return int(head.split()[1]), content


def by_token(who: Somebody) -> dict[str, str]:
    return {"Authorization": f"Bearer {who.token}"}


def put(body: bytes, query: str = "") -> Callable[[Somebody], Waiting]:
    def prepare(who: Somebody) -> Waiting:
        if query:
            who.stored()
        return Waiting("PUT", f"/files/a.bin{query}", body, by_token(who))

    return prepare


def chunk(index: int) -> Callable[[Somebody], Waiting]:
    def prepare(who: Somebody) -> Waiting:
        fields = {"chunk_index": index, "total_chunks": 2} | ({"file_id": who.begun().id} if index else {})
        kind = {"Content-Type": "application/octet-stream"}
        return Waiting("POST", f"/upload_chunk?{urlencode(fields)}", LARGE[:CHUNK], by_token(who) | kind)

    return prepare


def complete(more: Mapping[str, str]) -> Callable[[Somebody], Waiting]:
    def prepare(who: Somebody) -> Waiting:
        if more:
            who.stored()
        fields = {"file_id": who.begun(2, 2).id, "name": "a.bin", "total_size": 2 * len(SMALL), **more}
        kind = {"Content-Type": "application/json"}
        return Waiting("POST", "/upload_complete", json.dumps(fields).encode(), by_token(who) | kind)

    return prepare


def rename(who: Somebody) -> Waiting:
    kind = {"Content-Type": "application/json"}
    body = json.dumps({"new_name": "b.bin"}).encode()
    return Waiting("POST", f"/files/{who.stored().id}/rename", body, by_token(who) | kind)


def by_browser(who: Somebody) -> tuple[dict[str, str], str]:
    cookies, token = who.sign_in()
    return {"Cookie": cookies, "Origin": who.address}, token


def restore(who: Somebody) -> Waiting:
    """By the form of a page."""
    file = who.stored()
    who.site.files.trash(who.actor, file.id)
    headers, token = by_browser(who)
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    body = urlencode({"csrf_token": token}).encode()
    return Waiting("POST", f"/my/files/{file.id}/restore", body, headers | kind)


def form(who: Somebody) -> Waiting:
    """Two files, of one chunk and of several."""
    headers, token = by_browser(who)
    parts = b"".join(
        b'--%s\r\nContent-Disposition: form-data; name="file"; filename="%s"\r\n\r\n%s\r\n'
        % (BOUNDARY.encode(), name, data)
        for name, data in ((b"l.bin", LARGE), (b"s.bin", SMALL))
    )
    kind = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
    body = parts + f"--{BOUNDARY}--\r\n".encode()
    return Waiting("POST", f"/my/files?{urlencode({'csrf_token': token})}", body, headers | kind)


REPLACE: Final = {"on_conflict": "replace"}
DOORS: Final[Mapping[str, Callable[[Somebody], Waiting]]] = {
    "PUT": put(LARGE),
    "PUT of a small file": put(SMALL),
    "PUT in the place of another": put(LARGE, "?on_conflict=replace"),
    "first chunk": chunk(0),
    "next chunk": chunk(1),
    "complete": complete({}),
    "complete in the place of another": complete(REPLACE),
    "rename": rename,
    "restore": restore,
    "form": form,
}
BY_BROWSER: Final = frozenset({"restore", "form"})
