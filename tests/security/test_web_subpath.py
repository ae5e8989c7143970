"""A site behind a proxy that ends TLS, at the top of a host or below a path of it: whatever the site says of where
things are leads a browser back to it, and never off TLS."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from html import unescape
from io import BytesIO
from typing import Any, cast
from urllib.parse import urljoin, urlsplit

import fakeredis
import pytest
from redis import Redis
from werkzeug.test import Client, TestResponse

from backoffice.domain.access import Actor, granted_by
from backoffice.domain.deliveries import Delivery, RequestTerms, guest_credential
from backoffice.domain.files import FileSpec
from backoffice.domain.shares import ShareAccess
from backoffice.web.cookies import site_mark
from backoffice.web.local_paths import is_local_path
from tests.support.website import HTML, PASSWORD, Browser, Site, make_whole_site

HOST = "https://team.example"
PATHS = ("/files", "/admin", "/bo", "/a/b")
"""Two of them are paths of the site's own, too."""
NO_PAGES = ("logout", "/export/", "csrf_token", ".zip")
"""In addresses of something else."""


@dataclass
class Proxy:
    """A WSGI proxy for one path of its host, which it takes away from addresses or not. It ends TLS."""

    app: Any
    path: str
    strips: bool

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        asked = environ["PATH_INFO"]
        if not (asked == self.path or asked.startswith(f"{self.path}/")):
            start_response("404 Not Found", [("X-Whose", "another site")])
            return [b"another site"]
        passed = {**environ, "wsgi.url_scheme": "http"}
        if self.strips:
            passed["PATH_INFO"] = asked[len(self.path) :] or "/"
        return cast(Iterable[bytes], self.app(passed, start_response))


@dataclass
class Below:
    """A site below a path, and a browser that reaches it through the proxy."""

    site: Site
    path: str
    proxy: Proxy
    made: set[str] = field(default_factory=set)

    def browser(self) -> Browser:
        return Browser(cast(Any, Client(self.proxy)), HOST)

    def person(self, name: str, *roles: str) -> None:
        """Somebody, made by the first test that wants them: the tests of one path share its site."""
        if name not in self.made:
            self.site.add_user(name, *roles)
            self.made.add(name)

    def signed_in(self) -> Browser:
        self.person("rosa", "admin")
        browser = self.browser()
        browser.get(f"{self.path}/login")
        answer = browser.post(f"{self.path}/login", {"username": "rosa", "password": PASSWORD})
        assert (answer.status_code, answer.location) == (303, f"{self.path}/admin/")
        return browser

    def call(self, method: str, path: str, token: str, **more: Any) -> TestResponse:
        return Client(self.proxy).open(
            self.path + path, method=method, base_url=HOST, headers={"Authorization": f"Bearer {token}"}, **more
        )


@pytest.fixture(scope="module", params=[(path, strips) for path in PATHS for strips in (True, False)], ids=str)
def below(request: pytest.FixtureRequest) -> Iterator[Below]:
    path, strips = request.param
    with fakeredis.FakeRedis(server=fakeredis.FakeServer(server_type="valkey")) as client:
        site = make_whole_site(client, public_url=HOST + path)
        yield Below(site, path, Proxy(site.app, path, strips))


def addresses(page: str) -> set[str]:
    """Where the attributes of a page lead."""
    found = re.findall(r'(?:href|src|action|formaction|data-[a-z-]*url)="([^"#]+)', page)
    found += re.findall(r'name="(?:back|next)" value="([^"]+)', page)
    return {unescape(one) for one in found if not one.startswith(("data:", "mailto:"))}


def furnished(below: Below) -> list[str]:
    """Something of everything that has a page: the paths of those that no other page leads to."""
    services = below.site.services
    below.person("ann")
    ann, rosa = (
        Actor(below.site.users[name], name, roles=((role, granted_by(role)),))
        for name, role in (("ann", "user"), ("rosa", "admin"))
    )
    for owner, other in ((ann, rosa), (rosa, ann)):
        folder = services.folders.create(owner, name="Reports")
        file = services.uploads.upload_stream(owner, FileSpec("a.txt", folder=folder.id), BytesIO(b"one").readinto)
        services.uploads.replace_content(owner, file.id, BytesIO(b"two").readinto)
        services.shares.create(owner, folder=folder.id, user=other.name, access=ShareAccess.WRITE)
    trashed = services.uploads.upload_stream(rosa, FileSpec("b.txt"), BytesIO(b"b").readinto)
    services.files.trash(rosa, trashed.id)
    services.uploads.put_chunk(rosa, upload_id=None, index=0, total_chunks=2, data=b"x", size=2, name="c.txt")
    tokens = [services.links.create(rosa, **of)[1] for of in ({"file": file.id}, {"folder": folder.id})]
    asked, token = services.requests.create(rosa, name="Send it", terms=RequestTerms(max_files=9))
    guest = replace(rosa, acts_for=rosa.id, credential=guest_credential(asked.id, "0" * 10))
    spec = FileSpec("d.txt", delivery=Delivery(review=True))
    waits = services.uploads.upload_stream(guest, spec, BytesIO(b"d").readinto)
    pages = (f"my/files/{file.id}{page}" for page in ("", "/people", "/edit", "/versions"))
    shown = ("?show=trash", f"?folder={folder.id}", f"my/deliveries/{waits.id}", *pages)
    return [*shown, *(f"s/{one}" for one in (*tokens, token))]


