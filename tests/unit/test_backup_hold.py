"""The lease of a restore: whoever stood still for longer than it lasts touches the store of nobody else."""

from __future__ import annotations

import time
from typing import Any, cast

import pytest

from backoffice.errors import Conflict
from backoffice.stores.backup import hold as module
from backoffice.stores.backup.hold import LEASE_MS, Hold
from backoffice.stores.client import Db
from backoffice.stores.keys import Keys


class Store:
    """Knows who has the lease, and fails as it is told."""

    def __init__(self) -> None:
        self.holder = ""
        self.fails: Exception | None = None
        self.asked = 0

    def script(self, name: str, keys: list[bytes], args: list[Any], *, allow_oom: bool) -> int:
        self.asked += 1
        if self.fails is not None:
            raise self.fails
        op, token = args[0], args[1]
        mine = self.holder in {"", token}
        if mine:
            self.holder = token if op == "lease" else ""
        return int(mine)


def held(store: Store, monkeypatch: pytest.MonkeyPatch) -> Hold:
    """A lease that nothing renews: its process stands still."""
    monkeypatch.setattr(Hold, "_renew", lambda _: None)
    hold = Hold(cast(Db, store), Keys())
    assert not list(hold.take())
    return hold


def later(monkeypatch: pytest.MonkeyPatch, ms: int) -> None:
    now = time.monotonic() + ms / 1000
    monkeypatch.setattr(module.time, "monotonic", lambda: now)


@pytest.mark.parametrize("holder", ["another", ""])
def test_who_stood_still_for_longer_than_the_lease_does_nothing_more(
    monkeypatch: pytest.MonkeyPatch, holder: str
) -> None:
    """Also where nobody has it now: another one may have come to its end, and the store be in use."""
    store = Store()
    hold = held(store, monkeypatch)
    hold.check()
    later(monkeypatch, LEASE_MS + 1)
    store.holder = holder
    with pytest.raises(Conflict, match="stood still"):
        hold.check()
    assert hold.lost
    assert store.asked == 1


def test_no_answer_of_the_store_ends_the_renewing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LEASE_MS", 2_000)
    store = Store()
    hold = Hold(cast(Db, store), Keys())
    list(hold.take())
    store.fails = ValueError("what nobody expected")
    asked = store.asked
    while store.asked == asked:
        time.sleep(0.01)
    store.fails, asked = None, store.asked
    until = time.monotonic() + 5
    while store.asked == asked and time.monotonic() < until:
        time.sleep(0.01)
    assert store.asked > asked
    hold.release()
