"""Every way in, and every bar: what ends somebody's right ends it at each door, with the next request."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import BytesIO
from typing import Any, Final
from urllib.parse import urlsplit

import pytest
from redis import Redis
from werkzeug.test import TestResponse

from backoffice.domain.access import Actor
from backoffice.domain.files import FileSpec
from backoffice.domain.paging import Query
from backoffice.domain.permissions import Permissions
from backoffice.domain.shares import ShareAccess
from backoffice.domain.times import now_ms
from tests.support.roomy_site import roomy_site
from tests.support.tus import OCTETS, TUS, metadata
from tests.support.website import SHELL, Browser, Site

CHUNK: Final = 64 * 1024
RAW: Final = "application/octet-stream"
DATA: Final = b"what is kept here"
ROLE: Final = "keeper"
RIGHTS: Final = (Permissions.FILES_READ, Permissions.FILES_WRITE, Permissions.FILES_DELETE, Permissions.FILES_SHARE)


@pytest.fixture(scope="module")
def shared() -> Iterator[tuple[Site, Redis]]:
    with roomy_site() as made:
        yield made


@dataclass
class Ann:
    """Somebody with everything that opens a door: a session, a token, a file, uploads begun in two ways, a link
    by which a stranger has begun a download."""

    site: Site
    id: str
    browser: Browser
    token: str
    file: str
    upload: str
    tus: str
    link: str
    link_id: str
    stranger: Browser
    shared: str
    """A link to the folder that the file lies in, by which that stranger has begun a download, too."""
    mate: str = ""
    """The token of somebody with whom that folder is shared to be written into."""
    share: str = ""
    mates: str = ""
    """An upload whose bytes come in order, that this one began there."""
    in_order: str = ""
    """An upload whose bytes come in order."""

    @classmethod
    def of(cls, site: Site) -> Ann:
        site.services.roles.create(SHELL, name=ROLE, permissions=[*RIGHTS, Permissions.TOKENS_OWN])
        browser = site.signed_in("ann", ROLE)
        browser.get("/")
        user, token = site.users["ann"], site.token("ann")
        actor = site.services.tokens.authenticate(token, ip="127.0.0.1", agent="test", request_id="test")
        assert actor is not None
        file = _stored(site, actor[0])
        link, secret = site.services.links.create(actor[0], file=file)
        path, stranger = f"/s/{secret}", site.browser()
        stranger.get(path)
        assert stranger.post(path).status_code == 303
        folder = site.services.folders.create(actor[0], name="plans")
        site.services.files.amend(actor[0], file, folder=folder.id)
        shared = f"/s/{site.services.links.create(actor[0], folder=folder.id)[1]}"
        for form in ({"all": "1"}, {"file": file}):
            stranger.get(shared)
            assert stranger.post(shared, form).status_code == 303
        has = cls(site, user, browser, token, file, "", "", path, link.id, stranger, shared)
        begun = has.program("POST", _chunk(0), data=b"a" * CHUNK, content_type=RAW)
        assert begun.status_code == 200, begun.text
        has.upload = begun.json["file_id"]  # type: ignore[index]
        made = has.program(
            "POST", "/tus/", headers={**TUS, "Upload-Length": "9", "Upload-Metadata": metadata(filename="t")}
        )
        has.tus = urlsplit(made.headers["Location"]).path
        site.add_user("mate")
        given = site.services.shares.create(actor[0], folder=folder.id, user="mate", access=ShareAccess.WRITE)
        has.mate, has.share = site.token("mate"), f"/shares/{given.id}"
        has.mates = has.by_share("POST", "/uploads", json={"total_size": 9}).json["file_id"]  # type: ignore[index]
        has.in_order = has.program("POST", "/uploads", json={"total_size": 9}).json["file_id"]  # type: ignore[index]
        return has

    def actor(self) -> Actor:
        found = self.site.services.tokens.authenticate(self.token, ip="127.0.0.1", agent="test", request_id="test")
        assert found is not None
        return found[0]

    def program(self, method: str, path: str, headers: dict[str, str] | None = None, **more: Any) -> TestResponse:
        sent = {"Authorization": f"Bearer {self.token}", **(headers or {})}
        return self.site.app.test_client(use_cookies=False).open(path, method=method, headers=sent, **more)

    def by_share(self, method: str, path: str, **more: Any) -> TestResponse:
        """The other one, in the folder that is shared."""
        sent = {"Authorization": f"Bearer {self.mate}"}
        return self.site.app.test_client(use_cookies=False).open(self.share + path, method=method, headers=sent, **more)

    def nobody(self, method: str, path: str, **more: Any) -> TestResponse:
        """Who has no more than an address."""
        return self.site.app.test_client(use_cookies=False).open(path, method=method, **more)


def _stored(site: Site, actor: Actor) -> str:
    return site.services.uploads.upload_stream(actor, FileSpec("a.txt"), BytesIO(DATA).readinto, len(DATA)).id


def _chunk(index: int, upload: str = "") -> str:
    named = f"&file_id={upload}" if upload else f"&total_size={2 * CHUNK}"
    return f"/upload_chunk?chunk_index={index}&total_chunks=2{named}"


def _patch(ann: Ann) -> TestResponse:
    return ann.nobody("PATCH", ann.tus, headers={**TUS, "Upload-Offset": "0", "Content-Type": OCTETS}, data=b"")


def _batch(send: Callable[..., TestResponse]) -> TestResponse:
    """Of one file."""
    sent = {"files": '{"files": [{"name": "b.txt"}]}', "content": (BytesIO(b"x"), "content")}
    return send("POST", "/files/batch", data=sent)


OWN: Final[dict[str, Callable[[Ann], TestResponse]]] = {
    "a session reads": lambda ann: ann.browser.get(f"/files/{ann.file}"),
    "a session lists": lambda ann: ann.browser.get("/files"),
    "a session's form": lambda ann: ann.browser.post(
        f"/my/files/{ann.file}/rename", {"new_name": "b.txt", "back": "/"}
    ),
    "a session writes a text": lambda ann: ann.browser.post("/my/texts/new", {"name": "n", "text": "t", "both": "1"}),
    "a token reads": lambda ann: ann.program("GET", f"/files/{ann.file}"),
    "a token looks": lambda ann: ann.program("GET", f"/files/{ann.file}/preview"),
    "a token's archive": lambda ann: ann.program("GET", f"/files.zip?id={ann.file}"),
    "a token stores": lambda ann: ann.program("PUT", "/files/new.txt", data=b"x"),
    "a token sends a chunk": lambda ann: ann.program(
        "POST", _chunk(1, ann.upload), data=b"b" * CHUNK, content_type=RAW
    ),
    "a token sends bytes in order": lambda ann: ann.program(
        "PATCH", f"/uploads/{ann.in_order}?offset=0", data=b"b", content_type=RAW
    ),
    "a token begins in order": lambda ann: ann.program("POST", "/uploads", json={"total_size": 9}),
    "a token stores many": lambda ann: _batch(ann.program),
    "a token shares": lambda ann: ann.program("POST", "/links", json={"file": ann.file}),
    "a token begins by tus": lambda ann: ann.program("POST", "/tus/", headers={**TUS, "Upload-Length": "9"}),
    "an address of tus is asked": lambda ann: ann.nobody("HEAD", ann.tus, headers=TUS),
    "an address of tus takes bytes": _patch,
}
"""What is done in Ann's name."""
LINK: Final[dict[str, Callable[[Ann], TestResponse]]] = {
    "a link is looked at": lambda ann: ann.nobody("GET", ann.link),
    "a link begins": lambda ann: ann.stranger.post(ann.link),
    "a link goes on": lambda ann: ann.stranger.get(f"{ann.link}/file"),
    "a link shows a text": lambda ann: ann.nobody("GET", f"{ann.link}/raw"),
}
FOLDER_LINK: Final[dict[str, Callable[[Ann], TestResponse]]] = {
    "a folder is looked at": lambda ann: ann.nobody("GET", ann.shared),
    "a folder's file begins": lambda ann: ann.stranger.post(ann.shared, {"file": ann.file}),
    "a folder's archive begins": lambda ann: ann.stranger.post(ann.shared, {"all": "1"}),
    "a folder's file goes on": lambda ann: ann.stranger.get(f"{ann.shared}/files/{ann.file}"),
    "a folder's archive goes on": lambda ann: ann.stranger.get(f"{ann.shared}/zip"),
}
SHARE: Final[dict[str, Callable[[Ann], TestResponse]]] = {
    "a mate reads": lambda ann: ann.by_share("GET", f"/files/{ann.file}"),
    "a mate stores": lambda ann: ann.by_share("PUT", "/files/new.txt", data=b"x"),
    "a mate stores in a new folder": lambda ann: ann.by_share("PUT", "/files/new.txt?folder_path=new", data=b"x"),
    "a mate makes a folder": lambda ann: ann.by_share("POST", "/folders", json={"name": "new"}),
    "a mate makes folders": lambda ann: ann.by_share("POST", "/folders", json={"path": ["new", "er"]}),
    "a mate asks for names": lambda ann: ann.by_share("POST", "/files/taken", json={"files": [{"name": "a.txt"}]}),
    "a mate begins": lambda ann: ann.by_share("POST", "/upload_chunk?chunk_index=0&total_chunks=2", data=b"x"),
    "a mate begins in order": lambda ann: ann.by_share("POST", "/uploads", json={"total_size": 9}),
    "a mate sends bytes in order": lambda ann: ann.by_share(
        "PATCH", f"/uploads/{ann.mates}?offset=0", data=b"b", content_type=RAW
    ),
    "a mate stores many": lambda ann: _batch(ann.by_share),
    "a mate's uploads": lambda ann: ann.by_share("GET", "/uploads"),
}
STRANGERS: Final = LINK | FOLDER_LINK | SHARE
"""What others do by Ann's leave."""
BARS: Final[dict[str, Callable[[Ann], Any]]] = {
    "disabled": lambda ann: ann.site.services.users.disable(SHELL, ann.id),
    "expired": lambda ann: ann.site.services.users.update(SHELL, ann.id, expires_at=now_ms() - 1),
    "without the role": lambda ann: ann.site.services.users.update(SHELL, ann.id, roles=[]),
    "without the rights": lambda ann: ann.site.services.roles.update(SHELL, ROLE, permissions=[Permissions.TOKENS_OWN]),
}
REFUSED: Final = frozenset({401, 403, 404, 410})


