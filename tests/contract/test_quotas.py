"""Whose quota counts, and when, on each kind of server."""

from __future__ import annotations

from dataclasses import replace

import pytest

from backoffice.domain.actions import Actions
from backoffice.domain.audit import AuditEvent, ObjectRef
from backoffice.domain.limits import UNLIMITED_QUOTA
from backoffice.domain.times import now_ms
from backoffice.domain.uploads import Chunk, Upload
from backoffice.errors import NotSignedIn, QuotaExceeded
from backoffice.stores.users import RedisUsers
from tests.support.uploads import ALICE, KEYS, World

pytestmark = pytest.mark.cluster

SITE = 2000
"""The quota of those who have none of their own."""
HOUR = 3_600_000
CHUNK = Chunk(1000, b"x" * 16, b"s" * 32)
EVENT = AuditEvent(Actions.UPLOAD_START, ALICE, ObjectRef("file", "u"))


def start(world: World, upload_id: str, *, reserved: int = 0, owner: str = "alice") -> Upload:
    now = now_ms()
    made = Upload(upload_id, owner, now, now + HOUR, now + HOUR, total_chunks=1, reserved=reserved)
    world.uploads.insert(made, 5, SITE, EVENT, adds=True)
    return made


def grant(world: World, quota: int | None) -> None:
    users = RedisUsers(world.db, KEYS)
    alice = users.get("alice")
    assert alice is not None
    users.replace(alice, replace(alice, quota_bytes=quota, version=alice.version + 1), EVENT)


def test_a_quota_of_ones_own_holds_from_the_moment_it_is_changed(world: World) -> None:
    start(world, "u", reserved=1500)
    for size, holds in ((1500, False), (2500, True), (UNLIMITED_QUOTA, True), (None, False)):
        grant(world, size)
        if holds:
            start(world, f"v{size}", reserved=1000)
            continue
        with pytest.raises(QuotaExceeded) as caught:
            start(world, f"v{size}", reserved=1000)
        assert caught.value.details == {"limit": size or SITE}


def test_a_chunk_counts_against_the_quota_as_it_is_by_then(world: World) -> None:
    made = start(world, "u")
    grant(world, 999)
    with pytest.raises(QuotaExceeded) as caught:
        world.uploads.mark(made, [(0, CHUNK)], expires_at=made.expires_at, largest=SITE, quota=SITE)
    assert caught.value.details == {"limit": 999}
    assert world.uploads.chunk_map("u", 1).chunks == (None,)


def test_nobody_who_is_no_user_any_more_starts_an_upload(world: World) -> None:
    with pytest.raises(NotSignedIn):
        start(world, "u", owner="nobody")
    assert world.uploads.get("u") is None


def test_an_upload_that_an_earlier_version_started_goes_on(world: World) -> None:
    """Its record has the quota of that time."""
    made = start(world, "u")
    world.db.call("HSET", KEYS.record("uploads", "u"), "quota", 10)
    assert world.uploads.get("u") == made
    marked = world.uploads.mark(made, [(0, CHUNK)], expires_at=made.expires_at, largest=SITE, quota=SITE)
    assert marked.bytes == CHUNK.size
