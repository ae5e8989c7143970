"""What is asked of the API about stored files, users and roles, and of what is for machines."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

from backoffice.domain.paging import Query
from backoffice.errors import BadCredentials
from tests.recorded.session import NO_ID, Recorded
from tests.support.website import SHELL


def files(site: Recorded) -> None:
    site.person("ann")
    site.person("bob")
    site.token("ann", label="ann reading", scope="files:read")
    for name, tags, data in (
        ("red ball.png", "?tag=red&tag=toy", b"12345"),
        ("Red car.txt", "?tag=red", b"1234567"),
        ("blue ball.txt", "?tag=toy", b"123"),
        ("notes.md", "", b"# some notes"),
    ):
        site.learn(name, site.call("ann", "PUT", f"/files/{name.replace(' ', '%20')}{tags}", body=data))
    site.learn("bob.txt", site.call("bob", "PUT", "/files/bob.txt", body=b"bob's"))
    _lists(site)
    _downloads(site)
    _changes(site)
    _damage(site)


def _lists(site: Recorded) -> None:
    for query in (
        "",
        "?order=asc",
        "?sort=name",
        "?sort=name&order=desc",
        "?sort=size",
        "?q=ball&sort=name",
        "?q=re",
        "?tag=RED&tag=toy",
        "?mime_type=image/png",
        "?owner=ann&limit=1",
        "?state=trashed",
    ):
        site.call("ann", "GET", f"/files{query}")
    following = site.call("ann", "GET", "/files?limit=3&sort=name").headers["Link"][1:].partition(">")[0]
    site.call("ann", "GET", following)
    site.call("root", "GET", "/files")
    site.call("root", "GET", "/files?owner=*&sort=name&order=desc")
    site.call("root", "GET", f"/files?owner={site.ids['bob']}")
    site.call("root", "GET", "/files?owner=no%20body")
    for owner in ("*", "bob"):
        site.call("ann", "GET", f"/files?owner={owner}")
    site.call("nobody", "GET", "/files")
    for query in ("limit=0", "limit=501", "limit=1&limit=2", "sort=owner", "order=up", "cursor=x", "state=gone"):
        site.call("ann", "GET", f"/files?{query}")
    for query in ("mime_type=text", "tag=", f"q={'a' * 257}", "page=2"):
        site.call("ann", "GET", f"/files?{query}")


def _downloads(site: Recorded) -> None:
    data = bytes(range(256)) * 600
    big = site.learn("big.bin", site.call("ann", "PUT", "/files/big.bin", body=data))
    path = f"/files/{site.ids['red ball.png']}"
    whole = site.call("ann", "GET", path)
    etag, date = whole.headers["ETag"], whole.headers["Last-Modified"]
    site.call("ann", "HEAD", path)
    site.call("ann reading", "GET", f"/files/{site.ids['notes.md']}")
    site.call("ann", "GET", f"/files/{big}")
    for span in ("0-1", "2-", "-2", "0-99", "5-", "0-0,2-3", "3-1", "x", "-0"):
        site.call("ann", "GET", path, headers={"Range": f"bytes={span}"})
    site.call("ann", "GET", path, headers={"Range": "items=0-1"})
    site.call("ann", "GET", f"/files/{big}", headers={"Range": "bytes=65530-65541"})
    for headers in (
        {"If-None-Match": etag},
        {"If-None-Match": f"W/{etag}"},
        {"If-None-Match": '"other"'},
        {"If-Match": etag},
        {"If-Match": '"other"'},
        {"If-Modified-Since": date},
        {"If-Unmodified-Since": "Thu, 01 Jan 2004 00:00:00 GMT"},
        {"Range": "bytes=0-1", "If-Range": etag},
        {"Range": "bytes=0-1", "If-Range": '"other"'},
        {"Range": "bytes=0-1", "If-Range": date},
    ):
        site.call("ann", "GET", path, headers=headers)
    for who in ("bob", "nobody", "root"):
        site.call(who, "GET", path)
        site.call(who, "GET", f"{path}/metadata")
    site.call("ann", "GET", f"{path}/metadata")
    for name in ("red ball.png", "notes.md", "big.bin"):
        site.call("ann", "GET", f"/files/{site.ids[name]}/preview")
    for who in ("bob", "nobody"):
        site.call(who, "GET", f"{path}/preview")
    for address in (f"/files/{NO_ID}", f"/files/{NO_ID}/metadata", "/files/..", "/files/a b"):
        site.call("ann", "GET", address)


def _changes(site: Recorded) -> None:
    path = f"/files/{site.ids['red ball.png']}"
    etag = site.call("ann", "GET", f"{path}/metadata").headers["ETag"]
    new = {"new_name": "a größe.png"}
    site.call("ann", "POST", f"{path}/rename", json=new, headers={"If-Match": etag})
    site.call("ann", "POST", f"{path}/rename", json=new, headers={"If-Match": etag})
    site.call("ann", "GET", path)
    site.call("ann", "POST", f"{path}/rename", json={"new_name": "NOTES.md"})
    for body in ({}, {"new_name": 1}, {"new_name": "x", "owner": "bob"}, {"new_name": "a\u0000"}, {"new_name": ".."}):
        site.call("ann", "POST", f"{path}/rename", json=body)
    for who in ("nobody", "ann reading", "bob"):
        site.call(who, "POST", f"{path}/rename", json=new)
    site.call("ann", "POST", f"{path}/rename", headers={"Content-Type": "text/plain"}, body=b"x")
    site.call("root", "POST", f"{path}/rename", json={"new_name": "by root.png"})
    site.call("ann", "PATCH", path, json={"tags": ["Red", "ball"]}, headers={"If-Match": etag})
    site.call("ann", "PATCH", path, json={"tags": ["Red", "ball"]})
    for body in ({}, {"tags": "x"}, {"owner": "bob"}, {"name": "NOTES.md"}):
        site.call("ann", "PATCH", path, json=body)
    for who in ("nobody", "bob"):
        site.call(who, "PATCH", path, json={"tags": []})
    site.call("root", "PATCH", path, json={"owner": "nobody at all"})
    for who in ("nobody", "ann reading", "bob"):
        site.call(who, "DELETE", path)
        site.call(who, "POST", f"{path}/restore")
    site.call("ann", "DELETE", path, headers={"If-Match": etag})
    site.call("ann", "DELETE", f"{path}?purge=yes")
    site.call("ann", "DELETE", path)
    site.call("ann", "DELETE", path)
    site.call("ann", "GET", path)
    site.call("ann", "GET", "/files?state=trashed")
    site.call("ann", "GET", "/files?state=trashed&sort=name&order=asc")
    site.call("root", "GET", "/files?state=trashed&owner=*")
    site.learn("in its place", site.call("ann", "PUT", "/files/by%20root.png", body=b"other"))
    site.call("ann", "POST", f"{path}/restore")
    site.call("ann", "POST", f"{path}/restore")
    site.call("ann", "DELETE", f"{path}?purge=1")
    site.call("ann", "POST", f"{path}/restore")
    site.call("ann", "DELETE", f"/files/{NO_ID}")


def _damage(site: Recorded) -> None:
    """No wrong byte is sent."""
    file_id = site.learn("damaged", site.call("ann", "PUT", "/files/damaged.txt", body=b"good"))
    key = f"file:{{{file_id}}}:chunk:0"
    site.store.set(key, b"evil")
    site.call("ann", "GET", f"/files/{file_id}")
    site.store.delete(key)
    site.call("ann", "GET", f"/files/{file_id}")


def administration(site: Recorded) -> None:
    site.person("ann")
    site.person("olga", "operator")
    site.token("root", label="root reading", scope="files:read")
    _users(site)
    _sessions(site)
    _roles(site)
    _access(site)
    _views(site)
    file_id = site.learn("ann.txt", site.call("ann", "PUT", "/files/ann.txt", body=b"ann's"))
    for who in ("nobody", "ann", "root reading"):
        site.call(who, "DELETE", f"/admin/files/{file_id}")
    site.call("olga", "DELETE", f"/admin/files/{file_id}?purge=maybe")
    site.call("olga", "DELETE", f"/admin/files/{file_id}", headers={"If-Match": '"other"'})
    site.call("olga", "DELETE", f"/admin/files/{file_id}")
    site.call("olga", "DELETE", f"/admin/files/{file_id}?purge=1")
    site.call("olga", "DELETE", f"/admin/files/{NO_ID}")
    for who in ("nobody", "ann", "olga"):
        site.call(who, "GET", "/admin/audit/export")
    for query in ("since=2001-01-01&until=2001-02-01", "since=soon", "until=1-1", "limit=0", "from=1-1"):
        site.call("root", "GET", f"/admin/audit/export?{query}")


def _users(site: Recorded) -> None:
    invited = {"username": "ivan", "email": "ivan@example.org", "roles": ["user"], "quota_bytes": 1000}
    site.learn("ivan", site.call("root", "POST", "/admin/users", json=invited))
    site.call("root", "GET", f"/admin/users/{site.ids['ivan']}")
    site.learn(
        "dora", site.call("olga", "POST", "/admin/users", json={"username": "dora", "password": "a good 12 char one"})
    )
    for who in ("nobody", "ann", "root reading"):
        site.call(who, "GET", "/admin/users")
        site.call(who, "POST", "/admin/users", json={"username": "eve"})
        site.call(who, "GET", f"/admin/users/{site.ids['ivan']}")
    for body in (
        {},
        {"username": ""},
        {"username": 7},
        {"username": "a/b"},
        {"username": "x" * 65},
        {"username": "eve", "email": "no"},
        {"username": "eve", "password": "short"},
        {"username": "eve", "password": "password"},
        {"username": "eve", "roles": ["nobody"]},
        {"username": "eve", "roles": "admin"},
        {"username": "eve", "quota_bytes": -1},
        {"username": "eve", "status": "active"},
        {"username": "ANN"},
        {"username": "eve", "email": "IVAN@example.org"},
    ):
        site.call("root", "POST", "/admin/users", json=body)
    # Nobody gives what they do not hold.
    site.call("olga", "POST", "/admin/users", json={"username": "eve", "roles": ["admin"]})
    site.call("root", "GET", "/admin/users")
    following = site.call("root", "GET", "/admin/users?limit=2").headers["Link"][1:].partition(">")[0]
    site.call("root", "GET", following)
    for query in ("q=iv", "role=operator", "status=invited", "status=gone", "limit=0", "cursor=x", "sort=email"):
        site.call("root", "GET", f"/admin/users?{query}")
    site.call("root", "GET", f"/admin/users/{NO_ID}")
    site.call("root", "GET", "/admin/users", headers={"Accept": "text/html"})


def _access(site: Recorded) -> None:
    """Who may do what and why, and changes by version."""
    ivan, file_id = site.ids["ivan"], site.learn("seen.txt", site.call("ann", "PUT", "/files/seen.txt", body=b"ann's"))
    for who in ("nobody", "ann", "root reading", "olga"):
        site.call(who, "GET", f"/admin/users/{ivan}/access")
        site.call(who, "GET", f"/admin/users/{ivan}/access/who")
        site.call(who, "GET", f"/admin/users/{ivan}/consequences")
        site.call(who, "GET", f"/admin/files/{file_id}/access")
        site.call(who, "POST", "/admin/roles/librarian/preview", json={"permissions": ["files:read"]})
    for path in ("users/{}/access", "users/{}/access/who", "users/{}/consequences", "files/{}/access"):
        site.call("root", "GET", f"/admin/{path.format(NO_ID)}")
    site.call("root", "GET", f"/admin/users/{ivan}/access?token={NO_ID}")
    site.call("root", "GET", f"/admin/files/{file_id}/access?role=operator&cursor=x")
    site.call("root", "POST", "/admin/roles/librarian/preview", json={})
    site.call("root", "POST", "/admin/roles/librarian/preview", json={"permissions": ["everything"]})
    site.call("root", "POST", f"/admin/roles/{NO_ID}/preview", json={})
    for who in ("nobody", "ann", "root reading", "olga"):
        site.call(who, "PATCH", f"/admin/users/{ivan}", json={"quota_bytes": 2000})
    site.call("root", "PATCH", f"/admin/users/{ivan}", json={"roles": ["operator"]})
    site.call("root", "PATCH", f"/admin/users/{ivan}", json={"status": "active"})
    for method in ("PATCH", "DELETE"):
        more = {"json": {"quota_bytes": 1}} if method == "PATCH" else {}
        site.call("root", method, f"/admin/users/{ivan}", headers={"If-Match": '"other"'}, **more)
        site.call("root", method, f"/admin/users/{NO_ID}", **more)
        site.call("ann", method, f"/admin/users/{ivan}", **more)
        more = {"json": {"description": "new"}} if method == "PATCH" else {}
        for who in ("nobody", "ann", "olga", "root"):
            site.call(who, method, "/admin/roles/librarian", headers={"If-Match": '"other"'}, **more)
        site.call("root", method, "/admin/roles/operator", **more)
        site.call("root", method, f"/admin/roles/{NO_ID}", **more)
    site.call("nobody", "GET", "/admin/roles/librarian")
    site.call("root", "GET", "/admin/roles/librarian")
    site.call("root", "GET", f"/admin/roles/{NO_ID}")
    site.call("root", "PATCH", "/admin/roles/librarian", json={"description": "new"})
    site.call("nobody", "DELETE", f"/admin/users/{ivan}")
    site.ask("root", "DELETE", f"/admin/users/{ivan}")
    site.call("root", "DELETE", "/admin/roles/librarian")
    site.call("ann", "DELETE", f"/files/{file_id}?purge=1")


def _views(site: Recorded) -> None:
    """Saved views: one's own, shared ones, and what is not saved."""
    large = {"section": "files", "name": "Large", "query": "page=2&flt7_size_at_least=1+GB"}
    site.learn("a view", site.call("olga", "POST", "/admin/views", json=large))
    one = f"/admin/views/{site.ids['a view']}"
    for who in ("nobody", "ann", "olga"):
        site.call(who, "GET", "/admin/views?section=files")
        site.call(who, "POST", "/admin/views", json={**large, "query": "flt0_size_at_least=much"})
    for who in ("nobody", "root", "olga"):
        site.call(who, "GET", one)
        site.call(who, "PATCH", one, json={"shared": True})
    site.call("root", "GET", one)
    site.call("ann", "GET", one)
    site.call("olga", "PATCH", one, json={"name": ""})
    site.call("olga", "PATCH", one, json={"name": "Very large"}, headers={"If-Match": '"other"'})
    for who in ("nobody", "ann", "root", "olga"):
        site.call(who, "DELETE", one)
    site.call("root", "GET", "/admin/views?section=nothing")


