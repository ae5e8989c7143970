"""What the core of tus 1.0.0 says: checks of `tus_checker`, and what they are made of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
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
