"""What is asked of links to folders and texts, and of one's own links: by people and programs, and by strangers."""

from __future__ import annotations

from backoffice.domain.paging import Query
from tests.recorded.session import NO_ID, PASSWORD, Recorded


def shared_folders(site: Recorded) -> None:
    for who, roles in (("ann", "user"), ("bob", "user"), ("vera", "auditor")):
        site.person(who, roles)
    folder = site.learn("plans", site.call("ann", "POST", "/folders", json={"name": "plans"}))
    inner = site.learn("inner", site.call("ann", "POST", "/folders", json={"name": "inner", "parent": folder}))
    file = site.learn("one", site.call("ann", "PUT", f"/files/one.bin?folder={folder}", body=b"one"))
    outside = site.learn("outside", site.call("ann", "PUT", "/files/outside.txt", body=b"a secret"))
    for who, body in (
        ("nobody", {"folder": folder}),
        ("bob", {"folder": folder}),
        ("ann", {"folder": NO_ID}),
        ("ann", {"folder": folder, "file": file}),
        ("ann", {}),
    ):
        site.call(who, "POST", "/links", json=body)
    link_id, path = _made(site, {"folder": folder, "max_downloads": 3}, "link")
    for who, address in (("ann", f"?folder={folder}"), ("ann", "?kind=folder"), ("ann", "?kind=x")):
        site.call(who, "GET", f"/links{address}")
    for address in ("", f"?folder={inner}", f"?folder={NO_ID}", "?page=2"):
        site.page("nobody", path + address)
    for inside in (f"files/{file}", "zip", "file", "raw"):
        site.page("nobody", f"{path}/{inside}")
    # A browser that stays, and is a stranger here all the same.
    site.page("bob", path)
    for fields in ({"file": outside}, {"file": file}, {"all": "1"}):
        site.submit("bob", path, fields)
    for inside in (f"files/{file}", f"files/{outside}", "zip"):
        site.page("bob", f"{path}/{inside}")
    _with_password(site, folder)
    _of_its_owner(site, link_id, folder)


def _made(site: Recorded, body: dict[str, object], name: str) -> tuple[str, str]:
    made = site.call("ann", "POST", "/links", json=body)
    link_id, path = site.learn(name, made), made.get_json()["url"].removeprefix("http://localhost")
    site.normal.learn(f"secret of {name}", path.removeprefix(f"/s/{link_id}"))
    return link_id, path


def _with_password(site: Recorded, folder: str) -> None:
    _, path = _made(site, {"folder": folder, "password": PASSWORD}, "guarded")
    site.page("bob", path)
    for fields in ({"enter": "1", "password": "wrong"}, {"enter": "1", "password": PASSWORD}):
        site.submit("bob", path, fields)
    site.page("bob", path)


def _of_its_owner(site: Recorded, link_id: str, folder: str) -> None:
    for who in ("nobody", "ann"):
        site.call(who, "GET", "/links/rule")
    site.ask("vera", "GET", "/links/rule")
    for who in ("nobody", "bob", "ann"):
        site.call(who, "GET", f"/links/{link_id}/uses")
    site.call("ann", "GET", f"/links/{link_id}/uses?cursor=x")
    for who in ("nobody", "bob", "ann"):
        site.page(who, f"/shared/{link_id}")
    for fields in (
        {"days": "400"},
        {"password": "short"},
        {"version": "1", "max_downloads": "5"},
        {"version": "1", "days": "3"},
    ):
        site.submit("ann", f"/shared/{link_id}", fields)
    site.page("ann", f"/shared/{link_id}")
    share = f"/my/folders/{folder}/share"
    for who in ("nobody", "bob", "vera", "ann"):
        site.page(who, share)
    site.submit("bob", share, {"days": "7"})
    site.submit("ann", share, {"days": "x"})
    site.submit("ann", share, {"days": "7", "max_downloads": "9"})
    [made] = [one for one in site.services.links.store.page(Query()).items if one.max_downloads == 9]
    site.normal.learn("link of a page", made.id)
    site.page("ann", "/shared")
    _foreseen(site)


def _foreseen(site: Recorded) -> None:
    """What another rule for links would do."""
    rights = ["files:read", "files:write", "files:share", "tokens:own"]
    site.call("root", "POST", "/admin/roles", json={"name": "sharers", "permissions": rights})
    site.person("sam", "sharers")
    file = site.learn("of sam", site.call("sam", "PUT", "/files/of-sam.bin", body=b"x"))
    site.learn("link of sam", made := site.call("sam", "POST", "/links", json={"file": file}))
    site.normal.learn("secret of sam", made.get_json()["url"].rpartition("/")[2][22:])
    for rule in ({"share_days": 7, "share_password": 1}, {"share_days": 7}, {"share_days": -1}, {}):
        site.call("root", "POST", "/admin/roles/sharers/preview", json=rule)


def shared_texts(site: Recorded) -> None:
    site.person("ann")
    site.person("bob")
    text = site.learn("note", site.call("ann", "PUT", "/files/note.txt", body=b"one\n<b>two</b>\n"))
    _, path = _made(site, {"file": text}, "free")
    site.page("nobody", path)
    site.page("nobody", f"{path}/raw")
    _, path = _made(site, {"file": text, "max_downloads": 1}, "once")
    site.page("bob", path)
    site.page("bob", f"{path}/raw")
    site.submit("bob", path, {"show": "1"})
    for inside in ("", "/raw", "/file"):
        site.page("bob", path + inside)
        site.page("nobody", path + inside)