def _sessions(site: Recorded) -> None:
    for who in ("nobody", "ann", "root reading", "olga", "root"):
        site.call(who, "GET", f"/admin/users/{site.ids['ivan']}/sessions")
    site.call("root", "GET", f"/admin/users/{site.ids['ann']}/sessions")
    for who, whose in (("nobody", "ann"), ("ann", "ann"), ("olga", "root"), ("root", "olga"), ("root", "olga")):
        site.call(who, "DELETE", f"/admin/users/{site.ids[whose]}/sessions")
    site.call("root", "DELETE", f"/admin/users/{NO_ID}/sessions")
    [session] = site.services.sessions.of_user(SHELL, site.ids["root"])
    site.ids["a session"] = site.normal.learn("a session", session.id)
    for who in ("nobody", "ann", "root reading", "root"):
        site.call(who, "GET", f"/admin/sessions?user={site.ids['root']}")
        site.call(who, "GET", f"/admin/tokens?user={site.ids['ann']}")
    site.call("ann", "GET", "/admin/blocked")
    site.call("olga", "GET", "/admin/blocked")
    for _ in range(6):
        with suppress(BadCredentials):
            site.services.sessions.sign_in(replace(SHELL, ip="192.0.2.50"), "nobody here", "x")
    [name] = site.services.blocks.page(SHELL, Query()).items
    for who in ("ann", "olga", "olga"):
        site.call(who, "DELETE", f"/admin/blocked/{site.normal.learn('a name', name.id)}")
    site.call("olga", "GET", "/admin/sessions?ip=192.0.2.99&limit=1")
    for who in ("nobody", "ann", "olga"):
        site.call(who, "DELETE", f"/admin/sessions/{site.ids['a session']}")
        site.call(who, "DELETE", f"/admin/users/{site.ids['root']}/tokens")
    for noun in ("sessions", "tokens"):
        site.call("root", "DELETE", f"/admin/{noun}/{NO_ID}")
    site.call("root", "DELETE", f"/admin/users/{NO_ID}/tokens")
    other, _ = site.services.users.create(SHELL, username="tom", password="a good 12 char one")
    entered = site.services.sessions.start_for(SHELL, other)
    site.call("olga", "DELETE", f"/admin/sessions/{site.normal.learn('a session of tom', entered.session.id)}")
    token, _ = site.services.tokens.create(SHELL, name="t", user_id=site.normal.learn("tom", other.id))
    site.call("olga", "DELETE", f"/admin/tokens/{site.normal.learn('a token of tom', token.id)}")
    site.call("olga", "DELETE", f"/admin/users/{other.id}/tokens")


