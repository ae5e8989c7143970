"""The page of one's own files as a browser without a script uses it: real services, an imitated store."""

from __future__ import annotations

import re
from collections.abc import Iterator
from io import BytesIO
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from redis import Redis
from werkzeug.test import TestResponse

from backoffice.domain.files import File, FileSpec
from backoffice.domain.paging import Query
from backoffice.errors import Unavailable
from backoffice.web.pages.my_files import Listing, ListParams
from tests.support.roomy_site import roomy_site
from tests.support.website import SHELL, Browser, Site

HOSTILE = '"><script>alert(1)</script>{{7*7}}.txt'
BOUNDARY = "----WebKitFormBoundary0123456789abcdef"
FORM = f"multipart/form-data; boundary={BOUNDARY}"


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
    return site.signed_in("alice")


def actor_of(site: Site, name: str) -> Any:
    """That user as the services know them."""
    token = site.token(name)
    found = site.services.tokens.authenticate(token, ip="127.0.0.1", agent="test", request_id="test")
    assert found is not None
    return found[0]


def files_of(site: Site, name: str = "alice", *, trash: bool = False) -> tuple[File, ...]:
    actor = actor_of(site, name)
    page = site.services.files.trash_page if trash else site.services.files.page
    return page(actor, Query(limit=500)).items


def store(site: Site, name: str, data: bytes = b"data", owner: str = "alice") -> File:
    source = BytesIO(data)

    def read_into(view: memoryview) -> int:
        return source.readinto(view)

    return site.services.uploads.upload_stream(actor_of(site, owner), FileSpec(name), read_into, len(data))


def content(site: Site, file: File, owner: str = "alice") -> bytes:
    return b"".join(bytes(part) for part in site.services.files.open(actor_of(site, owner), file.id).read())


def send(browser: Browser, *files: tuple[str, bytes], **options: Any) -> TestResponse:
    """The upload form with these files, to the address that the page gives."""
    page = browser.get("/").text
    found = re.search(r'action="(/my/files\?csrf_token=[^"]+)"', page)
    assert found
    return browser.open(found[1], "POST", data=form_body(*files), content_type=FORM, **options)


def form_body(*parts: tuple[str, bytes]) -> bytes:
    """A form as Chromium writes it."""
    lines = b"".join(
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n'
        f"Content-Type: application/octet-stream\r\n\r\n".encode()
        + data
        + b"\r\n"
        for name, data in parts
    )
    return lines + f"--{BOUNDARY}--\r\n".encode()


def flashes(browser: Browser, answer: TestResponse) -> str:
    assert answer.status_code == 303, answer.text
    return browser.get(answer.headers["Location"]).text


# --- the list


def test_a_new_user_sees_an_empty_list_and_the_form(alice: Browser) -> None:
    page = alice.get("/")
    assert page.status_code == 200
    assert "No files yet" in page.text
    assert 'type="file"' in page.text
    assert "Up to 8.4 MB each." in page.text


def test_strangers_are_sent_to_sign_in(site: Site) -> None:
    answer = site.browser().get("/")
    assert answer.status_code == 303
    assert urlsplit(answer.headers["Location"]).path == "/login"


def test_the_list_has_only_own_files(site: Site, alice: Browser) -> None:
    site.add_user("bob")
    store(site, "mine.txt")
    store(site, "bobs.txt", owner="bob")
    page = alice.get("/").text
    assert "mine.txt" in page
    assert "bobs.txt" not in page


