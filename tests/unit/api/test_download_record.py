"""What a download asks of the store, and what the log says of it: once for bytes that are sent, never for others."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest

from backoffice.domain.access import Actor
from backoffice.domain.limits import READS_SECONDS
from backoffice.errors import ChunkLost, Invalid, NotFound
from tests.support.api_site import KIB, SHELL, Person, Site
from tests.support.uploads import ALICE, KEYS, World, person

DATA = b"a" * 64 * KIB + b"b" * 64 * KIB
"""Two chunks."""
PARTS = [b"a" * 100, b"b" * 50]
BOB = person("bob")
SPAN = READS_SECONDS * 1000


@contextmanager
def trips(site: Site, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The round trips to the store, by their first command. A pipeline is one."""
    made: list[str] = []
    execute, pipeline = site.store.execute_command, site.store.pipeline

    def counted(*command: Any, **options: Any) -> Any:
        made.append(str(command[0]))
        return execute(*command, **options)

    def counted_pipeline(*args: Any, **options: Any) -> Any:
        pipe = pipeline(*args, **options)
        send = pipe.execute

        def sent(*given: Any, **more: Any) -> Any:
            made.append(" ".join(str(queued[0][0]) for queued in pipe.command_stack))
            return send(*given, **more)

        pipe.execute = sent
        return pipe

    with monkeypatch.context() as patch:
        patch.setattr(site.store, "execute_command", counted)
        patch.setattr(site.store, "pipeline", counted_pipeline)
        yield made


def downloads(site: Site, file_id: str) -> list[dict[str, Any]]:
    """What the log says of this file's downloads, newest first."""
    found = site.services.audit.page(SHELL, filters=(("object", f"file:{file_id}"), ("action", "file.download")))
    return [entry.event["data"] for entry in found.items]


FILE, EVENT = "HGET HGET GET HGETALL GET", "EVALSHA"
"""The first trip asks for the versions that the remembered identity rests on, and for record and map."""


@pytest.mark.parametrize(
    ("method", "headers", "status", "asked", "recorded"),
    [
        ("GET", {}, 200, [EVENT, "GET"], [{"size": len(DATA)}]),
        ("GET", {"Range": "bytes=10-19"}, 206, [EVENT, "GET"], [{"range": [10, 20]}]),
        ("GET", {"Range": "bytes=-10"}, 206, [EVENT, "GET"], [{"range": [len(DATA) - 10, len(DATA)]}]),
        ("GET", {"Range": "bytes=999999-"}, 416, [], []),
        ("GET", {"If-None-Match": "*"}, 304, [], []),
        ("GET", {"If-Match": '"another"'}, 412, [], []),
        ("HEAD", {}, 200, [], []),
        ("HEAD", {"Range": "bytes=10-19"}, 200, [], []),
    ],
)
def test_a_download_reads_the_record_once_and_is_recorded_when_bytes_are_sent(
    site: Site,
    ann: Person,
    monkeypatch: pytest.MonkeyPatch,
    method: str,
    headers: dict[str, str],
    status: int,
    asked: list[str],
    recorded: list[dict[str, Any]],
) -> None:
    file_id = ann.upload("a.bin", DATA)
    ann.get(f"/files/{ann.upload('b.bin', DATA)}")  # the token has just been used, and scripts are known
    with trips(site, monkeypatch) as made:
        answer = ann.call(method, f"/files/{file_id}", headers)
    assert answer.status_code == status, answer.text
    assert made == [FILE, *asked]
    assert downloads(site, file_id) == recorded


