"""How many requests of one person, or of one address of strangers, are at work at once and come in a minute."""

from __future__ import annotations

from typing import Any

import pytest
from redis import Redis
from werkzeug.test import TestResponse

from backoffice.errors import TooMany
from backoffice.web.admission import ADMISSION, Admission, leave
from backoffice.web.context import REQUEST_ID
from tests.support.website import Site, make_whole_site


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def refused(admission: Admission, who: str = "ann", most: int = 3) -> int:
    """Seconds after which to come again; 0 when let in."""
    try:
        admission.enter(who, most)
    except TooMany as error:
        return error.retry_after
    return 0


def test_each_has_so_many_at_once_and_gets_more_when_one_is_answered() -> None:
    admission = Admission(3, 3, 1000)
    assert [refused(admission) for _ in range(5)] == [0, 0, 0, 1, 1]
    assert refused(admission, "bob") == 0
    admission.leave("ann")
    assert [refused(admission) for _ in range(2)] == [0, 1]
    for _ in range(3):
        admission.leave("ann")
    admission.leave("bob")
    assert not admission.at_work()


def test_while_it_is_crowded_each_has_a_quarter_and_one_at_least() -> None:
    admission = Admission(12, 12, 1000)
    crowded = False
    admission.crowded = lambda: crowded
    assert [refused(admission, most=12) for _ in range(5)] == [0] * 5
    crowded = True
    assert refused(admission, most=12) == 1
    assert [refused(admission, "bob", 12) for _ in range(4)] == [0, 0, 0, 1]
    assert [refused(admission, "eve", 2) for _ in range(2)] == [0, 1]


def test_a_minute_has_so_many_and_the_next_one_again() -> None:
    clock = Clock()
    admission = Admission(10, 10, 3, clock)

    def ask() -> int:
        wait = refused(admission, most=10)
        if not wait:
            admission.leave("ann")
        return wait

    assert [ask() for _ in range(5)] == [0, 0, 0, 20, 20]
    assert refused(admission, "bob", 10) == 0
    clock.now += 20
    assert [ask() for _ in range(4)] == [0, 0, 0, 60]


# -- in the application


@pytest.fixture
def site(fake: Redis) -> Site:
    made = make_whole_site(fake)
    made.add_user("ann")
    made.add_user("bob")
    return made


def ask(site: Site, admission: Admission, path: str, who: str = "", **environ: Any) -> TestResponse:
    """As our own server asks, which has yet to say that the request is answered."""
    headers = {"Authorization": f"Bearer {site.token(who)}"} if who else {}
    environ = {ADMISSION: admission, **environ}
    return site.app.test_client(use_cookies=False).get(path, headers=headers, environ_overrides=environ)


def test_a_person_has_a_number_of_requests_whatever_the_token_and_the_address(site: Site) -> None:
    admission = Admission(person=2, address=9, a_minute=1000)
    for number in range(2):
        assert ask(site, admission, "/files", "ann", REMOTE_ADDR=f"192.0.2.{number}").status_code == 200
    answer = ask(site, admission, "/files", "ann")
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "1")
    assert answer.json is not None
    assert answer.json["code"] == "too_many_attempts"
    assert ask(site, admission, "/files", "bob").status_code == 200
    assert admission.at_work() == {site.users["ann"]: 2, site.users["bob"]: 1}


def test_strangers_of_one_network_have_a_number_too(site: Site) -> None:
    admission = Admission(person=9, address=2, a_minute=1000)
    found = [
        ask(site, admission, "/login", REMOTE_ADDR=ip).status_code
        for ip in ("2001:db8::1", "2001:db8::2", "2001:db8::3", "2001:db8:0:1::1", "192.0.2.1")
    ]
    assert found == [200, 200, 429, 200, 200]
    assert ask(site, admission, "/files", "ann", REMOTE_ADDR="2001:db8::1").status_code == 200


def test_probes_and_parts_of_pages_are_always_answered(site: Site) -> None:
    admission = Admission(person=1, address=1, a_minute=1)
    assert [ask(site, admission, "/login").status_code for _ in range(2)] == [200, 429]
    assert [ask(site, admission, "/livez").status_code for _ in range(3)] == [200] * 3


def test_whoever_has_answered_says_so_once(site: Site) -> None:
    admission = Admission(1, 1, 1000)
    with site.app.test_request_context("/login", environ_overrides={ADMISSION: admission, REQUEST_ID: "x"}) as context:
        site.app.preprocess_request()
        assert sum(admission.at_work().values()) == 1
        site.app.preprocess_request()  # as a request does that begins again
        assert sum(admission.at_work().values()) == 1
        for _ in range(2):
            leave(context.request.environ)
        assert not admission.at_work()
