"""What happened on the site whose data `make_data.py` keeps: one of everything."""

from __future__ import annotations

import hashlib
import http.client
import json
import re
import time
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from backoffice.domain.nouns import all_permissions

PASSWORD = "violet-harbour-93-lantern"
AGENT = "data-maker/1"
Send = Callable[[str, str, bytes | None, Mapping[str, str]], tuple[int, bytes]]
"""Method, path, body, headers -> status, body."""

_TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')


def noise(size: int, seed: str) -> bytes:
    """Bytes that are the same each time."""
    return hashlib.shake_256(seed.encode()).digest(size)


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@dataclass(slots=True)
class Api:
    """A running site over HTTP."""

    url: str

    def send(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> tuple[int, bytes]:
        status, _, data = self.open(method, path, body, headers)
        return status, data

    def open(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> tuple[int, http.client.HTTPMessage, bytes]:
        connection = http.client.HTTPConnection(urlsplit(self.url).netloc, timeout=30)
        try:
            connection.request(method, path, body, {"User-Agent": AGENT, **(headers or {})})
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()
        finally:
            connection.close()

    @staticmethod
    def asked(
        send: Send,
        method: str,
        path: str,
        token: str,
        body: object = None,
        *,
        raw: bytes | None = None,
        status: int = 0,
    ) -> Any:
        """The answer's JSON. Raises RuntimeError unless the answer is `status`, or a success where none is given."""
        headers = {"Authorization": f"Bearer {token}"}
        if body is not None:
            raw, headers["Content-Type"] = json.dumps(body).encode(), "application/json"
        got, data = send(method, quote(path, safe="/?=&*%+"), raw, headers)
        if got != status and (status or not 200 <= got < 300):
            raise RuntimeError(f"{method} {path}: {got} {data[:500]!r}")
        time.sleep(0.003)  # so that no two records have the same time: lists by time have one order
        return json.loads(data) if data else None


@dataclass(slots=True)
class Made:
    """What was made, as far as the manifest needs it."""

    api: Api
    command: Callable[..., str]
    admin_token: str = ""
    token: str = ""
    narrow: str = ""
    revoked: str = ""
    session: str = ""
    invitation: str = ""
    digests: dict[str, str] = field(default_factory=dict)
    purged: list[str] = field(default_factory=list)
    cancelled: list[str] = field(default_factory=list)
    open: dict[str, Any] = field(default_factory=dict)

    def put(self, send: Send, name: str, size: int, query: str = "", token: str = "") -> str:
        """A file in one body."""
        data = noise(size, name + query)
        given = unicodedata.normalize("NFD", name)
        made = Api.asked(send, "PUT", f"/files/{given}{query}", token or self.token, raw=data)
        self.digests[made["id"]] = sha256(data)
        return str(made["id"])

    def chunks(self, send: Send, name: str, sizes: list[int], send_only: range | None = None) -> tuple[str, bytes]:
        """An upload with these chunks, or some of them."""
        data = noise(sum(sizes), name)
        file_id = ""
        for index in send_only if send_only is not None else range(len(sizes)):
            fields = {"chunk_index": index, "total_chunks": len(sizes), **({"file_id": file_id} if file_id else {})}
            if not file_id:
                fields |= {"name": name, "total_size": len(data)}
            start = sum(sizes[:index])
            path = f"/upload_chunk?{urlencode(fields)}"
            file_id = Api.asked(send, "POST", path, self.token, raw=data[start : start + sizes[index]])["file_id"]
        return file_id, data

    def whole(self, send: Send, name: str, sizes: list[int], **fields: Any) -> str:
        """A file in chunks, whose digest the client does not tell."""
        file_id, data = self.chunks(send, name, sizes)
        body = {"file_id": file_id, "name": name, "total_size": len(data), **fields}
        Api.asked(send, "POST", "/upload_complete", self.token, body)
        self.digests[file_id] = sha256(data)
        return file_id


def before_rewriting(made: Made) -> None:
    _people(made)
    _sign_in(made)
    _files(made)
    _more_of_the_log(made)


def _people(made: Made) -> None:
    named = ("--user", "admin", "--name", "admin", "--days", "3650")
    # Only a token that names the right to it gives roles.
    scopes = (part for one in all_permissions() for part in ("--scope", str(one)))
    made.admin_token = made.command("token", "create", *named, *scopes).strip()
    ask = made.api.send
    role = {"name": "librarian", "description": "Puts in order", "permissions": ["files:read", "files.all:read"]}
    Api.asked(ask, "POST", "/admin/roles", made.admin_token, role)
    for fields in (
        {"username": "ada", "email": "ada@example.org", "password": PASSWORD, "quota_bytes": 10_000_000},
        {"username": "grace", "password": PASSWORD, "roles": ["user", "librarian"]},
        {"username": "ivan", "email": "ivan@example.org"},
        {"username": "dora", "password": PASSWORD},
        {"username": "gone", "password": PASSWORD},
    ):
        answer = Api.asked(ask, "POST", "/admin/users", made.admin_token, fields)
        made.invitation = answer["setup_url"] or made.invitation
    made.invitation = urlsplit(made.invitation).path
    made.command("user", "disable", "dora")
    made.command("user", "delete", "gone")
    made.command("role", "update", "librarian", "--description", "Finds and puts in order")
    made.command("role", "create", "passing", "--permission", "files:read")
    made.command("role", "delete", "passing")
    words = ("token", "create", "--user", "ada", "--days", "3650")
    made.token = made.command(*words, "--name", "laptop").strip()
    made.narrow = made.command(*words, "--name", "reader", "--scope", "files:read").strip()
    made.revoked = made.command(*words, "--name", "lost").strip()
    made.command("token", "revoke", made.revoked.split("_")[1])


def sign_in(api: Api, username: str, password: str) -> tuple[int, http.client.HTTPMessage]:
    """Send the form of the page, as a browser does; status and headers of the answer."""
    _, headers, page = api.open("GET", "/login")
    cookies = "; ".join(f"{name}={one.value}" for name, one in _cookies(headers).items())
    found = _TOKEN.search(page.decode())
    if found is None:
        raise RuntimeError("the page has no form")
    form = urlencode({"csrf_token": found[1], "username": username, "password": password}).encode()
    sent = {"Content-Type": "application/x-www-form-urlencoded", "Cookie": cookies, "Accept": "text/html"}
    status, headers, _ = api.open("POST", "/login", form, sent)
    return status, headers


def _sign_in(made: Made) -> None:
    """Once with a wrong password, once rightly; the session of the second is kept."""
    sign_in(made.api, "ada", "not the password")
    status, headers = sign_in(made.api, "ada", PASSWORD)
    if status != 303:
        raise RuntimeError(f"sign-in: {status}")
    [made.session] = [one.value for name, one in _cookies(headers).items() if re.fullmatch(r"backoffice(-\d+)?", name)]


def _cookies(headers: http.client.HTTPMessage) -> SimpleCookie:
    cookies = SimpleCookie()
    for line in headers.get_all("Set-Cookie", []):
        cookies.load(line)
    return cookies


def _files(made: Made) -> None:
    ask = made.api.send
    made.put(ask, "empty.dat", 0)
    one = made.put(ask, "one chunk.txt", 1000, "?tag=red&tag=notes")
    made.whole(ask, "several chunks.bin", [300, 1, 299, 300, 77], tags=["red", "big"])
    # Chunks are in groups of 64: this one has three.
    made.whole(ask, "three groups of chunks.bin", [7] * 130, tags=["big"])
    made.put(ask, "larger than a chunk.bin", 70_000)
    for name in ("Größe ✓ 日本語.txt", "отчёт за май.txt", "تقرير سنوي.pdf", "résumé à café.md", "emoji 🧾.txt"):
        made.put(ask, name, 50)
    made.put(ask, "replaced.txt", 60)
    made.put(ask, "replaced.txt", 61, "?on_conflict=replace")
    renamed = made.put(ask, "old name.txt", 62)
    Api.asked(ask, "POST", f"/files/{renamed}/rename", made.token, {"new_name": "a new name.txt"})
    for name in ("trashed.txt", "trashed and back.txt"):
        trashed = made.put(ask, name, 63)
        Api.asked(ask, "DELETE", f"/files/{trashed}", made.token)
    Api.asked(ask, "POST", f"/files/{trashed}/restore", made.token)
    purged = made.put(ask, "purged.txt", 64)
    Api.asked(ask, "DELETE", f"/files/{purged}?purge=1", made.token)
    made.purged.append(purged)
    grace = made.command("token", "create", "--user", "grace", "--days", "1").strip()
    made.put(ask, "notes of grace.txt", 65, "?tag=notes", token=grace)
    cancelled, _ = made.chunks(ask, "cancelled.bin", [10, 10], range(1))
    Api.asked(ask, "DELETE", f"/uploads/{cancelled}", made.token)
    made.cancelled.append(cancelled)
    made.api.open("GET", f"/files/{one}", None, {"Authorization": f"Bearer {made.token}"})


def _more_of_the_log(made: Made) -> None:
    """What is refused is in the log as well."""
    role = {"name": "mine", "permissions": ["files:read"]}
    Api.asked(made.api.send, "POST", "/admin/roles", made.token, role, status=403)
    Api.asked(made.api.send, "PUT", "/files/x.txt", made.narrow, raw=b"x", status=403)
    made.command("user", "set-password", "grace", typed=PASSWORD + "\n")
    made.command("user", "update", "grace", "--email", "grace@example.org")
    made.command("user", "disable", "grace")
    made.command("user", "enable", "grace")
    made.command("audit", "tail", "-n", "1")


def since_rewriting(made: Made, send: Send) -> None:
    """No worker runs: the file's digest is not known yet, and the upload stays open."""
    made.whole(send, "late, in chunks.bin", [100, 200, 300])
    sizes, name = [500, 400, 300, 200], "open.bin"
    file_id, data = made.chunks(send, name, sizes, range(1, 3))
    made.open = {"file_id": file_id, "name": name, "sizes": sizes, "sent": [1, 2], "sha256": sha256(data)}