def jobs(site: Recorded) -> None:
    """Jobs on many records; and somebody leaves."""
    site.person("ann")
    site.person("olga", "operator")
    site.learn("report.txt", site.call("ann", "PUT", "/files/report.txt", body=b"hello"))
    wanted = {"kind": "file.tag", "filter": {"search": "report"}, "args": {"add": ["red"]}}
    for who in ("nobody", "ann", "olga"):
        site.call(who, "POST", "/jobs/preview", json=wanted)
    for who in ("nobody", "ann"):
        site.call(who, "POST", "/jobs", json=wanted)
    site.learn("job", site.call("olga", "POST", "/jobs", json=wanted))
    path = f"/jobs/{site.ids['job']}"
    for who in ("nobody", "ann", "olga"):
        site.call(who, "GET", path)
        site.call(who, "GET", "/jobs")
        site.call(who, "POST", f"{path}/stop")
    site.services.jobs.runner.run_some()
    site.call("olga", "GET", path)
    site.call("root", "GET", "/jobs?all=1&state=stopped")
    for body in ({"kind": "file.burn"}, {"kind": "file.trash"}, {**wanted, "args": {}}, {**wanted, "ids": [NO_ID]}):
        site.call("olga", "POST", "/jobs", json=body)
    site.call("olga", "GET", f"/jobs/{NO_ID}")
    leave = f"/admin/users/{site.ids['ann']}/leave"
    for who in ("nobody", "olga"):
        site.call(who, "GET", leave)
        site.call(who, "POST", leave, json={"files": "trash"})
    site.ask("olga", "GET", leave)
    site.ask("olga", "POST", leave, json={"files": "transfer"})
    site.ask("olga", "POST", leave, json={"files": "keep"})