@pytest.fixture
def ann(shared: tuple[Site, Redis]) -> Ann:
    shared[1].flushall()
    shared[0].users.clear()
    return Ann.of(shared[0])


def is_refused(answer: TestResponse) -> bool:
    to_sign_in = answer.status_code in {302, 303} and urlsplit(answer.headers["Location"]).path == "/login"
    return to_sign_in or answer.status_code in REFUSED


@pytest.mark.parametrize("way", [*OWN, *STRANGERS])
def test_each_way_leads_in(ann: Ann, way: str) -> None:
    answer = (OWN | STRANGERS)[way](ann)
    assert not is_refused(answer), answer.status
    assert answer.status_code < 400, answer.text


@pytest.mark.parametrize("bar", BARS)
@pytest.mark.parametrize("way", [*OWN, *STRANGERS])
def test_each_bar_shuts_each_way(ann: Ann, way: str, bar: str) -> None:
    BARS[bar](ann)
    answer = (OWN | STRANGERS)[way](ann)
    assert is_refused(answer), f"{answer.status}: {answer.text[:300]}"
    assert DATA not in answer.data
    assert ann.site.services.files.files.usage(ann.id)[0] in {0, len(DATA)}, "nothing was stored"
    assert ann.site.services.folders.page_in(SHELL, None, Query(), ann.id).total == 1, "nor made"


