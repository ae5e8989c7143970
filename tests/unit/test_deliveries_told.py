"""What an owner is told of deliveries without opening a request: a number beside *Requests* in the navigation."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from redis import Redis

from backoffice.domain.permissions import Permissions
from tests.support.requests import Requesting, requesting_site
from tests.support.website import SHELL, Browser, Site

TOLD = "delivered files wait for you"


@pytest.fixture(scope="module")
def shared() -> Iterator[tuple[Site, Redis]]:
    with requesting_site() as made:
        yield made


@pytest.fixture
def on(shared: tuple[Site, Redis]) -> Requesting:
    shared[1].flushall()
    return Requesting(shared[0])


def enter(on: Requesting, name: str) -> Browser:
    browser = on.site.browser()
    browser.sign_in(name)
    return browser


def test_the_navigation_says_how_many_files_wait(on: Requesting) -> None:
    ann = enter(on, "ann")
    link, token = on.request()
    assert TOLD not in ann.get("/").text
    guest = on.guest(token)
    for number in range(2):
        on.deliver(token, guest, f"{number}.txt")
    for path in ("/", "/my/requests"):
        assert f'2<span class="visually-hidden"> {TOLD}' in ann.get(path).text, path
    on.site.services.deliveries.accept(on.owner(), on.waiting(link)[0].id)
    assert '1<span class="visually-hidden"> delivered file waits for you' in ann.get("/").text


def test_nobody_is_told_what_waits_for_others_or_is_not_theirs_to_see(on: Requesting) -> None:
    _, token = on.request()
    on.deliver(token, on.guest(token))
    on.site.add_user("bob")
    assert "nav-count" not in enter(on, "bob").get("/").text
    on.site.services.roles.create(SHELL, name="requests-only", permissions=(Permissions.FILES_REQUEST,))
    on.site.services.users.update(SHELL, on.owner().id, roles=("requests-only",))
    assert "nav-count" not in enter(on, "ann").get("/").text