def test_every_page_and_asset_and_form_is_below_the_path(below: Below) -> None:
    browser = below.signed_in()
    start = f"{below.path}/"
    # With something of everything on two of the sites: a page takes its time.
    full = (below.path, below.proxy.strips) in {("/files", True), ("/a/b", False)}
    more = {start + path for path in furnished(below)} if full else set[str]()
    wanted, seen, forms = [start, f"{start}docs", f"{start}nothing-here", *more], set[str](), 0
    while wanted:
        address = wanted.pop()
        shape = re.sub(r"[0-9A-Za-z]{20,}|\?.*", "*", address)
        if (shape in seen and address not in more) or any(one in address for one in NO_PAGES):
            continue
        seen.add(shape)
        more.discard(address)
        answer = browser.get(address)
        right = 404 if "nothing" in address else 303 if "/login?next=" in address else 200
        assert answer.status_code == right, (address, answer.status_code)
        if answer.mimetype != "text/html":
            continue
        sent_to = {unescape(one) for one in re.findall(r'action="([^"#]+)', answer.text)}
        for found in addresses(answer.text):
            led = urlsplit(urljoin(HOST + address, found))
            if f"{led.scheme}://{led.netloc}" != HOST:
                assert led.netloc, found  # documentation elsewhere
                continue
            assert led.path.startswith(start), (address, found)
            forms += 1
            if found not in sent_to:
                wanted.append(led.path + (f"?{led.query}" if led.query else ""))
    assert {f"{start}account", f"{start}admin/", f"{start}admin/users/", f"{start}openapi.json"} <= seen
    assert not more
    assert any("css/base.css" in one for one in seen)
    assert any("upload/main.js" in one for one in seen)
    assert forms > 100


def test_undoing_a_move_leads_back_within_the_path(below: Below) -> None:
    browser, start = below.signed_in(), f"{below.path}/"
    rosa = Actor(below.site.users["rosa"], "rosa", roles=(("admin", granted_by("admin")),))
    there = below.site.services.folders.create(rosa, name="There")
    file = below.site.services.uploads.upload_stream(rosa, FileSpec("m.txt"), BytesIO(b"m").readinto)
    here = f"{start}?folder={there.id}"
    browser.get(start)
    moved = browser.post(f"{start}my/move", {"file": file.id, "into": there.id, "back": here})
    [form] = re.findall(r'<form method="post" action="[^"]*my/move/undo".*?</form>', browser.get(moved.location).text)
    fields = {name: unescape(value) for name, value in re.findall(r'name="(\w+)" value="([^"]*)"', form)}
    assert browser.post(f"{start}my/move/undo", fields).location == here


def test_the_router_redirects_within_the_path(below: Below) -> None:
    browser = below.signed_in()
    for asked, right in {
        "/admin": "/admin/",
        "/admin//users/": "/admin/users/",
        "/admin/roles/new": "/admin/roles/new/",
    }.items():
        answer = browser.get(below.path + asked)
        assert (answer.status_code, answer.location) == (308, below.path + right)


def test_the_way_to_the_sign_in_page_and_back(below: Below) -> None:
    below.person("ann")
    browser = below.browser()
    away = browser.get(f"{below.path}/account?x=1")
    assert away.status_code == 303
    assert away.location.startswith(f"{below.path}/login?next={below.path}/account")
    assert browser.get(away.location).status_code == 200
    target = f"{below.path}/account"
    back = browser.post(f"{below.path}/login", {"username": "ann", "password": PASSWORD, "next": target})
    assert (back.status_code, back.location) == (303, target)
    assert browser.get(target).status_code == 200
    assert browser.get(f"{below.path}/login?next=/other/site").location == f"{below.path}/"
    assert browser.get(f"{below.path}/login?next={below.path}/../other").location == f"{below.path}/"


