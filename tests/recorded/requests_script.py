"""Requests for files: as their owners and operators see them, and as guests do."""

from __future__ import annotations

import io
import re
from typing import Any

from backoffice.domain.paging import Query
from tests.recorded.session import NO_ID, Recorded

CHUNK = "/chunks?chunk_index=0&total_chunks=1"


def requests(site: Recorded) -> None:
    """From making one to revoking it."""
    for who, roles in (("ann", "user"), ("bob", "user"), ("olga", "operator"), ("vera", "auditor")):
        site.person(who, roles)
    folder = site.learn("folder", site.call("ann", "POST", "/folders", json={"name": "in"}))
    for who, body in (
        ("nobody", {"name": "Reports"}),
        ("bob", {"name": "Reports", "folder": folder}),
        ("ann", {"name": ""}),
        ("ann", {"name": "Reports", "folder": NO_ID}),
        ("ann", {"name": "Reports", "types": ["a/b/c"]}),
        ("ann", {"name": "Reports", "days": 366}),
        ("ann", {"name": "Reports", "max_files": 0}),
        ("ann", {"name": "Reports", "delivered": 3}),
    ):
        site.call(who, "POST", "/requests", json=body)
    site.ask("vera", "POST", "/requests", json={"name": "Reports"})
    wanted = {"name": "Reports", "folder": folder, "message": "Please", "max_files": 4, "types": [".txt"]}
    made = site.call("ann", "POST", "/requests", json=wanted)
    link_id, path = site.learn("request", made), made.get_json()["url"].removeprefix("http://localhost")
    site.normal.learn("secret", path.removeprefix(f"/s/{link_id}"))
    for who in ("nobody", "bob", "olga", "ann"):
        site.call(who, "GET", f"/requests/{link_id}")
        site.call(who, "PATCH", f"/requests/{link_id}", json={"max_files": 5})
    site.call("ann", "PATCH", f"/requests/{link_id}", json={"days": 3}, headers={"If-Match": f'"{link_id}.1"'})
    site.call("ann", "PATCH", f"/links/{link_id}", json={"days": 3})
    _as_a_guest(site, path)
    _deliveries(site, link_id)
    _on_pages(site, link_id)
    for who in ("nobody", "bob", "ann"):
        site.call(who, "POST", f"/requests/{link_id}/end")
    site.page("nobody", path)
    site.call("ann", "DELETE", f"/links/{link_id}")


def _as_a_guest(site: Recorded, path: str) -> None:
    site.page("nobody", path)
    for more in ("", "/withdraw"):
        site.submit("nobody", f"{path}{more}", forged=True)
    site.submit("nobody", path, {"code": "XXXXX-XXXXX-XXXXX-XXXXX"})
    site.page("nobody", f"{path}/receipt")
    # A browser that stays, and is a stranger here all the same.
    site.page("bob", path)
    site.submit("bob", path, {"guest": "Bob"})
    _sent(site, path, "a.txt")
    _sent(site, path, "a.pdf")
    page = site.page("bob", path)
    [code] = re.findall(r'class="code">([^<]+)<', page.text)
    site.normal.learn("receipt code", code)
    site.page("bob", f"{path}/receipt")
    octets = {"content_type": "application/octet-stream"}
    site.ask("bob", "POST", f"{path}/chunks?chunk_index=x&total_chunks=1", data=b"hello", **octets)
    site.ask("bob", "POST", f"{path}{CHUNK}", data=b"hello", content_type="text/plain")
    started = site.ask("bob", "POST", f"{path}{CHUNK}&name=b.txt&total_size=5", data=b"hello", **octets)
    upload = site.learn("guest's upload", started, "file_id")
    for one in (upload, NO_ID):
        site.ask("bob", "GET", f"{path}/uploads/{one}")
        site.ask("bob", "GET", f"{path}/uploads/{one}/chunks")
    site.ask("ann", "GET", f"{path}/uploads/{upload}/chunks")
    site.ask("bob", "GET", f"{path}/uploads/{upload}/chunks?limit=x")
    site.page("bob", path)
    whole = {"file_id": upload, "name": "b.txt", "total_size": 5}
    site.ask("bob", "POST", f"{path}/complete", json={**whole, "name": "b.pdf"})
    site.ask("bob", "POST", f"{path}/complete", json=whole)
    site.ask("bob", "POST", f"{path}/complete", json=whole)
    other = site.ask("bob", "POST", f"{path}{CHUNK}&name=c.txt", data=b"x", **octets)
    site.ask("bob", "POST", f"{path}/uploads/{site.learn('given up', other, 'file_id')}/cancel")
    for _ in range(2):
        site.submit("bob", f"{path}/uploads/{site.ids['given up']}/cancel")
    site.ask("ann", "POST", f"{path}{CHUNK}&file_id={upload}", data=b"hello", **octets)
    site.submit("bob", f"{path}/withdraw", {"file": NO_ID})
    _sent(site, path, "d.txt")
    [newest] = [one for one in _waiting(site) if one.sent_name == "d.txt"]
    site.submit("bob", f"{path}/withdraw", {"file": site.normal.learn("taken back", newest.id)})
    _sent(site, path, "e.txt")