@pytest.mark.parametrize("way", [way for way in OWN if "session" in way])
def test_a_session_that_was_ended(ann: Ann, way: str) -> None:
    assert ann.site.services.sessions.end_all(SHELL, ann.id) == 1
    assert is_refused(OWN[way](ann))


@pytest.mark.parametrize("way", [way for way in OWN if "token" in way])
def test_a_token_that_was_revoked(ann: Ann, way: str) -> None:
    assert ann.site.services.tokens.revoke_all(SHELL, ann.id) == 1
    assert is_refused(OWN[way](ann))


@pytest.mark.parametrize("way", OWN)
def test_another_password(ann: Ann, way: str) -> None:
    """Ends all that lets Ann in; what she has shared stays shared."""
    ann.site.services.users.set_password(SHELL, ann.id, "quite-another-harbour-94")
    assert is_refused(OWN[way](ann))
    assert not is_refused(LINK["a link is looked at"](ann))


@pytest.mark.parametrize("way", LINK)
@pytest.mark.parametrize("bar", ["revoked", "trashed", "purged"])
def test_a_link_whose_object_is_gone(ann: Ann, way: str, bar: str) -> None:
    has = ann.site.services
    match bar:
        case "revoked":
            has.links.revoke(SHELL, ann.link_id)
        case "trashed":
            has.files.trash(SHELL, ann.file)
        case "purged":
            has.files.purge(SHELL, ann.file)
    answer = LINK[way](ann)
    assert is_refused(answer)
    assert DATA not in answer.data


@pytest.mark.parametrize("way", FOLDER_LINK)
def test_a_folders_link_whose_folder_is_gone(ann: Ann, way: str) -> None:
    [folder] = ann.site.services.folders.page_in(ann.actor(), "", Query()).items
    ann.site.services.folders.trash(SHELL, folder.id)
    answer = FOLDER_LINK[way](ann)
    assert is_refused(answer)
    assert DATA not in answer.data
