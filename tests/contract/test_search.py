"""Files, people, tokens and uploads are found by what their names are made of, also in a store that an earlier version
made."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from backoffice.domain.actions import Actions
from backoffice.domain.audit import AuditEvent
from backoffice.domain.maintenance import Invariant
from backoffice.domain.paging import Page, Query
from backoffice.domain.text import fold
from backoffice.domain.tokens import Token
from backoffice.domain.users import User, UserStatus
from backoffice.stores.log.audit import RedisAudit
from backoffice.stores.records import paging
from backoffice.stores.records.compact_ids import compact
from backoffice.stores.tokens import RedisTokens
from backoffice.stores.users import RedisUsers
from tests.support.fsck import INDEX, Scene
from tests.support.uploads import ALICE, KEYS, OPERATOR, World

NAMES = (
    "orbit.png",
    "backup.tar.gz",
    "my résumé.pdf",
    "İstanbul.txt",
    "会議資料 2024.xlsx",
    "report2024.pdf",
    "IMG_0042.jpg",
    "theJavaScript.js",
    "हिन्दी पाठ.txt",
    "รายงานการประชุม.odt",
    "👍.heic",
)
ASKED = {
    "orbit.png": "orbit.png",
    "png orbit": "orbit.png",
    "ORBIT": "orbit.png",
    "tar.gz": "backup.tar.gz",
    ".gz": "backup.tar.gz",
    "resume": "my résumé.pdf",
    "résumé": "my résumé.pdf",
    "istanbul": "İstanbul.txt",
    "資料": "会議資料 2024.xlsx",
    "議資料 20": "会議資料 2024.xlsx",
    "report2024": "report2024.pdf",
    "img0042": "IMG_0042.jpg",
    "42": "IMG_0042.jpg",
    "0042": "IMG_0042.jpg",
    "script": "theJavaScript.js",
    "JavaScript": "theJavaScript.js",
    "हिन्दी": "हिन्दी पाठ.txt",
    "ประชุ": "รายงานการประชุม.odt",
    "rbit": "orbit.png",
    "bit.pn": "orbit.png",
    "👍": "👍.heic",
}


def names(page: Page[object]) -> list[str]:
    return [one.name for one in page.items]  # type: ignore[attr-defined]


@pytest.mark.parametrize("everybody", [False, True])
@pytest.mark.parametrize("sort", ["", "name"])
def test_a_file_is_found(world: World, sort: str, everybody: bool) -> None:
    for name in NAMES:
        world.stored(ALICE, [b"x"], name)
    actor = OPERATOR if everybody else ALICE
    for question, name in (ASKED | {name: name for name in NAMES}).items():
        page = world.library.page(actor, Query(search=question, sort=sort), everybody=everybody)
        assert (names(page), page.total, page.exact) == ([name], 1, True), question
    assert names(world.library.page(ALICE, Query(search="orbit.jpg"))) == []


def test_who_has_the_words_comes_and_nobody_who_has_but_parts(world: World) -> None:
    for name in ("bit.txt", "orbit.png"):
        world.stored(ALICE, [b"x"], name)
    assert names(world.library.page(ALICE, Query(search="bit"))) == ["bit.txt"]


def test_parts_are_looked_for_in_windows_and_the_answer_says_so(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    for limit, most in (("MAX_IN_MEMORY", 3), ("WINDOW", 2), ("MAX_SCANNED", 4)):
        monkeypatch.setattr(paging, limit, most)
    for number in range(9):
        world.stored(ALICE, [b"x"], f"{number} orbit.png" if number % 4 == 0 else f"{number}.txt")
    query, seen, turns = Query(search="rbit", limit=2), [], 0
    while True:
        page = world.library.page(ALICE, query)
        assert not page.exact
        seen += names(page)
        turns += 1
        if not page.next_cursor:
            break
        query = replace(query, cursor=page.next_cursor)
    assert sorted(seen) == ["0 orbit.png", "4 orbit.png", "8 orbit.png"]
    assert turns > 1


def test_a_whole_name_is_found_among_many_that_have_its_words(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    for limit, most in (("MAX_IN_MEMORY", 3), ("WINDOW", 2), ("MAX_SCANNED", 4)):
        monkeypatch.setattr(paging, limit, most)
    every = [
        "annual report.pdf",
        *(f"report {number}.pdf" for number in range(6)),
        *(f"annual {n}.x" for n in range(6)),
    ]
    for name in every:
        world.stored(ALICE, [b"x"], name)
        world.clock.forward(1)
    for sort in ("", "created"):
        query, seen = Query(search="annual report.pdf", limit=2, sort=sort, descending=True), []
        page = world.library.page(ALICE, query)
        assert names(page) == ["annual report.pdf"]
        assert not page.exact
        while page.next_cursor:
            page = world.library.page(ALICE, replace(query, cursor=page.next_cursor))
            seen += names(page)
        assert seen == []


def test_people_tokens_and_uploads_are_found_in_the_same_way(world: World) -> None:
    users, tokens = RedisUsers(world.db, KEYS), RedisTokens(world.db, KEYS)
    for number, name in enumerate(("josé", "noor")):
        user = User(name, name, 1, 1, email=f"{name[0]}.smith{number}@example.org", status=UserStatus.ACTIVE)
        users.insert(user, AuditEvent(Actions.USER_CREATE, ALICE))
    tokens.insert(Token("t1", "noor", "backupToken2024", "h", 1, 1), AuditEvent(Actions.TOKEN_CREATE, ALICE))
    world.partly(ALICE, [b"a", b"b"], 1, name="会議資料.mov")
    assert [one.id for one in users.page(Query(search="jose")).items] == ["josé"]
    assert [one.id for one in users.page(Query(search="n.smith1@example.org")).items] == ["noor"]
    assert [one.id for one in users.page(Query(search="oor")).items] == ["noor"]
    for question in ("2024", "token2024", "backuptoken", "ckup"):
        assert [one.id for one in tokens.page(Query(search=question)).items] == ["t1"], question
    for question in ("資料.mov", "mov"):
        assert names(world.uploads.page(Query(search=question))) == ["会議資料.mov"], question


# --- made by an earlier version


def old_words(stem: str) -> list[str]:
    """As version 0.1.0 cut them before."""
    return list(dict.fromkeys(re.findall(r"[^\W_]+", fold(stem))))


def make_old(world: World, ids_and_names: dict[str, str]) -> None:
    """Let the index of words hold what an earlier version put there."""
    world.db.call("DEL", INDEX("files", "words"))
    for file_id, name in ids_and_names.items():
        first, *others = old_words(name.rpartition(".")[0]) or [""]
        if not fold(name).startswith(first):
            others.insert(0, first)
        for word in others:
            world.db.call("ZADD", INDEX("files", "words"), 0, f"{word}\0{compact(file_id)}")


def test_a_store_of_before_is_searched_and_brought_into_the_new_form(scene: Scene, on_fake: bool) -> None:
    world, many = scene.world, 20 if on_fake else 60
    everything = [world.stored(ALICE, [b"x"], name) for name in NAMES]
    everything += [world.stored(ALICE, [b"x"], f"x {number} 資料 é {number}{'y' * 40}.txt") for number in range(many)]
    live = world.library.page(OPERATOR, Query(limit=500), everybody=True)
    make_old(world, {one.id: one.name for one in live.items})
    for question in ("my", "orbit", "पाठ", "resume", "資料 2024", "javascript"):
        assert world.library.page(ALICE, Query(search=question)).items, question
    found, findings = world.fsck()
    assert found.found[Invariant.INDEX]
    assert len(findings) < 20
    before = len(RedisAudit(world.db, KEYS).page([("action", Actions.SYSTEM_REPAIR)], "", 500).items)
    repaired, _ = world.fsck(fix=True)
    assert repaired.repaired[Invariant.INDEX] == repaired.found[Invariant.INDEX]
    events = RedisAudit(world.db, KEYS).page([("action", Actions.SYSTEM_REPAIR)], "", 500).items
    assert 0 < len(events) - before < 20
    world.assert_sound()
    held = [bytes(one).decode() for one in world.db.call("ZRANGE", INDEX("files", "words"), 0, -1)]
    assert not [one for one in held if one.startswith("é\0")]
    for file in everything[: len(NAMES)]:
        assert names(world.library.page(ALICE, Query(search=file.name))) == [file.name]
    assert world.library.page(ALICE, Query(search="資料", limit=500)).total == 1 + many
