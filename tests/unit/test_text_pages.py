"""Texts that are written on the page, as a browser without a script writes them."""

from __future__ import annotations

from collections.abc import Iterator
from html import unescape
from io import BytesIO

import pytest
from redis import Redis
from werkzeug.test import TestResponse

from backoffice.domain.files import File
from backoffice.domain.limits import MAX_TEXT_WRITTEN
from backoffice.domain.paging import Query
from backoffice.domain.texts import text_name, text_type
from backoffice.services.file_reading import OpenedFile
from tests.support.roomy_site import roomy_site
from tests.support.website import SHELL, Browser, Site
from tests.unit.test_folder_pages import actor_of, after, folder, store


@pytest.fixture(scope="module")
def shared() -> Iterator[tuple[Site, Redis]]:
    with roomy_site() as made:
        yield made


@pytest.fixture
def site(shared: tuple[Site, Redis]) -> Site:
    shared[1].flushall()
    shared[0].users.clear()
    return shared[0]


@pytest.fixture
def alice(site: Site) -> Browser:
    browser = site.signed_in("alice")
    browser.get("/")
    return browser


def write(browser: Browser, name: str, text: str, **more: str) -> TestResponse:
    data = {"name": name, "text": text, "back": "/", **more}
    return browser.post("/my/texts/new", data, content_type="multipart/form-data")


def stored(site: Site) -> dict[str, tuple[str, bytes]]:
    """Name -> type and bytes of all of Alice's files."""
    files, alice = site.services.files, actor_of(site)
    found = files.page(alice, Query()).items
    return {one.name: (one.mime_type, b"".join(files.open(alice, one.id).read())) for one in found}


def field(page: str) -> str:
    """What the text field of a form holds, as a browser reads it."""
    return unescape(page.partition("<textarea")[2].partition(">\n")[2].partition("</textarea>")[0])


def test_a_text_is_a_file_like_any_other(site: Site, alice: Browser) -> None:
    assert "New text" in alice.get("/").text
    assert 'name="text"' in alice.get("/my/texts/new").text
    answer = write(alice, "notes", "one\r\ntwo\r\n")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/")
    assert "“notes.txt” is stored." in alice.get("/").text
    place = folder(site, "place")
    assert write(alice, "list.md", "- \U0001f468‍\U0001f469 é <b>", folder=place.id).status_code == 303
    assert write(alice, "empty", "").status_code == 303
    assert stored(site) == {
        "notes.txt": ("text/plain", b"one\ntwo\n"),
        "list.md": ("text/markdown", "- \U0001f468‍\U0001f469 é <b>".encode()),
        "empty.txt": ("text/plain", b""),
    }
    assert [one.name for one in site.services.files.page_in(actor_of(site), place.id, Query()).items] == ["list.md"]


def test_what_is_wrong_stands_beside_the_field_and_what_was_typed_stays(site: Site, alice: Browser) -> None:
    text = "\n</textarea><script>alert(1)</script>\n&amp; é"
    for name, status, told in (
        ("a/b", 400, "The name contains a slash."),
        ("", 400, "A file needs a name."),
        (" ", 400, "The name begins or ends with a space"),
        ("..", 400, "ends with a dot"),
        ("x" * 300, 400, "The name is longer than"),
    ):
        answer = write(alice, name, text)
        assert answer.status_code == status
        assert told in unescape(answer.text)
        assert field(answer.text) == text
        assert "<script>alert" not in answer.text
    assert write(alice, "a", "x", folder="nowhere").status_code == 400
    assert stored(site) == {}


def test_a_name_that_is_taken_is_asked_about(site: Site, alice: Browser) -> None:
    write(alice, "a.txt", "one")
    answer = write(alice, "A.TXT", "two")
    assert answer.status_code == 409
    assert "Keep both" in answer.text
    assert field(answer.text) == "two"
    assert write(alice, "A.TXT", "two", both="1").status_code == 303
    assert {name: body for name, (_, body) in stored(site).items()} == {"a.txt": b"one", "A (2).TXT": b"two"}


