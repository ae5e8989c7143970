"""What acts that can be repeated for ever leave in the store: so their number in a day bounds what a person can make it
keep. Measured by the store itself."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from backoffice.domain.files import File, FileSpec
from backoffice.domain.paging import Query
from backoffice.errors import TooMany
from backoffice.stores.bounds import Bounds
from tests.support.memory import store_bytes
from tests.support.uploads import ALICE, KEYS, World

pytestmark = pytest.mark.real_only
LENT = replace(ALICE, credential="token:1")
"""Somebody who came with a token."""


def address(number: int) -> str:
    """One of another network each."""
    return f"2001:db8:{number >> 16:x}:{number & 0xFFFF:x}::1"


def knocking(world: World) -> dict[str, Callable[[], Any]]:
    """Acts that can be repeated for ever and leave an entry each time."""
    file = world.stored(LENT, [b"abc"])
    other = world.stored(LENT, [b"abc"] * 2)
    names = iter(range(10_000))

    def read(one: File) -> bytes:
        """From elsewhere each time, else it is counted."""
        reader = replace(LENT, ip=address(next(names)))
        return b"".join(world.library.open(reader, one.id).read())

    def start_and_cancel() -> None:
        world.service.cancel(LENT, world.service.start(LENT, total_chunks=2).id)

    def trash_and_restore() -> None:
        world.library.trash(LENT, other.id)
        world.library.restore(LENT, other.id)

    return {
        "read": lambda: read(file),
        "read, of several chunks": lambda: read(other),
        "rename": lambda: world.library.rename(LENT, file.id, f"{next(names)}.txt"),
        "start and cancel": start_and_cancel,
        "trash and restore": trash_and_restore,
        "upload": lambda: world.service.upload_stream(LENT, FileSpec("a"), io.BytesIO(b"x").readinto, 1),
    }


def repeat(act: Callable[[], Any], times: int) -> TooMany:
    """Until it is refused."""
    for _ in range(times):
        try:
            act()
        except TooMany as error:
            return error
    raise AssertionError("never refused")


def bound(world: World, acts: int) -> None:
    world.files.bounds = Bounds(acts=acts)
    world.service.audit._bounds = Bounds(acts=acts)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "act", ["read", "read, of several chunks", "rename", "start and cancel", "trash and restore", "upload"]
)
def test_what_can_be_repeated_for_ever_is_counted_by_the_day(redis: Any, act: str) -> None:
    """475 bytes of the log for each download of an empty file, 377 in a second."""
    world = World.over(redis)
    acts = knocking(world)
    bound(world, 20)
    caught = repeat(acts[act], 200)
    assert 0 < caught.retry_after <= 24 * 3600
    before = store_bytes(redis, "{t}:audit")
    for _ in range(20):
        with pytest.raises(TooMany):
            acts["read"]()
    assert store_bytes(redis, "{t}:audit") == before
    # What makes room goes on.
    for file in world.files.page(Query(filters=(("owner", LENT.id),))).items:
        world.library.trash(LENT, file.id)
        world.library.purge(LENT, file.id)
    for upload in world.uploads.page(Query()).items:
        world.service.cancel(LENT, upload.id)
    world.assert_sound()


def test_who_takes_a_file_again_and_again_leaves_two_entries_in_ten_minutes(redis: Any) -> None:
    """475 bytes for each download were 475 MB a day."""
    world = World.over(redis)
    files = [world.stored(LENT, [b"abc"] * parts) for parts in (1, 2)]

    def take(times: int) -> None:
        for file in files * times:
            b"".join(world.library.open(LENT, file.id).read())
            b"".join(world.library.open(LENT, file.id).read(0, 2))

    take(2)
    before = taken(redis)
    take(500)
    assert taken(redis) - before < 200
    world.clock.forward(600)
    world.library.close_counted()
    assert taken(redis) - before < 4 * 600, "and what was counted of a pair of file and kind is an entry of its own"
    assert not redis.exists(KEYS.reads_due)


LONG = "\u00e9" * 120
"""The longest name there can be, as the log writes it: six characters for two bytes."""


@pytest.mark.one_server
@pytest.mark.parametrize(("name", "most"), [("report 2026.pdf", 450), (LONG, 1_150)])
@pytest.mark.parametrize("act", ["read", "read again", "rename", "start and cancel", "trash and restore"])
def test_what_an_act_of_the_day_leaves_in_the_log(redis: Any, act: str, name: str, most: int) -> None:
    """So their number bounds what a person can make the log take. `read`: by another address each time, which is an
    index of its own; `again`: each file twice, from one."""
    world = World.over(redis)
    bound(world, 10**6)
    files = [world.stored(LENT, [b"a"], name=f"{name}{number}") for number in range(40)]
    numbers = iter(range(10_000))
    who = replace(LENT, agent="Mozilla/5.0 (X11; Linux) Gecko/20100101 Firefox/140.0", ip=address(1), id=LENT.id)

    def read(file: File) -> None:
        b"".join(world.library.open(replace(who, ip=address(next(numbers))), file.id).read())

    def read_again(file: File) -> None:
        for _ in range(2):
            b"".join(world.library.open(who, file.id).read())

    def trash_and_restore(file: File) -> None:
        world.library.trash(who, file.id)
        world.library.restore(who, file.id)

    done = {
        "read": read,
        "read again": read_again,
        "rename": lambda file: world.library.rename(who, file.id, f"{name}{next(numbers)}x"),
        "start and cancel": lambda file: world.service.cancel(
            who, world.service.start(who, total_chunks=2, name=file.name).id
        ),
        "trash and restore": trash_and_restore,
    }[act]
    done(files[0])
    before, spent = taken(redis, "{t}:by:*", "{t}:audit"), acts_spent(redis)
    for file in files:
        done(file)
    world.clock.forward(600)
    world.library.close_counted()
    per_act = (taken(redis, "{t}:by:*", "{t}:audit") - before) / (acts_spent(redis) - spent)
    if "STORE_BINARY" in os.environ:  # another program has another allocator: Redis 8.2 says 420 to 550 of a rename
        most = most * 13 // 10
    # What makes room is not counted.
    assert per_act < (900 if most < 900 and " and " in act else most), per_act


def taken(redis: Any, *match: str) -> int:
    """Bytes of keys, without what is forgotten after two minutes."""
    if match:
        return sum(store_bytes(redis, one) for one in match)
    return store_bytes(redis) - store_bytes(redis, "{t}:request:*")


def acts_spent(redis: Any) -> int:
    return sum(int(redis.get(key)) for key in redis.scan_iter(match="{t}:daily:acts:*"))


def test_each_person_is_counted_by_themselves_and_the_shell_is_not(redis: Any) -> None:
    world = World.over(redis)
    acts = knocking(world)
    bound(world, 3)
    repeat(acts["upload"], 4)
    repeat(acts["read"], 4)
    other = replace(LENT, id="bob", name="bob", credential="token:2")
    for _ in range(3):
        world.service.upload_stream(other, FileSpec("a"), io.BytesIO(b"x").readinto, 1)
    for _ in range(10):
        world.service.upload_stream(ALICE, FileSpec("a"), io.BytesIO(b"x").readinto, 1)