def test_names_are_text_and_nothing_else(site: Site, alice: Browser) -> None:
    store(site, HOSTILE.replace("/", ""))
    page = alice.get("/").text
    assert "<script>alert" not in page
    assert "{{7*7}}" in page
    assert "49.txt" not in page


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("?sort=name", ["alpha.txt", "beta report.pdf", "gamma.bin"]),
        ("?sort=name&order=desc", ["gamma.bin", "beta report.pdf", "alpha.txt"]),
        ("?sort=size", ["gamma.bin", "beta report.pdf", "alpha.txt"]),
        ("?sort=size&order=asc", ["alpha.txt", "beta report.pdf", "gamma.bin"]),
        ("?q=rep", ["beta report.pdf"]),
        ("?q=rep+bet", ["beta report.pdf"]),
        ("?q=nothing", []),
        ("?page=7", []),
        ("?page=-1&sort=evil&order=evil&rename=x&undo=../..&page=abc", ["gamma.bin", "beta report.pdf", "alpha.txt"]),
    ],
)
def test_search_and_order(site: Site, alice: Browser, query: str, names: list[str]) -> None:
    for size, name in enumerate(("alpha.txt", "beta report.pdf", "gamma.bin"), 1):
        store(site, name, b"x" * size * 100)
    page = alice.get("/" + query)
    assert page.status_code == 200
    shown = re.findall(r"<th scope=\"row\"[^>]*><a [^>]*><svg.*?</svg><bdi>([^<]+)</bdi>", page.text)
    assert (shown if "sort" in query and "evil" not in query else sorted(shown)) == (
        names if "evil" not in query else sorted(names)
    )


def test_pages(site: Site, alice: Browser) -> None:
    for number in range(53):
        store(site, f"f{number:03}.txt", b"")
    first = alice.get("/?sort=name").text
    assert "1–50 of 53" in first
    assert "f049.txt" in first
    assert "f050.txt" not in first
    second = alice.get("/?sort=name&page=1").text
    assert "51–53 of 53" in second
    assert "f052.txt" in second
    assert 'aria-label="Next page"' not in second


def test_addresses_are_short_and_begin_anew_where_the_order_changes(site: Site) -> None:
    asked = ListParams.of({"q": "a b", "page": "3", "sort": "size"})
    with site.app.test_request_context("/"):
        assert asked.url() == "/?q=a+b&sort=size&order=desc&page=3"
        assert asked.sort_url("size") == "/?q=a+b&sort=size&order=asc"
        assert asked.sort_url("name") == "/?q=a+b&sort=name&order=asc"
        assert asked.url(page=4, undo="") == "/?q=a+b&sort=size&order=desc&page=4"
        assert ListParams().url() == "/"
    assert ListParams().sorted_by("created") == "descending"
    assert ListParams(search="x").sorted_by("created") == ""


def test_a_count_that_is_a_lower_bound_has_a_next_page_as_long_as_pages_are_full() -> None:
    file = File("i" * 22, "n", 1, "a/b", "o", 0, 0, 1)
    assert Listing((file,) * 50, 1, 50, exact=False).more
    assert not Listing((file,) * 49, 1, 49, exact=False).more
    assert not Listing((file,) * 50, 1, 50, exact=True).more


def test_somebody_without_the_right_to_files_gets_the_page_nevertheless(site: Site) -> None:
    site.add_user("noor", "user")
    user = site.users["noor"]
    browser = site.browser()
    site.services.users.update(SHELL, user, roles=())
    browser.sign_in("noor")
    page = browser.get("/")
    assert page.status_code == 200
    assert "No files for you here" in page.text
    assert 'type="file"' not in page.text


def test_an_auditor_reads_and_is_offered_nothing_else(site: Site) -> None:
    browser = site.signed_in("eve", "auditor")
    page = browser.get("/").text
    assert 'type="file"' not in page
    assert send_refused(browser).status_code == 403


def send_refused(browser: Browser) -> TestResponse:
    return browser.open(f"/my/files?csrf_token={browser.token}", "POST", data={"file": (BytesIO(b"x"), "x.txt")})


# --- the form with files


def test_a_form_stores_its_files_byte_for_byte(site: Site, alice: Browser) -> None:
    small, large = b"small", bytes(range(256)) * 1200
    answer = send(alice, ("small.txt", small), ("large.bin", large), ("empty", b""))
    assert "3 files are stored." in flashes(alice, answer)
    found = {file.name: content(site, file) for file in files_of(site)}
    assert found == {"small.txt": small, "large.bin": large, "empty": b""}


