"""Answers that are not the site's: of a web server in front with a limit of its own, of a network's sign-in page."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from backoffice.cli import main
from backoffice.client import local_file
from backoffice.client.errors import ClientError, ResponseError
from backoffice.client.http import Client
from backoffice.client.local_file import open_local
from backoffice.client.upload import Uploader, UploadOptions
from backoffice.secret import Secret
from tests.support.client_site import CHUNK, SIZE, Person, ids
from tests.support.in_between import PAGE, Between, between
from tests.support.scripted_site import GOOD, Other, Scripted, problem


@pytest.fixture
def front(ann: Person, monkeypatch: pytest.MonkeyPatch) -> Iterator[Between]:
    """A web server in front of the site. Its chunks have 64 KiB already, so the smallest are smaller here."""
    monkeypatch.setattr(local_file, "SMALLEST_CHUNK", CHUNK // 8)
    with between(ann.client.url) as found:
        yield found


def page(status: int, **headers: str) -> Scripted:
    return status, {"Content-Type": "text/html", **headers}, PAGE


@pytest.mark.parametrize("size", [SIZE, CHUNK - 5], ids=["chunks", "one body"])
def test_smaller_chunks_are_tried_where_something_in_front_takes_no_larger_ones(
    ann: Person, front: Between, size: int
) -> None:
    front.limit = CHUNK // 3
    path = ann.file("a.bin", size)
    status, out, said = ann.run("upload", "a.bin", "--url", front.url)
    assert status == 0, said
    assert f"chunks of {CHUNK // 4} bytes were sent" in said or size < CHUNK
    assert "client_max_body_size" in said
    stored = ann.client.request("GET", f"/files/{ids(out)['a.bin']}").body
    assert stored == path.read_bytes()
    assert ann.open_uploads() == []


def test_of_several_files_only_the_first_has_to_find_the_size(ann: Person, front: Between) -> None:
    front.limit = CHUNK // 2
    for number in range(3):
        ann.file(f"{number}.bin", SIZE, seed=number)
    status, _, said = ann.run("upload", "0.bin", "1.bin", "2.bin", "--url", front.url)
    assert (status, said.count("client_max_body_size")) == (0, 1)
    assert sum(length > front.limit for _, _, length in front.asked) == 1


def test_what_was_begun_in_smaller_chunks_goes_on_in_them(ann: Person, front: Between) -> None:
    """Also when nothing in front limits any more: what is there is not sent again."""
    path = ann.file("a.bin", SIZE)
    half, data = CHUNK // 2, path.read_bytes()
    total = -(-SIZE // half)
    first = [("total_size", str(SIZE)), ("name", "a.bin"), ("chunk_index", "0"), ("total_chunks", str(total))]
    began = ann.client.request("POST", "/upload_chunk", query=first, body=data[:half]).json()
    status, out, said = ann.run("upload", "a.bin", "--url", front.url)
    assert status == 0, said
    assert ids(out)["a.bin"] == began["file_id"]
    assert ann.client.request("GET", f"/files/{began['file_id']}").body == data


def test_a_limit_below_every_chunk_is_told_and_nothing_is_left(ann: Person, front: Between) -> None:
    front.limit = 1000
    ann.file("a.bin", SIZE)
    status, _, said = ann.run("upload", "a.bin", "--url", front.url)
    assert status == 1
    assert "takes no body as large as this one" in said
    assert "client_max_body_size" in said
    assert "(413 Request Entity Too Large, nginx)" in said
    assert ann.open_uploads() == []
    assert ann.files() == {}


def test_a_limit_that_sinks_on_the_way_leaves_no_upload_behind(ann: Person, front: Between) -> None:
    ann.file("a.bin", SIZE)
    data = (ann.home / "a.bin").read_bytes()
    ann.begin("a.bin", data, range(5))  # when larger bodies got through
    front.limit = CHUNK // 2
    status, out, said = ann.run("upload", "a.bin", "--url", front.url)
    assert status == 0, said
    assert ann.client.request("GET", f"/files/{ids(out)['a.bin']}").body == data


class Nowhere:
    def advance(self, _: int) -> None:
        """Nothing is shown."""

    start_at = compared = advance


def test_the_sites_own_limit_is_not_gone_around(other: Other, tmp_path: Path) -> None:
    """413 with problem+json is the site's: smaller chunks would not help."""
    limits = b'{"chunk_size": 1048576, "max_chunk_size": 1048576, "max_file_size": 1000000000, "max_chunks": 1000}'
    other.answers = [(200, {}, limits), (200, {}, b'{"items": []}'), problem(413, "quota_exceeded", "No room.")]
    client = Client(other.url, Secret("bo_a.b"))
    (tmp_path / "x").write_bytes(bytes(3 * 1024**2))
    with (
        Uploader.connect(client, 1, UploadOptions("rename", ())) as uploader,
        open_local(tmp_path / "x", None, uploader.limits) as file,
        pytest.raises(ResponseError) as caught,
    ):
        uploader.upload(file, Nowhere())
    assert other.answers == []
    assert (caught.value.foreign, caught.value.code, str(caught.value)) == (
        False,
        "quota_exceeded",
        "No room. (quota_exceeded)",
    )
    client.close()


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (page(401, **{"WWW-Authenticate": "Basic"}), "asks for a sign-in of its own"),
        (page(403), "Something in front of the site refused the request"),
        (page(407), "The proxy asks for a name and a password"),
        (page(408), "does not wait as long"),
        (page(413), "client_max_body_size"),
        (page(502), "does not get through to it"),
        (page(503), "does not get through to it"),
        (page(504), "does not get through to it"),
        (page(511), "This network wants a sign-in"),
        (page(302, Location="http://portal.example/?next=\x1b[2J"), "sign-in page of this network"),
        (page(404), "is this the address of the site?"),
        (page(500), "is this the address of the site?"),
        (page(599), "is this the address of the site?"),
        ((400, {"Content-Type": "application/json"}, b'{"code": "invalid"}'), "is this the address of the site?"),
    ],
)
def test_an_answer_that_is_not_the_sites_is_called_so(other: Other, answer: Scripted, says: str) -> None:
    client = Client(other.url, Secret("bo_a.b"))
    other.answers = [answer]
    with pytest.raises(ResponseError) as caught:
        client.request("GET", "/limits", attempts=1)
    said = str(caught.value)
    assert says in said
    assert (caught.value.foreign, caught.value.code) == (True, "")
    assert said.isprintable()
    client.close()


@pytest.mark.parametrize("body", [PAGE, b"", b"[1]", b"{}", b'{"chunk_size": "many"}'])
@pytest.mark.parametrize("words", [["upload", "x"], ["download", "abc"]])
def test_a_page_instead_of_an_answer_ends_a_command_in_a_sentence(
    other: Other, tmp_path: object, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
    words: list[str], body: bytes,
) -> None:  # fmt: skip
    monkeypatch.chdir(str(tmp_path))
    monkeypatch.setenv("BACKOFFICE_TOKEN", "bo_a.b")
    other.answers = [(200, {"Content-Type": "text/html"}, body)] * 2
    assert main([*words, "--url", other.url]) == 1
    said = capsys.readouterr().err
    assert "something in between answered" in said
    assert "Traceback" not in said


def test_an_answer_to_head_is_the_sites_by_its_type(other: Other) -> None:
    client = Client(other.url, Secret("bo_a.b"))
    other.answers = [(404, {"Content-Type": "application/problem+json"}, b""), GOOD]
    with pytest.raises(ClientError) as caught:
        client.request("GET", "/files/x")
    assert "Not Found" in str(caught.value)
    client.close()
