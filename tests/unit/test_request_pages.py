"""Requests for files as people meet them: the pages of who asks, and the page of guests, without a script."""

from __future__ import annotations

import io
import re
from typing import Any
from urllib.parse import urlsplit

import pytest
from redis import Redis
from werkzeug.test import TestResponse

from backoffice.domain.links import LinkKind
from backoffice.domain.paging import Query
from tests.support.requests import BODY, Requesting
from tests.support.website import PASSWORD, Browser, Site

NASTY = "<img src=x onerror='alert(1)'>.txt"
FORM = {
    "name": "Photos of the party",
    "message": "",
    "days": "30",
    "max_files": "5",
    "max_mb": "100",
    "max_file_mb": "",
    "types": "",
    "password": "",
    "review": "1",
}


@pytest.fixture
def on(shared: tuple[Site, Redis]) -> Requesting:
    site, client = shared
    client.flushall()
    return Requesting(site)


def enter(on: Requesting, name: str = "ann", *roles: str) -> Browser:
    if roles:
        on.site.add_user(name, *roles)
    browser = on.site.browser()
    browser.sign_in(name)
    browser.get("/")
    return browser


def send(browser: Browser, path: str, *files: tuple[str, bytes]) -> TestResponse:
    """What the form without a script sends; the page that follows."""
    browser.get(path)
    answer = browser.client.post(
        f"{path}/send",
        query_string={"csrf_token": browser.token},
        data={"file": [(io.BytesIO(data), name) for name, data in files]},
        content_type="multipart/form-data",
        headers={"Accept": "text/html"},
    )
    return browser.get(urlsplit(answer.headers["Location"]).path) if answer.status_code == 303 else answer


def test_from_the_form_to_the_file(on: Requesting) -> None:
    ann = enter(on)
    assert "/my/requests" in ann.get("/").text
    assert "No requests yet" in ann.get("/my/requests").text
    made = ann.post("/my/requests/new", {**FORM, "message": "Please send\nyours"})
    assert made.status_code == 200, made.text
    [path] = re.findall(r'id="share-address" value="http://localhost([^"]+)"', made.text)
    guest = on.stranger()
    page = guest.get(path)
    assert page.status_code == 200
    for told in ("Photos of the party", "ann", "Please send\nyours", "Up to 5 files", "100 MB"):
        assert told in page.text
    assert "noindex" in page.headers["X-Robots-Tag"]
    assert not guest.cookie("backoffice-guest"), "a GET makes nobody a guest"
    guest.post(path, {"guest": "Bob"})
    came = send(guest, path, ("photo.txt", BODY))
    assert "“photo.txt” is delivered." in came.text
    assert "You have delivered 1 file" in came.text
    assert "Up to 4 files" in came.text
    [held] = on.links.held(on.owner(), Query(filters=(("kind", LinkKind.REQUEST),))).items
    one = f"/my/requests/{held.id}"
    assert "1 to look at" in ann.get("/my/requests").text
    shown = ann.get(one).text
    assert ("photo.txt" in shown, "Bob" in shown) == (True, True)
    [file] = on.waiting(held.link)
    assert "A stranger sent this" in ann.get(f"/my/deliveries/{file.id}").text
    answer = ann.get(f"/deliveries/{file.id}")
    assert (answer.data, answer.headers["Content-Disposition"][:10]) == (BODY, "attachment")
    accepted = ann.post(f"/my/deliveries/{file.id}/accept", {"link": held.id})
    assert accepted.status_code == 303
    assert "photo.txt" in ann.get(f"/?folder={held.folder}").text
    assert "accepted" in guest.get(path).text
    assert "Take back" not in guest.get(path).text


def test_what_a_guest_sends_is_shown_to_that_guest_alone_and_taken_back(on: Requesting) -> None:
    link, token = on.request()
    path = f"/s/{token}"
    one, two = on.stranger(), on.stranger()
    send(one, path, ("mine.txt", BODY))
    send(two, path, ("theirs.txt", BODY))
    page = one.get(path).text
    assert ("mine.txt" in page, "theirs.txt" in page) == (True, False)
    [file] = re.findall(r'name="file" value="([^"]+)"', page)
    receipt = one.get(f"{path}/receipt")
    assert (receipt.mimetype, "mine.txt" in receipt.text, "theirs.txt" in receipt.text) == ("text/plain", True, False)
    assert re.search("SHA-256 [0-9a-f]{64}", receipt.text)
    two.get(path)
    two.post(f"{path}/withdraw", {"file": file})
    assert len(on.waiting(link)) == 2
    one.get(path)
    one.post(f"{path}/withdraw", {"file": file})
    assert "mine.txt" not in one.get(path).text
    assert [waiting.sent_name for waiting in on.waiting(link)] == ["theirs.txt"]


