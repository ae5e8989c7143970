"""A site on which Ann shares a folder and a file with others, and all doors by which these come in."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Final

from werkzeug.test import TestResponse

from backoffice.domain.access import Actor
from backoffice.domain.files import File, FileSpec
from backoffice.domain.shares import Share, ShareAccess
from backoffice.services.authorization import grants_of
from backoffice.services.shares import Shares
from tests.support.website import SHELL, Browser, Site

DATA: Final = b"what is shared, to the last byte"
JSON: Final = {"Accept": "application/json"}


@dataclass
class Circle:
    """Ann has a folder `team` with `plan.txt` and a folder `deep` with `notes.txt` in it; beside it a folder `team2`
    with `other.txt`, and `private.txt` at the top. Bob is with whom she shares; Eve is somebody else."""

    site: Site
    ann: str = ""
    bob: str = ""
    eve: str = ""
    folder: str = ""
    deep: str = ""
    beside: str = ""
    files: dict[str, File] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.ann, self.bob, self.eve = (self.site.add_user(name) for name in ("ann", "bob", "eve"))
        folders, ann = self.site.services.folders, self.who("ann")
        self.folder = folders.create(ann, name="team").id
        self.deep = folders.create(ann, name="deep", parent=self.folder).id
        self.beside = folders.create(ann, name="team2").id
        for name, place in (("plan", self.folder), ("notes", self.deep), ("other", self.beside), ("private", "")):
            self.files[name] = self.store(f"{name}.txt", place)

    @property
    def shares(self) -> Shares:
        return self.site.services.shares

    def who(self, name: str) -> Actor:
        """Somebody as they are now, as whoever signed in."""
        user, roles = self.shares.accounts.load(self.site.users[name])
        assert user is not None
        return Actor(user.id, user.username, grants_of(user, roles), credential=f"session:{name}", ip="192.0.2.7")

    def store(self, name: str, folder: str = "", who: str = "ann", data: bytes = DATA) -> File:
        spec = FileSpec(name, folder=folder)
        return self.site.services.uploads.upload_stream(self.who(who), spec, io.BytesIO(data).readinto, len(data))

    def share(self, access: ShareAccess = ShareAccess.READ, **fields: Any) -> Share:
        """Ann's, of her folder with Bob, unless `fields` say otherwise."""
        what = {} if {"file", "folder"} & fields.keys() else {"folder": self.folder}
        whom = {} if {"user", "role"} & fields.keys() else {"user": "bob"}
        return self.shares.create(self.who("ann"), access=access, **{**what, **whom, **fields})

    def now(self, share: Share) -> Share:
        found = self.shares.store.get(share.id)
        assert found is not None
        return found

    def bearer(self, name: str, *scopes: str) -> Bearer:
        return Bearer(self.site, self.site.token(name, *scopes))

    def entries(self, action: str) -> list[Any]:
        """The log, oldest first."""
        return [one.event for one in self.site.services.audit.log.page((("action", action),), "", 500).items[::-1]]


@dataclass(frozen=True)
class Bearer:
    """A program with a token."""

    site: Site
    token: str

    def __call__(self, method: str, path: str, **options: Any) -> TestResponse:
        headers = {**JSON, "Authorization": f"Bearer {self.token}", **options.pop("headers", {})}
        return self.site.app.test_client().open(path, method=method, headers=headers, buffered=True, **options)


def doors(on: Circle, share: Share) -> dict[str, Callable[[Bearer], TestResponse]]:
    """Every address by which somebody comes to what is shared as a folder, each with what is asked there."""
    root, plan, notes = f"/shares/{share.id}", on.files["plan"].id, on.files["notes"].id
    body = {"json": {"file_id": plan, "name": "x.txt", "total_size": 1}}
    return {
        "files": lambda call: call("GET", f"{root}/files"),
        "files within": lambda call: call("GET", f"{root}/files?folder={on.deep}"),
        "folders": lambda call: call("GET", f"{root}/folders"),
        "bytes": lambda call: call("GET", f"{root}/files/{plan}"),
        "bytes within": lambda call: call("GET", f"{root}/files/{notes}"),
        "range": lambda call: call("GET", f"{root}/files/{plan}", headers={"Range": "bytes=0-3"}),
        "head": lambda call: call("HEAD", f"{root}/files/{plan}"),
        "metadata": lambda call: call("GET", f"{root}/files/{plan}/metadata"),
        "preview": lambda call: call("GET", f"{root}/files/{plan}/preview"),
        "zip": lambda call: call("GET", f"{root}/files.zip"),
        "zip within": lambda call: call("GET", f"{root}/files.zip?folder={on.deep}"),
        "put": lambda call: call("PUT", f"{root}/files/new.txt", data=DATA),
        "put within": lambda call: call("PUT", f"{root}/files/new.txt?folder={on.deep}", data=DATA),
        "content": lambda call: call("PUT", f"{root}/files/{plan}/content", data=DATA),
        "chunk": lambda call: call("POST", f"{root}/upload_chunk?chunk_index=0&total_chunks=2", data=DATA),
        "complete": lambda call: call("POST", f"{root}/upload_complete", **body),
        "folder": lambda call: call("POST", f"{root}/folders", json={"name": "new"}),
        "folder within": lambda call: call("POST", f"{root}/folders", json={"name": "new", "parent": on.deep}),
        "folders by path": lambda call: call("POST", f"{root}/folders", json={"path": ["a", "b"], "parent": on.deep}),
        "put by path": lambda call: call("PUT", f"{root}/files/new.txt?folder_path=c", data=DATA),
        "names": lambda call: call("POST", f"{root}/files/taken", json={"files": [{"name": "plan.txt"}]}),
        "uploads": lambda call: call("GET", f"{root}/uploads"),
        "chunks": lambda call: call("GET", f"{root}/uploads/{plan}/chunks"),
        "upload": lambda call: call("GET", f"{root}/uploads/{plan}"),
        "cancel": lambda call: call("DELETE", f"{root}/uploads/{plan}"),
    }


WITHOUT_MATCH: Final = frozenset({"complete", "chunks", "upload", "cancel"})
"""Doors that answer 404 with an open share as well, for there is no such upload."""
WRITES: Final = frozenset(
    {
        "put",
        "put within",
        "put by path",
        "content",
        "chunk",
        "complete",
        "names",
        "uploads",
        "chunks",
        "upload",
        "cancel",
    }
    | {"folder", "folder within", "folders by path"}
)

__all__ = ["DATA", "SHELL", "WITHOUT_MATCH", "WRITES", "Bearer", "Browser", "Circle", "doors", "replace"]
