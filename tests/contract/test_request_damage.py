"""Delivered files that wait, and `fsck`: it finds what is wrong of them, and repairs what nothing but it knows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from redis import Redis

from backoffice.domain.deliveries import guest_credential
from backoffice.domain.files import File
from backoffice.domain.maintenance import Invariant
from backoffice.domain.times import now_ms
from backoffice.stores.file_indexes import SHORT
from backoffice.stores.keys import Keys
from backoffice.stores.records.compact_ids import compact
from tests.support.requests import Requesting
from tests.support.website import SHELL, make_whole_site

KEYS, INDEX = Keys("bo"), Keys("bo").index
pytestmark = pytest.mark.real_only


@dataclass(frozen=True, slots=True)
class Scene:
    """A file waits, which is in one chunk, and another was accepted."""

    on: Requesting
    link: str
    file: File
    redis: Redis

    def call(self, *command: Any) -> Any:
        return self.redis.execute_command(*command)

    def fsck(self, *, fix: bool = False) -> tuple[int, list[Any]]:
        found: list[Any] = []
        maintenance = self.on.site.services.maintenance
        run = maintenance.repair if fix else maintenance.check
        report = run(SHELL, on_finding=lambda finding, _: found.append(finding))
        return report.left, found


@pytest.fixture
def scene(redis: Redis) -> Scene:
    on = Requesting(make_whole_site(redis))
    link, token = on.request()
    guest = on.guest(token)
    accepted = on.deliver(token, guest, "b.txt").id
    on.site.services.deliveries.accept(on.owner(), accepted)
    on.deliver(token, guest)
    [waiting] = on.waiting(link)
    on.sound()
    return Scene(on, link.id, waiting, redis)


REPAIRABLE: dict[str, tuple[Invariant, Callable[[Scene], Any]]] = {
    "in no list of what waits": (
        Invariant.INDEX,
        lambda it: it.call("ZREM", INDEX("files", "waiting", it.file.owner), compact(it.file.id)),
    ),
    "in no list of its request": (
        Invariant.INDEX,
        lambda it: it.call("ZREM", INDEX("files", "request", it.link), compact(it.file.id)),
    ),
    "in no list of its guest": (
        Invariant.INDEX,
        lambda it: it.call("DEL", INDEX("files", "guest", it.file.delivered_by)),
    ),
    "in the list of another guest": (
        Invariant.INDEX,
        lambda it: it.call("ZADD", INDEX("files", "guest", guest_credential(it.link, "0")), 7, compact(it.file.id)),
    ),
    "among its owner's files": (
        Invariant.INDEX,
        lambda it: it.call("ZADD", INDEX("files", "owner", it.file.owner), 7, compact(it.file.id)),
    ),
    "accepted behind the back": (
        Invariant.INDEX,
        lambda it: it.call("HSET", KEYS.record("files", it.file.id), SHORT.get("state", "state"), "ready"),
    ),
    "not counted in the quota": (
        Invariant.QUOTA,
        lambda it: it.call("HINCRBY", KEYS.quota(it.file.owner), "used", -it.file.size),
    ),
}


@pytest.mark.parametrize("damage", REPAIRABLE)
def test_damage_to_what_waits_is_found_and_repaired(scene: Scene, damage: str) -> None:
    invariant, act = REPAIRABLE[damage]
    act(scene)
    left, found = scene.fsck()
    assert left == len(found)
    assert invariant in {one.invariant for one in found}
    assert all(one.repairable for one in found), found
    left, _ = scene.fsck(fix=True)
    assert left == 0
    scene.on.sound()


def test_lost_bytes_of_what_waits_are_told_each_time(scene: Scene) -> None:
    chunks = scene.on.site.services.deliveries.chunks
    chunks.hold(scene.file.id, 0, now_ms() + 60_000)
    chunks.release(scene.file.id, 0)
    for fix in (False, True, True):
        left, found = scene.fsck(fix=fix)
        assert [one.invariant for one in found if not one.repairable] == [Invariant.CHUNK]
        assert left