def test_who_may_not_read_a_file_learns_nothing_and_reads_it_once(
    site: Site, ann: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    file_id = ann.upload("a.bin", DATA)
    bob = site.person("bob")
    bob.get("/files")
    with trips(site, monkeypatch) as made:
        assert bob.get(f"/files/{file_id}").status_code == 404
    assert made == [FILE, EVENT]  # the refusal
    assert downloads(site, file_id) == []


def test_a_small_file_comes_with_its_entry_in_the_log(site: Site, ann: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    other, file_id = ann.upload("b.bin", b"other"), ann.upload("a.bin", b"small")
    for _ in range(2):  # the token has just been used, and scripts are known
        ann.get(f"/files/{other}")
    with trips(site, monkeypatch) as made:
        answer = ann.get(f"/files/{file_id}")
    assert (answer.status_code, answer.data, made) == (200, b"small", [FILE, EVENT])
    with trips(site, monkeypatch) as made:
        answer = ann.get(f"/files/{file_id}")
    assert (answer.status_code, answer.data, made) == (200, b"small", [EVENT])  # its record is remembered
    assert downloads(site, file_id) == [{"size": 5}], "the other one is counted"


def test_what_is_remembered_of_a_file_holds_only_while_its_record_is_the_same(site: Site, ann: Person) -> None:
    file_id = ann.upload("a.bin", b"small")
    for name in ("b.bin", "c.bin"):
        assert ann.get(f"/files/{file_id}").status_code == 200
        site.services.files.rename(SHELL, file_id, name)
        assert name in ann.get(f"/files/{file_id}").headers["Content-Disposition"]
    site.services.files.trash(SHELL, file_id)
    assert ann.get(f"/files/{file_id}").status_code == 404
    site.services.files.restore(SHELL, file_id)
    assert ann.get(f"/files/{file_id}").data == b"small"
    site.services.files.purge(SHELL, file_id)
    assert ann.get(f"/files/{file_id}").status_code == 404


def test_what_is_remembered_of_a_file_is_for_who_may_read_it(site: Site, ann: Person) -> None:
    file_id = ann.upload("a.bin", b"small")
    assert ann.get(f"/files/{file_id}").status_code == 200
    assert site.person("bob").get(f"/files/{file_id}").status_code == 404
    assert site.narrowed(ann, "files:write").get(f"/files/{file_id}").status_code == 403
    assert len(downloads(site, file_id)) == 1


@pytest.mark.parametrize("lost", [True, False])
def test_a_small_file_whose_bytes_are_damaged_is_not_sent(site: Site, ann: Person, lost: bool) -> None:
    file_id = ann.upload("a.bin", b"small")
    for _ in range(2):  # before its record is remembered, and after
        key = f"file:{{{file_id}}}:chunk:0"
        if lost:
            site.store.delete(key)
        else:
            site.store.set(key, b"smell")
        answer = ann.get(f"/files/{file_id}")
        assert (answer.status_code, answer.json["code"]) == (500, "chunk_lost" if lost else "integrity_error")
    site.store.set(key, b"small")
    assert ann.get(f"/files/{file_id}").data == b"small"


def test_an_empty_file_has_no_chunk_to_fetch(site: Site, ann: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    file_id = ann.upload("a.bin", b"")
    assert ann.get(f"/files/{file_id}").data == b""
    with trips(site, monkeypatch) as made:
        assert ann.get(f"/files/{file_id}").data == b""
    assert made == [EVENT]


# --- the service


@pytest.fixture
def world(fake: Any) -> World:
    return World.over(fake)


def recorded(world: World) -> int:
    return sum(b"file.download" in row[1][b"e"] for row in world.db.client.xrange(KEYS.audit))


def test_opening_is_not_recorded_and_reading_is_at_once(world: World) -> None:
    file = world.stored(ALICE, PARTS)
    opened = world.library.open(ALICE, file.id)
    assert opened.file == file
    assert recorded(world) == 0
    body = opened.read()
    assert recorded(world) == 1
    assert b"".join(body) == b"".join(PARTS)
    assert b"".join(opened.read(99, 101)) == b"ab"
    assert recorded(world) == 2


@pytest.mark.parametrize(("start", "stop"), [(-1, 5), (5, 4), (0, 151), (151, None)])
def test_a_range_outside_the_file_is_refused_and_not_recorded(world: World, start: int, stop: int | None) -> None:
    opened = world.library.open(ALICE, world.stored(ALICE, PARTS).id)
    with pytest.raises(Invalid):
        opened.read(start, stop)
    assert recorded(world) == 0


@pytest.mark.parametrize("actor", [ALICE, BOB])
def test_only_a_file_outside_the_trash_is_opened_and_only_by_who_may(world: World, actor: Actor) -> None:
    file = world.stored(ALICE, PARTS)
    if actor is ALICE:
        world.library.trash(ALICE, file.id)
    for file_id in (file.id, "0" * len(file.id), "../x", ""):
        with pytest.raises(NotFound):
            world.library.open(actor, file_id)


def test_an_empty_file_is_read_and_recorded(world: World) -> None:
    empty = world.stored(ALICE, [b""])
    assert b"".join(world.library.open(ALICE, empty.id).read()) == b""
    assert recorded(world) == 1


def taken(world: World) -> list[tuple[int, int]]:
    rows = world.db.client.xrange(KEYS.audit)
    events = [json.loads(row[1][b"e"]) for row in rows]
    return [tuple(one["data"]["range"]) for one in events if "range" in one.get("data", {})]


@pytest.mark.parametrize(
    "ranges", [[(0, 1), (1, 150)], [(0, 1), (0, 149)], [(149, 150), (0, 149)], [(0, 1), (1, 37)], [(0, 150), (1, 150)]]
)
def test_a_small_piece_does_not_stand_for_a_large_one(world: World, ranges: list[tuple[int, int]]) -> None:
    """`Range: bytes=0-0` kept `Range: bytes=1-` out of the log."""
    opened = world.library.open(ALICE, world.stored(ALICE, PARTS).id)
    for start, stop in ranges:
        b"".join(opened.read(start, stop))
    assert taken(world) == [one for one in ranges if one != (0, 150)]
    assert recorded(world) == len(ranges)


def test_another_token_or_address_is_not_the_reader_that_was_recorded(world: World) -> None:
    file = world.stored(ALICE, PARTS)
    for actor in (ALICE, replace(ALICE, credential="token:x"), replace(ALICE, ip="198.51.100.7"), ALICE):
        b"".join(world.library.open(actor, file.id).read(0, 10))
    assert taken(world) == [(0, 10)] * 3


def test_a_player_does_not_fill_the_log_and_what_it_took_is_there(world: World) -> None:
    world.clock.ms = world.clock.ms // SPAN * SPAN
    opened = world.library.open(ALICE, world.stored(ALICE, PARTS).id)
    for step in (1, 2, 3, 7, 50, 149):
        for start in range(0, 150, step):
            b"".join(opened.read(start, min(150, start + step)))
    assert taken(world) == [(0, 1), (0, 3)], "1 and 2 bytes of 150 are small"
    world.clock.forward(600)
    assert not world.library.close_counted()
    rows = world.db.client.xrange(KEYS.audit)
    # Both are due at the same moment, and their order does not matter.
    last = [json.loads(row[1][b"e"])["data"] for row in rows][-2:]
    large, small = sorted(last, key=lambda data: data["count"])
    assert (small["count"], small["bytes"], small["range"]) == (150 + 75 + 1 - 1, 300, [0, 150])
    assert (large["largest"], large["range"]) == ([0, 149], [0, 150])


def test_a_second_damage_is_recorded_as_well(world: World) -> None:
    file = world.stored(ALICE, PARTS)
    opened = world.library.open(ALICE, file.id)
    world.lose(file.id, 0)
    world.lose(file.id, len(PARTS) - 1)
    for start in (0, 149, 0, 149):
        with pytest.raises(ChunkLost):
            b"".join(opened.read(start, start + 1))
    events = [json.loads(row[1][b"e"]) for row in world.db.client.xrange(KEYS.audit)]
    assert sum(one["action"] == "file.damaged" for one in events) == 2
