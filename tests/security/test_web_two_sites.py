"""Two sites on one host leave each other's cookies alone."""

from __future__ import annotations

import pytest
from redis import Redis

from backoffice.web.cookies import site_mark
from tests.support.website import HTML, PASSWORD, Browser, make_site


def test_two_sites_on_one_host_stay_signed_in(fake: Redis) -> None:
    site = make_site(fake)
    site.add_user("ann")
    client = site.app.test_client()
    first, second = Browser(client, "http://localhost:5310"), Browser(client, "http://localhost:5312")
    for browser in (first, second):
        browser.get("/login")
    assert first.post("/login", {"username": "ann", "password": PASSWORD}).status_code == 303, (
        "the other's form is open, too"
    )
    assert second.post("/login", {"username": "ann", "password": PASSWORD}).status_code == 303
    assert first.signed_in
    assert first.cookie("backoffice-5310") != first.cookie("backoffice-5312")
    assert first.cookie("backoffice-device-5310") != first.cookie("backoffice-device-5312")
    second.get("/account")
    second.post("/logout")
    assert first.signed_in
    assert not second.signed_in


def test_a_session_from_before_goes_on_under_its_old_name(fake: Redis) -> None:
    site = make_site(fake)
    secret = site.signed_in("ann").cookie("backoffice")
    headers = {"Cookie": f"backoffice={secret}", **HTML}
    client = site.app.test_client(use_cookies=False)
    assert client.get("/account", base_url="http://localhost:5000", headers=headers).status_code == 200


@pytest.mark.parametrize(
    ("address", "mark"),
    [
        ("http://localhost/", ""),
        ("http://localhost:80/", ""),
        ("https://x:443", ""),
        ("http://[::1]/", ""),
        ("http://[::1]:5000/", "-5000"),
        ("http://x:443", "-443"),
        ("http://x:99999", "-99999"),
    ],
)
def test_what_tells_sites_on_one_host_apart(address: str, mark: str) -> None:
    assert site_mark(address) == mark


def test_a_port_that_is_none_is_no_failure(fake: Redis) -> None:
    answer = make_site(fake).app.test_client().get("/login", headers={"Host": "localhost:99999"})
    assert answer.status_code < 500
