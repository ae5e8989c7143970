"""Shares with people and roles, as their owners, those with whom something is shared, and operators see them."""

from __future__ import annotations

from backoffice.domain.paging import Query
from tests.recorded.session import NO_ID, Recorded
from tests.recorded.uploads_script import FORM, OCTETS, batch_form


def shares(site: Recorded) -> None:
    """Made, used, changed, closed and revoked."""
    for who, roles in (("ann", "user"), ("bob", "user"), ("eve", "user"), ("olga", "operator"), ("vera", "auditor")):
        site.person(who, roles)
    folder = site.learn("team", site.call("ann", "POST", "/folders", json={"name": "team"}))
    deep = site.learn("deep", site.call("ann", "POST", "/folders", json={"name": "deep", "parent": folder}))
    plan = site.learn("plan", site.call("ann", "PUT", f"/files/plan.txt?folder={folder}", body=b"plan"))
    site.learn("notes", site.call("ann", "PUT", f"/files/notes.txt?folder={deep}", body=b"notes"))
    share = _made(site, folder, plan)
    _received(site, share, folder, deep, plan)
    _written(site, share, deep, plan)
    _folders(site, share, deep)
    _few_requests(site, share)
    _on_pages(site, share, folder, plan)
    _changed(site, share, folder)
    for who in ("nobody", "bob", "olga", "ann"):
        site.call(who, "DELETE", f"/shares/{share}")


def _made(site: Recorded, folder: str, plan: str) -> str:
    for who, body in (
        ("nobody", {"folder": folder, "user": "bob"}),
        ("bob", {"folder": folder, "user": "eve"}),
        ("ann", {"user": "bob"}),
        ("ann", {"folder": folder}),
        ("ann", {"folder": folder, "file": plan, "user": "bob"}),
        ("ann", {"folder": NO_ID, "user": "bob"}),
        ("ann", {"folder": "../x", "user": "bob"}),
        ("ann", {"folder": folder, "user": "nobody-at-all"}),
        ("ann", {"folder": folder, "user": "ann"}),
        ("ann", {"folder": folder, "role": "auditor"}),
        ("ann", {"folder": folder, "user": "bob", "access": "own"}),
    ):
        site.call(who, "POST", "/shares", json=body)
    site.ask("vera", "POST", "/shares", json={"folder": folder, "user": "bob"})
    made = site.call("ann", "POST", "/shares", json={"folder": folder, "user": "bob", "access": "write"})
    share = site.learn("share", made)
    site.call("ann", "POST", "/shares", json={"folder": folder, "user": "bob"})
    site.learn("share with a role", site.call("ann", "POST", "/shares", json={"file": plan, "role": "user"}))
    for who in ("ann", "bob", "olga", "nobody"):
        site.call(who, "GET", f"/shares/{share}")
        site.call(who, "GET", "/shares?all=1")
        site.call(who, "GET", "/shares")
    site.call("ann", "GET", f"/shares?object={folder}&role=user")
    site.ask("vera", "GET", f"/shares/{share}")
    site.ask("vera", "DELETE", f"/shares/{share}")
    site.call("olga", "GET", f"/admin/files/{plan}/access")
    return share


def _received(site: Recorded, share: str, folder: str, deep: str, plan: str) -> None:
    root = f"/shares/{share}"
    for who in ("bob", "eve", "nobody"):
        site.call(who, "GET", "/shares/received")
        for path in ("", f"/{plan}", f"/{plan}/metadata", f"/{plan}/preview"):
            site.call(who, "GET", f"{root}/files{path}")
        for path in ("folders", "files.zip"):
            site.call(who, "GET", f"{root}/{path}")
    site.call("bob", "GET", "/shares/received?q=team&limit=1&offset=0")
    site.call("bob", "GET", "/shares/received?offset=x")
    for path in (f"files?folder={deep}&q=no", f"files?folder={NO_ID}", "files?sort=owner", f"folders?folder={deep}"):
        site.call("bob", "GET", f"{root}/{path}")
    site.call("bob", "GET", f"{root}/files/{plan}", headers={"Range": "bytes=1-2"})
    site.call("bob", "GET", f"{root}/files/{plan}", headers={"Range": "bytes=9-"})
    site.call("bob", "GET", f"{root}/files/{NO_ID}")
    site.call("bob", "HEAD", f"{root}/files.zip")
    site.call("bob", "GET", f"/files/{plan}")
    site.call("bob", "GET", f"/folders/{folder}")