def test_a_receipt_code_brings_back_what_was_delivered(on: Requesting) -> None:
    _, token = on.request()
    path = f"/s/{token}"
    one, other = on.stranger(), on.stranger()
    [code] = re.findall(r'class="code">([^<]+)<', send(one, path, ("mine.txt", BODY)).text)
    other.get(path)
    assert other.post(path, {"code": code[:-1] + "*"}).status_code == 401
    assert other.post(path, {"code": code}).status_code == 303
    assert "mine.txt" in other.get(path).text


def test_a_proof_is_signed_and_for_its_link(on: Requesting) -> None:
    _, token = on.request()
    _, other = on.request(name="Others")
    browser = on.stranger()
    send(browser, f"/s/{token}", ("mine.txt", BODY))
    proof = browser.cookie("backoffice-guest")
    for forged in (
        proof.replace(token[:22], other[:22]),
        proof[:-1] + ("0" if proof[-1] != "0" else "1"),
        proof.rsplit(".", 1)[0],
        "x" * 4000,
        f"{token[:22]}.{'0' * 10}...",
    ):
        browser.client.set_cookie("backoffice-guest", forged)
        for path in (f"/s/{token}", f"/s/{other}"):
            assert "mine.txt" not in browser.get(path).text
    browser.client.set_cookie("backoffice-guest", proof)
    assert "mine.txt" in browser.get(f"/s/{token}").text
    assert "mine.txt" not in browser.get(f"/s/{other}").text


def test_nothing_is_told_before_the_password(on: Requesting) -> None:
    _, token = on.request(password=PASSWORD, message="secret message")
    path, browser = f"/s/{token}", on.stranger()
    page = browser.get(path).text
    assert ("Reports" in page, "secret message" in page, "<bdi>ann" in page) == (False, False, False)
    refused = send(browser, path, ("a.txt", BODY))
    assert "is delivered" not in refused.text
    assert not on.entries("upload.start") + [
        one for one in on.entries("file.create") if one.event["data"].get("sent_by")
    ]
    assert browser.post(path, {"password": "wrong"}).status_code == 401
    assert browser.post(path, {"password": PASSWORD}).status_code == 303
    assert "secret message" in browser.get(path).text
    assert "is delivered" in send(browser, path, ("a.txt", BODY)).text


def test_html_in_names_and_messages_is_inert(on: Requesting) -> None:
    ann = enter(on)
    ann.post("/my/requests/new", {**FORM, "name": "<script>alert(1)</script>", "message": "<b>x</b>"})
    [held] = on.links.held(on.owner(), Query(filters=(("kind", LinkKind.REQUEST),))).items
    link, token = on.request(name="<script>alert(2)</script>", message="<b>y</b>")
    guest = on.stranger()
    guest.get(f"/s/{token}")
    guest.post(f"/s/{token}", {"guest": "<i>Bob</i>"})
    send(guest, f"/s/{token}", (NASTY, b"<script>alert(3)</script>"))
    [file] = on.waiting(link)
    assert file.sent_name == NASTY
    for browser, path in (
        (guest, f"/s/{token}"),
        (ann, "/my/requests"),
        (ann, f"/my/requests/{link.id}"),
        (ann, f"/my/requests/{held.id}"),
        (ann, f"/my/deliveries/{file.id}"),
        (ann, f"/my/requests/{link.id}?ask={file.id}"),
        (ann, "/shared"),
    ):
        text = browser.get(path).text
        for raw in ("<script>alert", "<img src=x", "<i>Bob", "<b>y"):
            assert raw not in text, (path, raw)
    shown = ann.get(f"/deliveries/{file.id}/preview")
    assert shown.mimetype == "text/plain"
    assert "sandbox" in shown.headers["Content-Security-Policy"]


