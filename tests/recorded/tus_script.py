"""What is asked of the API by tus clients."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

from werkzeug.test import TestResponse

from tests.recorded.session import KIB, NO_ID, Recorded
from tests.support.tus import OCTETS as OFFSET_OCTETS
from tests.support.tus import TUS, checksum, metadata

OCTETS = {"Content-Type": OFFSET_OCTETS}
NAMED = {"Upload-Metadata": metadata(filename="film.mp4")}
HEAD, PATCH, DELETE = "HEAD", "PATCH", "DELETE"


def tus(site: Recorded) -> None:
    site.person("ann")
    site.person("bob")
    site.token("ann", label="ann reading", scope="files:read")
    for who in ("ann", "ann reading", "nobody"):
        site.call(who, "OPTIONS", "/tus/")
    site.call("ann", "OPTIONS", "/tus/something")
    _one(site)
    _lengths(site)
    _refused(site)
    _parts(site)


def begin(site: Recorded, label: str, headers: Mapping[str, str], body: bytes = b"") -> str:
    """An upload of ann's; its path, with the secret."""
    kind = OCTETS if body else {}
    answer = site.call("ann", "POST", "/tus/", headers={**TUS, **kind, **headers}, body=body)
    path = urlsplit(answer.headers["Location"]).path
    upload_id, _, secret = path.removeprefix("/tus/").partition("~")
    site.ids[label] = site.normal.learn(label, upload_id)
    site.normal.learn(f"secret of {label}", secret)
    site.record_anew(answer)
    return path


def patch(
    site: Recorded, who: str, path: str, offset: object, body: bytes, headers: Mapping[str, str] | None = None
) -> TestResponse:
    said = {**TUS, **OCTETS, "Upload-Offset": str(offset), **(headers or {})}
    return site.call(who, PATCH, path, headers=said, body=body)


def _one(site: Recorded) -> None:
    """From its beginning to its end, with the address alone and as its owner."""
    path = begin(site, "film.mp4", {**NAMED, "Upload-Length": "10"})
    bare = path.partition("~")[0]
    for who, place in (("nobody", path), ("ann", path), ("ann", bare), ("nobody", bare), ("bob", bare)):
        site.call(who, HEAD, place, headers=TUS)
    patch(site, "nobody", path, 0, b"hello")
    site.call("ann", "GET", "/uploads")
    patch(site, "ann", bare, 0, b"hello")
    patch(site, "ann", bare, 5, b"world, and more")
    wrong = {"Upload-Checksum": checksum(b"x")}
    patch(site, "ann", bare, 5, b"world", wrong)
    patch(site, "ann", bare, 5, b"world")
    site.call("nobody", HEAD, path, headers=TUS)
    patch(site, "ann", bare, 10, b"")
    site.call("ann", DELETE, bare, headers=TUS)
    site.call("ann", "GET", f"/files/{site.ids['film.mp4']}/metadata")


def _lengths(site: Recorded) -> None:
    begin(site, "whole", {"Upload-Length": "5"}, b"hello")
    begin(site, "empty", {"Upload-Length": "0"})
    path = begin(site, "later", {"Upload-Defer-Length": "1"})
    site.call("ann", HEAD, path, headers=TUS)
    patch(site, "ann", path, 0, b"hel", {"Upload-Length": "5"})
    site.call("ann", DELETE, path, headers=TUS)
    site.call("ann", HEAD, path, headers=TUS)
    override = {**TUS, **OCTETS, "Upload-Offset": "0", "X-HTTP-Method-Override": PATCH}
    site.call("ann", "POST", begin(site, "overridden", {"Upload-Length": "5"}), headers=override, body=b"hello")


def _refused(site: Recorded) -> None:
    for headers in (
        {},
        {"Upload-Length": "-1"},
        {"Upload-Length": "1", "Upload-Defer-Length": "1"},
        {"Upload-Length": str(200 * KIB + 1)},
        {"Upload-Length": "1", "Upload-Metadata": "filename !"},
        {"Upload-Length": "1", "Upload-Checksum": "md5 AAAA"},
    ):
        site.call("ann", "POST", "/tus/", headers={**TUS, **headers})
    site.call("ann", "POST", "/tus/", headers={"Upload-Length": "1"})
    site.call("ann", "POST", "/tus/", headers={**TUS, "Upload-Length": "1"}, body=b"x")
    site.call("ann reading", "POST", "/tus/", headers={**TUS, "Upload-Length": "1"})
    site.call("nobody", "POST", "/tus/", headers={**TUS, "Upload-Length": "1"})
    path = begin(site, "refused", {"Upload-Length": "5"}).partition("~")[0]
    for who, method in (("nobody", PATCH), ("ann reading", PATCH), ("bob", PATCH), ("nobody", DELETE), ("bob", DELETE)):
        site.call(who, method, path, headers={**TUS, **OCTETS, "Upload-Offset": "0"})
    site.call("ann", PATCH, path, headers={**TUS, "Upload-Offset": "0"}, body=b"x")
    site.call("ann", PATCH, path, headers={**TUS, **OCTETS}, body=b"x")
    site.call("ann", PATCH, path, headers=OCTETS, body=b"x")
    site.call("nobody", PATCH, f"{path}~wrong", headers={**TUS, **OCTETS, "Upload-Offset": "0"}, body=b"x")
    site.call("ann", HEAD, f"/tus/{NO_ID}", headers=TUS)
    site.call("ann", "GET", path)


def _parts(site: Recorded) -> None:
    partial = {"Upload-Concat": "partial", "Upload-Length": "5"}
    parts = [begin(site, f"part {number}", partial) for number in (1, 2)]
    patch(site, "ann", parts[0], 0, b"hello")
    site.call("ann", HEAD, parts[0], headers=TUS)
    whole = begin(site, "whole of parts", {**NAMED, "Upload-Concat": f"final;{' '.join(parts)}"})
    site.call("ann", HEAD, whole, headers=TUS)
    patch(site, "ann", whole, 0, b"hello")
    site.call("ann", DELETE, parts[0], headers=TUS)
    patch(site, "nobody", parts[1], 0, b"world")
    site.call("ann", HEAD, whole, headers=TUS)
    for text in ("nonsense", "final;", f"final;/tus/{NO_ID}", f"final;{parts[0]}"):
        site.call("ann", "POST", "/tus/", headers={**TUS, "Upload-Concat": text})