def _written(site: Recorded, share: str, deep: str, plan: str) -> None:
    root = f"/shares/{share}"
    for who in ("nobody", "eve", "bob"):
        site.call(who, "PUT", f"{root}/files/{plan}/content", body=b"plan B")
    site.call("bob", "PUT", f"{root}/files/{plan}/content", body=b"x", headers={"If-Match": f'"{plan}"'})
    site.call("ann", "GET", f"/files/{plan}/versions")
    site.learn("put", site.call("bob", "PUT", f"{root}/files/new.txt", body=b"new"))
    site.call("bob", "PUT", f"{root}/files/new.txt?on_conflict=fail", body=b"new")
    site.call("bob", "PUT", f"{root}/files/new.txt?on_conflict=replace", body=b"new")
    site.call("bob", "PUT", f"{root}/files/x.txt?folder={NO_ID}", body=b"new")
    site.call("bob", "PUT", f"{root}/files/..", body=b"new")
    for who in ("eve", "nobody"):
        site.call(who, "PUT", f"{root}/files/x.txt", body=b"new")
    begun = site.call("bob", "POST", f"{root}/upload_chunk?chunk_index=0&total_chunks=2&total_size=8", body=b"four")
    upload = site.normal.learn("upload", begun.get_json()["file_id"])
    for who in ("bob", "eve", "ann", "nobody"):
        site.call(who, "GET", f"{root}/uploads/{upload}")
    body = {"file_id": upload, "name": "sent.txt", "total_size": 8, "folder": deep}
    for who in ("nobody", "eve", "bob"):
        site.call(who, "POST", f"{root}/upload_complete", json=body)
    for who in ("nobody", "eve"):
        site.call(who, "POST", f"{root}/upload_chunk?chunk_index=0&total_chunks=2", body=b"four")
    site.call("bob", "POST", f"{root}/upload_chunk?file_id={upload}&chunk_index=1&total_chunks=2", body=b"more")
    for _ in range(2):
        site.call("bob", "POST", f"{root}/upload_complete", json=body)
    site.call("bob", "POST", f"{root}/upload_complete", json={**body, "total_size": 7})
    begun = site.call("bob", "POST", f"{root}/upload_chunk?chunk_index=0&total_chunks=2", body=b"four")
    given_up = site.normal.learn("upload given up", begun.get_json()["file_id"])
    for who in ("nobody", "eve", "bob", "bob"):
        site.call(who, "DELETE", f"{root}/uploads/{given_up}")


def _folders(site: Recorded, share: str, deep: str) -> None:
    """Made there, and asked for; and an upload that goes into them."""
    root = f"/shares/{share}"
    for who in ("nobody", "eve", "bob", "bob"):
        made = site.call(who, "POST", f"{root}/folders", json={"name": "drafts", "parent": deep})
        if made.status_code == 201:
            site.learn("drafts", made)
    for body in ({"path": ["drafts", "old"], "parent": deep}, {}, {"name": "a", "parent": NO_ID}, {"path": ["a/b"]}):
        made = site.call("bob", "POST", f"{root}/folders", json=body)
        if made.status_code == 201:
            site.learn("old", made)
    for who in ("nobody", "eve", "bob"):
        site.call(who, "POST", f"{root}/files/taken", json={"files": [{"name": "plan.txt"}, {"name": "free"}]})
    query = f"chunk_index=0&total_chunks=1&name=n&total_size=4&folder={deep}&folder_path=drafts&folder_path=new"
    upload = site.learn("placed", site.call("bob", "POST", f"{root}/upload_chunk?{query}", body=b"four"), "file_id")
    for who in ("nobody", "eve", "bob"):
        site.call(who, "GET", f"{root}/uploads")
        site.call(who, "GET", f"{root}/uploads/{upload}/chunks")
    site.call("bob", "POST", f"{root}/upload_chunk?chunk_index=0&total_chunks=1&folder={NO_ID}", body=b"four")
    done = site.call("bob", "POST", f"{root}/upload_complete", json={"file_id": upload, "name": "n", "total_size": 4})
    assert done.status_code == 201


