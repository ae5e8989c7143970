"""A checker of tus servers: it knows the protocol (tus 1.0.0) and nothing of the server.

.venv/bin/python -m tests.support.tus_checker http://127.0.0.1:1080/files/ [HEADER=VALUE]...

Each check is about one sentence of the protocol and says what it found; what a server does not claim to have
(`Tus-Extension`) is passed over. It leaves uploads behind only where the server has no termination.
"""

from __future__ import annotations

import base64
import hashlib
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Final
from urllib.parse import urljoin

import urllib3

TUS: Final = {"Tus-Resumable": "1.0.0"}
OCTETS: Final = {"Content-Type": "application/offset+octet-stream"}
Check = Callable[["Server"], None]
CHECKS: Final[dict[str, tuple[str, Check]]] = {}
"""By name: the extension that it is about ("" = the core), and what it does. It raises AssertionError."""


def check(extension: str = "") -> Callable[[Check], Check]:
    def add(one: Check) -> Check:
        CHECKS[one.__name__] = extension, one
        return one

    return add


@dataclass
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes

    def __str__(self) -> str:
        return f"{self.status} {dict(self.headers)} {self.body[:200]!r}"


@dataclass
class Server:
    """The address at which uploads begin, and headers that each request has."""

    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    pool: urllib3.PoolManager = field(default_factory=lambda: urllib3.PoolManager(retries=False, timeout=60))

    def ask(self, method: str, url: str = "", body: bytes | None = None, **headers: str) -> Answer:
        """Headers with `_` in place of `-`; `Tus_Resumable=""` leaves that one out."""
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        sent = {name: value for name, value in {**TUS, **self.headers, **given}.items() if value or name not in TUS}
        answer = self.pool.request(method, url or self.url, body=body, headers=sent, redirect=False)
        return Answer(answer.status, answer.headers, answer.data)

    def extensions(self) -> frozenset[str]:
        said = self.ask("OPTIONS").headers.get("Tus-Extension", "")
        return frozenset(one.strip() for one in said.split(",") if one.strip())

    def begin(self, size: int, **headers: str) -> str:
        """The address of a new upload."""
        answer = self.ask("POST", Upload_Length=str(size), **headers)
        assert answer.status == 201, answer
        return urljoin(self.url, answer.headers["Location"])

    def patch(self, url: str, offset: int, body: bytes = b"", **headers: str) -> Answer:
        return self.ask(
            "PATCH", url, body, **{"Content_Type": OCTETS["Content-Type"], "Upload_Offset": str(offset), **headers}
        )

    def offset(self, url: str) -> int:
        answer = self.ask("HEAD", url)
        assert answer.status in {200, 204}, answer
        return int(answer.headers["Upload-Offset"])


def expect(answer: Answer, *statuses: int) -> Answer:
    assert answer.status in statuses, f"{answer}, not {statuses}"
    return answer


# -- core


@check()
def options_tell_the_version(server: Server) -> None:
    answer = expect(server.ask("OPTIONS", Tus_Resumable=""), 200, 204)
    assert "1.0.0" in answer.headers["Tus-Version"].split(","), answer


@check()
def every_answer_has_the_version(server: Server) -> None:
    url = server.begin(3)
    for answer in (server.ask("HEAD", url), server.patch(url, 1, b"x"), server.patch(url, 0, b"abc")):
        assert answer.headers.get("Tus-Resumable") == "1.0.0", answer


@check()
def another_version_is_a_412(server: Server) -> None:
    url = server.begin(3)
    for version in ("0.2.2", "2.0.0"):
        answer = expect(server.patch(url, 0, b"abc", Tus_Resumable=version), 412)
        assert "1.0.0" in answer.headers["Tus-Version"], answer
    assert server.offset(url) == 0


@check()
def head_tells_offset_and_length(server: Server) -> None:
    url = server.begin(10)
    server.patch(url, 0, b"hello")
    answer = expect(server.ask("HEAD", url), 200, 204)
    assert (answer.headers["Upload-Offset"], answer.headers["Upload-Length"]) == ("5", "10"), answer
    assert "no-store" in answer.headers["Cache-Control"], answer


@check()
def what_is_not_there_is_refused_without_an_offset(server: Server) -> None:
    answer = expect(server.ask("HEAD", urljoin(server.url, "0" * 32)), 403, 404, 410)
    assert "Upload-Offset" not in answer.headers, answer
    expect(server.patch(urljoin(server.url, "0" * 32), 0, b"abc"), 403, 404, 410)


@check()
def patch_answers_204_with_the_new_offset(server: Server) -> None:
    url = server.begin(10)
    for at in range(0, 10, 2):
        answer = expect(server.patch(url, at, b"xy"), 204)
        assert answer.headers["Upload-Offset"] == str(at + 2), answer
        assert server.offset(url) == at + 2


@check()
def another_offset_is_a_409_and_changes_nothing(server: Server) -> None:
    url = server.begin(10)
    server.patch(url, 0, b"hello")
    for offset in (0, 4, 6, 10):
        expect(server.patch(url, offset, b"x"), 409)
        assert server.offset(url) == 5


@check()
def another_type_is_a_415(server: Server) -> None:
    url = server.begin(3)
    expect(server.patch(url, 0, b"abc", Content_Type="application/octet-stream"), 415)
    assert server.offset(url) == 0


@check()
def more_than_declared_is_not_kept(server: Server) -> None:
    url = server.begin(3)
    server.patch(url, 0, b"abcd")
    assert server.offset(url) <= 3


