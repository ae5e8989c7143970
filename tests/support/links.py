"""A site with a file that is shared, and what strangers see of it."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit
from zipfile import ZipFile

from werkzeug.test import TestResponse

from backoffice.domain.access import ANONYMOUS, Actor
from backoffice.domain.files import File, FileSpec
from backoffice.domain.folders import Folder
from backoffice.domain.links import Link
from backoffice.services.authorization import grants_of
from backoffice.services.links import Links
from tests.support.uploads import reader
from tests.support.website import SHELL, Browser, Site

DATA = b"what is shared, to the last byte"


class Sharing:
    """Ann shares `report.txt`. Time can be put forward for links."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.ann = self.site.add_user("ann")
        self.file = self.store()

    @property
    def links(self) -> Links:
        return self.site.services.links

    def store(self, name: str = "report.txt", folder: Folder | None = None, data: bytes = DATA) -> File:
        spec = FileSpec(name, folder=folder.id if folder is not None else "")
        return self.site.services.uploads.upload_stream(self.owner(), spec, reader(data))

    def folder(self, name: str, parent: Folder | None = None) -> Folder:
        return self.site.services.folders.create(self.owner(), name=name, parent=parent.id if parent else "")

    def move(self, what: File | Folder, into: Folder | None) -> None:
        has, to = self.site.services, into.id if into is not None else ""
        if isinstance(what, File):
            has.files.amend(self.owner(), what.id, folder=to)
        else:
            has.folders.update(self.owner(), what.id, parent=to)

    def owner(self, user_id: str = "") -> Actor:
        """Somebody, as they are now."""
        has = self.site.services
        user, roles = has.links.accounts.load(user_id or self.ann)
        assert user is not None
        return Actor(user.id, user.username, grants_of(user, roles), credential="session:0")

    def share(self, **fields: Any) -> tuple[Link, str]:
        """The link, and its path."""
        if not fields.keys() & {"file", "folder"}:
            fields["file"] = self.file.id
        link, token = self.links.create(self.owner(), **fields)
        return link, f"/s/{token}"

    def now(self, link: Link) -> Link:
        found = self.links.store.get(link.id)
        assert found is not None
        return found

    def visitor(self) -> Actor:
        return replace(ANONYMOUS, ip="192.0.2.1", agent="a browser", request_id="r1")

    def stranger(self) -> Browser:
        return self.site.browser()

    def entries(self, action: str) -> list[Any]:
        """The log, oldest first."""
        return list(self.site.services.audit.log.page((("action", action),), "", 500).items[::-1])


class Tree(Sharing):
    """Besides: `plans` with `one.txt`, `inner` with `two.txt`, and an empty `empty`; beside it `plans b`."""

    def __init__(self, site: Site) -> None:
        super().__init__(site)
        self.top = self.folder("top")
        self.plans = self.folder("plans", self.top)
        self.inner = self.folder("inner", self.plans)
        self.empty = self.folder("empty", self.plans)
        self.beside = self.folder("plans b", self.top)
        self.one, self.two = self.store("one.txt", self.plans), self.store("two.txt", self.inner, b"second")
        self.outside = self.store("outside.txt", self.beside, b"a secret")
        self.above = self.store("above.txt", self.top, b"a secret")
        self.link, self.path = self.share(folder=self.plans.id)


def press(browser: Browser, path: str, form: dict[str, str]) -> TestResponse:
    """A button of the page, or what somebody makes of one."""
    assert browser.get(path).status_code == 200
    return browser.post(path, form)


def download(browser: Browser, path: str, **form: str) -> TestResponse:
    """What a person does: look, press the button, follow where it leads."""
    assert browser.get(path).status_code == 200
    answer = browser.post(path, form)
    if answer.status_code != 303:
        return answer
    return browser.get(urlsplit(answer.headers["Location"]).path)


def names_in(archive: bytes) -> dict[str, bytes]:
    """What an archive holds."""
    with ZipFile(io.BytesIO(archive)) as opened:
        return {one: opened.read(one) for one in opened.namelist()}


__all__ = ["DATA", "SHELL", "Sharing", "Tree", "download", "names_in", "press"]
