"""What is asked of the API about uploading: the three forms of a chunk, completion, one body, state and cancel."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any

from tests.recorded.session import KIB, NO_ID, OCTETS, Recorded

BOUNDARY = "a-boundary-of-the-recording"
FORM = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
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
    _placed(site)
    _completion(site)
    _whole(site)
    _in_order(site)
    _batches(site)
    _lists_of_uploads(site)


def _chunks(site: Recorded) -> None:
    """One upload whose chunks come in the three forms, and is completed."""
    first = site.call(
        "ann", "POST", "/upload_chunk?chunk_index=1&total_chunks=3&name=all.bin", headers=OCTETS, body=b"two"
    )
    file_id = site.learn("all.bin", first, "file_id")
    # An interrupted upload looks like this, and is found again.
    site.call("ann", "GET", f"/uploads/{file_id}")
    site.call("ann", "GET", f"/uploads/{file_id}/chunks")
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


def _placed(site: Recorded) -> None:
    """Where it goes is said with the first chunk."""
    query = "/upload_chunk?chunk_index=0&total_chunks=1&name=placed.bin&folder_path=in&folder_path=deep"
    file_id = site.learn("placed.bin", site.call("ann", "POST", query, headers=OCTETS, body=b"x"), "file_id")
    site.call("ann", "GET", f"/uploads/{file_id}")
    site.call("ann", "DELETE", f"/uploads/{file_id}")
    for wrong in (f"folder={NO_ID}", "folder_path=a%2Fb"):
        site.call("ann", "POST", f"/upload_chunk?chunk_index=0&total_chunks=1&{wrong}", headers=OCTETS, body=b"x")


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
        site.call(who, "GET", f"/uploads/{upload_id}/chunks")
    site.call("bob", "GET", f"/uploads/{NO_ID}")
    site.call("bob", "GET", f"/uploads/{NO_ID}/chunks")
    site.call("bob", "GET", f"/uploads/{upload_id}/chunks?cursor=x")
    for who in ("ann", "nobody", "bob", "bob"):
        site.call(who, "DELETE", f"/uploads/{upload_id}")
    site.call("root", "DELETE", f"/uploads/{site.ids['open 1']}")
    site.call("ann reading", "DELETE", f"/uploads/{site.ids['open 2']}")
    site.call("bob", "GET", "/limits")


def _in_order(site: Recorded) -> None:
    """Bytes that come one after the other, in bodies of any length."""
    begun = site.call("ann", "POST", "/uploads", json={"name": "in order.bin", "total_size": 10})
    path = f"/uploads/{site.learn('in order.bin', begun, 'file_id')}"
    site.call("ann", "PATCH", f"{path}?offset=0", headers=OCTETS, body=b"hello")
    for offset in ("0", "6", "x"):
        site.call("ann", "PATCH", f"{path}?offset={offset}", headers=OCTETS, body=b"world")
    for who in ("bob", "nobody", "ann reading"):
        site.call(who, "PATCH", f"{path}?offset=5", headers=OCTETS, body=b"world")
    site.call("ann", "PATCH", path, headers=OCTETS, body=b"world")
    site.call("ann", "PATCH", f"{path}?offset=5", headers=OCTETS, body=b"worlds")
    site.call("ann", "PATCH", f"{path}?offset=5", headers=OCTETS, body=b"world")
    body = {"file_id": site.ids["in order.bin"], "name": "in order.bin", "total_size": 10}
    site.call("ann", "POST", "/upload_complete", json=body)
    site.call("ann", "PATCH", f"{path}?offset=10", headers=OCTETS, body=b"x")
    for size in (0, 2**62, "x"):
        site.call("ann", "POST", "/uploads", json={"total_size": size})
    site.call("ann", "POST", "/uploads", json={})
    site.call("ann reading", "POST", "/uploads", json={"total_size": 1})
    site.call("nobody", "POST", "/uploads", json={"total_size": 1})


def batch_form(said: object, *contents: bytes) -> bytes:
    """Small files in a form, the same bytes each time."""
    parts = [b'Content-Disposition: form-data; name="files"\r\n\r\n' + json.dumps(said).encode()]
    head = b'Content-Disposition: form-data; name="content"; filename="content"\r\n\r\n'
    parts += [head + content for content in contents]
    return b"".join(b"--%s\r\n%s\r\n" % (BOUNDARY.encode(), part) for part in parts) + f"--{BOUNDARY}--\r\n".encode()


def _batches(site: Recorded) -> None:
    """Small files together."""
    said = {"files": [{"name": "one.txt", "sha256": HEX}, {"name": "two.txt", "sha256": HEX}, {"name": "a/b"}]}
    body = batch_form(said, b"hello", b"other", b"x")
    answer = site.call("ann", "POST", "/files/batch", headers=FORM, body=body)
    site.ids["one.txt"] = site.normal.learn("one.txt", answer.get_json()["items"][0]["file"]["id"])
    site.record_anew(answer)
    for who in ("nobody", "ann reading"):
        site.call(who, "POST", "/files/batch", headers=FORM, body=body)
    site.call("ann", "POST", "/files/batch", headers=FORM, body=batch_form(said, b"hello"))
    site.call("ann", "POST", "/files/batch", headers=FORM, body=batch_form({"files": []}))
    site.call("ann", "POST", "/files/batch", headers=FORM, body=body[:200])
    site.call("ann", "POST", "/files/batch", json=said)
