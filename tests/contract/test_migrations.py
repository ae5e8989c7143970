"""What an earlier version stored is brought into the form of this one: in steps that can be stopped anywhere."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from backoffice.domain.actions import Actions
from backoffice.domain.files import FileSpec
from backoffice.domain.migrations import (
    LOOK_SECONDS,
    MIGRATIONS,
    SETTLE_SECONDS,
    WORDS_FORM,
    Migration,
    newer_reason,
)
from backoffice.domain.paging import Query
from backoffice.domain.system import SCHEMA
from backoffice.errors import Conflict, LaterVersion, Unavailable
from backoffice.services.migrations import WORKER, Migrations
from backoffice.settings import Settings, SettingsError
from backoffice.start import check_form
from backoffice.stores.files import RedisFiles
from backoffice.stores.folders import RedisFolders
from backoffice.stores.fsck.repair import Repairer
from backoffice.stores.heartbeat import RedisHeartbeats
from backoffice.stores.keys import Keys
from backoffice.stores.migrations import _FORMS, Program, RedisMigrations, _place
from backoffice.stores.scan import scan
from tests.support.people import ROOT, CountedDb
from tests.support.scene import Scene
from tests.support.uploads import KEYS, reader

RENAME = Migration(1, "rename", "a toy: each record gets a mark", schema=SCHEMA + 1, online=False)
MARK = Migration(2, "mark", "another one", schema=SCHEMA + 1)
RECORDS = 10
SITE = Keys(Settings().key_prefix)


@dataclass(slots=True)
class Toy:
    """Marks ten records, one a step; dies where it is told to."""

    marked: list[int] = field(default_factory=list)
    dies_at: int = -1

    def step(self, _repairer: Repairer, cursor: str) -> str:
        at = int(cursor or 0)
        if at == self.dies_at:
            self.dies_at = -1
            raise Unavailable
        self.marked.append(at)
        return str(at + 1) if at + 1 < RECORDS else ""


@pytest.fixture
def toys() -> dict[str, Toy]:
    return {"rename": Toy(), "mark": Toy()}


@pytest.fixture
def migrations(db: CountedDb, toys: dict[str, Toy], scene: Scene) -> Migrations:
    db.call("HSET", KEYS.install, "created_at", 1, "version", "0.1.0", "schema", SCHEMA)
    programs = {name: Program(toy.step, changed=lambda: True) for name, toy in toys.items()}
    store = RedisMigrations(db, KEYS, (RENAME, MARK), programs, settle=lambda _: None)
    return Migrations(store, scene.people.log, RedisHeartbeats(db, KEYS))


@pytest.fixture
def scene(redis: Any) -> Scene:
    return Scene(redis)


def test_each_is_done_once_step_by_step_and_in_order(migrations: Migrations, toys: dict[str, Toy]) -> None:
    seen = [(state.migration.name, state.steps, state.done) for state in migrations.run(ROOT)]
    assert seen[0] == ("rename", 1, False)
    assert seen[RECORDS - 1 : RECORDS + 1] == [("rename", RECORDS, True), ("mark", 1, False)]
    assert [toy.marked for toy in toys.values()] == [list(range(RECORDS))] * 2
    assert [state.done for state in migrations.states(ROOT)] == [True, True]
    assert list(migrations.run(ROOT)) == []


def test_stopped_anywhere_it_goes_on_there(migrations: Migrations, toys: dict[str, Toy]) -> None:
    toys["rename"].dies_at = 4
    with pytest.raises(Unavailable):
        list(migrations.run(ROOT))
    [state, _] = migrations.states(ROOT)
    assert (state.done, state.steps) == (False, 4)
    list(migrations.run(ROOT))
    assert toys["rename"].marked == list(range(RECORDS))


def test_the_form_is_raised_before_the_first_step_and_noted_in_the_log(
    migrations: Migrations, toys: dict[str, Toy], scene: Scene
) -> None:
    toys["rename"].dies_at = 0
    with pytest.raises(Unavailable):
        list(migrations.run(ROOT))
    assert migrations.store.schema() == SCHEMA + 1
    list(migrations.run(ROOT))
    told = [
        (one.event["object"]["id"], one.event["data"]["state"]) for one in scene.people.entries(Actions.SYSTEM_MIGRATE)
    ]
    assert sorted(told) == [("mark", "done"), ("rename", "begun"), ("rename", "done")]


def test_before_the_first_step_all_who_run_have_time_to_notice(
    migrations: Migrations, toys: dict[str, Toy], db: CountedDb
) -> None:
    """Also where what raised the form died in that time; and once it has begun no more."""
    settled: list[tuple[float, int]] = []

    def settle(seconds: float) -> None:
        settled.append((seconds, len(toys["rename"].marked)))
        if len(settled) == 1:
            raise Unavailable

    assert isinstance(migrations.store, RedisMigrations)
    migrations.store._settle = settle
    with pytest.raises(Unavailable):
        list(migrations.run(ROOT))
    assert migrations.store.schema() == SCHEMA + 1
    list(migrations.run(ROOT))
    assert settled == [(SETTLE_SECONDS, 0)] * 2, "and of the second one nothing, which raises no form"
    assert LOOK_SECONDS < SETTLE_SECONDS / 2


def test_a_process_that_runs_changes_nothing_any_more_once_the_form_is_newer(scene: Scene, db: CountedDb) -> None:
    site = of_site(scene)
    assert site.newer() == ""
    db.call("HSET", KEYS.install, "created_at", 1, "version", "9.0", "schema", SCHEMA + 1)
    scene.people.user("before")
    assert site.newer() == newer_reason(SCHEMA + 1)
    with pytest.raises(LaterVersion):
        scene.world.db.script("touch", [], [])
    db.call("HSET", KEYS.install, "schema", SCHEMA)  # put back from a backup of before
    assert site.newer() == ""
    scene.people.user("after")


def test_one_for_which_nobody_may_work_waits_until_the_workers_have_ended(
    migrations: Migrations, db: CountedDb, toys: dict[str, Toy]
) -> None:
    RedisHeartbeats(db, KEYS).beat("here")
    with pytest.raises(Conflict, match="Stop them on every host"):
        list(migrations.run(ROOT))
    assert not migrations.work(), "the worker does not take it either"
    assert not toys["rename"].marked
    assert not toys["mark"].marked, "which comes after it"
    assert migrations.store.schema() == SCHEMA


def test_the_worker_does_what_it_may_a_step_at_a_time(migrations: Migrations, toys: dict[str, Toy]) -> None:
    online = replace(RENAME, online=True)
    store = RedisMigrations(
        migrations.store._db, KEYS, (online,), {"rename": Program(toys["rename"].step)}, settle=lambda _: None
    )
    migrations = replace(migrations, store=store)
    for number in range(RECORDS):
        assert migrations.work() == (number < RECORDS - 1)
    assert toys["rename"].marked == list(range(RECORDS))
    assert not migrations.work()


def test_a_newer_form_is_refused_with_one_line(redis: Any, db: CountedDb) -> None:
    db.call("HSET", SITE.install, "created_at", 1, "version", "9.0", "schema", SCHEMA + 1)
    with pytest.raises(SettingsError) as refused:
        check_form(Settings(), redis)
    assert refused.value.problems == [newer_reason(SCHEMA + 1)]
    assert "\n" not in newer_reason(SCHEMA + 1)


def test_a_store_that_has_to_be_brought_up_first_says_how(
    redis: Any, db: CountedDb, monkeypatch: pytest.MonkeyPatch
) -> None:
    db.call("HSET", SITE.install, "created_at", 1, "version", "0.1.0", "schema", SCHEMA)
    check_form(Settings(), redis)
    ours = MIGRATIONS[-1]
    monkeypatch.setattr(
        RedisMigrations, "states", lambda self: [replace(self._state(ours), migration=replace(ours, online=False))]
    )
    with pytest.raises(SettingsError, match="run `migrate`"):
        check_form(Settings(), redis)
    check_form(Settings(), redis, migrating=True)


# -- those that there are


def of_site(scene: Scene) -> Migrations:
    db = scene.world.db
    return Migrations(RedisMigrations(db, KEYS), scene.people.log, RedisHeartbeats(db, KEYS))


def test_words_that_an_earlier_version_did_not_note_are_found_afterwards(scene: Scene) -> None:
    owner = scene.people.user("ann")
    files = [scene.file(owner) for _ in range(3)]
    words = [key for batch in scan(scene.world.db) for key in batch if b":words" in key]
    scene.world.db.call("DEL", *words)
    list(of_site(scene).run(WORKER))
    found = [key for batch in scan(scene.world.db) for key in batch]
    assert set(words) <= set(found)
    assert len(files) == 3
    assert all(state.done for state in of_site(scene).states(ROOT))


def words_of(db: CountedDb) -> dict[bytes, Any]:
    keys = {key for batch in scan(db) for key in batch if b":by:words" in key}
    return {key: db.call("ZRANGE", key, 0, -1) for key in keys}


def test_words_of_the_first_form_go_wherever_they_are(scene: Scene) -> None:
    """Within the owner's files and among all, of files, people and folders; what is a word in both forms stays."""
    owner, db = scene.people.user("ann"), scene.world.db
    writer = scene.writer(owner)
    file = scene.world.service.upload_stream(writer, FileSpec("Résumé à café 日本語 report2026.pdf"), reader(b"x"))
    scene.world.folders.create(writer, name="Größe отчёт")
    before = words_of(db)
    collection = RedisFiles(db, KEYS).collection
    for word in ("à", "café", "résumé", "日本語", "report2026", "pdf"):
        db.call("ZADD", KEYS.index("files", "words"), 0, f"{word}\0{collection.ref(file.id)}")
    [folder] = RedisFolders(db, KEYS).page(Query()).items
    db.call("ZADD", KEYS.index("folders", "words"), 0, f"grösse\0{RedisFolders(db, KEYS).collection.ref(folder.id)}")
    list(of_site(scene).run(WORKER))
    assert words_of(db) == before
    scene.world.assert_sound()


def test_an_empty_store_has_nothing_left_after_the_worker_looked(scene: Scene) -> None:
    migrations = of_site(scene)
    for _ in range(20):
        if not migrations.work():
            break
    assert all(state.done for state in migrations.states(ROOT))
    assert scene.people.entries(Actions.SYSTEM_MIGRATE) == [], "a new site's log does not begin with that"


def test_a_later_form_is_none_to_be_made_and_the_place_of_an_earlier_one_is_not_gone_on_from(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    db, name = scene.world.db, "words"
    [words] = [one for one in MIGRATIONS if one.name == name]
    list(of_site(scene).run(WORKER))
    db.call("HSET", KEYS.install, f"done:{name}", WORDS_FORM + 1)
    assert RedisMigrations(db, KEYS)._state(words).done, "that of the later version, beside which this one runs"
    # What a process of this version writes that was slower than the one that came to the end.
    db.call("HSET", KEYS.install, f"done:{name}", WORDS_FORM, _place(words), "7 5 ")
    monkeypatch.setitem(_FORMS, name, WORDS_FORM + 1)
    later = RedisMigrations(db, KEYS)._state(words)
    assert (later.done, later.steps) == (False, 0)