def _few_requests(site: Recorded, share: str) -> None:
    """Long files in order, small ones together."""
    root = f"/shares/{share}"
    for who in ("nobody", "eve", "ann", "bob"):
        begun = site.call(who, "POST", f"{root}/uploads", json={"name": "long.bin", "total_size": 8})
    path = f"{root}/uploads/{site.learn('long.bin', begun, 'file_id')}"
    for who in ("nobody", "eve", "bob", "bob"):
        site.call(who, "PATCH", f"{path}?offset=0", headers=OCTETS, body=b"four")
    site.call("bob", "PATCH", f"{path}?offset=4", headers=OCTETS, body=b"more")
    for size in (0, "x"):
        site.call("bob", "POST", f"{root}/uploads", json={"total_size": size})
    site.call("bob", "POST", f"{root}/uploads", json={"total_size": 1, "folder": NO_ID})
    body = batch_form({"files": [{"name": "small.txt"}, {"name": "a/b"}]}, b"hello", b"x")
    for who in ("nobody", "eve", "bob"):
        answer = site.call(who, "POST", f"{root}/files/batch", headers=FORM, body=body)
    site.normal.learn("small.txt", answer.get_json()["items"][0]["file"]["id"])
    site.record_anew(answer)
    site.call("bob", "POST", f"{root}/files/batch", headers=FORM, body=body[:200])


def _on_pages(site: Recorded, share: str, folder: str, plan: str) -> None:
    for who in ("nobody", "bob", "ann", "eve", "vera"):
        for path in (
            "/shared-with-me",
            f"/shared-with-me/{share}",
            f"/shared-with-me/{share}/files/{plan}",
            f"/my/folders/{folder}/people",
            f"/my/files/{plan}/people",
            "/shared-with-people",
        ):
            site.page(who, path)
    content_type, form = _form("by form.txt", b"hello")
    for who in ("bob", "eve"):
        site.send_files(who, form, content_type, f"/shared-with-me/{share}/files")
    for who, name in (("bob", "by form"), ("bob", "by form"), ("eve", "theirs")):
        site.submit(who, f"/shared-with-me/{share}/folders", {"name": name, "folder": ""})
    site.page("bob", f"/shared-with-me/{share}?new=folder")
    sent = site.call("bob", "POST", f"/shares/{share}/upload_chunk?chunk_index=0&total_chunks=2&name=x", body=b"four")
    upload = site.normal.learn("upload of a page", sent.get_json()["file_id"])
    for who in ("eve", "bob", "bob"):
        site.submit(who, f"/shared-with-me/{share}/uploads/{upload}/cancel", {"folder": ""})
    site.send_files("bob", b"no form", content_type, f"/shared-with-me/{share}/files")
    for who in ("bob", "eve"):
        site.send_files(who, form, content_type, f"/shared-with-me/{share}/files/{plan}/content")
    people = f"/my/folders/{folder}/people"
    for fields in ({}, {"user": "nobody-at-all"}, {"user": "eve", "role": "user"}, {"user": "eve", "access": "write"}):
        site.submit("ann", people, fields)
    site.submit("ann", f"/my/files/{plan}/people", {"role": "auditor"})
    [made] = [one for one in site.services.shares.store.page(Query()).items if one.grantee_name == "eve"]
    other = site.normal.learn("share of a page", made.id)
    site.page("ann", f"{people}?revoke={other}")
    for who in ("bob", "ann"):
        site.submit(who, f"/my/shares/{other}/access", {"access": "read"}, forged=True)
        site.submit(who, f"/my/shares/{other}/access", {"access": "read"})
        site.submit(who, f"/my/shares/{other}/again")
        site.submit(who, f"/my/shares/{other}/revoke")
    site.page("ann", "/shared-with-people")
    site.page("olga", "/admin/shares/")
    site.page("olga", f"/admin/shares/details/?id={share}")


def _changed(site: Recorded, share: str, folder: str) -> None:
    """To be read only; closed by the trash, and out of it; opened again."""
    for who in ("nobody", "bob", "olga", "ann"):
        site.call(who, "PATCH", f"/shares/{share}", json={"access": "read"})
    site.call("ann", "PATCH", f"/shares/{share}", json={"access": "read"}, headers={"If-Match": f'"{share}.1"'})
    site.call("ann", "PATCH", f"/shares/{share}", json={})
    site.call("bob", "PUT", f"/shares/{share}/files/x.txt", body=b"new")
    site.call("ann", "POST", f"/folders/{folder}/trash")
    site.call("bob", "GET", f"/shares/{share}/files")
    site.call("olga", "POST", f"/shares/{share}/reopen")
    site.call("ann", "POST", f"/folders/{folder}/restore")
    site.call("bob", "GET", f"/shares/{share}/files")
    site.call("ann", "GET", f"/shares/{share}")
    for who in ("nobody", "bob", "ann", "olga"):
        site.call(who, "POST", f"/shares/{share}/reopen")
    site.call("bob", "GET", f"/shares/{share}/files")


def _form(name: str, content: bytes) -> tuple[str, bytes]:
    """A form with one file."""
    head = f'--edge\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'
    return "multipart/form-data; boundary=edge", head.encode() + content + b"\r\n--edge--\r\n"
