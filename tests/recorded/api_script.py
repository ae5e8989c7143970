"""What is asked of the API: every operation with success and with each of its errors."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

from tests.recorded.session import KIB, Recorded

OCTETS = {"Content-Type": "application/octet-stream"}
BOUNDARY = "a-boundary-of-the-recording"
FORM = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
NO_ID = "0123456789abcdefghijkl"
HEX = hashlib.sha256(b"hello").hexdigest()
DIGEST = f"sha-256=:{base64.b64encode(hashlib.sha256(b'hello').digest()).decode()}:"


def form(data: bytes, *, file_part: bool = True, **fields: Any) -> bytes:
    """A chunk in a form, the same bytes each time."""
    parts = [f'Content-Disposition: form-data; name="{name}"\r\n\r\n{value}'.encode() for name, value in fields.items()]
    name = '; filename="chunk"' if file_part else ""
    parts.append(f'Content-Disposition: form-data; name="chunk_data"{name}\r\n\r\n'.encode() + data)
    return b"".join(b"--%s\r\n%s\r\n" % (BOUNDARY.encode(), part) for part in parts) + f"--{BOUNDARY}--\r\n".encode()


def in_json(data: bytes, **fields: Any) -> dict[str, Any]:
    return {"chunk_index": 0, "total_chunks": 1, "chunk_data": base64.b64encode(data).decode(), **fields}


def uploads(site: Recorded) -> None:
    site.person("ann")
    site.person("bob")
    site.token("ann", label="ann reading", scope="files:read")
    _chunks(site)
    _chunks_refused(site)
    _completion(site)
    _whole(site)
    _lists_of_uploads(site)


def _chunks(site: Recorded) -> None:
    """One upload whose chunks come in the three forms, and is completed."""
    first = site.call(
        "ann", "POST", "/upload_chunk?chunk_index=1&total_chunks=3&name=all.bin", headers=OCTETS, body=b"two"
    )
    file_id = site.learn("all.bin", first, "file_id")
    # An interrupted upload looks like this, and is found again.
    site.call("ann", "GET", f"/uploads/{file_id}")
    fields = {"file_id": file_id, "chunk_index": 0, "total_chunks": 3}
    checksum = f"sha256:{hashlib.sha256(b'one').hexdigest()}"
    site.call("ann", "POST", "/upload_chunk", headers=FORM, body=form(b"one", **fields, checksum=checksum))
    site.call("ann", "POST", "/upload_chunk", json=in_json(b"three", file_id=file_id, chunk_index=2, total_chunks=3))
    site.call("ann", "POST", "/upload_chunk", json=in_json(b"three", file_id=file_id, chunk_index=2, total_chunks=3))
    query = f"/upload_chunk?file_id={file_id}&chunk_index=2&total_chunks=3"
    site.call("ann", "POST", query, headers=OCTETS, body=b"other")
    site.call("ann", "POST", query, body=b"three")
    site.call("bob", "POST", query, headers=OCTETS, body=b"three")
    digest = f"sha-256=:{base64.b64encode(hashlib.sha256(b'three').digest()).decode()}:"
    site.call("ann", "POST", query, headers={**OCTETS, "Content-Digest": digest}, body=b"three")
    body = {"file_id": file_id, "name": "all.bin", "total_size": 11}
    site.call("ann", "POST", "/upload_complete", json={**body, "total_size": 12})
    site.call("ann", "POST", "/upload_complete", json={**body, "sha256": "0" * 64})
    whole = hashlib.sha256(b"onetwothree").hexdigest()
    site.call("ann", "POST", "/upload_complete", json={**body, "sha256": whole, "tags": ["Red", "big"]})
    site.call("ann", "POST", "/upload_complete", json={**body, "sha256": whole, "tags": ["Red", "big"]})
    site.call("ann", "POST", query, headers=OCTETS, body=b"three")
    site.call("ann", "GET", f"/files/{file_id}")


def _chunks_refused(site: Recorded) -> None:
    one = "/upload_chunk?chunk_index=0&total_chunks=1"
    site.call("nobody", "POST", one, headers=OCTETS, body=b"x")
    site.call("ann reading", "POST", one, headers=OCTETS, body=b"x")
    site.call("ann", "GET", "/upload_chunk")
    site.call("ann", "POST", f"{one}&file_id={NO_ID}", headers=OCTETS, body=b"x")
    for query in (
        "",
        "?chunk_index=0",
        "?chunk_index=-1&total_chunks=1",
        "?chunk_index=1&total_chunks=1",
        "?chunk_index=0&total_chunks=0",
        "?chunk_index=0&total_chunks=101",
        "?chunk_index=1e0&total_chunks=1",
        "?chunk_index=0&chunk_index=0&total_chunks=1",
        "?chunk_index=0&total_chunks=1&size=1",
        "?chunk_index=0&total_chunks=1&checksum=sha256:00",
        "?chunk_index=0&total_chunks=1&file_id=..%2F",
        f"?chunk_index=0&total_chunks=1&checksum=sha256:{'0' * 64}",
    ):
        site.call("ann", "POST", f"/upload_chunk{query}", headers=OCTETS, body=b"x")
    site.call("ann", "POST", one, headers={**OCTETS, "Content-Digest": DIGEST}, body=b"not hello")
    site.call("ann", "POST", one, headers={**OCTETS, "Content-Digest": "sha-256=broken"}, body=b"x")
    site.call("ann", "POST", one, headers={"Content-Type": "text/xml"}, body=b"<x/>")
    site.call("ann", "POST", one, headers=OCTETS, body=bytes(64 * KIB + 1))
    site.call("ann", "POST", f"{one}&total_size={201 * KIB}", headers=OCTETS, body=b"x")
    site.call("ann", "POST", "/upload_chunk", headers=FORM, body=form(b"x", chunk_index=0, total_chunks="one"))
    site.call(
        "ann", "POST", "/upload_chunk", headers=FORM, body=form(b"x", file_part=False, chunk_index=0, total_chunks=1)
    )
    site.call("ann", "POST", "/upload_chunk", headers=FORM, body=b"no form")
    site.call("ann", "POST", "/upload_chunk", headers={"Content-Type": "multipart/form-data"}, body=b"x")
    site.call(
        "ann", "POST", "/upload_chunk", headers=FORM, body=form(bytes(64 * KIB + 1), chunk_index=0, total_chunks=1)
    )
    site.call("ann", "POST", "/upload_chunk", json=in_json(b"x", chunk_data="!"))
    site.call("ann", "POST", "/upload_chunk", json=in_json(b"x", chunk_index="0"))
    site.call("ann", "POST", "/upload_chunk", headers={"Content-Type": "application/json"}, body=b"[1]")
    site.call("ann", "POST", "/upload_chunk", headers={"Content-Type": "application/json"}, body=b'{"a":1,"a":2}')


def _completion(site: Recorded) -> None:
    answer = site.call("ann", "POST", "/upload_chunk?chunk_index=1&total_chunks=4", headers=OCTETS, body=b"hello")
    file_id = site.learn("part.bin", answer, "file_id")
    body = {"file_id": file_id, "name": "part.bin", "total_size": 20}
    site.call("nobody", "POST", "/upload_complete", json=body)
    site.call("ann reading", "POST", "/upload_complete", json=body)
    site.call("bob", "POST", "/upload_complete", json=body)
    site.call("ann", "POST", "/upload_complete", json=body)
    for wrong in (
        {"file_id": NO_ID},
        {"file_id": "../x"},
        {"name": ""},
        {"name": "a/b"},
        {"name": "x" * 256},
        {"total_size": -1},
        {"total_size": "20"},
        {"mime_type": "text"},
        {"sha256": "00"},
        {"tags": ["x" * 51]},
        {"tags": "x"},
        {"on_conflict": "merge"},
        {"owner": "bob"},
    ):
        site.call("ann", "POST", "/upload_complete", json={**body, **wrong})
    site.call("ann", "POST", "/upload_complete", json={})
    site.call("ann", "POST", "/upload_complete", headers={"Content-Type": "text/plain"}, body=b"{}")
    site.call("ann", "POST", "/upload_complete", headers={"Content-Type": "application/json"}, body=b"{")
    site.call("ann", "POST", "/upload_complete", headers={"Content-Type": "application/json"}, body=b"\xff")
    for index in (0, 2, 3):
        query = f"?file_id={file_id}&chunk_index={index}&total_chunks=4"
        site.call("ann", "POST", f"/upload_chunk{query}", headers=OCTETS, body=b"hello")
    # The name is taken, in whatever case; what happens then can be chosen.
    fail = site.call("ann", "POST", "/upload_complete", json={**body, "name": "ALL.BIN", "on_conflict": "fail"})
    assert fail.status_code == 409
    site.call("ann", "POST", "/upload_complete", json={**body, "name": "ALL.BIN"})
    site.call("ann", "GET", f"/files/{file_id}/metadata")


def _whole(site: Recorded) -> None:
    site.learn("hello.txt", site.call("ann", "PUT", "/files/hello.txt?tag=b&tag=A", body=b"hello"))
    site.learn("second hello", site.call("ann", "PUT", "/files/hello.txt", body=b"hello again"))
    site.learn("third hello", site.call("ann", "PUT", "/files/hello.txt?on_conflict=replace", body=b"hello, replaced"))
    site.call("ann", "PUT", "/files/HELLO.txt?on_conflict=fail", body=b"hello")
    site.learn("empty", site.call("ann", "PUT", "/files/empty", body=b""))
    site.learn(
        "scripts", site.call("ann", "PUT", "/files/%D0%BE%D1%82%D1%87%D1%91%D1%82%20%E2%9C%93.pdf", body=b"%PDF")
    )
    typed = {"Content-Type": "image/png"}
    site.learn("typed", site.call("ann", "PUT", f"/files/x.txt?checksum=sha256:{HEX}", headers=typed, body=b"hello"))
    site.learn("digest", site.call("ann", "PUT", "/files/d.txt", headers={"Repr-Digest": DIGEST}, body=b"hello"))
    site.learn("large", site.call("ann", "PUT", "/files/large.bin", body=b"0123456789" * 16_000))
    site.call("nobody", "PUT", "/files/x.txt", body=b"x")
    site.call("ann reading", "PUT", "/files/x.txt", body=b"x")
    for name in ("", "a%2Fb", "%00", "x" * 256, ".", "%FF"):
        site.call("ann", "PUT", f"/files/{name}", body=b"x")
    for query in ("?tag=", "?on_conflict=merge", "?checksum=md5:0", "?other=1", f"?checksum=sha256:{'0' * 64}"):
        site.call("ann", "PUT", f"/files/y.txt{query}", body=b"x")
    site.call("ann", "PUT", "/files/y.txt", headers={"Repr-Digest": DIGEST}, body=b"not hello")
    site.call("ann", "PUT", "/files/y.txt", body=bytes(200 * KIB + 1))
    site.call("ann", "PUT", "/files/y.txt", body=bytes(200 * KIB))
    quota = site.call("ann", "PUT", "/files/z.txt", body=bytes(190 * KIB))
    assert quota.get_json(force=True)["code"] == "quota_exceeded", quota.text
    site.call("ann", "GET", "/limits")
    site.call("ann reading", "GET", "/limits")
    site.call("nobody", "GET", "/limits")


def _lists_of_uploads(site: Recorded) -> None:
    for number in range(4):
        query = f"?chunk_index=0&total_chunks=2&total_size=10&name=open%20{number}"
        site.learn(
            f"open {number}", site.call("bob", "POST", f"/upload_chunk{query}", headers=OCTETS, body=b"x"), "file_id"
        )
    many = site.call("bob", "POST", "/upload_chunk?chunk_index=0&total_chunks=2", headers=OCTETS, body=b"x")
    assert many.status_code == 429
    first = site.call("bob", "GET", "/uploads?limit=3")
    site.call("bob", "GET", f"/uploads?limit=3&cursor={first.get_json()['next_cursor']}")
    site.call("bob", "GET", "/uploads?limit=0")
    site.call("bob", "GET", "/uploads?cursor=x")
    site.call("bob", "GET", "/uploads?sort=name")
    site.call("nobody", "GET", "/uploads")
    upload_id = site.ids["open 0"]
    for who in ("ann", "nobody", "root"):
        site.call(who, "GET", f"/uploads/{upload_id}")
    site.call("bob", "GET", f"/uploads/{NO_ID}")
    for who in ("ann", "nobody", "bob", "bob"):
        site.call(who, "DELETE", f"/uploads/{upload_id}")
    site.call("root", "DELETE", f"/uploads/{site.ids['open 1']}")
    site.call("ann reading", "DELETE", f"/uploads/{site.ids['open 2']}")
    site.call("bob", "GET", "/limits")


def files(site: Recorded) -> None:
    site.person("ann")
    site.person("bob")
    site.token("ann", label="ann reading", scope="files:read")
    for name, tags, data in (
        ("red ball.png", "?tag=red&tag=toy", b"12345"),
        ("Red car.txt", "?tag=red", b"1234567"),
        ("blue ball.txt", "?tag=toy", b"123"),
        ("notes.md", "", b"# notes"),
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
    _roles(site)
    file_id = site.learn("ann.txt", site.call("ann", "PUT", "/files/ann.txt", body=b"ann's"))
    for who in ("nobody", "ann", "root reading"):
        site.call(who, "DELETE", f"/admin/files/{file_id}")
    site.call("olga", "DELETE", f"/admin/files/{file_id}?purge=maybe")
    site.call("olga", "DELETE", f"/admin/files/{file_id}", headers={"If-Match": '"other"'})
    site.call("olga", "DELETE", f"/admin/files/{file_id}")
    site.call("olga", "DELETE", f"/admin/files/{file_id}?purge=1")
    site.call("olga", "DELETE", f"/admin/files/{NO_ID}")


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
    for path in ("/static/css/upload.css", "/static/../secret", "/static/nothing.js", "/bootstrap/static/nothing.js"):
        answer = site.call("nobody", "GET", path)
        if answer.status_code == 200:
            site.exchanges[-1]["answer"] = "<the file>"
            for name in ("ETag", "Content-Length"):
                site.exchanges[-1]["headers"].pop(name, None)
    for text in ("Bearer", "Bearer x", f"Bearer bo_{NO_ID}_{'a' * 43}", "Basic eDp5", "bearer " + site.tokens["ann"]):
        site.call("nobody", "GET", "/limits", headers={"Authorization": text})