def test_the_same_name_again_keeps_both(site: Site, alice: Browser) -> None:
    send(alice, ("a.txt", b"1"))
    answer = send(alice, ("a.txt", b"2"))
    assert "“a (2).txt” is stored." in flashes(alice, answer)
    assert {file.name for file in files_of(site)} == {"a.txt", "a (2).txt"}


def test_nothing_chosen(site: Site, alice: Browser) -> None:
    answer = send(alice, ("", b""))
    assert "Choose a file first." in flashes(alice, answer)
    assert not files_of(site)


@pytest.mark.parametrize(
    ("name", "what"), [("x\u202etxt.exe", "invisible character"), ("n" * 256, "longer than 255"), ("end.", "dot")]
)
def test_a_bad_name_stores_nothing(site: Site, alice: Browser, name: str, what: str) -> None:
    answer = send(alice, (name, b"data"))
    assert what in flashes(alice, answer)
    assert not files_of(site)
    assert not site.services.uploads.mine(actor_of(site, "alice"), Query()).items


def test_too_large_a_file_leaves_nothing_and_keeps_those_before_it(site: Site, alice: Browser) -> None:
    answer = send(alice, ("ok.txt", b"ok"), ("big.bin", b"\0" * (8 * 1024 * 1024 + 1)))
    page = flashes(alice, answer)
    assert "too large: at most 8.4 MB" in page
    assert "“ok.txt” is stored." in page
    assert [file.name for file in files_of(site)] == ["ok.txt"]
    usage = site.services.files.usage(actor_of(site, "alice"))
    assert (usage.used, usage.reserved) == (2, 0)


def test_a_form_that_ends_early_stores_nothing(site: Site, alice: Browser) -> None:
    alice.get("/")
    body = form_body(("cut.bin", b"\1" * 300_000))
    for length in (len(body) - 20, 200_000, 100):
        answer = alice.open(
            f"/my/files?csrf_token={alice.token}",
            "POST",
            input_stream=BytesIO(body[:length]),
            content_type=FORM,
            content_length=len(body),
        )
        assert answer.status_code == 303
        assert not files_of(site)
    assert not site.services.uploads.mine(actor_of(site, "alice"), Query()).items
    assert site.services.files.usage(actor_of(site, "alice")).reserved == 0


@pytest.mark.parametrize("body", [b"", b"no form", form_body(("a", b"1"))[:-10], b"--" + b"x" * 700_000])
def test_what_is_no_form_is_refused_in_words(site: Site, alice: Browser, body: bytes) -> None:
    alice.get("/")
    answer = alice.open(
        f"/my/files?csrf_token={alice.token}",
        "POST",
        data=body,
        content_type=FORM,
    )
    assert answer.status_code == 303
    assert not files_of(site)


def test_the_form_needs_its_token_in_the_address(site: Site, alice: Browser) -> None:
    """The body is not read to look for one."""
    alice.get("/")
    for address in ("/my/files", "/my/files?csrf_token=wrong"):
        answer = alice.open(address, "POST", data={"csrf_token": alice.token, "file": (BytesIO(b"x"), "x.txt")})
        assert answer.status_code == 403
    assert not files_of(site)


