"""A whole site, seen from outside and from inside, and the people on it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Page, expect

from backoffice.domain.access import Actor, system_actor
from backoffice.domain.files import File, FileSpec
from backoffice.domain.ids import new_id
from backoffice.domain.paging import Query
from backoffice.domain.uploads import Upload
from backoffice.domain.users import User
from backoffice.services.container import Services
from backoffice.web.cookies import SESSION, site_mark
from tests.browser.pages import ready
from tests.support.servers import Site, descendants

PASSWORD = "violet-harbour-93-lantern"
SHELL = system_actor("test", "shell")
CHUNK = 2**20
"""Bytes of a piece on the site of these tests: a quarter of the usual, so that files are smaller."""


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who can sign in."""

    id: str
    name: str
    user: User


@dataclass(slots=True)
class WholeSite:
    """`manage.py up`, seen from outside and, to prepare and to compare, from inside."""

    url: str
    process: Site
    services: Services

    def person(self, *roles: str, quota: int | None = None) -> Person:
        """A new person each time, so that no test sees another's files."""
        user, _ = self.services.users.create(
            SHELL, username=f"u-{new_id()[:8].lower()}", password=PASSWORD, roles=roles or ("user",), quota_bytes=quota
        )
        return Person(user.id, user.username, user)

    def actor(self, person: Person) -> Actor:
        _, text = self.services.tokens.create(SHELL, name="test", user_id=person.id, days=1)
        found = self.services.tokens.authenticate(text, ip="127.0.0.1", agent="test", request_id="test")
        assert found is not None
        return found[0]

    def let_in(self, page: Page, person: Person, url: str = "") -> None:
        """Open that person's files with a session that was begun elsewhere. `url`: the site's address for that page."""
        self.give_session(page, person, url)
        page.goto(f"{url or self.url}/")
        expect(page.get_by_role("heading", level=1)).to_have_text("My files")
        ready(page)

    def give_session(self, page: Page, person: Person, url: str = "") -> None:
        secret = self.services.sessions.start_for(SHELL, person.user).secret
        url = url or self.url
        names = {SESSION + site_mark(one) for one in (url, self.url)}  # as the site is called by what is in between
        page.context.add_cookies([{"name": name, "value": secret, "url": url, "httpOnly": True} for name in names])

    def sign_in(self, page: Page, person: Person) -> None:
        """By the form, with PASSWORD."""
        page.goto(f"{self.url}/login")
        page.get_by_label("User name").fill(person.name)
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("My files")

    def files(self, person: Person) -> dict[str, File]:
        page = self.services.files.page(self.actor(person), Query(limit=500))
        return {file.name: file for file in page.items}

    def uploads(self, person: Person) -> list[Upload]:
        """The unfinished ones."""
        return list(self.services.uploads.mine(self.actor(person), Query(sort="created")).items)

    def sha256(self, person: Person, file: File) -> str:
        """Of the bytes that are stored."""
        found = hashlib.sha256()
        for part in self.services.files.open(self.actor(person), file.id).read():
            found.update(part)
        return found.hexdigest()

    def store(self, person: Person, name: str, data: bytes = b"data", folder: str = "") -> File:
        left = memoryview(data)

        def read_into(view: memoryview) -> int:
            nonlocal left
            count = min(len(view), len(left))
            view[:count], left = left[:count], left[count:]
            return count

        return self.services.uploads.upload_stream(
            self.actor(person), FileSpec(name, folder=folder), read_into, len(data)
        )

    def store_pid(self) -> int:
        """The process of the store."""
        family = descendants(self.process.process.pid)
        found = [pid for pid in family if b"valkey-server" in Path(f"/proc/{pid}/cmdline").read_bytes()]
        assert len(found) == 1, "one store"
        return found[0]
