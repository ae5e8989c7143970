"""The API for people, roles and what belongs to them."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

from backoffice.domain.paging import Query
from backoffice.errors import BadCredentials
from tests.recorded.session import NO_ID, Recorded
from tests.support.website import SHELL


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
    for who in ("nobody", "ann", "olga"):
        site.call(who, "GET", "/admin/blocked")
    for _ in range(6):
        with suppress(BadCredentials):
            site.services.sessions.sign_in(replace(SHELL, ip="192.0.2.50"), "nobody here", "x")
    [name] = site.services.blocks.page(SHELL, Query()).items
    for who in ("nobody", "ann", "olga", "olga"):
        site.call(who, "DELETE", f"/admin/blocked/{site.normal.learn('a name', name.id)}")
    site.call("olga", "GET", "/admin/sessions?ip=192.0.2.99&limit=1")
    for who in ("nobody", "ann", "olga"):
        site.call(who, "DELETE", f"/admin/sessions/{site.ids['a session']}")
        site.call(who, "DELETE", f"/admin/users/{site.ids['root']}/tokens")
    for noun in ("sessions", "tokens"):
        for who in ("nobody", "ann", "root"):
            site.call(who, "DELETE", f"/admin/{noun}/{NO_ID}")
    site.call("root", "DELETE", f"/admin/users/{NO_ID}/tokens")
    other, _ = site.services.users.create(SHELL, username="tom", password="a good 12 char one")
    entered = site.services.sessions.start_for(SHELL, other)
    site.call("olga", "DELETE", f"/admin/sessions/{site.normal.learn('a session of tom', entered.session.id)}")
    token, _ = site.services.tokens.create(SHELL, name="t", user_id=site.normal.learn("tom", other.id))
    site.call("olga", "DELETE", f"/admin/tokens/{site.normal.learn('a token of tom', token.id)}")
    site.call("olga", "DELETE", f"/admin/users/{other.id}/tokens")


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
