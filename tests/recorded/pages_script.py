"""What is asked of the pages, in browsers without scripts: signing in, one's own account and files."""

from __future__ import annotations

from backoffice.domain.paging import Query
from tests.recorded.session import NO_ID, OCTETS, PASSWORD, Recorded
from tests.recorded.uploads_script import BOUNDARY, FORM

NEW_PASSWORD = "another-lantern-by-the-harbour"


def sign_in(site: Recorded) -> None:
    site.person("ann")
    site.person("vera", "auditor")
    for path in ("/", "/account", "/login", "/login?next=/account", "/logout", "/admin/", "/files", "/setup/none"):
        site.page("nobody", path)
    site.page("nobody", "/login")
    for fields in (
        {"username": "ann", "password": "not hers"},
        {"username": "nobody", "password": PASSWORD},
        {"username": "", "password": ""},
        {"username": "ann", "password": PASSWORD, "next": "//evil.example"},
    ):
        site.submit("nobody", "/login", fields)
    site.page("nobody", "/login")
    site.submit("nobody", "/login", {"username": "ANN", "password": PASSWORD}, forged=True)
    site.submit("nobody", "/login", {"username": "ANN", "password": PASSWORD, "next": "/account"})
    site.page("ann", "/account")
    site.page("ann", "/login")
    site.page("ann", "/login?confirm=1&next=/account")
    site.submit("ann", "/login", {"username": "ann", "password": "not hers"})
    site.submit("ann", "/login", {"username": "ann", "password": PASSWORD, "next": "/account"})
    site.page("ann", "/logout")
    site.submit("ann", "/logout", forged=True)
    site.submit("ann", "/logout")
    site.page("ann", "/account")
    _invited(site)


def _invited(site: Recorded) -> None:
    """The one-time link."""
    answer = site.call("root", "POST", "/admin/users", json={"username": "ivan"})
    site.learn("ivan", answer)
    path = answer.get_json()["setup_url"].removeprefix("http://localhost")
    site.page("nobody", path)
    for fields in (
        {"password": "short", "repeat": "short"},
        {"password": PASSWORD, "repeat": "other"},
        {"password": PASSWORD, "repeat": PASSWORD},
        {"password": PASSWORD, "repeat": PASSWORD},
    ):
        site.submit("nobody", path, fields)


def account(site: Recorded) -> None:
    site.person("ann")
    site.page("ann", "/account")
    for fields in (
        {"name": "", "days": "30"},
        {"name": "x", "days": "0"},
        {"name": "x", "days": "30"},
        {"name": "x", "days": "30", "preset": "custom"},
        {"name": "x", "days": "30", "preset": "custom", "scope": "files:fly"},
        {"name": "x", "days": "30", "preset": "custom", "scope": "users:read"},
        {"name": "laptop", "days": "30", "preset": "read"},
    ):
        site.submit("ann", "/account/tokens", fields)
    token_id = site.tokens["ann"].split("_")[1]
    site.submit("ann", "/account/tokens/revoke", {"id": token_id}, forged=True)
    site.submit("ann", "/account/tokens/revoke", {"id": NO_ID})
    site.submit("ann", "/account/tokens/revoke", {"id": token_id})
    site.call("ann", "GET", "/limits")
    site.submit("ann", "/account/session/end", {"id": "0" * 64})
    site.submit("ann", "/account/sessions/end")
    for fields in (
        {"current": "not hers", "password": NEW_PASSWORD, "repeat": NEW_PASSWORD},
        {"current": PASSWORD, "password": NEW_PASSWORD, "repeat": "other"},
        {"current": PASSWORD, "password": "short", "repeat": "short"},
        {"current": PASSWORD, "password": NEW_PASSWORD, "repeat": NEW_PASSWORD},
    ):
        site.submit("ann", "/account/password", fields)
    site.page("ann", "/account")
    for path in ("password", "session/end", "sessions/end", "tokens", "tokens/revoke"):
        site.call("nobody", "POST", f"/account/{path}")
        site.call("root", "POST", f"/account/{path}")  # a token is no browser


def _form_of(*files: tuple[str, bytes]) -> bytes:
    parts = (
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n'
        "Content-Type: text/plain\r\n\r\n".encode()
        + data
        + b"\r\n"
        for name, data in files
    )
    return b"".join(parts) + f"--{BOUNDARY}--\r\n".encode()


