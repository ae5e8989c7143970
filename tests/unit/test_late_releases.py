"""Leases that are given back when the store answers again."""

from __future__ import annotations

import pytest

from backoffice.errors import NotFound, Unavailable
from backoffice.stores import late_releases
from backoffice.stores.late_releases import TIMES, LateReleases
from tests.support.servers import wait_for


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(late_releases, "AGAIN_SECONDS", 0.005)


class Store:
    def __init__(self, away: int, gone: str = "") -> None:
        self.away, self.gone, self.released = away, gone, []

    def release(self, upload_id: str, token: str) -> None:
        self.away -= 1
        if self.away >= 0:
            raise Unavailable
        self.released.append((upload_id, token))
        if upload_id == self.gone:
            raise NotFound


def test_each_is_given_back_when_the_store_is_there_again() -> None:
    store = Store(away=5, gone="b")
    late = LateReleases(store.release)
    for _ in range(2):  # the thread ends, and another one comes when it is needed
        for name in "abc":
            late.add(name, f"token of {name}")
        wait_for(lambda: not late._thread, "all are given back")
        assert sorted(store.released) == sorted((name, f"token of {name}") for name in "abc" for _ in range(TIMES))
        store.released.clear()


def test_what_has_expired_meanwhile_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(late_releases, "LONGEST_SECONDS", 0.02)
    late = LateReleases(Store(away=10**6).release)
    late.add("a", "token")
    wait_for(lambda: not late._thread, "it is given up")
    assert not late._left


def test_what_nobody_expected_ends_it_for_that_one_alone() -> None:
    store = Store(away=0)

    def release(upload_id: str, token: str) -> None:
        if upload_id == "odd":
            raise ValueError("a store that answers otherwise than ever")
        store.release(upload_id, token)

    late = LateReleases(release)
    for some in (["odd", "a"], ["b"]):
        for name in some:
            late.add(name, f"token of {name}")
        wait_for(lambda: not late._thread, "they are given back")
    assert sorted(store.released) == [(one, f"token of {one}") for one in "ab" for _ in range(TIMES)]
