"""A site with a file that is shared, and what strangers see of it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from werkzeug.test import TestResponse

from backoffice.domain.access import ANONYMOUS, Actor
from backoffice.domain.files import File, FileSpec
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

    def store(self, name: str = "report.txt") -> File:
        return self.site.services.uploads.upload_stream(self.owner(), FileSpec(name), reader(DATA))

    def owner(self, user_id: str = "") -> Actor:
        """Somebody, as they are now."""
        has = self.site.services
        user, roles = has.links.accounts.load(user_id or self.ann)
        assert user is not None
        return Actor(user.id, user.username, grants_of(user, roles), credential="session:0")

    def share(self, **fields: Any) -> tuple[Link, str]:
        """The link, and its path."""
        link, token = self.links.create(self.owner(), file=fields.pop("file", self.file.id), **fields)
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


def download(browser: Browser, path: str, **form: str) -> TestResponse:
    """What a person does: look, press the button, follow where it leads."""
    assert browser.get(path).status_code == 200
    answer = browser.post(path, form)
    if answer.status_code != 303:
        return answer
    return browser.get(urlsplit(answer.headers["Location"]).path)


__all__ = ["DATA", "SHELL", "Sharing", "download"]