def own_files(site: Recorded) -> None:
    site.person("ann")
    site.person("bob")
    site.page("ann", "/")
    content_type = FORM["Content-Type"]
    site.send_files("ann", _form_of(("by form.txt", b"hello")), content_type)
    _learn_files(site)
    site.page("ann", "/")
    site.send_files("ann", _form_of(("folder/one.txt", b"1"), ("two.txt", b"2")), content_type)
    _learn_files(site)
    # The two came at the same time, so they would stand in the list in either order.
    site.call("ann", "DELETE", f"/files/{site.ids['one.txt']}?purge=1")
    site.page("ann", "/")
    site.send_files("ann", _form_of(("", b"")), content_type)
    site.send_files("ann", _form_of(("large.bin", bytes(201 * 1024))), content_type)
    site.send_files("ann", b"no form", content_type)
    site.page("ann", "/")
    _rename_and_trash(site, site.ids["by form.txt"])
    started = site.call(
        "ann", "POST", "/upload_chunk?chunk_index=0&total_chunks=2&name=half", headers=OCTETS, body=b"x"
    )
    upload_id = site.learn("half", started, "file_id")
    site.page("ann", "/")
    site.submit("ann", f"/my/uploads/{upload_id}/cancel")
    site.submit("ann", f"/my/uploads/{upload_id}/cancel")
    _folders(site)
    site.page("bob", "/")
    for deed in ("rename", "trash", "restore", "purge"):
        path = f"/my/files/{site.ids['two.txt']}/{deed}"
        site.submit("bob", path, {"new_name": "bob's"})
        site.submit("bob", path, forged=True)
        site.call("nobody", "POST", path)
    site.call("nobody", "POST", f"/my/uploads/{upload_id}/cancel")
    site.call("nobody", "POST", "/my/files")


def _rename_and_trash(site: Recorded, file_id: str) -> None:
    for query in ("?q=form", "?sort=name&order=desc", "?sort=size", "?page=7", "?show=trash", "?sort=x&page=x"):
        site.page("ann", f"/{query}")
    site.page("ann", f"/?rename={file_id}")
    site.submit("ann", f"/my/files/{file_id}/rename", {"new_name": "two.txt"})
    site.submit("ann", f"/my/files/{file_id}/rename", {"new_name": ""})
    site.submit("ann", f"/my/files/{file_id}/rename", {"new_name": "renamed.txt", "back": "/?sort=name"})
    site.submit("ann", f"/my/files/{file_id}/trash", {"back": "/?sort=name"})
    site.page("ann", f"/?sort=name&undo={file_id}")
    site.page("ann", "/?show=trash")
    site.submit("ann", f"/my/files/{file_id}/restore", {"back": "//evil.example"})
    site.submit("ann", f"/my/files/{file_id}/trash")
    site.page("ann", f"/?show=trash&purge={file_id}")
    site.submit("ann", f"/my/files/{file_id}/purge")
    site.submit("ann", f"/my/files/{file_id}/restore")
    site.page("ann", "/")


def _texts(site: Recorded) -> None:
    """Writing one."""
    for who in ("ann", "nobody"):
        site.page(who, "/my/texts/new?back=/")
        for name in ("note", "note", "a/b"):
            site.submit(who, "/my/texts/new", {"name": name, "text": "text", "back": "/"})
    [note, *_] = [one.id for one in site.services.files.files.page(Query(search="note", limit=2)).items]
    for who in ("ann", "bob"):
        site.page(who, f"/my/files/{note}/edit")
        for text in ("text", "other", "another"):
            site.submit(who, f"/my/files/{note}/edit", {"text": text, "content": note, "ends": "lf"})


def _folders(site: Recorded) -> None:
    """Folders, and several things at once."""
    site.page("ann", "/?new=folder")
    for name in ("Reports", "a/b", "REPORTS"):
        site.submit("ann", "/my/folders", {"name": name, "back": "/"})
    [made] = site.services.folders.store.page(Query()).items
    place, file = site.normal.learn("Reports", made.id), site.ids["two.txt"]
    for query in (f"?folder={place}", f"?folder={NO_ID}", "?q=two"):
        site.page("ann", f"/{query}")
    for who in ("ann", "bob", "nobody"):
        site.page(who, f"/my/files/{file}?back=/%3Fsort=name")
        site.page(who, f"/my/move?file={file}&into={place}")
        site.page(who, f"/my/zip?file={file}")
        site.page(who, "/my/trash/empty")
    for who in ("bob", "ann"):
        site.submit(who, "/my/move", {"file": file, "into": place}, forged=True)
        site.submit(who, "/my/move", {"file": file, "into": place})
        site.submit(who, f"/my/folders/{place}/rename", {"new_name": "Papers"})
        site.submit(who, f"/my/folders/{place}/trash")
        for act in ("zip", "move", "trash", "restore", "x"):
            site.submit(who, "/my/selection", {"file": file, "act": act})
    site.submit("ann", "/my/selection", {"act": "zip"})
    site.submit("ann", "/my/move", {"file": file, "into": ""})
    site.submit("ann", "/my/move/undo", {"request": "no-such-request"}, forged=True)
    site.submit("ann", "/my/move/undo", {"request": "no-such-request"})
    for who, acts in (("ann", "trash"), ("bob", "restore purge"), ("ann", "restore trash purge")):
        for act in acts.split():
            site.submit(who, f"/my/folders/{place}/{act}")
    site.submit("bob", "/my/trash/empty")
    _texts(site)
    for path in (
        "folders",
        f"folders/{place}/rename",
        f"folders/{place}/trash",
        f"folders/{place}/restore",
        f"folders/{place}/purge",
        "move",
        "selection",
        "trash/empty",
    ):
        site.call("nobody", "POST", f"/my/{path}")


