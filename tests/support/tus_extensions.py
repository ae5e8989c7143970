"""What the extensions of tus 1.0.0 say: checks of `tus_checker`."""

from __future__ import annotations

import base64
import hashlib
from email.utils import parsedate_to_datetime
from urllib.parse import urljoin

from tests.support.tus_protocol import OCTETS, Answer, Server, check, expect

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


def partial(server: Server, size: int, body: bytes = b"") -> str:
    url = server.begin(size, Upload_Concat="partial")
    if body:
        expect(server.patch(url, 0, body), 204)
    return url


def final(server: Server, *parts: str, **headers: str) -> Answer:
    return server.ask("POST", Upload_Concat=f"final;{' '.join(parts)}", **headers)


@check("concatenation")
def parts_become_a_whole(server: Server) -> None:
    parts = [partial(server, 5, b"hello"), partial(server, 6, b" world")]
    assert server.ask("HEAD", parts[0]).headers["Upload-Concat"] == "partial"
    answer = expect(final(server, *parts), 201)
    head = server.ask("HEAD", urljoin(server.url, answer.headers["Location"])).headers
    assert (head["Upload-Offset"], head["Upload-Length"]) == ("11", "11"), head


@check("concatenation")
def a_whole_is_never_patched(server: Server) -> None:
    answer = expect(final(server, partial(server, 5, b"hello")), 201)
    url = urljoin(server.url, answer.headers["Location"])
    expect(server.patch(url, 5, b"x"), 403, 413)
    assert server.offset(url) == 5


@check("concatenation")
def a_whole_of_what_is_not_there_is_refused(server: Server) -> None:
    expect(final(server, urljoin(server.url, "0" * 32)), 400, 403, 404, 410)
    expect(final(server), 400)


@check("concatenation")
def nonsense_is_no_concatenation(server: Server) -> None:
    expect(server.ask("POST", Upload_Concat="nonsense", Upload_Length="5"), 400)


@check("concatenation-unfinished")
def a_whole_is_named_before_its_parts_are_there(server: Server) -> None:
    part = partial(server, 5)
    url = urljoin(server.url, expect(final(server, part), 201).headers["Location"])
    head = server.ask("HEAD", url).headers
    assert "Upload-Offset" not in head, head
    assert head["Upload-Concat"].startswith("final;"), head
    expect(server.patch(url, 0, b"hello"), 403)
    expect(server.patch(part, 0, b"hello"), 204)
    assert server.offset(url) == 5