@check()
def offsets_that_are_none_are_refused(server: Server) -> None:
    url = server.begin(3)
    for text in ("-1", "+0", "x", "0x0", "9223372036854775808"):
        expect(server.patch(url, 0, b"abc", Upload_Offset=text), 400, 409)
        assert server.offset(url) == 0


@check()
def the_method_may_be_in_a_header(server: Server) -> None:
    url = server.begin(3)
    override = {"X_HTTP_Method_Override": "PATCH", "Upload_Offset": "0", "Content_Type": OCTETS["Content-Type"]}
    expect(server.ask("POST", url, b"abc", **override), 204)
    assert server.offset(url) == 3


@check()
def an_empty_patch_changes_nothing(server: Server) -> None:
    url = server.begin(3)
    expect(server.patch(url, 0), 204)
    expect(server.patch(url, 0, b"abc"), 204)
    expect(server.patch(url, 3), 204)


# -- creation


@check("creation")
def lengths_that_are_none_are_refused(server: Server) -> None:
    for text in ("-1", "+5", "5.0", "1e3", "x", "99999999999999999999"):
        expect(server.ask("POST", Upload_Length=text), 400, 413)
    expect(server.ask("POST"), 400)


@check("creation")
def more_than_the_largest_is_a_413(server: Server) -> None:
    largest = server.ask("OPTIONS").headers.get("Tus-Max-Size")
    if largest is not None and int(largest):
        expect(server.ask("POST", Upload_Length=str(int(largest) + 1)), 413)


@check("creation")
def an_empty_upload_is_whole(server: Server) -> None:
    assert server.offset(server.begin(0)) == 0


@check("creation")
def metadata_come_back(server: Server) -> None:
    said = f"filename {base64.b64encode('ü.txt'.encode()).decode()},is_confidential"
    assert server.ask("HEAD", server.begin(3, Upload_Metadata=said)).headers["Upload-Metadata"] == said


@check("creation")
def metadata_may_be_empty(server: Server) -> None:
    server.begin(3, Upload_Metadata="")


@check("creation")
def metadata_that_are_none_are_refused(server: Server) -> None:
    for said in ("filename !!", "filename YQ==,filename YQ==", ","):
        expect(server.ask("POST", Upload_Length="3", Upload_Metadata=said), 400)


@check("creation-with-upload")
def the_first_bytes_come_along(server: Server) -> None:
    answer = expect(server.ask("POST", body=b"hello", Upload_Length="10", Content_Type=OCTETS["Content-Type"]), 201)
    assert answer.headers["Upload-Offset"] == "5", answer
    url = urljoin(server.url, answer.headers["Location"])
    expect(server.patch(url, 5, b"world"), 204)


@check("creation-defer-length")
def the_length_comes_later(server: Server) -> None:
    answer = expect(server.ask("POST", Upload_Defer_Length="1"), 201)
    url = urljoin(server.url, answer.headers["Location"])
    head = server.ask("HEAD", url).headers
    assert head["Upload-Defer-Length"] == "1", head
    assert "Upload-Length" not in head, head
    expect(server.patch(url, 0, b"hel"), 204)
    expect(server.patch(url, 3, b"lo", Upload_Length="5"), 204)
    assert server.ask("HEAD", url).headers["Upload-Length"] == "5"
    expect(server.ask("POST", Upload_Defer_Length="2"), 400)


@check("expiration")
def the_end_is_told(server: Server) -> None:
    url = server.begin(10)
    parsedate_to_datetime(server.patch(url, 0, b"hello").headers["Upload-Expires"])


@check("termination")
def what_is_given_up_is_gone(server: Server) -> None:
    url = server.begin(10)
    server.patch(url, 0, b"hello")
    expect(server.ask("DELETE", url), 204)
    expect(server.ask("HEAD", url), 404, 410)
    expect(server.patch(url, 5, b"world"), 404, 410)
    expect(server.ask("DELETE", url), 404, 410)


@check("checksum")
def a_wrong_checksum_is_a_460_and_changes_nothing(server: Server) -> None:
    url = server.begin(10)
    assert "sha1" in server.ask("OPTIONS").headers["Tus-Checksum-Algorithm"].split(",")
    for algorithm in server.ask("OPTIONS").headers["Tus-Checksum-Algorithm"].split(","):
        wrong = base64.b64encode(hashlib.new(algorithm, b"other").digest()).decode()
        expect(server.patch(url, 0, b"hello", Upload_Checksum=f"{algorithm} {wrong}"), 460)
        assert server.offset(url) == 0
    right = base64.b64encode(hashlib.new("sha1", b"hello", usedforsecurity=False).digest()).decode()
    expect(server.patch(url, 0, b"hello", Upload_Checksum=f"sha1 {right}"), 204)


@check("checksum")
def another_algorithm_is_a_400(server: Server) -> None:
    url = server.begin(5)
    expect(server.patch(url, 0, b"hello", Upload_Checksum="nonsense AAAA"), 400)
    assert server.offset(url) == 0


def run(server: Server) -> Iterator[tuple[str, str]]:
    """Each check and what came of it: "ok", "not claimed", or what is wrong."""
    claimed = server.extensions() | {""}
    for name, (extension, one) in CHECKS.items():
        if extension not in claimed:
            yield name, "not claimed"
            continue
        try:
            one(server)
        except (AssertionError, KeyError, ValueError, urllib3.exceptions.HTTPError) as error:
            yield name, f"{type(error).__name__}: {error}"
        else:
            yield name, "ok"


if __name__ == "__main__":
    found = dict(run(Server(sys.argv[1], dict(one.split("=", 1) for one in sys.argv[2:]))))
    for name, result in found.items():
        print(f"{name.replace('_', ' '):50} {result}")
    sys.exit(any(result not in {"ok", "not claimed"} for result in found.values()))
