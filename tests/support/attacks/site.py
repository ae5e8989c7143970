"""A site to attack, started as a person starts it, and those who attack it over HTTP, from addresses of 127.0.0.0/8."""

from __future__ import annotations

import contextlib
import http.client
import json
import re
import socket
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from urllib.parse import urlencode, urlsplit

from redis import Redis

from backoffice.domain.audit import AuditEntry
from backoffice.embedded.discovery import attach
from backoffice.services.container import Services
from backoffice.settings import Settings
from tests.support.long_acts import SHELL, services_of
from tests.support.servers import Site, wait_for

PASSWORD = "violet-harbour-93-lantern"
FORM, OCTETS, JSON = "application/x-www-form-urlencoded", "application/octet-stream", "application/json"
_FORM_TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')
_NUMBERS = count()


@dataclass(frozen=True, slots=True)
class Answer:
    """Of the site. `status` 0: the connection ended without one."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    seconds: float = 0.0

    @property
    def text(self) -> str:
        return self.body.decode("utf-8", "replace")

    def json(self) -> dict[str, object]:
        found: dict[str, object] = json.loads(self.body)
        return found


@dataclass(slots=True)
class Attacked:
    """The running site; its services, as another of its processes has them; and what it says."""

    process: Site
    services: Services
    address: tuple[str, int]
    data: Path

    @property
    def origin(self) -> str:
        return "http://{}:{}".format(*self.address)

    def connect(self, source: str = "127.0.0.1") -> socket.socket:
        one = socket.socket()
        one.settimeout(30)
        one.bind((source, 0))
        one.connect(self.address)
        return one

    def send(
        self,
        method: str,
        path: str,
        body: bytes | str = b"",
        headers: Mapping[str, str] | None = None,
        source: str = "127.0.0.1",
    ) -> Answer:
        began = time.monotonic()
        connection = http.client.HTTPConnection(*self.address, timeout=60, source_address=(source, 0))
        try:
            connection.request(method, path, body, dict(headers or {}))
            answer = connection.getresponse()
            content = answer.read()
        except (OSError, http.client.HTTPException):
            return Answer(0, seconds=time.monotonic() - began)
        finally:
            connection.close()
        return Answer(answer.status, dict(answer.headers), content, time.monotonic() - began)

    def raw(self, data: bytes, source: str = "127.0.0.1", seconds: float = 5) -> bytes:
        """What comes back until the site ends the connection."""
        found = b""
        with self.connect(source) as one, contextlib.suppress(OSError):
            one.settimeout(seconds)
            one.sendall(data)
            while piece := one.recv(65536):
                found += piece
        return found

    def person(self, *roles: str, name: str = "", email: str = "") -> Person:
        """A new user with a password and a token."""
        name = name or f"person{next(_NUMBERS)}"
        user, _ = self.services.users.create(
            SHELL, username=name, email=email, password=PASSWORD, roles=roles or ("user",)
        )
        return Person(self, name, user.id)

    def others_wait(self, source: str = "127.0.9.9") -> float:
        """Seconds until somebody else has an answer; 60 is the end of waiting."""
        return self.send("GET", "/livez", source=source).seconds

    def newest(self) -> str:
        return self.services.audit.page(SHELL, limit=1).items[0].id

    def entries_since(self, entry: str) -> list[AuditEntry]:
        """Of the log."""
        return list(self.services.audit.follow(SHELL, entry, 1))

    def actions_since(self, entry: str) -> list[str]:
        return [str(one.event["action"]) for one in self.entries_since(entry)]

    def store(self) -> Redis:
        settings = attach(Settings(data_dir=self.data))
        assert settings.redis_password is not None
        return Redis.from_url(settings.redis_url, password=settings.redis_password.reveal())

    def store_memory(self) -> int:
        """Bytes that the store uses."""
        with contextlib.closing(self.store()) as client:
            return int(client.info("memory")["used_memory"])

    def said(self) -> list[str]:
        """The lines of its log so far."""
        while not self.process._queue.empty():
            line = self.process._queue.get()
            if line is not None:
                self.process.lines.append(line)
        return self.process.lines


@dataclass(slots=True)
class Person:
    """Somebody who has an account, by a token or by a browser."""

    site: Attacked
    name: str
    id: str
    token: str = ""
    cookies: dict[str, str] = field(default_factory=dict)
    form_token: str = ""
    source: str = "127.0.0.1"

    def make_token(self, *scopes: str) -> str:
        """Another token; the one used from now on."""
        self.token = self.site.services.tokens.create(SHELL, name="t", user_id=self.id, scopes=scopes or None)[1]
        return self.token

    def ask(self, method: str, path: str, body: bytes | str | dict[str, object] = b"", kind: str = "") -> Answer:
        """By the token. A dict is sent as JSON."""
        if not self.token:
            self.make_token()
        headers = {"Authorization": f"Bearer {self.token}"}
        if isinstance(body, dict):
            body, kind = json.dumps(body), JSON
        if kind:
            headers["Content-Type"] = kind
        return self.site.send(method, path, body, headers, self.source)

    def browse(self, method: str, path: str, body: bytes | str = b"", kind: str = FORM) -> Answer:
        """By the browser, which keeps cookies and the token of the last form."""
        headers = {"Accept": "text/html", "Origin": self.site.origin, "Referer": f"{self.site.origin}{path}"}
        headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        if body:
            headers["Content-Type"] = kind
        connection = http.client.HTTPConnection(*self.site.address, timeout=60, source_address=(self.source, 0))
        began = time.monotonic()
        with contextlib.closing(connection):
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            content = answer.read()
        for line in answer.headers.get_all("Set-Cookie") or []:
            name, _, value = line.partition(";")[0].partition("=")
            self.cookies[name] = value
        found = _FORM_TOKEN.search(content.decode("utf-8", "replace"))
        self.form_token = found[1] if found else self.form_token
        return Answer(answer.status, dict(answer.headers), content, time.monotonic() - began)

    def post(self, path: str, **fields: str) -> Answer:
        """A form, with its token."""
        return self.browse("POST", path, urlencode({"csrf_token": self.form_token, **fields}))

    def sign_in(self, password: str = PASSWORD, name: str = "") -> Answer:
        """With a browser that nobody knows."""
        self.cookies.clear()
        self.browse("GET", "/login")
        answer = self.post("/login", username=name or self.name, password=password)
        if answer.status == 303:
            self.browse("GET", "/account")
        return answer


@contextlib.contextmanager
def attacked(data: Path, *arguments: str, **environ: str) -> Iterator[Attacked]:
    """A site of two processes, production's settings, nobody on it. `data`: a directory that is not there yet."""
    site = Site.start(data, "--workers", "2", *arguments, environ={"BACKOFFICE_DURABILITY": "os", **environ})
    try:
        parts = urlsplit(site.ready())
        one = Attacked(site, services_of(data), (parts.hostname or "", parts.port or 0), data)
        wait_for(lambda: one.others_wait() < 5, "it answers")
        yield one
    finally:
        site.close()