def test_the_api(below: Below) -> None:
    below.person("ann")
    token = below.site.token("ann")
    for name in ("a.txt", "login", "readme", "files"):
        stored = below.call("PUT", f"/files/{name}", token, data=b"hello")
        assert stored.status_code == 201, stored.text
        assert stored.location == f"{below.path}/files/{stored.json['id']}"
        fetched = Client(below.proxy).get(stored.location, base_url=HOST, headers={"Authorization": f"Bearer {token}"})
        assert fetched.data == b"hello"
    page = below.call("GET", "/files?limit=2", token)
    assert page.status_code == 200
    following = re.fullmatch(r'<([^>]+)>; rel="next"', page.headers["Link"])
    assert following is not None
    assert following[1].startswith(f"{below.path}/files?")
    assert len(below.call("GET", following[1].removeprefix(below.path), token).json["items"]) == 2
    renamed = below.call("POST", f"/files/{stored.json['id']}/rename", token, json={"new_name": "b.txt"})
    assert renamed.json["name"] == "b.txt"
    chunk = below.call(
        "POST", "/upload_chunk?chunk_index=0&total_chunks=1", token, data=b"x", content_type="application/octet-stream"
    )
    assert chunk.status_code == 200
    assert below.call("DELETE", f"/uploads/{chunk.json['file_id']}", token).status_code == 204
    assert below.call("DELETE", f"/files/{stored.json['id']}", token).status_code == 204
    assert below.call("GET", "/openapi.json", token).json["servers"] == [{"url": f"{below.path}/"}]
    assert below.call("GET", "/readyz", token).status_code == 200


def test_the_cookies_are_the_sites_own(below: Below) -> None:
    browser = below.signed_in()
    answer = browser.get(f"{below.path}/account")
    mark = site_mark(HOST + below.path)
    assert re.fullmatch(r"-[0-9a-f]{8}", mark)
    assert browser.cookie(f"__Host-backoffice{mark}")
    assert not browser.cookie("__Host-backoffice")
    form = answer.headers["Set-Cookie"]
    assert form.startswith(f"__Host-backoffice-form{mark}=")
    assert "Path=/;" in f"{form};"


def test_forms_come_from_the_origin_and_not_from_the_path(below: Below) -> None:
    browser = below.signed_in()
    for origin, status in ((HOST, 303), (HOST + below.path, 403), ("https://evil.example", 403)):
        browser.get(f"{below.path}/account")
        answer = browser.post(f"{below.path}/account/sessions/end", headers={"Origin": origin})
        assert answer.status_code == status, origin


def test_the_set_up_link(below: Below) -> None:
    browser = below.signed_in()
    browser.get(f"{below.path}/admin/users/new/")
    page = browser.post(f"{below.path}/admin/users/new/", {"username": "eve", "roles": "user"})
    found = re.search(rf"{re.escape(HOST + below.path)}/setup/[^<\"&\s]+", page.text)
    assert found is not None, page.status_code
    assert below.browser().get(found[0].removeprefix(HOST)).status_code == 200


# -- at the top of a host


@pytest.mark.parametrize(
    ("asked", "right"),
    [
        ("/admin", "/admin/"),
        ("/admin/users/new", "/admin/users/new/"),
        ("/admin//users/", "/admin/users/"),
        ("/admin/users/new?a=b", "/admin/users/new/?a=b"),
    ],
)
@pytest.mark.parametrize("public_url", ["https://files.lan", "https://files.lan:8443", ""])
def test_redirects_of_the_router_name_no_scheme_and_no_host(
    fake: Redis, public_url: str, asked: str, right: str
) -> None:
    site = make_whole_site(fake, public_url=public_url, allowed_hosts=("files.lan",))
    path, _, query = asked.partition("?")
    answer = site.app.test_client().get(
        "/", base_url="http://files.lan", query_string=query, headers=HTML, environ_overrides={"PATH_INFO": path}
    )
    assert (answer.status_code, answer.headers["Location"]) == (308, right)


@pytest.mark.parametrize(
    ("target", "stays"),
    [
        ("/bo", True),
        ("/bo/", True),
        ("/bo/account?x=/../y", True),
        ("/bo?x", True),
        ("/bo/a..b", True),
        ("/", False),
        ("/other", False),
        ("/bob", False),
        ("/bo/../other", False),
        ("/bo/%2E%2e/other", False),
        ("/bo/.%2e", False),
        ("//bo/", False),
    ],
)
def test_what_is_beside_the_site_on_its_host_is_not_its_own(target: str, stays: bool) -> None:
    assert is_local_path(target, "/bo") is stays