@pytest.mark.parametrize(
    ("field", "value", "told"),
    [
        ("name", "", "The title is one line"),
        ("days", "x", "Choose how long"),
        ("days", "400", "lives 1 to 365 days"),
        ("max_files", "0", "1 to 10000 files"),
        ("max_files", "x", "A whole number"),
        ("max_mb", "-1", "A whole number"),
        ("types", "a/b/c", "no ending of a name"),
        ("password", "short", "at least 8"),
        ("message", "x" * 2001, "at most 2000 characters"),
    ],
)
def test_what_does_not_do_is_told_beside_its_field(on: Requesting, field: str, value: str, told: str) -> None:
    answer = enter(on).post("/my/requests/new", {**FORM, field: value})
    assert answer.status_code == 400
    assert told in re.split(f'id="{field}-error"', answer.text)[1][:400]
    assert not on.entries("link.create")


def test_a_request_is_closed_opened_and_revoked(on: Requesting) -> None:
    link, token = on.request()
    ann, guest, one = enter(on), on.stranger(), f"/my/requests/{link.id}"
    send(guest, f"/s/{token}", ("a.txt", BODY))
    ann.get(one)
    ann.post(f"{one}/change", {"end": "1"})
    assert guest.get(f"/s/{token}").status_code == 404
    assert "Open again" in ann.get(one).text
    ann.post(f"{one}/change", {"days": "7"})
    assert guest.get(f"/s/{token}").status_code == 200
    assert "Its link opens nothing any more" in ann.get(f"{one}?ask=revoke").text
    ann.post(f"{one}/revoke")
    assert guest.get(f"/s/{token}").status_code == 404
    left = ann.get("/my/requests").text
    assert "Deliveries of requests that are gone" in left
    [file] = re.findall(r"/my/deliveries/([0-9A-Za-z]{22})/accept", left)
    ann.post(f"/my/deliveries/{file}/refuse")
    assert "Deliveries of requests" not in ann.get("/my/requests").text


def test_all_that_waits_is_accepted_by_one_button(on: Requesting) -> None:
    link, token = on.request()
    send(on.stranger(), f"/s/{token}", ("a.txt", BODY), ("b.txt", BODY))
    ann, one = enter(on), f"/my/requests/{link.id}"
    assert "Accept all 2" in ann.get(one).text
    ann.post(f"{one}/accept")
    assert "2 files are accepted." in ann.get(one).text
    assert not on.waiting(link)


def test_who_may_not_request_is_not_offered_to_and_others_pages_are_not_there(on: Requesting) -> None:
    link, token = on.request()
    send(on.stranger(), f"/s/{token}", ("a.txt", BODY))
    [file] = on.waiting(link)
    auditor, bob = enter(on, "alan", "auditor"), enter(on, "bob", "user")
    assert "/my/requests" not in auditor.get("/").text
    assert auditor.get("/my/requests").status_code == 403
    for path in (f"/my/requests/{link.id}", f"/my/deliveries/{file.id}"):
        assert bob.get(path).status_code == 404


def test_a_request_that_is_full_says_so_and_shows_the_receipt(on: Requesting) -> None:
    _, token = on.request(terms={"max_files": 1})
    guest, late = on.stranger(), on.stranger()
    page = send(guest, f"/s/{token}", ("a.txt", BODY), ("b.txt", BODY)).text
    assert ("has all the files" in page, "You have delivered 1 file" in page) == (True, True)
    page = late.get(f"/s/{token}").text
    assert ("has all the files" in page, "a.txt" in page) == (True, False)


def test_a_form_of_another_site_sends_nothing(on: Requesting) -> None:
    link, token = on.request()
    browser, path = on.stranger(), f"/s/{token}"
    browser.get(path)
    posts: dict[str, dict[str, Any]] = {
        path: {"data": {"guest": "x"}},
        f"{path}/withdraw": {"data": {"file": "x"}},
        f"{path}/send": {"data": {"file": (io.BytesIO(BODY), "a.txt")}, "content_type": "multipart/form-data"},
        f"{path}/chunks?chunk_index=0&total_chunks=1": {"data": BODY, "content_type": "application/octet-stream"},
        f"{path}/complete": {"json": {"file_id": "x" * 22, "name": "a", "total_size": 1}},
        f"{path}/uploads/{'x' * 22}/cancel": {},
    }
    for address, options in posts.items():
        assert browser.client.post(address, **options).status_code == 403, address
    assert not on.waiting(link)


def test_a_browser_at_the_address_of_the_api_is_led_to_the_page(on: Requesting) -> None:
    browser = enter(on)
    answer = browser.get("/requests", headers={"Accept": "text/html"})
    assert (answer.status_code, answer.headers["Location"]) == (303, "/my/requests")
