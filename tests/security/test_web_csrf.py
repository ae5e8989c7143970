"""H1: requests that change something come from our own pages, and a GET changes nothing."""

from __future__ import annotations

import io
from typing import Any

import pytest
from flask import Flask, request
from redis import Redis

from backoffice.domain.acts import Acts
from backoffice.web.route_access import route_act, signed_in
from tests.support.website import PASSWORD, Site, make_site

UNSAFE = ("POST", "PUT", "PATCH", "DELETE")


class Untouchable(io.RawIOBase):
    """A body that must not be read."""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        raise AssertionError("the body was read")


def _part(app: Flask) -> None:
    @app.route("/thing", methods=UNSAFE)
    @signed_in
    def thing() -> str:
        return "done"

    @app.route("/stream", methods=UNSAFE)
    @route_act(Acts.FILE_CREATE, max_body=None)
    def stream() -> str:
        return str(len(request.get_data()))


@pytest.fixture
def site(fake: Redis) -> Site:
    return make_site(fake, _part)


@pytest.mark.parametrize("method", UNSAFE)
def test_H1_unsafe_methods_want_the_token(site: Site, method: str) -> None:
    browser = site.signed_in("ann")
    browser.get("/account")
    assert browser.open("/thing", method).status_code == 403
    assert browser.open("/thing", method, headers={"X-CSRFToken": "x"}).status_code == 403
    assert browser.open("/thing", method, headers={"X-CSRFToken": ""}).status_code == 403
    answer = browser.open("/thing", method, headers={"X-CSRFToken": browser.token, "Accept": "application/json"})
    assert answer.status_code == 200


def test_H1_the_refusal_has_a_code_of_its_own(site: Site) -> None:
    browser = site.signed_in("ann")
    assert browser.open("/thing", "POST", headers={"Accept": "*/*"}).json["code"] == "csrf_failed"


def test_H1_anothers_token_does_not_count(site: Site) -> None:
    ann, bob = site.signed_in("ann"), site.signed_in("bob")
    ann.get("/account")
    bob.get("/account")
    assert ann.open("/thing", "POST", headers={"X-CSRFToken": bob.token}).status_code == 403


def test_H1_sign_in_wants_the_token_too(site: Site) -> None:
    site.add_user("ann")
    browser = site.browser()
    assert browser.post("/login", {"username": "ann", "password": PASSWORD}).status_code == 403
    assert not browser.signed_in


def test_H1_the_token_changes_at_sign_in_and_sign_out(site: Site) -> None:
    site.add_user("ann")
    browser = site.browser()
    browser.get("/login")
    before = browser.token
    browser.sign_in("ann")
    assert browser.open("/thing", "POST", headers={"X-CSRFToken": before}).status_code == 403
    browser.get("/account")
    during = browser.token
    browser.post("/logout")
    browser.sign_in("ann")
    assert browser.open("/thing", "POST", headers={"X-CSRFToken": during}).status_code == 403


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Sec-Fetch-Site": "same-origin"}, 200),
        ({"Sec-Fetch-Site": "none"}, 200),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "cross-site", "Origin": "http://localhost"}, 403),
        ({"Sec-Fetch-Site": ""}, 403),
        ({"Origin": "http://localhost"}, 200),
        ({"Origin": "http://LOCALHOST"}, 200),
        ({"Origin": "https://localhost"}, 403),
        ({"Origin": "http://localhost:81"}, 403),
        ({"Origin": "http://localhost.evil.example"}, 403),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": ""}, 403),
        ({}, 200),
    ],
)
def test_H1_the_request_comes_from_this_origin(site: Site, headers: dict[str, str], status: int) -> None:
    browser = site.signed_in("ann")
    browser.get("/account")
    assert browser.open("/thing", "POST", headers={"X-CSRFToken": browser.token, **headers}).status_code == status


def test_H1_origin_behind_a_proxy_that_ends_tls_is_the_public_one(fake: Redis) -> None:
    site = make_site(fake, _part, public_url="https://files.example.org")
    site.add_user("ann")
    browser = site.browser("https://files.example.org")
    browser.sign_in("ann")
    browser.get("/account")
    headers = {"X-CSRFToken": browser.token, "Origin": "https://files.example.org", "Cookie": _cookies(browser)}
    plain = site.app.test_client(use_cookies=False)
    assert plain.post("/thing", headers=headers, base_url="http://files.example.org").status_code == 200


def _cookies(browser: Any) -> str:
    names = ("__Host-backoffice", "__Host-backoffice-form")
    return "; ".join(f"{name}={browser.cookie(name)}" for name in names)


def test_H1_a_bearer_token_is_proof_by_itself(site: Site) -> None:
    site.add_user("ann")
    headers = {"Authorization": f"Bearer {site.token('ann')}", "Sec-Fetch-Site": "cross-site"}
    assert site.app.test_client().post("/thing", headers=headers).status_code == 200


def test_H1_get_changes_nothing(site: Site) -> None:
    browser = site.signed_in("ann")
    assert "Sign out?" in browser.get("/logout").text
    assert browser.signed_in
    for path in ("/account/password", "/account/tokens", "/account/sessions/end"):
        assert browser.get(path).status_code == 405


def test_H1_a_streamed_body_is_not_read_before_the_check(site: Site) -> None:
    browser = site.signed_in("ann")
    browser.get("/account")
    secret, form = browser.cookie("backoffice"), browser.cookie("backoffice-form")
    for content_type in ("application/octet-stream", "multipart/form-data; boundary=x", "application/json"):
        environ = {"wsgi.input": Untouchable(), "CONTENT_LENGTH": str(10**9)}
        headers = {"Cookie": f"backoffice={secret}; backoffice-form={form}", "Content-Type": content_type}
        client = site.app.test_client(use_cookies=False)
        answer = client.post("/stream", headers=headers, environ_overrides=environ)
        assert answer.status_code == 403


def test_H1_a_file_form_without_script_has_the_token_in_the_query(site: Site) -> None:
    browser = site.signed_in("ann")
    browser.get("/account")
    data = {"file": (io.BytesIO(b"abc"), "a.txt")}
    answer = browser.client.post(f"/stream?csrf_token={browser.token}", data=data)
    assert answer.status_code == 200
    # Only such a form: a script can send the header.
    assert browser.client.post(f"/stream?csrf_token={browser.token}", data=b"abc").status_code == 403
    assert browser.client.post(f"/thing?csrf_token={browser.token}", data={"a": "b"}).status_code == 403