def test_a_store_that_is_away_is_said_and_not_hidden(
    site: Site, alice: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    alice.get("/")

    def away(*_: object, **__: object) -> None:
        raise Unavailable

    monkeypatch.setattr(type(site.services.uploads), "open_stream", away)
    answer = send_refused(alice)
    assert answer.status_code == 503


# --- changing


@pytest.fixture
def file(site: Site, alice: Browser) -> File:
    """A file of hers, in a list that her browser has seen."""
    stored = store(site, "report.pdf")
    alice.get("/")
    return stored


def test_rename(site: Site, alice: Browser, file: File) -> None:
    form = alice.get(f"/?rename={file.id}").text
    assert 'name="new_name" value="report.pdf"' in form
    answer = alice.post(f"/my/files/{file.id}/rename", {"new_name": "annual.pdf", "back": "/?sort=name"})
    assert answer.headers["Location"] == "/?sort=name"
    assert [one.name for one in files_of(site)] == ["annual.pdf"]


def test_a_name_that_does_not_do_keeps_the_row_a_form(site: Site, alice: Browser, file: File) -> None:
    store(site, "taken.pdf")
    for name in ("a/b", "", "taken.pdf"):
        answer = alice.post(f"/my/files/{file.id}/rename", {"new_name": name, "back": "/"})
        assert parse_qs(urlsplit(answer.headers["Location"]).query)["rename"] == [file.id]
        assert 'class="flash flash-bad"' in flashes(alice, answer)
    assert {one.name for one in files_of(site)} == {"report.pdf", "taken.pdf"}


def test_delete_undo_and_the_trash(site: Site, alice: Browser, file: File) -> None:
    answer = alice.post(f"/my/files/{file.id}/trash", {"back": "/"})
    page = flashes(alice, answer)
    assert not files_of(site)
    assert f'name="file" value="{file.id}"><button class="btn btn-sm" id="undo" name="act" value="restore">' in page
    assert "is in the trash." in page
    trash = alice.get("/?show=trash").text
    assert "report.pdf" in trash
    assert "“report.pdf” is back." in flashes(alice, alice.post(f"/my/files/{file.id}/restore", {"back": "/"}))
    assert [one.name for one in files_of(site)] == ["report.pdf"]
    assert "is in the trash." not in alice.get(f"/?undo={file.id}").text


def test_gone_for_good_is_asked_first(site: Site, alice: Browser, file: File) -> None:
    alice.post(f"/my/files/{file.id}/trash", {"back": "/"})
    question = alice.get(f"/?show=trash&purge={file.id}").text
    assert "It cannot be brought back." in question
    assert "gone for good" in flashes(alice, alice.post(f"/my/files/{file.id}/purge", {"back": "/?show=trash"}))
    assert not files_of(site, trash=True)
    assert site.services.files.usage(actor_of(site, "alice")).used == 0


@pytest.mark.parametrize("act", ["rename", "trash", "restore", "purge"])
def test_strangers_files_are_out_of_reach(site: Site, alice: Browser, act: str) -> None:
    site.add_user("bob")
    theirs = store(site, "bobs.txt", owner="bob")
    alice.get("/")
    answer = alice.post(f"/my/files/{theirs.id}/{act}", {"new_name": "mine.txt", "back": "/"})
    assert "There is nothing here." in flashes(alice, answer)
    assert [one.name for one in files_of(site, "bob")] == ["bobs.txt"]


@pytest.mark.parametrize("back", ["//evil.example/", "https://evil.example/", "/\\evil.example", "javascript:alert(1)"])
def test_forms_lead_back_to_this_site_only(alice: Browser, file: File, back: str) -> None:
    alice.get("/")
    answer = alice.post(f"/my/files/{file.id}/trash", {"back": back})
    assert urlsplit(answer.headers["Location"]).netloc == ""
    assert urlsplit(answer.headers["Location"]).path == "/"


def test_unfinished_uploads_are_listed_and_can_be_cancelled(site: Site, alice: Browser) -> None:
    actor = actor_of(site, "alice")
    view = site.services.uploads.put_chunk(
        actor,
        upload_id=None,
        index=0,
        total_chunks=4,
        data=b"x" * 250_000,
        size=1_000_000,
        name=HOSTILE.replace("/", ""),
    )
    streaming = site.services.uploads.create_stream(actor, name="stream.bin")
    page = alice.get("/").text
    assert "Unfinished uploads" in page
    assert 'value="25"' in page
    assert page.count("data-resume") == 1
    assert "<script>alert" not in page
    for upload_id in (view.upload.id, streaming.id):
        flashes(alice, alice.post(f"/my/uploads/{upload_id}/cancel", {"back": "/"}))
    assert "Unfinished uploads" not in alice.get("/").text
    assert site.services.files.usage(actor).reserved == 0


def test_the_page_has_no_inline_script_or_style(site: Site, alice: Browser, file: File) -> None:
    page = alice.get("/").text
    assert not re.search(r"<script(?![^>]*\bsrc=)[^>]*>", page)
    assert not re.search(r"\s(style|on[a-z]+)=", page)
