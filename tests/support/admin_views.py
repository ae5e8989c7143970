"""The admin site as it runs, with people of several roles, files and uploads: for the tests of its views."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import fakeredis
import pytest
from redis import Redis
from werkzeug.test import TestResponse

import backoffice.composition
from backoffice.domain.access import BUILT_IN, Actor, granted_by
from backoffice.domain.files import File, FileSpec
from backoffice.domain.ids import new_id
from backoffice.domain.permissions import Permission, Permissions
from backoffice.domain.uploads import Upload
from backoffice.domain.users import User
from backoffice.stores.client import Db
from tests.support.website import SHELL, Browser, Site, make_whole_site

CUSTOM = {
    "librarian": {Permissions.FILES_ALL_READ, Permissions.FILES_ALL_WRITE},
    "registrar": {Permissions.USERS_READ, Permissions.USERS_WRITE},
    "keeper": {Permissions.ROLES_READ, Permissions.ROLES_WRITE, Permissions.FILES_READ},
    "witness": {Permissions.AUDIT_READ},
}
HOLDS = {name: granted_by(name) for name in BUILT_IN} | CUSTOM
_VERSION = re.compile(r'name="version"[^>]*value="(\d+)"')


class CountedDb(Db):
    """Counts the round trips of everybody who has one."""

    trips = 0

    def _one(self, command: Any) -> Any:
        CountedDb.trips += 1
        return super()._one(command)

    def _several(self, commands: Any) -> list[Any]:
        CountedDb.trips += len(commands) > 1
        return super()._several(commands)


@dataclass
class Desk:
    """One site; people stay signed in from test to test, so tests make the records they change."""

    site: Site
    store: Redis
    browsers: dict[str, Browser] = field(default_factory=dict)

    def as_(self, role: str) -> Browser:
        """Somebody of this role; `admin` is the only one."""
        if role not in self.browsers:
            self.browsers[role] = self.site.signed_in(f"the-{role}", role)
        browser = self.browsers[role]
        browser.get("/account")  # whose form has the token for what is posted next
        return browser

    def id_of(self, role: str) -> str:
        self.as_(role)
        return self.site.users[f"the-{role}"]

    def user(self, name: str = "", *roles: str, **more: Any) -> User:
        name = name or f"u{new_id()[:8].lower()}"
        return self.site.services.users.create(SHELL, username=name, roles=roles or ("user",), **more)[0]

    def reread(self, user: User) -> User:
        return self.site.services.users.get(SHELL, user.id)

    def _owner(self, owner: User | None) -> Actor:
        return replace(SHELL, id=owner.id, name=owner.username) if owner else replace(SHELL, id=self.id_of("user"))

    def file(self, name: str = "", owner: User | None = None, tags: tuple[str, ...] = ()) -> File:
        data = b"hello"
        return self.site.services.uploads.upload_stream(
            self._owner(owner),
            FileSpec(name or f"{new_id()}.txt", "text/plain", tags=tags),
            io.BytesIO(data).readinto,
            len(data),
        )

    def trashed(self, name: str = "") -> File:
        file = self.file(name)
        self.site.services.files.trash(SHELL, file.id)
        return file

    def upload(self, name: str = "", owner: User | None = None) -> Upload:
        return self.site.services.uploads.put_chunk(
            self._owner(owner or self.user()), upload_id=None, index=0, total_chunks=2, data=b"x", name=name
        ).upload

    def role(self, *permissions: Permission, description: str = "") -> str:
        name = f"r{new_id()[:8].lower()}"
        granted = permissions or (Permissions.FILES_READ,)
        self.site.services.roles.create(SHELL, name=name, description=description, permissions=granted)
        return name

    def actions(self, actor_id: str) -> list[str]:
        """What the log says that somebody did, newest first."""
        page = self.site.services.audit.page(SHELL, filters=(("actor", actor_id),), limit=500)
        return [entry.event["action"] for entry in page.items]

    def records(self) -> dict[bytes, Any]:
        """All users, roles, files and uploads as stored."""
        found = {}
        for noun in ("users", "roles", "files", "uploads"):
            for key in self.store.scan_iter(f"{{bo}}:{noun}:*"):
                if self.store.type(key) == b"hash" and b":one:" not in key:
                    row = self.store.hgetall(key)
                    row.pop(b"last_login_at", None)
                    found[key] = row
        return found


def version_in(page: TestResponse) -> str:
    """The version that an edit form carries."""
    found = _VERSION.search(page.text)
    assert found is not None, page.text
    return found[1]


@contextmanager
def desk() -> Iterator[Desk]:
    """A site with one administrator and the custom roles. Making one takes longer than most tests: share it."""
    with (
        fakeredis.FakeRedis(server=fakeredis.FakeServer(server_type="valkey"), decode_responses=False) as client,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setattr(backoffice.composition, "Db", CountedDb)
        made = Desk(make_whole_site(client), client)
        for name, granted in CUSTOM.items():
            made.site.services.roles.create(SHELL, name=name, permissions=granted)
        made.as_("admin")
        yield made