def _roles(site: Recorded) -> None:
    made = {"name": "librarian", "description": "Puts in order", "permissions": ["files:read", "files.all:read"]}
    site.call("root", "POST", "/admin/roles", json=made)
    site.call("root", "POST", "/admin/roles", json=made)
    for body in (
        {},
        {"name": "", "permissions": []},
        {"name": "Not A Name", "permissions": []},
        {"name": "x", "permissions": ["files:fly"]},
        {"name": "x", "permissions": "files:read"},
        {"name": "admin", "permissions": ["files:read"]},
        {"name": "x", "permissions": ["files:read"], "built_in": True},
    ):
        site.call("root", "POST", "/admin/roles", json=body)
    for who in ("nobody", "ann", "root reading"):
        site.call(who, "GET", "/admin/roles")
        site.call(who, "POST", "/admin/roles", json=made)
    site.call("olga", "POST", "/admin/roles", json=made)
    site.call("olga", "GET", "/admin/roles")
    site.call("olga", "GET", "/admin/roles", headers={"Sec-Fetch-Dest": "document"})


def machines(site: Recorded) -> None:
    """What is for programs and browsers, and for nobody in particular."""
    site.person("ann")
    for path in ("/livez", "/readyz", "/metrics", "/docs", "/nothing/here"):
        site.call("nobody", "GET", path)
    site.call("ann", "GET", "/metrics")
    site.call("root", "GET", "/metrics")
    site.call("nobody", "GET", "/docs", headers={"Accept": "text/html"})
    site.call("nobody", "HEAD", "/livez")
    site.call("nobody", "PATCH", "/files")
    site.call("nobody", "OPTIONS", "/files")
    site.call("nobody", "PROPFIND", "/files")
    for host in ("other.example", "localhost:8080", "127.0.0.1"):
        site.call("nobody", "GET", "/limits", headers={"Host": host})
        site.call("nobody", "GET", "/livez", headers={"Host": host})
    for path in (
        "/openapi.json",
        "/static/css/upload.css",
        "/static/../secret",
        "/static/no.js",
        "/static/no/no.js",
    ):
        if site.call("nobody", "GET", path).status_code == 200:
            # The description is recorded by itself; the bytes of a style sheet are nobody's business.
            site.exchanges[-1]["answer"] = "<the document>"
            for name in ("ETag", "Last-Modified"):
                site.exchanges[-1]["headers"].pop(name, None)
    for text in ("Bearer", "Bearer x", f"Bearer bo_{NO_ID}_{'a' * 43}", "Basic eDp5", "bearer " + site.tokens["ann"]):
        site.call("nobody", "GET", "/limits", headers={"Authorization": text})