def _sent(site: Recorded, path: str, name: str) -> None:
    """The form with a file, whose token is in the address."""
    token = site._form_tokens["bob"]
    body: dict[str, Any] = {"file": (io.BytesIO(b"hello"), name)}
    site.submit_files("bob", f"{path}/send?csrf_token={token}", body)


def _waiting(site: Recorded) -> list[Any]:
    asked = Query(sort="delivered", filters=(("waiting", site.ids["ann"]),))
    return list(site.services.deliveries.files.page(asked).items)


def _deliveries(site: Recorded, link_id: str) -> None:
    for one in sorted(_waiting(site), key=lambda file: file.sent_name):
        site.ids[one.sent_name] = site.normal.learn(one.sent_name, one.id)
    file = site.ids["a.txt"]
    for who in ("nobody", "bob", "olga", "ann"):
        site.call(who, "GET", f"/links/{link_id}/deliveries?waiting=1")
        site.call(who, "GET", f"/deliveries/{file}")
        site.call(who, "GET", f"/files/{file}")
    site.call("ann", "GET", f"/links/{NO_ID}/deliveries")
    for who in ("nobody", "ann"):
        site.call(who, "GET", f"/deliveries/{file}/preview")
    for who in ("nobody", "bob", "olga", "ann", "ann"):
        site.call(who, "POST", f"/deliveries/{file}/accept")
    site.call("ann", "DELETE", f"/deliveries/{file}")
    for who in ("nobody", "bob", "ann"):
        site.call(who, "DELETE", f"/deliveries/{site.ids['e.txt']}")
    for who in ("nobody", "bob"):
        site.call(who, "POST", f"/links/{link_id}/deliveries/accept")


def _on_pages(site: Recorded, link_id: str) -> None:
    file = site.ids["b.txt"]
    for who in ("nobody", "bob", "vera", "ann"):
        for path in ("/my/requests", "/my/requests/new", f"/my/requests/{link_id}", f"/my/deliveries/{file}"):
            site.page(who, path)
    for fields in ({"name": "", "days": "7", "max_files": "1"}, {"name": "Films", "days": "x"}):
        site.submit("ann", "/my/requests/new", fields)
    site.submit("ann", "/my/requests/new", {"name": "Films", "days": "7", "max_files": "1", "review": "0"})
    [made] = [one for one in site.services.links.store.page(Query()).items if one.name == "Films"]
    other = site.normal.learn("request of a page", made.id)
    site.page("ann", f"/my/requests/{link_id}?ask={file}")
    for path in (f"/my/deliveries/{file}/refuse", f"/my/deliveries/{NO_ID}/accept", f"/my/requests/{link_id}/accept"):
        site.submit("bob", path, forged=True)
        site.submit("ann", path, {"link": link_id})
    for fields in ({"end": "1"}, {"days": "5"}, {"days": "x"}):
        site.submit("ann", f"/my/requests/{other}/change", fields)
    for who in ("ann", "bob"):
        site.page(who, f"/my/requests/{other}/edit")
    for fields in ({"name": "", "max_files": "2"}, {"name": "More films", "max_files": "2", "review": "0"}):
        site.submit("ann", f"/my/requests/{other}/edit", fields)
    site.page("ann", "/requests")
    site.page("ann", f"/my/requests/{other}?ask=revoke")
    site.submit("ann", f"/my/requests/{other}/revoke")
    site.page("ann", "/my/requests")
    site.call("ann", "POST", f"/links/{link_id}/deliveries/accept")