def test_no_text_is_longer_than_is_shown_whole(site: Site, alice: Browser) -> None:
    longest = "é" * (MAX_TEXT_WRITTEN // 2)
    assert write(alice, "long", longest).status_code == 303
    answer = write(alice, "longer", longest + "x")
    assert answer.status_code == 400
    assert "upload it as a file" in answer.text
    assert write(alice, "far.txt", "x" * (MAX_TEXT_WRITTEN + 100_000)).status_code == 413
    assert list(stored(site)) == ["long.txt"]


def test_over_the_quota_nothing_is_lost(site: Site, alice: Browser) -> None:
    site.services.users.update(SHELL, site.users["alice"], quota_bytes=10)
    answer = write(alice, "a", "eleven bytes")
    assert answer.status_code == 400
    assert "quota" in answer.text.partition('role="alert"')[2]
    assert field(answer.text) == "eleven bytes"
    assert stored(site) == {}


def test_who_may_not_write_has_no_form(site: Site) -> None:
    browser = site.signed_in("eve", "auditor")
    assert "New text" not in browser.get("/").text
    assert browser.get("/my/texts/new").status_code == 403
    assert write(browser, "a", "x").status_code == 403


def edit(
    browser: Browser, file: File, text: str, content: str = "", ends: str = "lf", marked: str = ""
) -> TestResponse:
    data = {"text": text, "content": content or file.content_id, "ends": ends, "marked": marked, "back": "/"}
    return browser.post(f"/my/files/{file.id}/edit", data, content_type="multipart/form-data")


def replace_with(site: Site, file: File, data: bytes) -> None:
    site.services.uploads.replace_content(actor_of(site), file.id, BytesIO(data).readinto)


def hidden(page: str, name: str) -> str:
    return page.partition(f'name="{name}" value="')[2].partition('"')[0]


def test_a_changed_text_is_another_version_of_its_file(site: Site, alice: Browser) -> None:
    file = store(site, "a.txt", data=b"one\n")
    assert f"/my/files/{file.id}/edit" in alice.get(f"/my/files/{file.id}").text
    page = alice.get(f"/my/files/{file.id}/edit").text
    assert (field(page), hidden(page, "content"), hidden(page, "ends")) == ("one\n", file.id, "lf")
    answer = edit(alice, file, "two\r\n")
    assert answer.headers["Location"] == f"/my/files/{file.id}?back=/"
    assert stored(site) == {"a.txt": ("text/plain", b"two\n")}
    history = site.services.files.history(actor_of(site), file.id)
    assert [one.size for one in history.earlier] == [4]
    assert "Nothing was changed." in after(alice, edit(alice, history.file, "two\n"))
    assert len(site.services.files.history(actor_of(site), file.id).earlier) == 1


def test_a_text_keeps_what_ends_its_lines(site: Site, alice: Browser) -> None:
    file = store(site, "a.bat", data=b"one\r\ntwo\r\n")
    page = alice.get(f"/my/files/{file.id}/edit").text
    assert hidden(page, "ends") == "crlf"
    assert edit(alice, file, "one\r\n2\r\n", ends="crlf").status_code == 303
    assert b"".join(site.services.files.open(actor_of(site), file.id).read()) == b"one\r\n2\r\n"


def test_a_text_keeps_the_mark_it_begins_with(site: Site, alice: Browser) -> None:
    file = store(site, "a.csv", data=b"\xef\xbb\xbfone\n")
    page = alice.get(f"/my/files/{file.id}/edit").text
    assert (field(page), hidden(page, "marked")) == ("one\n", "1")
    assert "Nothing was changed." in after(alice, edit(alice, file, "one\n", marked="1"))
    too_long = edit(alice, file, "x" * (MAX_TEXT_WRITTEN - 2), marked="1")
    assert (too_long.status_code, hidden(too_long.text, "marked")) == (400, "1")
    assert edit(alice, file, "two\n", marked="1").status_code == 303
    assert stored(site)["a.csv"][1] == b"\xef\xbb\xbftwo\n"
    plain = store(site, "plain.txt", data=b"one\n")
    assert 'name="marked"' not in alice.get(f"/my/files/{plain.id}/edit").text


@pytest.mark.parametrize(
    "data",
    [
        b"\xff\xfe",
        b"a\0b",
        b"one\rtwo\r\n",
        b"one\r\ntwo\n",
        b"x" * (MAX_TEXT_WRITTEN + 1),
        b"\r" * (MAX_TEXT_WRITTEN - 2) + b"\r\n",
    ],
)
def test_what_a_form_would_change_is_not_edited(site: Site, alice: Browser, data: bytes) -> None:
    file = store(site, "a.txt", data=data)
    assert "cannot be edited here" in after(alice, alice.get(f"/my/files/{file.id}/edit?back=/"))
    assert b"".join(site.services.files.open(actor_of(site), file.id).read()) == data


def test_two_who_change_a_text_see_both(site: Site, alice: Browser) -> None:
    file = store(site, "a.txt", data=b"one")
    assert edit(alice, file, "two").status_code == 303
    answer = edit(alice, file, "three <b>")
    assert answer.status_code == 409
    assert "Nothing is saved yet." in answer.text
    assert ">\ntwo</textarea>" in answer.text
    assert field(answer.text.partition("What you wrote")[2]) == "three <b>"
    assert {name: body for name, (_, body) in stored(site).items()} == {"a.txt": b"two"}
    assert edit(alice, file, "three <b>", hidden(answer.text, "content")).status_code == 303
    assert {name: body for name, (_, body) in stored(site).items()} == {"a.txt": b"three <b>"}
    assert len(site.services.files.history(actor_of(site), file.id).earlier) == 2
    assert edit(alice, file, "four", "-").status_code == 409, "what it was made of is not said"


def test_what_is_mended_is_still_made_of_what_it_was_made_of(site: Site, alice: Browser) -> None:
    file = store(site, "a.txt", data=b"one")
    assert edit(alice, file, "two").status_code == 303
    answer = edit(alice, file, "x" * (MAX_TEXT_WRITTEN + 1))
    assert (answer.status_code, hidden(answer.text, "content")) == (400, file.content_id)
    assert edit(alice, file, "three", hidden(answer.text, "content")).status_code == 409, "nobody has seen the other"
    assert {name: body for name, (_, body) in stored(site).items()} == {"a.txt": b"two"}


def test_a_file_of_another_size_is_not_read_to_be_compared(
    site: Site, alice: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = store(site, "a.txt", data=b"one")
    replace_with(site, file, b"x" * (MAX_TEXT_WRITTEN + 1))

    def read(*_: object) -> Iterator[memoryview]:
        raise AssertionError("it may be of any length")

    monkeypatch.setattr(OpenedFile, "read", read)
    answer = edit(alice, file, "two")
    assert answer.status_code == 409
    assert "What it says now" not in answer.text


def test_nobody_edits_anothers_text(site: Site, alice: Browser) -> None:
    file = store(site, "a.txt")
    for name, role, status in (("bob", "user", 404), ("olga", "operator", 404), ("eve", "auditor", 403)):
        browser = site.signed_in(name, role)
        browser.get("/")
        assert browser.get(f"/my/files/{file.id}/edit").status_code == status
        assert edit(browser, file, "x").status_code == status
    assert stored(site)["a.txt"] == ("text/plain", b"data")


@pytest.mark.parametrize(
    ("given", "name", "mime_type"),
    [
        ("a", "a.txt", "text/plain"),
        (" a ", "a.txt", "text/plain"),
        (".env", ".env.txt", "text/plain"),
        ("v1.2", "v1.2", "text/plain"),
        ("a.html", "a.html", "text/html"),
        ("a.png", "a.png", "text/plain"),
        ("a.json", "a.json", "application/json"),
    ],
)
def test_what_it_is_called_says_what_it_is(given: str, name: str, mime_type: str) -> None:
    assert (text_name(given), text_type(text_name(given))) == (name, mime_type)