def _learn_files(site: Recorded) -> None:
    for item in site.call("ann", "GET", "/files?sort=name").get_json()["items"]:
        site.ids[item["name"]] = site.normal.learn(item["name"], item["id"])


def links(site: Recorded) -> None:
    """Share links, as their owners and operators see them, and as strangers do."""
    for who, roles in (("ann", "user"), ("bob", "user"), ("olga", "operator"), ("vera", "auditor")):
        site.person(who, roles)
    file = site.call("ann", "PUT", "/files/shared.txt", body=b"hello")
    file_id = site.learn("shared", file)
    for who, body in (
        ("nobody", {"file": file_id}),
        ("bob", {"file": file_id}),
        ("ann", {"file": NO_ID}),
        ("ann", {"file": file_id, "days": 366}),
        ("ann", {"file": file_id, "password": "short"}),
        ("ann", {"file": file_id, "kind": "folder"}),
    ):
        site.call(who, "POST", "/links", json=body)
    site.ask("vera", "POST", "/links", json={"file": file_id})
    made = site.call("ann", "POST", "/links", json={"file": file_id, "days": 7, "max_downloads": 1})
    link_id, path = site.learn("link", made), made.get_json()["url"].removeprefix("http://localhost")
    site.normal.learn("secret", path.removeprefix(f"/s/{link_id}"))
    for who in ("ann", "bob", "olga", "nobody"):
        site.call(who, "GET", f"/links/{link_id}")
        site.call(who, "GET", "/links?all=1")
        site.call(who, "PATCH", f"/links/{link_id}", json={"max_downloads": 2})
    site.ask("vera", "GET", f"/links/{link_id}")
    site.ask("vera", "DELETE", f"/links/{link_id}")
    site.call("ann", "GET", f"/links?file={file_id}")
    site.call("ann", "PATCH", f"/links/{link_id}", json={"days": 3}, headers={"If-Match": f'"{link_id}.1"'})
    site.call("ann", "PATCH", f"/links/{link_id}", json={"max_downloads": 1}, headers={"If-Match": f'"{link_id}.2"'})
    _as_a_stranger(site, path)
    _closed(site, link_id, file_id)
    _on_pages(site, file_id)
    for who in ("nobody", "bob", "olga", "ann"):
        site.call(who, "DELETE", f"/links/{link_id}")
    site.page("nobody", path)


def _closed(site: Recorded, link_id: str, file_id: str) -> None:
    """By the trash, and out of it; opened again."""
    site.call("ann", "DELETE", f"/files/{file_id}")
    site.call("olga", "POST", f"/links/{link_id}/reopen")
    site.call("ann", "POST", f"/files/{file_id}/restore")
    for who in ("nobody", "ann", "olga"):
        site.call(who, "POST", f"/links/{link_id}/reopen")


def _on_pages(site: Recorded, file_id: str) -> None:
    share = f"/my/files/{file_id}/share"
    for who in ("nobody", "bob", "ann", "vera"):
        site.page(who, share)
        site.page(who, "/shared")
    for fields in ({"days": "x"}, {"days": "7", "password": "short"}, {"days": "1", "max_downloads": "2"}):
        site.submit("ann", share, fields)
    [made] = [one for one in site.services.links.store.page(Query()).items if one.max_downloads == 2]
    link_id = site.normal.learn("link of a page", made.id)
    site.page("ann", f"/shared?revoke={link_id}")
    for who in ("bob", "ann"):
        site.submit(who, f"/shared/{link_id}/revoke", forged=True)
        site.submit(who, f"/shared/{link_id}/revoke")
    site.page("ann", "/shared")
    site.page("olga", "/admin/links/")


def _as_a_stranger(site: Recorded, path: str) -> None:
    site.page("nobody", path)
    site.page("nobody", f"{path}/file")
    site.submit("nobody", path, forged=True)
    # A browser that stays, and is a stranger here all the same.
    site.page("bob", path)
    site.submit("bob", path)
    site.page("bob", f"{path}/file")
    site.page("bob", path)
    site.page("nobody", "/s/none")
