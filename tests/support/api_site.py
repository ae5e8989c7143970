"""The whole web application on an imitated store, and people with tokens: for tests at the level of HTTP."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import fakeredis
from flask import Flask
from redis import Redis
from werkzeug.test import TestResponse

from backoffice.app import make_web
from backoffice.composition import build_services
from backoffice.domain.access import system_actor
from backoffice.domain.ids import new_id
from backoffice.services.container import Services
from backoffice.settings import Secret, Settings
from tests.support.people import Cheap

KIB = 1024
QUICK = Cheap(memory_kib=8, passes=1)
SHELL = system_actor("test", "shell")
HOST = "localhost"


def settings(**changes: Any) -> Settings:
    """Small limits, so that each is reached in a test."""
    given: dict[str, Any] = {
        "secret_keys": (Secret("a key for tests only, of thirty-two or more"),),
        "chunk_size": 64 * KIB,
        "max_chunk_size": 256 * KIB,
        "max_file_size": 1024 * KIB,
        "max_chunks": 1000,
        "quota_bytes": 4096 * KIB,
        "max_open_uploads": 10,
    }
    return Settings(**(given | changes))


@dataclass
class Person:
    """Somebody with a token."""

    site: Site
    id: str
    name: str
    token: str

    def call(self, method: str, path: str, headers: Mapping[str, str] | None = None, **more: Any) -> TestResponse:
        """One request; the answer is read whole."""
        sent = {"Authorization": f"Bearer {self.token}", **(headers or {})}
        return self.site.app.test_client().open(path, method=method, headers=sent, **more)

    def get(self, path: str, **more: Any) -> TestResponse:
        return self.call("GET", path, **more)

    def chunk(self, data: bytes = b"x", query: str = "", **fields: Any) -> TestResponse:
        """A raw chunk; fields in the query."""
        values = {"chunk_index": 0, "total_chunks": 1, **fields}
        return self.call(
            "POST",
            f"/upload_chunk{query}",
            query_string=None if query else {name: value for name, value in values.items() if value is not None},
            data=data,
            content_type="application/octet-stream",
        )

    def start(self, data: bytes = b"x", total: int = 1, **fields: Any) -> str:
        answer = self.chunk(data, total_chunks=total, **fields)
        assert answer.status_code == 200, answer.text
        return str(answer.json["file_id"])  # type: ignore[index]

    def complete(self, file_id: str, size: int, name: str = "a.bin", **fields: Any) -> TestResponse:
        body = {"file_id": file_id, "name": name, "total_size": size, **fields}
        return self.call("POST", "/upload_complete", json=body)

    def put(self, name: str, data: bytes = b"hello", **more: Any) -> TestResponse:
        return self.call("PUT", f"/files/{name}", data=data, **more)

    def upload(self, name: str = "a.bin", data: bytes = b"hello") -> str:
        answer = self.put(name, data)
        assert answer.status_code == 201, answer.text
        return str(answer.json["id"])  # type: ignore[index]


@dataclass
class Site:
    """An application and its services."""

    app: Flask
    services: Services
    store: Redis
    people: dict[str, Person] = field(default_factory=dict)

    def person(self, name: str, *roles: str, scopes: Iterable[str] | None = None) -> Person:
        """Somebody who has these roles and a token of these scopes, made when first asked for."""
        if name not in self.people:
            user, _ = self.services.users.create(
                SHELL, username=name, password="violet-harbour-93", roles=roles or ("user",)
            )
            _, text = self.services.tokens.create(SHELL, name="test", user_id=user.id, scopes=scopes)
            self.people[name] = Person(self, user.id, name, text)
        return self.people[name]

    def clear(self) -> Site:
        """Nothing is stored, and nobody is known."""
        self.store.flushall()
        self.people.clear()
        return self

    def somebody(self, *roles: str) -> Person:
        """A new person each time."""
        return self.person(f"u{new_id()}", *roles)

    def narrowed(self, person: Person, *scopes: str) -> Person:
        """The same person with a token of these scopes."""
        _, text = self.services.tokens.create(SHELL, name="narrow", user_id=person.id, scopes=scopes)
        return Person(self, person.id, person.name, text)

    def anybody(self, method: str, path: str, **more: Any) -> TestResponse:
        return self.app.test_client().open(path, method=method, **more)


def make_site(client: Redis, **changes: Any) -> Site:
    """The whole site on this store, imitated or real. `changes` are settings."""
    chosen = settings(**changes)
    imitated = "fakeredis" in type(client).__module__
    if imitated:
        client.info = lambda: {"aof_enabled": 0, "maxmemory": 0}  # type: ignore[method-assign]  # it has no INFO
    services = build_services(chosen, client, shebang=not imitated, passwords=QUICK)
    return Site(make_web(services, chosen), services, client)


@contextmanager
def imitated_site() -> Iterator[Site]:
    """A site on an imitated store of its own. Making one takes longer than most tests: share it, and `clear()` it."""
    with fakeredis.FakeRedis(server=fakeredis.FakeServer(server_type="valkey"), decode_responses=False) as client:
        yield make_site(client)


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def state(person: Person, store: Redis) -> dict[str, Any]:
    """All that a refused request must not change."""
    uploads = person.get("/uploads").json["items"]
    return {
        "files": person.get("/files").json["items"],
        "uploads": [{name: value for name, value in one.items() if name != "expires_at"} for one in uploads],
        "limits": person.get("/limits").json,
        "chunks": {key: store.get(key) for key in sorted(store.keys("file:*"))},
    }


@contextmanager
def nothing_changed(person: Person, store: Redis) -> Iterator[None]:
    before = state(person, store)
    yield
    assert state(person, store) == before


def form(data: bytes, **fields: Any) -> dict[str, Any]:
    """The fields of a chunk in a form."""
    return {
        **{name: str(value) for name, value in {"chunk_index": 0, "total_chunks": 1, **fields}.items()},
        "chunk_data": (io.BytesIO(data), "chunk"),
    }


def problem(answer: TestResponse, status: int, code: str) -> dict[str, Any]:
    """The problem in `answer`, which has to be this one and to be well-formed."""
    assert answer.status_code == status, answer.text
    assert answer.content_type == "application/problem+json", answer.text
    body: dict[str, Any] = answer.get_json(force=True)
    assert body["code"] == code, body
    assert body["status"] == status
    assert body["request_id"] == answer.headers["X-Request-ID"]
    return body
